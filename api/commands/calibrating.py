"""`calibrate`: a camera's view of the ground, from a file of points or on a page where they are clicked."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from api.app import create_app
from api.commands.report import give, say
from api.options import DatabaseOption, DataOption, JsonOption
from api.server import ConsoleServer
from api.services import Services
from api.wiring import premises, wire
from geo.coords import Datum
from geo.lens import LensChoice
from pipeline.calibration import read_calibration
from pipeline.pictures import MOST_BYTES, decode_picture
from pipeline.principal import Role
from pipeline.recalibration import save_calibration
from pipeline.source_errors import FrameUnreadableError

app = typer.Typer()


@app.command()
def calibrate(
    site: Annotated[Path, typer.Argument(metavar="SITE", help="The site's folder.")],
    camera: Annotated[str, typer.Argument(metavar="CAMERA", help="The camera's code.")],
    points: Annotated[
        Path | None,
        typer.Argument(metavar="POINTS.csv", help="Columns u, v, lon, lat; without it a page is served to click them."),
    ] = None,
    pixel_sd: Annotated[float, typer.Option("--pixel-sd", help="Standard deviation of a click, in pixels.")] = 1.0,
    datum: Annotated[Datum, typer.Option("--datum", help="Datum of the points.")] = Datum.WGS84,
    lens: Annotated[
        LensChoice | None,
        typer.Option("--lens", help="none: a straight picture; auto: the points decide. Default: as the site has it."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Fit and tell, write nothing.")] = False,
    picture: Annotated[
        Path | None, typer.Option("--picture", help="For the page: a JPEG or PNG of what the camera sees.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="For the page: TCP port on this machine.")] = 8080,
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit a camera's ground calibration: tell each point's residual, and put it into the site.

    With POINTS.csv it goes into the site's folder, and `apply` loads it. Without, a page is served on this machine:
    points are clicked in the picture and on the map, and saving makes a new version of the applied site.
    """
    if points is None:
        _serve_page(site, camera, picture=picture, port=port, data=data, database=database)
        return
    calibration = read_calibration(site, camera, points, pixel_sd_px=pixel_sd, datum=datum, lens=lens)
    give(calibration.figures(), as_json=as_json)
    if not as_json:
        for index, (px, m) in enumerate(zip(calibration.view.residual_px, calibration.view.residual_m, strict=True), 1):
            out = "  left out" if index - 1 in calibration.view.dropped else ""
            say(f"point {index}: {px:.2f} px, {m:.3f} m{out}")
    if not dry_run:
        save_calibration(site, calibration)
        say(f"written to {site}; load it with: beatgrid apply {site}")


def _serve_page(
    site: Path, camera: str, *, picture: Path | None, port: int, data: Path | None, database: str | None
) -> None:
    services = wire(site, premises(site, data=data, database=database))
    try:
        services.site.camera(camera)
        if picture is not None:
            services = replace(services, stills={camera: read_still(picture, camera)})
        say(_address(services, camera, port))
        ConsoleServer(create_app(services), host="127.0.0.1", port=port).run()
    finally:
        services.casebook.close()


def read_still(path: Path, camera: str) -> bytes:
    """Return a picture's bytes, checked as a frame's would be.

    Raises:
        FrameUnreadableError, FrameTooLargeError: it is no picture that is taken.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise FrameUnreadableError(camera, str(path), reason=str(error.strerror)) from error
    decode_picture(content, camera=camera, what=str(path))
    return content


def _address(services: Services, camera: str, port: int) -> str:
    secrets = [each.secret for each in services.tokens.tokens if each.secret and each.principal.role is Role.ADMIN]
    page = f"/cameras/{camera}/calibration"
    base = f"http://127.0.0.1:{port}"
    opened = f"{base}/login?next={page}&token={secrets[0]}" if secrets else f"{base}{page} (log in as an administrator)"
    return f"Calibrating {camera}; Ctrl-C ends it.\n  {opened}"
