"""`dataset`, `retention` and what `train --from` does: learning from a site's own cases, and erasing their pictures."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.commands.report import give, say
from api.options import SAMPLE, DatabaseOption, DataOption, JsonOption, SiteArgument
from api.wiring import wired_site
from models.fine_tuning import TuningPlan, fine_tune
from models.registry import choose_weights, open_detector
from pipeline.case_dataset import write_dataset
from pipeline.principal import Principal, Right, Role
from pipeline.scenes import Scene
from pipeline.site_files import read_site
from pipeline.weights_compared import Comparison, compare, held_back

app = typer.Typer()
OPERATOR = Principal(name="operator", role=Role.ADMIN)


@app.command()
def dataset(
    site: SiteArgument = SAMPLE,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="DIR", help="A new folder.")] = None,
    by: Annotated[str, typer.Option(help="Who opens the originals; stands in each case's history.")] = "operator",
    data: DataOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write confirmed and false cases as a YOLO data set, a fifth held back; every opened original is recorded."""
    who = Principal(name=by, role=Role.ADMIN, rights=frozenset({Right.OPEN_ORIGINALS}))
    with wired_site(site, data=data, database=database) as services:
        figures = write_dataset(
            output or Path("dataset"),
            casebook=services.casebook,
            originals=services.desk.originals,
            site=services.site,
            principal=who,
            blur=services.site.settings.blur,
        )
    give(asdict(figures), as_json=as_json)


@app.command()
def retention(
    site: SiteArgument = SAMPLE, data: DataOption = None, database: DatabaseOption = None, as_json: JsonOption = False
) -> None:
    """Erase the pictures that are past keeping; `serve` does so by itself, once an hour."""
    with wired_site(site, data=data, database=database) as services:
        erased = services.desk.retention.erase(principal=OPERATOR)
    give(asdict(erased), as_json=as_json)


def tune(weights: Path, dataset_folder: Path, folder: Path, *, site: Path, plan: TuningPlan, as_json: bool) -> None:
    """Fine-tune, compare old and new on held-back cases, and say how to switch; nothing is switched."""
    scenes = read_site(site).scenes
    held_back(dataset_folder, scenes=scenes)  # before hours of training, not after
    tuned = fine_tune(weights, dataset_folder, folder, plan=plan)
    compared = _compared(dataset_folder, weights, tuned, scenes=scenes)
    give({"weights": str(tuned), **compared.record()}, as_json=as_json)
    if compared.verdict == "worse":
        say("The new weights are worse on held-back cases: keep the old ones.")
    else:
        say(f'Nothing was switched. To switch, put into site.toml under [detector]: weights = "{tuned}"; then apply.')


def _compared(folder: Path, old: Path, new: Path, *, scenes: Mapping[str, Scene]) -> Comparison:
    detectors = [open_detector(choose_weights(str(each), {}, None)) for each in (old, new)]
    try:
        return compare(folder, *detectors, scenes=scenes)
    finally:
        for each in detectors:
            each.close()
