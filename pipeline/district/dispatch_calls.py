"""Calls of simulated weeks, for comparing dispatch policies: the district's rates, scaled to a load.

The load is utilisation where it is tightest: in each hour of the day, what share of their time the busiest forces would
be at work or on the way if all work were shared out as evenly as roles, sides, units and borders allow (a linear
programme). It is the mean of the hours, weighted by their work.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from pipeline.call_answers import CallAnswers
from pipeline.candidates import Candidates, Question
from pipeline.cases import Case, Channel, Status
from pipeline.dispatch_replay import Call
from pipeline.district.agents import Habits
from pipeline.district.rates import USUAL, Rates, draw_reports
from pipeline.district.whereabouts import anywhere
from pipeline.site import Site

WEEK_S: Final = 7 * 86_400.0
USUAL_WAY_S: Final = 150.0
_SAMPLE_TIMES: Final = 10.0  # the usual rates, so many times over, tell how work is shared out


def draw_calls(
    site: Site, *, seed: int, load: float, start: datetime, seconds: float = WEEK_S, habits: Habits | None = None
) -> list[Call]:
    """Return the calls of a stretch of time at a utilisation.

    Args:
        site: its catalogue, units and roster.
        seed: decides everything.
        load: utilisation, above 0.
        start: the first moment.
        seconds: how long.
        habits: how long answers and work take.
    """
    habits = habits or Habits()
    factor = load / _usual_load(site, seed=0, start=start, habits=habits)
    return _drawn(site, seed=seed, factor=factor, start=start, seconds=seconds, habits=habits)


def _drawn(site: Site, *, seed: int, factor: float, start: datetime, seconds: float, habits: Habits) -> list[Call]:
    a_week: Mapping[Channel, float] = {channel: count * factor for channel, count in USUAL.a_week.items()}
    rates = Rates(a_week=a_week, by_hour=USUAL.by_hour)
    local = start.astimezone(site.settings.timezone)
    draw = np.random.default_rng((seed, 11))
    first_hour = local.hour + local.minute / 60
    found = draw_reports(rates, site.catalogue, seconds=seconds, first_hour=first_hour, draw=draw)
    calls = []
    for row, each in enumerate(found):
        lonlat = anywhere(site, draw)
        place = site.place(lonlat)
        at = start + timedelta(seconds=round(each.after_s, 3))
        case = Case(
            number=f"SIM-{row:06d}",
            category=each.category,
            channel=each.channel,
            status=Status.FILED,
            urgent=site.catalogue.by_key[each.category].urgent,
            lonlat=lonlat,
            cov_m2=(1.0, 0.0, 1.0),
            error_m=10.0,
            grid=place.grid,
            unit=place.unit,
            side=place.side,
            occurred_at=at,
            recorded_at=at,
            updated_at=at,
        )
        calls.append(_call(case, seed, habits, draw))
    return calls


def _call(case: Case, seed: int, habits: Habits, draw: np.random.Generator) -> Call:
    work_s = float(draw.exponential(habits.result_s)) + float(draw.exponential(habits.work_s))
    answers = CallAnswers(
        name=f"{seed}/{case.number}",
        after_s=habits.answer_s[0],
        spread=habits.answer_s[1],
        declines=habits.declines,
        ignores=habits.ignores,
    )
    return Call(case=case, work_s=work_s, answers=answers)


def _usual_load(site: Site, *, seed: int, start: datetime, habits: Habits) -> float:
    """Return the load of the usual rates, from many times as many calls."""
    sample = _drawn(site, seed=seed, factor=_SAMPLE_TIMES, start=start, seconds=WEEK_S, habits=habits)
    work_s = habits.result_s + habits.work_s + USUAL_WAY_S
    by_hour: dict[int, Counter[bytes]] = {}
    for call in sample:
        hour = call.case.recorded_at.astimezone(site.settings.timezone).hour
        by_hour.setdefault(hour, Counter())[eligible(site, call.case).tobytes()] += 1
    loads = [(_tightest(kinds, work_s=work_s), sum(kinds.values())) for kinds in by_hour.values()]
    return sum(load * count for load, count in loads) / sum(count for _, count in loads) / _SAMPLE_TIMES


def eligible(site: Site, case: Case) -> NDArray[np.bool_]:
    """Return who may take a case when it is filed, if everybody is free, heard, and no border or reserve matters."""
    category = site.catalogue.by_key.get(case.category)
    policy = replace(site.settings.dispatch, keep_free=0)
    question = Question(case=case, category=category, now=case.recorded_at, policy=policy)
    return Candidates(question, site=site, terminals={}).able


def _tightest(kinds: Counter[bytes], *, work_s: float) -> float:
    """Return the least share of its time that the busiest force works in one hour of the day, over a week.

    Args:
        kinds: how many calls may be taken by which forces; those that nobody may take then are left out.
        work_s: of one call.
    """
    sets = [(np.frombuffer(key, np.bool_), count) for key, count in sorted(kinds.items())]
    sets = [(able, count) for able, count in sets if able.any()]
    if not sets:
        return 0.0
    pairs = [(kind, int(row)) for kind, (able, _) in enumerate(sets) for row in np.flatnonzero(able)]
    forces = sorted({row for _, row in pairs})
    hour_s = WEEK_S / 24.0
    columns = len(pairs) + 1  # the last is the share itself
    done, used = np.zeros((len(sets), columns)), np.zeros((len(forces), columns))
    for column, (kind, row) in enumerate(pairs):
        done[kind, column] = 1.0
        used[forces.index(row), column] = 1.0
    used[:, -1] = -hour_s
    cost = np.zeros(columns)
    cost[-1] = 1.0
    work = np.array([count * work_s for _, count in sets])
    found = linprog(cost, A_ub=used, b_ub=np.zeros(len(forces)), A_eq=done, b_eq=work)
    assert found.x is not None  # noqa: S101 - more time always helps, so there is a solution
    return float(found.x[-1])
