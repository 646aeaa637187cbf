"""A stream that is lost is counted each time before it is tried again."""

import socket

import pytest
from small_site import NOON

from pipeline.clocks import FixedClock
from pipeline.source_errors import StreamLostError
from pipeline.streams import StreamSettings, read_stream


def test_each_new_try_is_told():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lost: list[int] = []
    settings = StreamSettings(open_timeout_s=2.0, first_wait_s=0.01, longest_wait_s=0.02, most_tries=4)
    frames = read_stream(
        f"http://127.0.0.1:{port}/video",
        camera="c1",
        clock=FixedClock(NOON),
        settings=settings,
        on_lost=lambda: lost.append(1),
    )
    with pytest.raises(StreamLostError):
        next(frames)
    assert len(lost) == 3
