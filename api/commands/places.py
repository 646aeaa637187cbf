"""`locate`, `boundaries import`, `calibrate`: points, polygons and cameras from files."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import JsonOption
from geo.boundaries import BoundaryVersion
from geo.boundary_faults import find_faults
from geo.coords import Datum
from geo.feature_files import (
    FeatureFileError,
    read_points_csv,
    read_polygons,
    write_grids_geojson,
    write_points_csv,
)
from geo.locate import Locator
from pipeline.clocks import WallClock
from pipeline.site_files import read_site

app = typer.Typer()
boundaries = typer.Typer(help="Boundaries of any city.", no_args_is_help=True)

Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write.")]


@app.command()
def locate(
    points: Annotated[Path, typer.Argument(metavar="POINTS.csv", help="Columns lon, lat; others are kept.")],
    output: Output,
    site: Annotated[Path | None, typer.Option("--site", help="A site: adds grid and unit.")] = None,
    outlines: Annotated[Path | None, typer.Option("--boundaries", help="Any polygon file: adds grid.")] = None,
    code_field: Annotated[str | None, typer.Option("--code-field", help="The polygon file's field of codes.")] = None,
    datum: Annotated[Datum, typer.Option("--datum", help="Datum of the points.")] = Datum.WGS84,
    as_json: JsonOption = False,
) -> None:
    """Tell which grid (and unit) each point lies in."""
    if (site is None) == (outlines is None) or (outlines is None) != (code_field is None):
        raise typer.BadParameter("give either --site SITE, or --boundaries FILE with --code-field FIELD")
    table = read_points_csv(points, datum=datum)
    if site is not None:
        grids, units = read_site(site).places(table.lonlat)
        added = {"grid": grids, "unit": units}
    else:
        added = {"grid": _locator(outlines, code_field).locate_many(table.lonlat).tolist()}
    write_points_csv(output, table, added)
    inside = sum(code is not None for code in added["grid"])
    give({"points": len(table.records), "inside": inside, "outside": len(table.records) - inside}, as_json=as_json)


def _locator(path: Path | None, code_field: str | None) -> Locator:
    found = read_polygons(path or Path(), code_field=code_field or "", repair=True, merge=True)
    for line in (*found.notes, *found.repairs):
        say(str(line))
    if found.faults:
        raise FeatureFileError(list(found.faults))
    return Locator.from_polygons(found.codes, found.areas)


@boundaries.command("import")
def import_boundaries(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Any vector file that GDAL reads, in any CRS.")],
    code_field: Annotated[str, typer.Option("--code-field", help="The field that holds each polygon's code.")],
    output: Output = Path("grids.geojson"),
    layer: Annotated[str | None, typer.Option("--layer", help="Which layer, where there are several.")] = None,
    crs: Annotated[str | None, typer.Option("--crs", help="CRS to assume where the file names none.")] = None,
    datum: Annotated[Datum, typer.Option("--datum", help="Datum of its degrees.")] = Datum.WGS84,
    repair: Annotated[bool, typer.Option("--repair", help="Make invalid rings valid; each is told.")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Join polygons of one code; each is told.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Turn polygons into grids; faults are reported, and nothing is written while a feature is at fault."""
    found = read_polygons(path, code_field=code_field, layer=layer, crs=crs, datum=datum, repair=repair, merge=merge)
    for line in (*found.notes, *found.repairs):
        say(str(line))
    if found.faults:
        raise FeatureFileError(list(found.faults))
    grids = found.as_grids()
    version = BoundaryVersion(valid_from=WallClock().now().date(), grids=grids, units=())
    tiling = [fault for fault in find_faults(version, grids_file=path.name) if fault.field == "geometry"]
    for fault in tiling:
        say(f"told, not mended: {fault}")
    write_grids_geojson(output, grids)
    give(
        {"grids": len(grids), "repaired": len(found.repairs), "tiling_faults": len(tiling), "file": str(output)},
        as_json=as_json,
    )
