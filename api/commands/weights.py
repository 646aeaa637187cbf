"""`weights`: a .pt becomes what runs fastest on this machine and finds the same."""

from pathlib import Path
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import JsonOption
from models.errors import LibraryMissingError
from models.weights_choice import choose

app = typer.Typer()
CANNOT = 3


@app.command()
def weights(
    source: Annotated[Path, typer.Argument(metavar="WEIGHTS.pt", help="A detection model of Ultralytics.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Becomes the OpenVINO folder.")],
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Pictures of your cameras, to compare boxes on and calibrate INT8; Ultralytics' own two by default.",
        ),
    ] = None,
    size: Annotated[int, typer.Option(min=32, max=4096, help="Side of the model's input in pixels.")] = 640,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="An OpenVINO folder of the same model, such as an INT8 one; repeatable."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Export weights, time each export on this machine and keep the fastest whose boxes agree."""
    try:
        choice = choose(source, output, pictures=pictures, size_px=size, others=tuple(also or ()))
    except LibraryMissingError as error:
        say(str(error))
        raise typer.Exit(CANNOT) from error
    for each in choice.candidates:
        say(f"{each.precision}: {each.ms:.1f} ms a frame, agrees on {each.agreement:.0%} of boxes")
    if choice.left_out:
        say(f"INT8 was not tried: {choice.left_out}")
    say(f"the .pt file: {choice.weights_ms:.1f} ms a frame")
    give(
        {
            "kept": str(choice.kept),
            "precision": choice.precision,
            "weights_ms": round(choice.weights_ms, 2),
            "pictures": choice.pictures,
            "int8_left_out": choice.left_out or None,
            "candidates": [
                {"precision": each.precision, "ms": round(each.ms, 2), "agreement": round(each.agreement, 4)}
                for each in choice.candidates
            ],
        },
        as_json=as_json,
    )
