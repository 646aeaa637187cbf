"""The district's figures as Markdown: by scene, by light and weather, each share with its n and 95 % interval."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.district.figures import SceneFigures, Tally
from pipeline.scoring import Share
from pipeline.shares import Spread

_HEAD: Final = (
    "",
    "events",
    "recall",
    "precision",
    "duplicates",
    "delay, median",
    "ground error: median, p90",
    "truth inside 95 % ellipse",
    "wrong grid",
)


def table_of(tally: Tally, more: Mapping[str, Any], *, command: str) -> str:
    """Return the whole text."""
    urgent = tally.of().urgent_in_15_min
    seeds = ", ".join(str(seed) for seed in sorted({run.seed for run in tally.runs}))
    scenarios = ", ".join(sorted({run.scenario for run in tally.runs}))
    parts = [
        f"`{command}`",
        "",
        f"Seeds {seeds}; scenarios {scenarios}; tier {tally.tier}. Shares with their count and 95 % interval.",
        "",
        *_table("scene", {"all": tally.of(), **tally.by("scene")}),
        "",
        *_table("light", tally.by("light")),
        "",
        *_table("weather", tally.by("weather")),
        "",
        "| ground error within 40 m of the camera | n | median (95 %) | p90 |",
        "|---|---|---|---|",
        *(f"| {name} | {each.n} | {_median(each)} | {_metres(each.p90)} |" for name, each in tally.families().items()),
        "",
        f"Urgent cases attended within 15 minutes: {_share(urgent)}.",
        *_more(more),
    ]
    return "\n".join(parts)


def _table(what: str, rows: Mapping[str, SceneFigures]) -> list[str]:
    head = (what, *_HEAD[1:])
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(_row(name, figures)) + " |" for name, figures in rows.items()),
    ]


def _row(name: str, figures: SceneFigures) -> tuple[str, ...]:
    error = figures.ground_error_m
    return (
        name,
        str(figures.events),
        _share(figures.recall),
        _share(figures.precision),
        str(figures.duplicates_per_event.count),
        "" if figures.delay_s.median is None else f"{figures.delay_s.median:.1f} s",
        "" if error.median is None else f"{_metres(error.median)}, {_metres(error.p90)}",
        _share(figures.inside_95_ellipse),
        f"{figures.wrong_grid.count} of {figures.wrong_grid.of}",
    )


def _share(share: Share) -> str:
    if share.value is None:
        return "none"
    return f"{share.value:.3f} ({share.count} of {share.of}, {share.low:.2f}–{share.high:.2f})"


def _median(each: Spread) -> str:
    return f"{_metres(each.median)} ({_metres(each.low)}–{_metres(each.high)})"


def _metres(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f} m"


def _more(more: Mapping[str, Any]) -> list[str]:
    if not more:
        return []
    sharp = Share(**more["left_sharp"])
    cost = ", ".join(f"{name} {value:g} ms" for name, value in more["milliseconds_a_frame"].items())
    return [
        "",
        f"Heads and plates of 8 px and more left sharp in stored views: {_share(sharp)}.",
        "",
        f"A frame costs: {cost}. Weights: {more['weights']}.",
    ]
