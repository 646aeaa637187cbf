"""`beatgrid`: gathers the commands and turns errors into exit statuses.

0 done, 1 the input has faults (listed), 2 usage, 3 this machine cannot (with the remedy).
"""

import sys

import typer

from api.commands import (
    calibrating,
    catalogue,
    demo,
    evaluate,
    intake,
    judging,
    learning,
    life,
    live,
    maps,
    organisation,
    places,
    points,
    records,
    replay_dispatch,
    scenes,
    site,
    train,
    weights,
)
from api.commands.report import say
from api.errors import ApiError
from geo.errors import GeoError
from models.errors import ModelsError, NoWeightsError
from pipeline.district.display import NoRenderingError
from pipeline.errors import PipelineError

FAULTS, CANNOT = 1, 3

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for room in (
    site,
    places,
    calibrating,
    live,
    maps,
    demo,
    evaluate,
    train,
    learning,
    weights,
    life,
    records,
    replay_dispatch,
    scenes,
):
    app.registered_commands += room.app.registered_commands
app.add_typer(places.boundaries, name="boundaries")
app.add_typer(catalogue.app, name="catalogue")
app.add_typer(intake.hotline, name="hotline")
app.add_typer(intake.places, name="places")
app.add_typer(organisation.app, name="organisation")
app.add_typer(life.joint, name="joint")
app.add_typer(judging.app, name="judging")
app.add_typer(points.app, name="points")
app.add_typer(life.consultation, name="consultation")


@app.callback()
def beatgrid() -> None:
    """City grid management from camera to closed case, on police-beat grids."""


def main() -> None:
    """Run the command line."""
    try:
        app()
    except (NoRenderingError, NoWeightsError) as error:
        say(str(error))
        sys.exit(CANNOT)
    except (ApiError, GeoError, ModelsError, PipelineError) as error:
        say(str(error))
        sys.exit(FAULTS)


if __name__ == "__main__":
    main()
