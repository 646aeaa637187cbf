"""`scenes`: templates of scenes to copy into a site, and what weights each needs."""

import json
from typing import Annotated, Final

import typer

from api.commands.report import say
from api.options import SAMPLE, JsonOption, SiteOption
from pipeline.catalogue import Catalogue
from pipeline.catalogue_files import CATALOGUE
from pipeline.scene_files import SCENES
from pipeline.scene_templates import Template, category_text, template, templates
from pipeline.scenes import rule_record
from pipeline.site_files import read_site

app = typer.Typer()
HEADS: Final = (
    "scene", "rule", "looks for", "parameters", "category", "urgency", "COCO weights know", "district weights know",
    "a real site needs own weights",
)  # fmt: skip


@app.command()
def scenes(
    code: Annotated[list[str] | None, typer.Argument(metavar="[CODE]…", help="Print these, to be copied.")] = None,
    site: SiteOption = SAMPLE,
    as_json: JsonOption = False,
) -> None:
    """List scene templates as a Markdown table, or print some of them for scenes.toml."""
    catalogue = read_site(site).catalogue
    chosen = [template(each, catalogue) for each in code or ()] or list(templates(catalogue))
    if as_json:
        record = {"scenes": [_record(each) for each in chosen]}
        print(json.dumps(record, ensure_ascii=False))  # noqa: T201 - stdout is the command's result
    elif code:
        _print_texts(chosen, catalogue)
    else:
        print(table_of(chosen))  # noqa: T201 - the same


def table_of(chosen: list[Template]) -> str:
    """Return the templates as a Markdown table."""
    rows = [HEADS, ["---"] * len(HEADS), *(each.row() for each in chosen)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _print_texts(chosen: list[Template], catalogue: Catalogue) -> None:
    """Print templates for scenes.toml, and on stderr the categories that the site lacks."""
    print("\n".join(each.text for each in chosen), end="")  # noqa: T201 - stdout is the command's result
    for key in dict.fromkeys(each.scene.category for each in chosen):
        if key not in catalogue.by_key:
            text = category_text(key) or f"{key}: none ships with the templates"
            say(f"{CATALOGUE} of this site lacks {key}, which {SCENES} names; add:\n\n{text}")


def _record(each: Template) -> dict[str, object]:
    return {
        **rule_record(each.scene),
        "name": each.scene.name,
        "name_zh": each.scene.name_zh,
        "category": each.scene.category,
        "urgent": None if each.category is None else each.category.urgent,
        "coco": list(each.coco),
        "district": list(each.district),
        "needs_own_weights": each.own_weights,
    }
