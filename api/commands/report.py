"""How commands speak: figures as JSON on stdout or as a table, everything else on stderr."""

import json
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

errors = Console(stderr=True, highlight=False, soft_wrap=True)
_output = Console(highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Tell a person something, on stderr."""
    errors.print(text, markup=False)


def give(figures: Mapping[str, object], *, as_json: bool) -> None:
    """Print figures: one JSON object, or a line each."""
    if as_json:
        print(json.dumps(figures, ensure_ascii=False, default=str))  # noqa: T201 - stdout is the command's result
        return
    for name, value in figures.items():
        if not isinstance(value, list | dict):
            _output.print(f"{name}: {value}", markup=False)


def give_cases(cases: list[dict[str, object]]) -> None:
    """Print cases as a table."""
    if not cases:
        return
    table = Table(*(column for column in cases[0]), box=None, pad_edge=False)
    for case in cases:
        table.add_row(*("" if value is None else str(value) for value in case.values()))
    _output.print(table)
