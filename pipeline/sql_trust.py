"""Outcomes, moves and trials as statements; mixed into reading and writing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from geo.coords import LonLat
from pipeline import sql_tables as t
from pipeline.casebook import LimitError
from pipeline.errors import UnknownError
from pipeline.history import canonical
from pipeline.scenes import Mode
from pipeline.sql_family import family
from pipeline.sql_rows import bounded, instant, instant_or_none, is_plain, micros, micros_or_none
from pipeline.trust import Move, Outcome
from pipeline.trust_book import Trial, TrialPicture

_MOST_ROWS = 1000


class SqlTrustReading:
    """Answers what can be asked of outcomes, moves and trials."""

    _connection: Connection

    def newest_move(self, camera: str, scene: str) -> Move | None:
        """Return the newest change of level of a scene at a camera."""
        c = t.trust_moves.c
        query = select(t.trust_moves).where(c.camera == camera, c.scene == scene).order_by(c.id.desc()).limit(1)
        return next((_move(row) for row in self._of(query)), None)

    def moves(self, *, camera: str | None = None, limit: int = 100) -> Sequence[Move]:
        """Return changes of level, newest first.

        Raises:
            LimitError: the limit is not 1 to 1000.
        """
        query = select(t.trust_moves).order_by(t.trust_moves.c.id.desc()).limit(_checked(limit))
        if camera is not None:
            query = query.where(t.trust_moves.c.camera == camera)
        return [_move(row) for row in self._of(query)]

    def outcome_counts(self, camera: str, scene: str, *, since: datetime | None, most: int) -> tuple[int, int]:
        """Return how many of the newest outcomes after a moment were confirmed, and how many false."""
        c = t.outcomes.c
        wanted = select(c.confirmed).where(c.camera == camera, c.scene == scene)
        if since is not None:
            wanted = wanted.where(c.at > micros(since))
        newest = wanted.order_by(c.at.desc(), c.subject).limit(most).subquery()
        query = select(newest.c.confirmed, func.count()).group_by(newest.c.confirmed)
        counts = {bool(confirmed): int(count) for confirmed, count in self._connection.execute(query)}
        return counts.get(True, 0), counts.get(False, 0)

    def outcomes(self) -> Sequence[Outcome]:
        """Return all outcomes, oldest first."""
        return [_outcome(row) for row in self._of(select(t.outcomes).order_by(t.outcomes.c.at, t.outcomes.c.subject))]

    def seen_by(self, number: str) -> Sequence[tuple[str, str]]:
        """Return the cameras and scenes whose sightings a case holds, or the cases merged into it."""
        c = t.sightings.c
        query = (
            select(c.camera, c.scene)
            .distinct()
            .where(c.case_number.in_(family(number)), c.scene.is_not(None))
            .order_by(c.camera, c.scene)
        )
        return [(camera, scene) for camera, scene in self._connection.execute(query)]

    def trial(self, ident: str) -> Trial:
        """Return a trial.

        Raises:
            UnknownError: there is none of that id.
        """
        rows = self._of(select(t.trials).where(t.trials.c.id == ident)) if is_plain(ident) else []
        if not rows:
            raise UnknownError("trial", ident)
        return _trial(rows[0])

    def trials(self, *, grids: frozenset[str] | None = None, judged: bool = False, limit: int = 100) -> Sequence[Trial]:
        """Return trials that wait for a verdict, or those that have one, newest first.

        Raises:
            LimitError: the limit is not 1 to 1000.
        """
        c = t.trials.c
        query = select(t.trials).where(c.judged_at.is_not(None) if judged else c.judged_at.is_(None))
        if grids is not None:
            query = query.where(c.grid.in_(sorted(filter(is_plain, grids))))
        return [_trial(row) for row in self._of(query.order_by(c.ordinal.desc()).limit(_checked(limit)))]

    def count_trials(self) -> Mapping[tuple[str, str], int]:
        """Return how many trials wait for a verdict, by camera and scene."""
        c = t.trials.c
        query = select(c.camera, c.scene, func.count()).where(c.judged_at.is_(None)).group_by(c.camera, c.scene)
        return {(camera, scene): int(count) for camera, scene, count in self._connection.execute(query)}

    def old_trials(self, before: datetime, *, limit: int = 500) -> Sequence[Trial]:
        """Return trials of before a moment whose pictures are there still, oldest first."""
        c = t.trials.c
        bare = c.pictures.contains('"path":""') | (c.pictures == "[]")
        query = select(t.trials).where(c.captured_at < micros(before), ~bare).order_by(c.ordinal).limit(limit)
        return [_trial(row) for row in self._of(query)]

    def _of(self, query: Select[Any]) -> Sequence[Mapping[Any, Any]]:
        return self._connection.execute(query).mappings().all()


class SqlTrustWriting(SqlTrustReading):
    """Changes outcomes, moves and trials."""

    def save_outcome(self, outcome: Outcome) -> None:
        """Store what became of something; a later word that differs takes the place of the one before.

        One that says the same again is dropped, so that a case counts once, at the time it was decided.
        """
        row = {**asdict(outcome), "at": micros(outcome.at)}
        keys = ("subject", "camera", "scene")
        changing = {name: row[name] for name in row if name not in keys}
        self._put(t.outcomes, row, keys=keys, changing=changing, where=t.outcomes.c.confirmed != outcome.confirmed)

    def add_move(self, move: Move) -> None:
        """Store a change of level."""
        row = {**asdict(move), "level": move.level.value, "start": move.start.value, "at": micros(move.at)}
        row["id"] = self._counted("trust")
        self._connection.execute(insert(t.trust_moves).values(bounded(t.trust_moves, row)))

    def save_trial(self, trial: Trial) -> None:
        """Store a trial, or what has changed of it: its pictures and when it was judged."""
        pictures = [{**asdict(each), "captured_at": micros(each.captured_at)} for each in trial.pictures]
        changing = {"pictures": canonical(pictures), "judged_at": micros_or_none(trial.judged_at)}
        row = {
            "id": trial.id, "camera": trial.camera, "scene": trial.scene, "grid": trial.grid,
            "lon": trial.lonlat.lon, "lat": trial.lonlat.lat, "error_m": trial.error_m,
            "captured_at": micros(trial.captured_at), "ordinal": self._counted("trials"), **changing,
        }  # fmt: skip
        self._put(t.trials, row, keys=("id",), changing=changing)

    def _put(
        self, table: Any, row: dict[str, Any], *, keys: tuple[str, ...], changing: Mapping[str, Any], where: Any = None
    ) -> None:
        made = sqlite.insert if self._connection.dialect.name == "sqlite" else postgresql.insert
        new = made(table).values(bounded(table, row))
        self._connection.execute(new.on_conflict_do_update(index_elements=list(keys), set_=dict(changing), where=where))

    def _counted(self, name: str) -> int:
        """Return the next of a counter; the transaction that this is mixed into counts."""
        raise NotImplementedError


def _checked(limit: int) -> int:
    if not 1 <= limit <= _MOST_ROWS:
        raise LimitError("limit", limit, f"1 to {_MOST_ROWS}")
    return limit


def _move(row: Mapping[Any, Any]) -> Move:
    return Move(
        camera=row["camera"], scene=row["scene"], level=Mode(row["level"]), start=Mode(row["start"]),
        actor=row["actor"], reason=row["reason"], at=instant(row["at"]),
    )  # fmt: skip


def _outcome(row: Mapping[Any, Any]) -> Outcome:
    return Outcome(
        subject=row["subject"], camera=row["camera"], scene=row["scene"], confirmed=bool(row["confirmed"]),
        reason=row["reason"], actor=row["actor"], at=instant(row["at"]),
    )  # fmt: skip


def _trial(row: Mapping[Any, Any]) -> Trial:
    pictures = (
        TrialPicture(**{**each, "captured_at": instant(each["captured_at"])}) for each in json.loads(row["pictures"])
    )
    return Trial(
        id=row["id"], camera=row["camera"], scene=row["scene"], grid=row["grid"],
        lonlat=LonLat(row["lon"], row["lat"]), error_m=row["error_m"], captured_at=instant(row["captured_at"]),
        pictures=tuple(pictures), judged_at=instant_or_none(row["judged_at"]),
    )  # fmt: skip
