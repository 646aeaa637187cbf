"""The clocks of urgent cases: one rule for cases that are opened, opened again, raised, and split off."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from small_site import small_site

from pipeline.admission import UrgentClocks, urgent_clocks
from pipeline.duty_pattern import Rollout

NOON = datetime(2027, 6, 1, 12, tzinfo=UTC)


def test_clocks_begin_now_for_what_is_urgent():
    site = small_site()
    clocks = urgent_clocks(site, "YP-A", urgent=True, recorded_at=NOON, now=NOON)
    targets = site.settings.targets
    assert clocks == (NOON + timedelta(seconds=targets.arrive_s), NOON + timedelta(seconds=targets.first_result_s))
    assert urgent_clocks(site, "YP-A", urgent=False, recorded_at=NOON, now=NOON) == UrgentClocks()


def test_what_was_collected_before_its_grid_was_switched_on_has_none():
    plain = small_site()
    rollout = Rollout(grids={"YP-A": date(2027, 6, 1)}, otherwise=date(2027, 8, 1))
    site = replace(plain, settings=replace(plain.settings, rollout=rollout))
    before = NOON - timedelta(days=2)
    assert urgent_clocks(site, "YP-A", urgent=True, recorded_at=before, now=NOON) == UrgentClocks()
    assert urgent_clocks(site, "YP-B", urgent=True, recorded_at=NOON, now=NOON) == UrgentClocks()
    assert urgent_clocks(site, "YP-A", urgent=True, recorded_at=NOON, now=NOON) != UrgentClocks()
