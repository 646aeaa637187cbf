"""Groups: so many things near one another, and for how long. The clock is the group's; its members may change.

A group is `count` things or more that one disc of the radius covers. It stays the same group while its middle moves
less than the radius from frame to frame and it is not seen to fall below `count` for longer than its patience.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.discs import fullest, separate
from pipeline.episodes import Clock, Patience

MOST_GROUPS = 50


@dataclass(slots=True, kw_only=True)
class Group:
    """One group.

    Attributes:
        first_m: where its middle was when it came together; names it.
        middle_m: where its middle is, metres on the view's plane.
        members: rows of its members in the newest frame; empty when it was not seen in it.
    """

    clock: Clock
    first_m: tuple[float, float]
    middle_m: tuple[float, float]
    members: tuple[int, ...] = ()

    def record(self) -> dict[str, object]:
        """Return it as JSON-able values."""
        return {"clock": self.clock.record(), "first_m": [*self.first_m], "middle_m": [*self.middle_m]}

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Self:
        """Return what `record` wrote."""
        clock, first, middle = record["clock"], record["first_m"], record["middle_m"]
        if not (isinstance(clock, Mapping) and isinstance(first, Sequence) and isinstance(middle, Sequence)):
            raise TypeError(record)
        return cls(
            clock=Clock.from_record(clock),
            first_m=(float(first[0]), float(first[1])),
            middle_m=(float(middle[0]), float(middle[1])),
        )


class Groups:
    """The groups of one scene at one camera.

    Args:
        count: how many things make a group.
        radius_m: of the disc; endless for "anywhere in the zone".
        patience: what breaks a group.
    """

    def __init__(self, *, count: int, radius_m: float, patience: Patience) -> None:
        self.count = count
        self.radius_m = radius_m
        self.patience = patience
        self.all: list[Group] = []

    def update(self, points_m: NDArray[np.float64], *, at: float, step_s: float) -> list[Group]:
        """Take in where the things stand in this frame, (n, 2) metres; return the groups that hold in it.

        Args:
            points_m: metres on the view's plane.
            at: frame time in seconds.
            step_s: time since the frame before that this frame can speak for.
        """
        left = np.arange(len(points_m))
        self.all = [group for group in self.all if not group.clock.over(at, self.patience)]
        for group in self.all:
            rows = fullest(points_m[left], self.radius_m, near_m=group.middle_m, within_m=self.radius_m)
            left = self._claim(group, points_m, left, rows, at=at, step_s=step_s)
        for rows in list(separate(points_m[left], self.radius_m, self.count)):
            self._join_or_begin(points_m, left[rows], at)
        self.all = [group for group in self.all if not group.clock.over(at, self.patience)][:MOST_GROUPS]
        return [group for group in self.all if group.members]

    def _claim(
        self,
        group: Group,
        points_m: NDArray[np.float64],
        left: NDArray[np.intp],
        rows: NDArray[np.intp],
        *,
        at: float,
        step_s: float,
    ) -> NDArray[np.intp]:
        """Give a group its members among the rows that are left; return what is left then."""
        if len(rows) < self.count:
            group.members = ()
            group.clock.fails(step_s)
            return left
        group.members = tuple(left[rows].tolist())
        group.middle_m = _middle(points_m, group.members)
        group.clock.holds(at)
        return np.delete(left, rows)

    def _join_or_begin(self, points_m: NDArray[np.float64], rows: NDArray[np.intp], at: float) -> None:
        """Let more things beside a group be part of it, else begin a new one."""
        members = tuple(rows.tolist())
        middle = _middle(points_m, members)
        for group in self.all:
            if group.members and np.hypot(*np.subtract(group.middle_m, middle)) <= self.radius_m:
                group.members += members
                return
        self.all.append(Group(clock=Clock(since=at, last=at), first_m=middle, middle_m=middle, members=members))


def _middle(points_m: NDArray[np.float64], members: tuple[int, ...]) -> tuple[float, float]:
    east, north = points_m[list(members)].mean(axis=0)
    return float(east), float(north)
