"""How commands speak: figures as JSON on stdout or as a table, everything else on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from pipeline.run_figures import CaseFigure

errors = Console(stderr=True, highlight=False, soft_wrap=True)
_output = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 140)


def say(text: str) -> None:
    """Tell a person something, on stderr."""
    errors.print(text, markup=False)


def give(figures: Mapping[str, object], *, as_json: bool) -> None:
    """Print figures: one JSON object, or a line each."""
    if as_json:
        print(json.dumps(figures, ensure_ascii=False, default=str))  # noqa: T201 - stdout is the command's result
        return
    for name, value in figures.items():
        if not isinstance(value, list | tuple | dict):
            _output.print(f"{name}: {value}", markup=False)


def give_cases(cases: Sequence[CaseFigure]) -> None:
    """Print cases as a table."""
    table = Table("case", "category", "grid", "unit", "lon, lat", "error", "status", "terminal", "away", box=None)
    for case in cases:
        place = f"{case.lon:.5f}, {case.lat:.5f}"
        away = "" if case.distance_m is None else f"{case.distance_m:.0f} m"
        error = f"{case.error_m:.1f} m"
        category = case.category.rpartition("/")[2]
        table.add_row(
            case.number, category, case.grid, case.unit, place, error, case.status, case.terminal or "none", away
        )
    if cases:
        _output.print(table)
