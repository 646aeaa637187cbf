"""When a live frame was taken: its stream's time, fixed to the clock by the frames that came with the least delay."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clocks import FixedClock
from pipeline.stream_time import StreamTime

START = datetime(2026, 1, 31, tzinfo=UTC)


def came(times: StreamTime, clock: FixedClock, *, taken_s: float, late_s: float, position_s: float) -> float:
    """Return the error in seconds of the time that a frame is given."""
    clock.at = START + timedelta(seconds=taken_s + late_s)
    return (times.at(position_s).captured_at - START).total_seconds() - taken_s


def test_frames_that_are_held_up_keep_the_times_at_which_they_were_taken():
    clock = FixedClock(START)
    times = StreamTime(clock)
    errors = [came(times, clock, taken_s=k / 10, late_s=0.05, position_s=7.0 + k / 10) for k in range(50)]
    # Four seconds of frames come at once, as after a hitch of the network.
    errors += [came(times, clock, taken_s=5 + k / 10, late_s=4.0 - k / 10, position_s=12.0 + k / 10) for k in range(40)]
    assert np.abs(errors).max() <= 0.051


def test_streams_without_time_of_their_own_go_by_the_clock():
    clock = FixedClock(START)
    times = StreamTime(clock)
    for second in range(100):
        clock.at = START + timedelta(seconds=second)
        stamped = times.at(None)
        assert stamped.captured_at == clock.at
        assert stamped.drift_s is None


def test_a_stream_that_jumps_back_goes_on_by_the_clock_at_once():
    clock = FixedClock(START)
    times = StreamTime(clock)
    for k in range(100):
        came(times, clock, taken_s=k / 10, late_s=0.0, position_s=500 + k / 10)
    for jump_s in (400.0, 5.0):
        assert came(times, clock, taken_s=20.0 + 1 / jump_s, late_s=0.0, position_s=500 - jump_s) == pytest.approx(0.0)
        assert came(times, clock, taken_s=20.1 + 1 / jump_s, late_s=0.0, position_s=500.1 - jump_s) <= 0.001


def test_a_new_connection_s_time_begins_anywhere():
    clock = FixedClock(START)
    times = StreamTime(clock)
    came(times, clock, taken_s=0.0, late_s=0.0, position_s=90_000.0)
    times.begin()
    assert came(times, clock, taken_s=30.0, late_s=0.2, position_s=0.0) == pytest.approx(0.2)


@pytest.mark.parametrize("rate", [0.9, 0.999, 1.0, 1.1])
def test_drift_is_told_and_does_not_carry_frame_time_away(rate: float):
    clock = FixedClock(START)
    times = StreamTime(clock)
    errors = [came(times, clock, taken_s=k / 5, late_s=0.05, position_s=rate * k / 5) for k in range(3000)]
    drift_s = times.at(rate * 599.8).drift_s
    assert drift_s == pytest.approx(60 * (rate - 1), abs=0.2 * abs(60 * (rate - 1)) + 0.02)
    assert np.abs(errors).max() <= 0.06 + 10 * abs(1 - rate)


def test_the_time_of_day_that_a_stream_states_is_held_against_the_clock():
    clock = FixedClock(START)
    times = StreamTime(clock)
    off_s = times.at(0.0, stated_at_s=START.timestamp() - 3600).clock_off_s
    assert off_s == pytest.approx(-3600)


@given(st.lists(st.tuples(st.floats(0, 5), st.one_of(st.none(), st.floats(-1e6, 1e6))), max_size=60))
def test_times_always_rise_and_no_frame_was_taken_long_before_it_came(steps: list[tuple[float, float | None]]):
    clock = FixedClock(START)
    times, before = StreamTime(clock, believed_s=10.0), None
    for number, (forward_s, position_s) in enumerate(steps):
        clock.at += timedelta(seconds=forward_s)
        at = times.at(position_s).captured_at
        assert before is None or at > before
        late_s = (clock.at - at).total_seconds()
        assert -0.001 * (number + 1) <= late_s <= 10.0
        before = at
