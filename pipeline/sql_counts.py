"""How much there is of what, for those who watch the system: counts by a few fixed words, never a row."""

from sqlalchemy import Connection, func, select

from pipeline import sql_tables as t
from pipeline.cases import ENDED, Status
from pipeline.counts import Counts


class SqlCountsReading:
    """Answers how much there is, on a connection that somebody else opens and closes."""

    _connection: Connection

    def counts(self) -> Counts:
        """Count."""
        own = t.cases.c.merged_into.is_(None)
        by_status = select(t.cases.c.status, func.count()).where(own).group_by(t.cases.c.status)
        cases = {str(status): int(count) for status, count in self._connection.execute(by_status)}
        urgent = select(func.count()).where(
            own, t.cases.c.urgent.is_(True), t.cases.c.status.not_in([each.value for each in ENDED])
        )
        running = t.clocks.c.stopped_at.is_(None)
        clocks = select(t.clocks.c.name, func.count(), func.count(t.clocks.c.next_at)).where(running)
        named = self._connection.execute(clocks.group_by(t.clocks.c.name)).all()
        faults = select(t.camera_health.c.camera, t.camera_health.c.fault).where(t.camera_health.c.until.is_(None))
        waiting = select(func.count()).select_from(t.outbox).where(t.outbox.c.sent_at.is_(None))
        return Counts(
            cases={status.value: cases.get(status.value, 0) for status in Status},
            urgent_open=int(self._connection.execute(urgent).scalar_one()),
            offers_open=cases.get(Status.DISPATCHED.value, 0),
            clocks={str(name): int(count) for name, count, _ in named},
            clocks_due={str(name): int(due) for name, _, due in named},
            faults=tuple(sorted({(str(camera), str(fault)) for camera, fault in self._connection.execute(faults)})),
            waiting=int(self._connection.execute(waiting).scalar_one()),
        )
