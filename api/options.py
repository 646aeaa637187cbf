"""What several commands take: the site, where data lies, machine-readable output."""

from pathlib import Path
from typing import Annotated

import typer

SAMPLE = Path(__file__).resolve().parents[1] / "boundaries" / "yingpu"
VENDOR = Path(__file__).resolve().parent / "web" / "vendor"

SiteArgument = Annotated[Path, typer.Argument(metavar="SITE", help="The site's folder; the sample site by default.")]
SiteOption = Annotated[Path, typer.Option("--site", metavar="SITE", help="The site's folder.")]
DataOption = Annotated[
    Path | None,
    typer.Option("--data", envvar="BEATGRID_DATA", help="Where database and evidence lie; beside the site by default."),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", envvar="BEATGRID_DATABASE", help="Database URL; SQLite in the data folder by default."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout; logs go to stderr.")]
WeightsOption = Annotated[
    str | None, typer.Option("--weights", help="A .pt, .onnx or exported OpenVINO folder, or 'background'.")
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option("--source", metavar="CAMERA=URI", help="Where a camera's frames come from; may be repeated."),
]


def writable(path: Path | None) -> Path | None:
    """Return a path that a result can be written to, asked before the work that makes it.

    Raises:
        BadParameter: it cannot.
    """
    if path is None:
        return None
    try:
        is_new = not path.exists()
        path.open("a").close()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}; name a file in a folder that is there") from error
    if is_new:
        path.unlink()
    return path


def made_folder(path: Path | None, *, option: str) -> Path | None:
    """Return a folder that results are put into; it is made once nothing is refused, before the work begins.

    Raises:
        BadParameter: it cannot be.
    """
    try:
        if path is not None:
            path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise typer.BadParameter(
            f"{path}: {error.strerror}; name a folder that is there or can be made", param_hint=option
        ) from error
    return path
