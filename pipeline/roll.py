"""The roll: a roster as columns, so that one question goes to ten thousand forces at once. Static; knows no position.

Each mask is (n,) in the roster's order. What a mask says of a force, `telling` says in words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.catalogue import Category
from pipeline.roster import Force, Stage

Mask = NDArray[np.bool_]
_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Column:
    """A column of texts as numbers."""

    numbers: _Numbers
    by_text: Mapping[str, int]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        by_text = {text: number for number, text in enumerate(sorted(set(texts)))}
        return cls(numbers=np.array([by_text[text] for text in texts], np.int64), by_text=by_text)

    def only(self, rows: _Numbers) -> Self:
        return replace(self, numbers=self.numbers[rows])

    def among(self, texts: Sequence[str]) -> Mask:
        wanted = np.zeros(len(self.by_text), bool)
        wanted[[self.by_text[text] for text in texts if text in self.by_text]] = True
        return np.asarray(wanted[self.numbers])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roll:
    """The forces of a site in columns, each (n,).

    Attributes:
        codes: terminal, or the number of a force that carries none.
        rank: order of the codes.
        post: (n, 2) WGS-84 degrees.
        by_minute: whether every shift and change of duty begins and ends on a full minute.
        kinds: one force of each kind that duty tells apart; kind: (n,) the number of each force's.
    """

    forces: tuple[Force, ...]
    codes: tuple[str, ...]
    row_of: Mapping[str, int]
    rank: _Numbers
    carries: Mask
    follow_up: Mask
    bound: Mask
    post: NDArray[np.float64]
    _grid: _Column
    _role: _Column
    _department: _Column
    by_minute: bool
    kinds: tuple[Force, ...]
    kind: _Numbers
    _units: Mapping[str, _Numbers]
    _skilled: Mapping[str, _Numbers]
    _any_skill: Mask
    _fitting: dict[str, tuple[Category, Mask]] = field(default_factory=dict, repr=False)
    _serving: dict[str, Mask] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, forces: Sequence[Force]) -> Self:
        """Return a roster's columns."""
        codes = tuple(force.terminal or force.number for force in forces)
        kinds = {_kind(force): force for force in forces}
        kind_number = {kind: number for number, kind in enumerate(kinds)}
        return cls(
            forces=tuple(forces),
            codes=codes,
            row_of={force.terminal: row for row, force in enumerate(forces) if force.terminal is not None},
            rank=np.argsort(np.argsort(np.array(codes, dtype=object), kind="stable"), kind="stable"),
            carries=np.array([force.terminal is not None for force in forces], bool),
            follow_up=np.array([force.stage is Stage.FOLLOW_UP for force in forces], bool),
            bound=np.array([bool(force.units) for force in forces], bool),
            post=np.array([force.post for force in forces], np.float64).reshape(-1, 2),
            _grid=_Column.of([force.grid for force in forces]),
            _role=_Column.of([force.role for force in forces]),
            _department=_Column.of([force.department for force in forces]),
            by_minute=all(map(_by_minute, kinds.values())),
            kinds=tuple(kinds.values()),
            kind=np.array([kind_number[_kind(force)] for force in forces], np.int64),
            _units=_rows([force.units for force in forces]),
            _skilled=_rows([force.skills for force in forces]),
            _any_skill=np.array([not force.skills for force in forces], bool),
        )

    def only(self, rows: _Numbers) -> "Roll":
        """Return the columns of some of the forces."""
        forces, codes = tuple(self.forces[row] for row in rows), tuple(self.codes[row] for row in rows)
        return replace(
            self,
            forces=forces,
            codes=codes,
            row_of={force.terminal: row for row, force in enumerate(forces) if force.terminal is not None},
            rank=self.rank[rows],
            carries=self.carries[rows],
            follow_up=self.follow_up[rows],
            bound=self.bound[rows],
            post=self.post[rows],
            _grid=self._grid.only(rows),
            _role=self._role.only(rows),
            _department=self._department.only(rows),
            kind=self.kind[rows],
            _units=_rows([force.units for force in forces]),
            _skilled=_rows([force.skills for force in forces]),
            _any_skill=self._any_skill[rows],
            _fitting={},
            _serving={},
        )

    def near(self, grid: str, neighbours: Sequence[str], *, reserve: Mask) -> "Near":
        """Return the forces of a grid and of those next to it."""
        ring = self.ring(grid, neighbours)
        rows = np.flatnonzero(ring >= 0)
        return Near(
            roll=self.only(rows),
            rows=rows,
            inside=ring >= 0,
            outside=ring < 0,
            ring=ring[rows],
            reserve=reserve[rows],
        )

    def ring(self, grid: str, neighbours: Sequence[str]) -> _Numbers:
        """Return 0 and 1 for first and follow-up forces of a grid, 2 and 3 for those next to it, else less than -8."""
        own, near = self._grid.among((grid,)), self._grid.among(neighbours)
        return np.asarray(np.where(own, 0, np.where(near, 2, _FAR)) + self.follow_up, np.int64)

    def grid_numbers(self) -> _Numbers:
        """Return a number for each force's grid, from 0 on."""
        return self._grid.numbers

    def of_grids(self, wanted: Callable[[str], bool]) -> Mask:
        """Return whose grid is wanted; each grid is asked about once."""
        return self._grid.among([grid for grid in self._grid.by_text if wanted(grid)])

    def fits(self, category: Category) -> Mask:
        """Return whose role (first forces), department (follow-up forces) and skills fit a category."""
        known = self._fitting.get(category.key)
        if known is None or known[0] is not category:
            known = self._fitting[category.key] = (category, self._fits(category))
        return known[1]

    def _fits(self, category: Category) -> Mask:
        roles = category.first_roles
        first = self._role.among(roles) if roles else np.ones(len(self.codes), bool)
        fit = np.where(self.follow_up, self._department.among([category.department]), first)
        skilled = self._any_skill.copy()
        for skill, rows in self._skilled.items():
            if category.key.startswith(skill):
                skilled[rows] = True
        return np.asarray(fit & skilled)

    def reserve(self, urgent: Sequence[Category]) -> Mask:
        """Return the first forces that fit one of some categories and are bound to no unit."""
        fit = np.zeros(len(self.codes), bool)
        for category in urgent:
            fit |= self.fits(category)
        return np.asarray(fit & self.carries & ~self.follow_up & ~self.bound)

    def of_department(self, department: str) -> Mask:
        """Return who is of a department."""
        return self._department.among([department])

    def serves(self, unit: str) -> Mask:
        """Return who is bound to a unit, or to none."""
        known = self._serving.get(unit)
        if known is None:
            known = ~self.bound
            known[self._units.get(unit, _NOBODY)] = True
            if len(self._serving) >= _MOST_UNITS:
                self._serving.clear()
            self._serving[unit] = known
        return known

    def of_codes(self, terminals: frozenset[str]) -> Mask:
        """Return who carries one of the terminals."""
        mask = np.zeros(len(self.codes), bool)
        if not terminals:
            return mask
        mask[[self.row_of[each] for each in terminals if each in self.row_of]] = True
        return mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Near:
    """The forces of a grid and of those next to it: nobody else can get a case of that grid.

    Attributes:
        roll: their columns; rows: where they stand in the whole roll, ascending.
        inside, outside: (n,) of the whole roll: who they are, and who the others are.
        ring: as `Roll.ring` has it; reserve: who of them answers urgent cases anywhere.
    """

    roll: Roll
    rows: _Numbers
    inside: Mask
    outside: Mask
    ring: _Numbers
    reserve: Mask


_FAR: Final = -16
_MOST_UNITS: Final = 4_096
_NOBODY: Final = np.zeros(0, np.int64)


def _kind(force: Force) -> tuple[object, ...]:
    """Return all of a force that its duty depends on."""
    return (force.shifts, force.changes, force.stage, force.side, force.role)


def _by_minute(force: Force) -> bool:
    ends: list[time | datetime] = [at for each in force.shifts for at in (each.start, each.end)]
    ends += [at for each in force.changes for at in (each.start, each.end)]
    return not any(at.second or at.microsecond for at in ends)


def _rows(texts: Sequence[Sequence[str]]) -> Mapping[str, _Numbers]:
    """Return the rows in which each text stands."""
    found: dict[str, list[int]] = {}
    for row, each in enumerate(texts):
        for text in each:
            found.setdefault(text, []).append(row)
    return {text: np.array(rows, np.int64) for text, rows in found.items()}
