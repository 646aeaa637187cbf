"""What patrols, citizens and the hotline report while a district plays live: drawn from a seed, sent through doors.

Rates are the usual ones, sped up until a demo of minutes shows every channel: once each at first, then as they come.
Nothing is reported before a camera has found the first case, unless none does for a while.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from pipeline.cases import Case, Channel
from pipeline.district.agents import Agent, somewhere
from pipeline.district.doors import DoorError
from pipeline.district.rates import SHARES, USUAL, draw_category
from pipeline.district.report_doors import Finding, ReportDoors
from pipeline.district.whereabouts import anywhere, beside, somebody_out
from pipeline.site import Site

log = logging.getLogger(__name__)
CHANNELS: Final = (Channel.PATROL, Channel.PUBLIC, Channel.HOTLINE)
PATIENCE_S: Final = 120.0
"""So long the first case of a camera is waited for."""
FIRST_GAP_S: Final = (8.0, 25.0)
"""Between the reports of the first round, least and most; the first follows the camera's case by such a gap."""
MEAN_GAP_S: Final = 75.0
"""Between two later reports: the usual week's 390 would come every 26 minutes."""
WORDS: Final = "simulated 模拟"
_PLACES: Final = 8


class LiveReports:
    """People who report, in one thread with the forces.

    Args:
        site: where; its catalogue has what is reported.
        doors: of the running server.
        start: from when the first case of a camera is waited for; aware.
        seed: decides what, where, when and by whom.
    """

    def __init__(self, site: Site, doors: ReportDoors, *, start: datetime, seed: int) -> None:
        self.sent: Counter[Channel] = Counter()
        self._site, self._doors, self._start = site, doors, start
        self._draw = np.random.default_rng((seed, 31))
        self._categories = [key for key in SHARES if key in (known := site.catalogue.by_key) and known[key].reportable]
        self._first_round = [CHANNELS[row] for row in self._draw.permutation(len(CHANNELS)).tolist()]
        self._series = f"DEMO{start:%y%m%d%H%M%S}"
        self._next: datetime | None = None
        self._codes: list[str] = []
        self._tickets = 0

    def once(self, now: datetime, *, open_cases: Iterable[Case], agents: Collection[Agent]) -> None:
        """Send a report if one is due; what the server refuses is told and left out.

        Args:
            now: not before the last time.
            open_cases: of which a camera's lets people begin.
            agents: who may be on patrol.

        Raises:
            OSError: the server is not heard; the report comes with the next call.
        """
        if not self._categories:
            return
        if self._next is None:
            if not self._may_begin(now, open_cases):
                return
            self._next = now + self._gap()
        if now < self._next:
            return
        wanted = self._wanted()
        try:
            self.sent[self._report(wanted, now, agents)] += 1
        except DoorError as error:
            log.warning("a report of channel %s was refused: %s", wanted, error)
        self._first_round = self._first_round[1:]
        self._next = now + self._gap()

    def _may_begin(self, now: datetime, open_cases: Iterable[Case]) -> bool:
        seen = any(each.channel is Channel.INTELLIGENT for each in open_cases)
        return seen or now >= self._start + timedelta(seconds=PATIENCE_S)

    def _gap(self) -> timedelta:
        if self._first_round:
            return timedelta(seconds=float(self._draw.uniform(*FIRST_GAP_S)))
        return timedelta(seconds=float(self._draw.exponential(MEAN_GAP_S)))

    def _wanted(self) -> Channel:
        if self._first_round:
            return self._first_round[0]
        a_week = np.array([USUAL.a_week[each] for each in CHANNELS])
        return CHANNELS[int(self._draw.choice(len(CHANNELS), p=a_week / a_week.sum()))]

    def _report(self, wanted: Channel, now: datetime, agents: Collection[Agent]) -> Channel:
        """Report something and return through which channel: where nobody is out on patrol, the hotline is called."""
        category = draw_category(self._categories, self._draw)
        if wanted is Channel.PUBLIC:
            self._doors.public(self._code(), category=category, words=WORDS)
            return wanted
        finder = somebody_out(agents, now, self._draw) if wanted is Channel.PATROL else None
        if finder is not None:
            lonlat = beside(self._site, finder, now, self._draw)
            found = Finding(category=category, lonlat=lonlat, at=now, words=WORDS)
            self._doors.patrol(found, str(finder.force.terminal))
            return wanted
        found = Finding(category=category, lonlat=anywhere(self._site, self._draw), at=now, words=WORDS)
        self._tickets += 1
        self._doors.hotline(found, f"{self._series}-{self._tickets:04d}")
        return Channel.HOTLINE

    def _code(self) -> str:
        """Return the code of one of the printed places; they are printed when the first is asked for."""
        if not self._codes:
            units = self._site.boundaries.units
            chosen = [units[row] for row in self._draw.permutation(len(units)).tolist()[:_PLACES]]
            places = [(f"{each.name_zh} {each.code}", somewhere(each.area, self._draw)) for each in chosen]
            self._codes = self._doors.print_places(places)
        return self._codes[int(self._draw.integers(len(self._codes)))]
