"""Rounds: what comes due with time alone: offers that nobody answered, cases that nobody could take yet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from pipeline.casebook import Casebook, CaseFilter, Transaction
from pipeline.cases import Case, Status
from pipeline.clocks import CLOCK_SLACK, Clock
from pipeline.offers import Entered, offer, offer_together, release
from pipeline.principal import PIPELINE
from pipeline.site import Site

MOST_TOGETHER: Final = 40
_PAGE: Final = 1_000


class Rounds:
    """The rounds of one site; whoever makes them, each thing that is due is done once."""

    def __init__(self, *, site: Site, casebook: Casebook, clock: Clock) -> None:
        self._site, self._casebook, self._clock = site, casebook, clock

    def pass_over(self) -> list[str]:
        """Pass offers that were not answered in time to the next terminal; returns their cases' numbers.

        A case whose next terminal cannot be found is filed again, where everybody sees that nobody has it.
        """
        due = [case for case in self._all(Status.DISPATCHED) if self._overdue(case)]
        return [case.number for case in reversed(due) if self._casebook.write(self._passing(case.number))]

    def retry_undispatched(self) -> list[str]:
        """Offer filed cases that nobody could take yet, oldest first; returns those now offered.

        Urgent ones go one by one and before the others, which are assigned together where the policy says so.
        """
        policy = self._site.settings.dispatch
        waiting = [case for case in self._all(Status.FILED) if case.terminal is None and self._gathered(case)]
        waiting.reverse()
        urgent = [case.number for case in waiting if case.urgent]
        general = [case.number for case in waiting if not case.urgent]
        offered = [number for number in urgent if self._casebook.write(self._retrying(number))]
        if not policy.together:
            return offered + [number for number in general if self._casebook.write(self._retrying(number))]
        for start in range(0, len(general), MOST_TOGETHER):
            offered += self._casebook.write(self._assigning(general[start : start + MOST_TOGETHER]))
        return offered

    def _passing(self, number: str) -> Callable[[Transaction], bool]:
        def work(tx: Transaction) -> bool:
            case, entered = tx.case(number), self._entered()
            if case.status is not Status.DISPATCHED or not self._overdue(case):
                return False
            note = f"no answer within {self._patience(case).total_seconds():.0f} s"
            filed = release(tx, case, entered=entered, note=note)
            offer(tx, filed, site=self._site, entered=entered)
            return True

        return work

    def _retrying(self, number: str) -> Callable[[Transaction], bool]:
        def work(tx: Transaction) -> bool:
            case = tx.case(number)
            if case.status is not Status.FILED:
                return False
            return offer(tx, case, site=self._site, entered=self._entered())[0].status is Status.DISPATCHED

        return work

    def _assigning(self, numbers: Sequence[str]) -> Callable[[Transaction], list[str]]:
        def work(tx: Transaction) -> list[str]:
            filed = [case for number in numbers if (case := tx.case(number)).status is Status.FILED]
            if not filed:
                return []
            after = offer_together(tx, filed, site=self._site, entered=self._entered())
            return [case.number for case in after if case.status is Status.DISPATCHED]

        return work

    def _gathered(self, case: Case) -> bool:
        """Tell whether a filed case has waited as long as the policy gathers cases."""
        gathering = timedelta(seconds=self._site.settings.dispatch.batch_s)
        return case.urgent or self._is_over(case.updated_at, gathering)

    def _all(self, status: Status) -> Iterator[Case]:
        """Yield the cases of a status, newest first, page by page."""
        wanted = CaseFilter(statuses=frozenset({status}), limit=_PAGE)
        while True:
            page = self._casebook.cases(wanted)
            yield from page.cases
            if page.next_after is None:
                return
            wanted = replace(wanted, after=page.next_after)

    def _patience(self, case: Case) -> timedelta:
        policy = self._site.settings.dispatch
        return timedelta(seconds=policy.offer_timeout_urgent_s if case.urgent else policy.offer_timeout_general_s)

    def _overdue(self, case: Case) -> bool:
        # The last step of a dispatched case is the offer.
        return self._is_over(case.updated_at, self._patience(case))

    def _is_over(self, since: datetime, time: timedelta) -> bool:
        """Tell whether so much time has passed; since when is not known of what a clock that was ahead has dated."""
        passed = self._clock.now() - since
        return passed >= time or passed < -CLOCK_SLACK

    def _entered(self) -> Entered:
        return Entered(by=PIPELINE, now=self._clock.now())
