"""The district's forces beside a running server: a thread that lets them act in real time, through its doors only."""

import logging
from datetime import timedelta
from threading import Event, Thread
from typing import Final

from pipeline.casebook import CaseFilter
from pipeline.cases import OPEN, Case, Status
from pipeline.clocks import Clock, FixedClock
from pipeline.district.agents import Habits
from pipeline.district.doors import DoorError, Doors
from pipeline.district.forces_run import ForcesRun, OfficerHabits
from pipeline.district.reports_live import LiveReports
from pipeline.site import Site

log = logging.getLogger(__name__)
EVERY_S: Final = 2.0
POSITIONS_EVERY_S: Final = 10.0
_MOST_OPEN: Final = 500
# Who watches a demo wants to see an end: ways are as long as they are, work is short.
BRISK: Final = Habits(answer_s=(8.0, 0.5), result_s=25.0, work_s=50.0, pause_s=20.0, silence_s=40.0, signal_s=1_800.0)
BRISK_OFFICER: Final = OfficerHabits(verify_s=20.0, again_s=15.0, check_s=30.0)
_STARTED_BY: Final = frozenset({Status.DISPATCHED, Status.REPORTED, Status.VERIFIED, Status.RETURNED})


class LiveForces:
    """Forces and duty officer of a site, acting until they are told to stop; what fails is tried again.

    Args:
        site: its roster carries the terminals.
        doors: of the running server.
        clock: real time.
        seed: decides chance.
        habits: of agents.
        reports: what people report meanwhile; None for nothing.
    """

    def __init__(
        self,
        site: Site,
        doors: Doors,
        *,
        clock: Clock,
        seed: int,
        habits: Habits = BRISK,
        reports: LiveReports | None = None,
    ) -> None:
        self._doors, self._clock, self._reports = doors, clock, reports
        self._own = FixedClock(clock.now())
        self._run = ForcesRun(
            site=site,
            casebook=doors,
            desk=doors,
            clock=self._own,
            seed=seed,
            habits=habits,
            officer=BRISK_OFFICER,
            report_every_s=POSITIONS_EVERY_S,
        )
        self._followed: dict[str, tuple[str | None, Status]] = {}
        self._interrupted = False
        self._stop = Event()
        self._thread = Thread(target=self._live, name="forces", daemon=True)

    @property
    def steps(self) -> int:
        """Return how many steps they asked for."""
        return self._run.steps

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; waits for the request in work."""
        self._stop.set()
        self._thread.join(EVERY_S * 10)

    def once(self) -> None:
        """Tell positions, follow what is new, do and report what is due; after an interruption follow all anew."""
        self._run.tell_positions()
        open_now = self._doors.cases(CaseFilter(statuses=OPEN, limit=_MOST_OPEN)).cases
        for case in open_now:
            if self._is_new(case) or self._interrupted:
                self._run.follow(case.number)
        self._interrupted = False
        self._run.advance(self._clock.now())
        if self._reports is not None:
            self._reports.once(self._own.now(), open_cases=open_now, agents=self._run.agents.values())
        still_open = {case.number for case in open_now}
        self._followed = {number: known for number, known in self._followed.items() if number in still_open}

    def _is_new(self, case: Case) -> bool:
        """Tell whether a case asks for somebody who does not know of it yet: new, or passed on by the server."""
        asks = (case.terminal, case.status)
        if case.status not in _STARTED_BY or self._followed.get(case.number) == asks:
            return False
        self._followed[case.number] = asks
        return True

    def tried(self) -> None:
        """Do what `once` does; where the server is not heard, go on from what it says the next time.

        Told from the second time on: once is what happens when a server is about to end.
        """
        self._own.at = max(self._own.at, self._clock.now() - timedelta(seconds=EVERY_S))
        try:
            self.once()
        except (DoorError, OSError) as error:
            # A step in work was lost; a step that was taken all the same is refused by the case's status.
            if self._interrupted:
                log.warning("the district's forces could not be heard; they try again: %s", error)
            self._interrupted = True

    def _live(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.tried()
