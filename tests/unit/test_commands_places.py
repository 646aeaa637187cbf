import csv
import json
import shutil
from pathlib import Path

import geopandas
import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from api.commands import calibrating, places
from geo.coords import Datum
from geo.errors import FeatureFileError
from geo.feature_files import read_camera_features, read_grids
from pipeline.site_files import REQUIRED, read_site

runner = CliRunner()
app = Typer()
app.registered_commands += places.app.registered_commands + calibrating.app.registered_commands
app.add_typer(places.boundaries, name="boundaries")


def run(*arguments: object) -> dict[str, object]:
    result = runner.invoke(app, [str(argument) for argument in (*arguments, "--json")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def points_csv(path: Path, lonlat: np.ndarray) -> Path:
    rows = [f"p{index},{lon!r},{lat!r}" for index, (lon, lat) in enumerate(lonlat.tolist())]
    path.write_text("name,lon,lat\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_points_are_located_in_any_city_as_geopandas_does(shared_data: Path, tmp_path: Path) -> None:
    beats = shared_data / "boundaries" / "chicago_police_beats.geojson"
    frame = geopandas.read_file(beats)
    west, south, east, north = frame.total_bounds
    lonlat = np.random.default_rng(3).uniform((west, south), (east, north), (2000, 2))
    output = tmp_path / "out.csv"
    arguments = ("--boundaries", beats, "--code-field", "BEAT_NUM", "-o", output)
    figures = run("locate", points_csv(tmp_path / "in.csv", lonlat), *arguments)
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(*lonlat.T), crs=frame.crs)
    joined = geopandas.sjoin(points, frame[["BEAT_NUM", "geometry"]], how="left")
    expected = joined.groupby(level=0)["BEAT_NUM"].min()
    with output.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["grid"] for row in rows] == ["" if value != value else value for value in expected]  # noqa: PLR0124 - NaN
    assert figures["points"] == 2000
    assert [row["name"] for row in rows[:2]] == ["p0", "p1"]


def test_a_site_gives_grid_and_unit(sample_site: Path, tmp_path: Path) -> None:
    site = read_site(sample_site)
    posts = np.array([force.post for force in site.roster.forces])
    output = tmp_path / "out.csv"
    run("locate", points_csv(tmp_path / "in.csv", posts), "--site", sample_site, "-o", output)
    with output.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["grid"] for row in rows] == [force.grid for force in site.roster.forces]
    assert all(row["unit"].startswith("310118002") for row in rows)


def test_locate_wants_a_site_or_boundaries(tmp_path: Path) -> None:
    result = runner.invoke(app, ["locate", "x.csv", "-o", str(tmp_path / "y.csv")])
    assert result.exit_code == 2


def test_invalid_rings_are_faults_until_repair_is_asked_for(shared_data: Path, tmp_path: Path) -> None:
    beats = shared_data / "boundaries" / "raleigh_beats.geojson"
    output = tmp_path / "grids.geojson"
    with pytest.raises(FeatureFileError, match="geometry"):
        run("boundaries", "import", beats, "--code-field", "BEAT", "-o", output)
    assert not output.exists()
    figures = run("boundaries", "import", beats, "--code-field", "BEAT", "-o", output, "--repair", "--merge")
    grids = read_grids(output, Datum.WGS84)
    assert figures["grids"] == len(grids)
    assert all(grid.area.is_valid for grid in grids)


def test_calibrate_tells_residuals_and_writes_the_points(sample_site: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for name in REQUIRED:
        shutil.copy(sample_site / name, site / name)
    features = read_camera_features(site / "cameras.geojson", Datum.WGS84)
    properties = next(each for _, each in features if each["code"] == "pets-view1")
    points = properties["calibration"]["points"]
    table = tmp_path / "points.csv"
    table.write_text("u,v,lon,lat\n" + "\n".join(",".join(map(str, row)) for row in points) + "\n", encoding="utf-8")
    before = (site / "cameras.geojson").read_bytes()
    figures = run("calibrate", site, "pets-view1", table, "--dry-run")
    assert (site / "cameras.geojson").read_bytes() == before
    assert figures["points"] == len(points)
    assert figures["dropped"] == []
    assert max(figures["residuals_px"]) < 5  # type: ignore[type-var]  # a list of numbers
    wrong = [*points[:-1], [points[-1][0] + 80, *points[-1][1:]]]
    table.write_text("u,v,lon,lat\n" + "\n".join(",".join(map(str, row)) for row in wrong) + "\n", encoding="utf-8")
    assert run("calibrate", site, "pets-view1", table)["dropped"] == [len(points)]
    camera = read_site(site).cameras["pets-view1"]
    assert camera.view.dropped == (len(points) - 1,)


def test_calibration_points_without_pixels_are_named(sample_site: Path, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    table.write_text("u,lon,lat\n1,121.1,31.15\n", encoding="utf-8")
    with pytest.raises(FeatureFileError, match="field v"):
        run("calibrate", sample_site, "pets-view1", table, "--dry-run")
