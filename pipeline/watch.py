"""The watch: fires the steps of duty clocks that are due, once each and in order, and keeps anchors and terms.

Any number of processes may watch one site. Which step is due stands in the casebook, so that it does not matter who was
running when: after a pause everything that came due meanwhile is fired, oldest first, each with the time at which it
was due.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from pipeline.anchoring import drop_anchor, is_due
from pipeline.case_clocks import DutyClock, stands, stopped, timed
from pipeline.casebook import Asking, Casebook, Transaction
from pipeline.cases import Case
from pipeline.clock_keeping import start_clocks
from pipeline.clock_steps import Fired, fire
from pipeline.clocks import Clock
from pipeline.duty_book import Anchor
from pipeline.erasure import Eraser
from pipeline.errors import PipelineError
from pipeline.points_office import settle_all
from pipeline.site import Site

log = logging.getLogger(__name__)
T = TypeVar("T")
BATCH: Final = 20
"""Steps fired in one transaction at most, so that others need not wait long."""


class Watch:
    """Looks at the clocks of one site."""

    def __init__(self, *, site: Site, casebook: Casebook, clock: Clock, eraser: Eraser | None = None) -> None:
        self._site, self._casebook, self._clock, self._eraser = site, casebook, clock, eraser
        self._terms_seen_to: datetime | None = None

    def work_by(self, site: Site) -> None:
        """Work by a changed site from here on."""
        self._site = site

    def once(self) -> list[Fired]:
        """Fire what is due, drop the hour's anchor, erase what is over its term; returns what was fired.

        A clock that cannot be fired does not keep the rest from being done.
        """
        try:
            return self.fire_due()
        finally:
            self._in_peace("what is over its term", self._keep_terms)
            self._in_peace("points", self.settle_points)
            if self._anchor_is_due():
                self._in_peace("the anchor", self.anchor)

    def settle_points(self) -> int:
        """Decide the claims to points whose problem has moved; returns how many events were looked at."""
        return settle_all(self._site, self._casebook, self._clock)

    def fire_due(self) -> list[Fired]:
        """Fire every step that is due, oldest first; returns them."""
        fired: list[Fired] = []
        # Asked before writing: most rounds find nothing, and writers take turns.
        while self._casebook.read(lambda book: book.first_due(self._clock.now())) is not None:
            batch = self._casebook.write(self._fire_some)
            fired += batch
        return fired

    def adopt(self) -> int:
        """Give clocks to cases that have none, and time the others by the calendar as it is now.

        To be called when a process starts: an older release had no clocks, and calendars are corrected. Returns how
        many clocks were added or moved.
        """
        return self._add_missing() + self._time_again()

    def anchor(self) -> list[Anchor]:
        """Drop anchors until every event is covered; returns them."""
        dropped = []
        while (anchor := self._casebook.write(lambda tx: drop_anchor(tx, self._clock.now()))) is not None:
            dropped.append(anchor)
        return dropped

    def _anchor_is_due(self) -> bool:
        def ask(book: Asking) -> bool:
            newest = book.newest_anchor()
            moved = book.newest_sequence() > (0 if newest is None else newest.last)
            return moved and is_due(newest, self._clock.now())

        return self._casebook.read(ask)

    def _keep_terms(self) -> None:
        """Erase what is over its term, once an hour in each process; which is done already, the book says."""
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0)
        if self._eraser is None or hour == self._terms_seen_to:
            return
        self._eraser.delete_files()
        self._eraser.erase_expired(self._site.settings.erasure)
        self._terms_seen_to = hour

    def _in_peace(self, what: str, work: Callable[[], object]) -> None:
        try:
            work()
        except PipelineError:
            log.exception("%s could not be seen to; the next round tries again", what)

    def _fire_some(self, tx: Transaction) -> list[Fired]:
        now = self._clock.now()
        fired: list[Fired] = []
        while len(fired) < BATCH and (clock := tx.first_due(now)) is not None:
            found = fire(tx, clock, site=self._site, now=now)
            fired += [found] if found is not None else []
        return fired

    def _add_missing(self) -> int:
        added, after = 0, 0
        while found := self._casebook.read(lambda book, a=after: book.without_clocks(after=a)):  # type: ignore[misc]
            cases = [case for _, case in found]
            added += self._casebook.write(lambda tx, c=cases: self._start(tx, c))  # type: ignore[misc]
            after = found[-1][0]
        return added

    def _start(self, tx: Transaction, cases: list[Case]) -> int:
        added = 0
        for case in cases:
            if not tx.clocks_of(case.number):
                start_clocks(tx, case, site=self._site)
                now = self._clock.now()
                for clock in tx.clocks_of(case.number):
                    added += 1
                    if stands(clock.name, case):
                        tx.save_clock(stopped(clock, now))
        return added

    def _time_again(self) -> int:
        moved, after = 0, None
        while clocks := self._casebook.read(lambda book, a=after: book.clocks_running(after=a)):  # type: ignore[misc]
            moved += self._casebook.write(lambda tx, found=clocks: self._retime(tx, found))  # type: ignore[misc]
            after = (clocks[-1].case, clocks[-1].name.value)
        return moved

    def _retime(self, tx: Transaction, clocks: list[DutyClock]) -> int:
        moved = 0
        for seen in clocks:
            for clock in tx.clocks_of(seen.case):
                again = timed(clock, urgent=tx.case(clock.case).urgent, site=self._site)
                if clock.name is seen.name and again != clock:
                    tx.save_clock(again)
                    moved += 1
        return moved
