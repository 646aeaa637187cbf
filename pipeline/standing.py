"""The standing of a roster's terminals at one moment, as columns: where each was heard, what it holds, since when.

`Board` is the same as a mapping of terminals: whoever decides again and again keeps one and changes what changed, so
that a decision does not begin by reading ten thousand rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geo.coords import LonLat
from pipeline.roll import Roll
from pipeline.terminals import Terminal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_ROWS = 64


class Heard(NamedTuple):
    """A position that a terminal reported; degrees, microseconds since 1970-01-01 UTC."""

    terminal: str
    lon: float
    lat: float
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """Columns in a roll's order, each (n,).

    Attributes:
        lonlat: (n, 2) last reported WGS-84 positions, NaN where there is none.
        place: (n, 2) the same, the post where there is none.
        at_s: when, in seconds since 1970; NaN where there is none.
        held, urgent: how many cases each holds, and how many of them are urgent.
        freed_s: when each last ended one; minus infinity if it never did.
    """

    lonlat: NDArray[np.float64]
    place: NDArray[np.float64]
    at_s: NDArray[np.float64]
    held: NDArray[np.int64]
    urgent: NDArray[np.int64]
    freed_s: NDArray[np.float64]

    def of(self, rows: NDArray[np.int64]) -> "Standing":
        """Return the columns of some rows."""
        return Standing(
            lonlat=self.lonlat[rows],
            place=self.place[rows],
            at_s=self.at_s[rows],
            held=self.held[rows],
            urgent=self.urgent[rows],
            freed_s=self.freed_s[rows],
        )


class Board(Mapping[str, Terminal]):
    """Terminals by id, kept as columns; not safe to share between threads without a lock.

    Those of a roll that was asked about are in it too, even if nothing is known of them.
    """

    def __init__(self, terminals: Iterable[Terminal] = ()) -> None:
        self._row: dict[str, int] = {}
        self._ids: list[str] = []
        self._lonlat = np.full((_FIRST_ROWS, 2), np.nan)
        self._at_us = np.zeros(_FIRST_ROWS, np.int64)
        self._held = np.zeros(_FIRST_ROWS, np.int64)
        self._urgent = np.zeros(_FIRST_ROWS, np.int64)
        self._freed_us = np.zeros(_FIRST_ROWS, np.int64)
        # The same in seconds, as decisions want them: NaN and minus infinity where there is none.
        self._at_s = np.full(_FIRST_ROWS, np.nan)
        self._freed_s = np.full(_FIRST_ROWS, -np.inf)
        self._rows_of: tuple[Roll, NDArray[np.int64] | None] | None = None
        self._places: NDArray[np.float64] | None = None  # of the roll that was asked about last
        for each in terminals:
            self._put(each)

    def _put(self, terminal: Terminal) -> None:
        self.hold(terminal.id, terminal.open_cases, terminal.open_urgent)
        if terminal.lonlat is not None and terminal.positioned_at is not None:
            self.hear([Heard(terminal.id, *terminal.lonlat, instant_us(terminal.positioned_at))])
        if terminal.freed_at is not None:
            self.free(terminal.id, instant_us(terminal.freed_at))

    def __getitem__(self, terminal: str) -> Terminal:
        row = self._row[terminal]
        at_us, freed_us = int(self._at_us[row]), int(self._freed_us[row])
        lon, lat = self._lonlat[row].tolist()
        known = not np.isnan(lon)
        return Terminal(
            id=terminal,
            lonlat=LonLat(lon, lat) if known else None,
            positioned_at=instant_of(at_us) if known else None,
            open_cases=int(self._held[row]),
            open_urgent=int(self._urgent[row]),
            freed_at=instant_of(freed_us) if freed_us else None,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    def hear(self, heard: Iterable[Heard]) -> None:
        """Take positions in, of each terminal the newest given; whether one replaces another, the casebook says."""
        given = list(heard)
        if not given:
            return
        newest = {each.terminal: each for each in sorted(given, key=lambda each: each.at_us)}
        rows = self._rows(newest)
        self._places = None
        at_us = np.array([each.at_us for each in newest.values()], np.int64)
        self._lonlat[rows] = np.array([(each.lon, each.lat) for each in newest.values()], np.float64)
        self._at_us[rows] = at_us
        self._at_s[rows] = at_us / 1e6

    def all_heard(self, at_us: int) -> None:
        """Say that every terminal was heard just now, where it was."""
        self._at_us[: len(self._ids)] = at_us
        self._at_s[~np.isnan(self._lonlat[:, 0])] = at_us / 1e6

    def hold(self, terminal: str, cases: int, urgent: int) -> None:
        """Say how many cases a terminal holds, and how many of them are urgent."""
        row = self._row_at(terminal)
        self._held[row], self._urgent[row] = cases, urgent

    def held(self, terminal: str) -> tuple[int, int]:
        """Return how many cases a terminal holds, and how many of them are urgent."""
        row = self._row.get(terminal)
        return (0, 0) if row is None else (int(self._held[row]), int(self._urgent[row]))

    def free(self, terminal: str, at_us: int) -> None:
        """Say that a terminal ended a case."""
        row = self._row_at(terminal)
        self._freed_us[row] = max(at_us, int(self._freed_us[row]))
        self._freed_s[row] = self._freed_us[row] / 1e6 if self._freed_us[row] > 0 else -np.inf

    def standing(self, roll: Roll) -> Standing:
        """Return the columns in a roll's order, good until the board changes."""
        if self._rows_of is None or self._rows_of[0] is not roll:
            # Whoever is not known yet gets a row at once: no later change moves the others.
            listed = [
                self._row_at(code) if carries else -1 for code, carries in zip(roll.codes, roll.carries, strict=True)
            ]
            rows: NDArray[np.int64] | None = np.array(listed, np.int64)
            if roll.carries.all() and len(set(listed)) == len(listed):
                self._put_first(listed)
                rows = None
            self._rows_of, self._places = (roll, rows), None
        rows = self._rows_of[1]
        if rows is None:
            at = slice(len(roll.codes))
            lonlat = self._lonlat[at]
            return Standing(
                lonlat=lonlat,
                place=self._placed(lonlat, roll),
                at_s=self._at_s[at],
                held=self._held[at],
                urgent=self._urgent[at],
                freed_s=self._freed_s[at],
            )
        there = rows >= 0
        lonlat = self._lonlat[rows]
        lonlat[~there] = np.nan
        return Standing(
            lonlat=lonlat,
            place=self._placed(lonlat, roll),
            at_s=np.where(there, self._at_s[rows], np.nan),
            held=np.where(there, self._held[rows], 0),
            urgent=np.where(there, self._urgent[rows], 0),
            freed_s=np.where(there, self._freed_s[rows], -np.inf),
        )

    def _placed(self, lonlat: NDArray[np.float64], roll: Roll) -> NDArray[np.float64]:
        if self._places is None:
            self._places = np.where(np.isnan(lonlat), roll.post, lonlat)
        return self._places

    def _put_first(self, listed: list[int]) -> None:
        """Put rows first, in their order, so that a roll's columns are the beginning of the board's."""
        order = listed + sorted(set(range(len(self._ids))) - set(listed))
        self._ids = [self._ids[row] for row in order]
        self._row = {terminal: row for row, terminal in enumerate(self._ids)}
        for name in ("_lonlat", "_at_us", "_held", "_urgent", "_freed_us", "_at_s", "_freed_s"):
            column = getattr(self, name)
            column[: len(order)] = column[order]

    def _rows(self, terminals: Iterable[str]) -> NDArray[np.int64]:
        return np.array([self._row_at(each) for each in terminals], np.int64)

    def _row_at(self, terminal: str) -> int:
        row = self._row.get(terminal)
        if row is None:
            row = self._row[terminal] = len(self._ids)
            self._ids.append(terminal)
            if row == len(self._at_us):
                self._grow()
        return row

    def _grow(self) -> None:
        more = len(self._at_us)
        self._lonlat = np.concatenate([self._lonlat, np.full((more, 2), np.nan)])
        for name in ("_at_us", "_held", "_urgent", "_freed_us"):
            setattr(self, name, np.concatenate([getattr(self, name), np.zeros(more, np.int64)]))
        self._at_s = np.concatenate([self._at_s, np.full(more, np.nan)])
        self._freed_s = np.concatenate([self._freed_s, np.full(more, -np.inf)])


def standing_of(roll: Roll, terminals: Mapping[str, Terminal]) -> Standing:
    """Return the standing of a roll's forces by what is known of their terminals."""
    board = terminals if isinstance(terminals, Board) else Board(terminals.values())
    return board.standing(roll)


def instant_us(moment: datetime) -> int:
    """Return microseconds since 1970-01-01 UTC, exact."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def instant_of(value_us: int) -> datetime:
    """Return the instant of `instant_us`."""
    return _EPOCH + timedelta(microseconds=value_us)
