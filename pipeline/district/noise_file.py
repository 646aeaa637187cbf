"""Noise tables as files: the published fit beside this module, and any other one by its path."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pipeline.district.errors import DistrictError
from pipeline.district.noise import ClassNoise, NoiseTable
from pipeline.district.stage import LEARNED, Kind, Light, Weather

PUBLISHED: Final = Path(__file__).with_name("noise.json")
_DIGITS: Final = 4


class NoiseFileError(DistrictError):
    """A file holds no table of noise."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} holds no table of noise: {why}; write one with `evaluate --pixels --fit FILE`")


def read_noise(path: Path = PUBLISHED) -> NoiseTable:
    """Return the table in a file.

    Raises:
        NoiseFileError: it cannot be read, or holds something else.
    """
    try:
        return table_of(json.loads(path.read_text(encoding="utf-8"))["table"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoiseFileError(path, f"{type(error).__name__}: {error}") from error


def write_noise(path: Path, table: NoiseTable, about: Mapping[str, object]) -> None:
    """Write a table with what it was fitted to."""
    text = json.dumps({"about": dict(about), "table": record_of(table)}, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def record_of(table: NoiseTable) -> dict[str, object]:
    """Return a table as JSON-able values."""
    record: dict[str, Any] = {
        name: getattr(table, name) for name in NoiseTable.__slots__ if name not in {"classes", "light", "weather"}
    }
    record["classes"] = {kind.value: _rounded(asdict(noise)) for kind, noise in table.classes.items()}
    record["light"] = {each.value: value for each, value in table.light.items()}
    record["weather"] = {each.value: value for each, value in table.weather.items()}
    return _rounded(record)


def table_of(record: Mapping[str, Any]) -> NoiseTable:
    """Return the table that `record_of` wrote."""
    values = dict(record)
    classes = {Kind(name): _class_of(each) for name, each in values.pop("classes").items()}
    light = {Light(name): float(each) for name, each in values.pop("light").items()}
    weather = {Weather(name): float(each) for name, each in values.pop("weather").items()}
    middle, spread = values.pop("false_sure")
    return NoiseTable(
        classes=MappingProxyType({kind: classes[kind] for kind in LEARNED}),
        light=MappingProxyType({each: light[each] for each in Light}),
        weather=MappingProxyType({each: weather[each] for each in Weather}),
        false_sure=(float(middle), float(spread)),
        **{name: float(each) for name, each in values.items()},
    )


def _class_of(record: Mapping[str, Any]) -> ClassNoise:
    values = dict(record)
    other = values.pop("mistaken_for")
    numbers = {name: float(each) for name, each in values.items()}
    return ClassNoise(mistaken_for=None if other is None else Kind(other), **numbers)


def _rounded(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _short(value) for key, value in record.items()}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    return [_short(each) for each in value] if isinstance(value, tuple) else value
