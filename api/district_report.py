"""The district's figures as one page that stands by itself, with a picture of every miss and every false case."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.rendering import WEB
from pipeline.district.figures import Tally


def write_report(path: Path, tally: Tally, more: Mapping[str, Any], *, command: str) -> None:
    """Write the page.

    Args:
        path: the HTML file.
        tally: the runs.
        more: what only runs with pixels tell; empty for others.
        command: by which the figures came about.
    """
    pages = Environment(loader=FileSystemLoader(WEB / "templates"), autoescape=True, undefined=StrictUndefined)
    misses = [(miss, None if miss.jpeg is None else b64encode(miss.jpeg).decode()) for miss in tally.misses]
    groups = [("scene", {"all": tally.of(), **tally.by("scene")})]
    groups += [(name, tally.by(name)) for name in ("light", "weather")]
    text = pages.get_template("district_report.html").render(
        command=command, tier=tally.tier, groups=groups, misses=misses, more=more
    )
    path.write_text(text, encoding="utf-8")
