"""Prometheus' text format, version 0.0.4: families of samples with their help, type and labels. Knows no metric."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Final

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Kind(StrEnum):
    """What a family measures."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(slots=True)
class Family:
    """One metric with its samples.

    Attributes:
        name: counters end in _total, names hold their unit.
        samples: suffix of the name, labels, value.
    """

    name: str
    kind: Kind
    told: str
    samples: list[tuple[str, Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: float, **labels: str) -> None:
        """Add a sample."""
        self.samples.append(("", labels, value))

    def add_histogram(self, bounds: Sequence[float], counts: Sequence[int], total: float, **labels: str) -> None:
        """Add a histogram from its counts between bounds, the last of what lies above all."""
        for bound, below in zip((*bounds, math.inf), accumulate(counts), strict=True):
            self.samples.append(("_bucket", {**labels, "le": _number(bound)}, below))
        self.samples += [("_sum", labels, total), ("_count", labels, sum(counts))]


def written(families: Iterable[Family]) -> str:
    """Return the families as text; those without a sample are left out."""
    lines = []
    for family in families:
        if family.samples:
            lines += [f"# HELP {family.name} {_escaped(family.told)}", f"# TYPE {family.name} {family.kind}"]
            lines += [
                f"{family.name}{suffix}{_labels(labels)} {_number(value)}" for suffix, labels, value in family.samples
            ]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{_escaped(value, quote=True)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def _escaped(text: str, *, quote: bool = False) -> str:
    plain = text.replace("\\", "\\\\").replace("\n", "\\n")
    return plain.replace('"', '\\"') if quote else plain


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(float(value)) if value != int(value) else str(int(value))
