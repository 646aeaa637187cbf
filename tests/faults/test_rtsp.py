"""RTSP cameras that are cut off, stall, restart, send garbage, change size and codec, and what that does to the others.

Two servers: rtsp-rs from the package registry, which speaks UDP and H.264, and the tests' own relay (`rtsp_relay`),
which passes on what FFmpeg publishes, over TCP and UDP, in any codec.
"""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import av
import numpy as np
import psutil
import pytest
from rtsp_publisher import moving
from rtsp_relay import Publisher, Relay

from pipeline.clocks import WallClock
from pipeline.frames import Frame
from pipeline.source_errors import StreamLostError
from pipeline.streams import StreamSettings, Transport, read_stream

QUICK = StreamSettings(open_timeout_s=5.0, stall_timeout_s=1.5, first_wait_s=0.1, longest_wait_s=0.5, most_tries=None)
pytestmark = pytest.mark.slow
LATE_S = 30.0  # a busy machine's patience, never reached in a test that passes


class Watcher:
    """One camera that is read in a thread, as a run does."""

    def __init__(self, address: str, *, transport: Transport = Transport.TCP, settings: StreamSettings = QUICK) -> None:
        self.frames: list[tuple[float, Frame]] = []
        self.fault: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(address, transport, settings), daemon=True)
        self._thread.start()

    def _read(self, address: str, transport: Transport, settings: StreamSettings) -> None:
        stream = read_stream(
            address, camera="cam", clock=WallClock(), settings=settings, transport=transport, stop=self._stop
        )
        try:
            for frame in stream:
                self.frames.append((time.monotonic(), frame))
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            self.fault = error

    def wait_for(self, wanted: Callable[[list[Frame]], bool], *, since: int = 0) -> list[Frame]:
        """Return the frames since a number once they are what is wanted."""
        until = time.monotonic() + LATE_S
        while time.monotonic() < until:
            frames = [frame for _, frame in self.frames[since:]]
            if wanted(frames):
                return frames
            assert self.fault is None, self.fault
            time.sleep(0.05)
        raise AssertionError(f"{len(self.frames) - since} frames came in {LATE_S:g} s, not what was wanted")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(LATE_S)


@pytest.fixture
def relay() -> Iterator[Relay]:
    made = Relay()
    yield made
    made.stop()


@pytest.fixture
def watch() -> Iterator[Callable[..., Watcher]]:
    watchers: list[Watcher] = []

    def start(*arguments: object, **options: object) -> Watcher:
        watchers.append(Watcher(*arguments, **options))  # type: ignore[arg-type]  # a test's arguments
        return watchers[-1]

    yield start
    for each in watchers:
        each.stop()


@pytest.fixture
def publish(relay: Relay) -> Iterator[Callable[..., Publisher]]:
    publishers: list[Publisher] = []

    def start(*names: str, **options: object) -> Publisher:
        publishers.append(Publisher(*map(relay.address, names), **options))  # type: ignore[arg-type]  # a test's options
        return publishers[-1]

    yield start
    for each in publishers:
        each.stop()


def more_than(number: int) -> Callable[[list[Frame]], bool]:
    return lambda frames: len(frames) > number


def bar_moves(frames: list[Frame]) -> bool:
    """Tell whether the newest pictures are whole and differ: the bar in them moves on."""
    return len({bar_at(frame) for frame in frames[-10:]}) > 7


def wait_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + LATE_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def bar_at(frame: Frame) -> int:
    """Return where the moving bar stands, in pixels from the left."""
    return int(frame.image[4:12, :, 2].astype(int).mean(axis=0).argmax())


@pytest.mark.parametrize("transport", Transport, ids=str)
def test_frames_come_whole_and_in_time(relay: Relay, publish, watch, transport: Transport):
    publish("a", fps=10)
    frames = watch(relay.address("a"), transport=transport).wait_for(more_than(30))
    assert {frame.image.shape for frame in frames} == {(240, 320, 3)}
    assert all(a.captured_at < b.captured_at for a, b in pairwise(frames))
    steps = [(b.captured_at - a.captured_at).total_seconds() for a, b in pairwise(frames[5:])]
    assert np.median(steps) == pytest.approx(0.1, abs=0.02)
    assert all(frame.fault is None for frame in frames)
    assert len({bar_at(frame) for frame in frames[:20]}) > 15


def test_the_time_of_day_that_a_camera_states_is_held_against_ours(relay: Relay, publish, watch):
    publish("a")
    frames = watch(relay.address("a")).wait_for(lambda all_: any(each.clock_off_s is not None for each in all_))
    known = [each.clock_off_s for each in frames if each.clock_off_s is not None]
    assert abs(known[0]) < 2.0  # the publisher's clock is this machine's


@pytest.mark.parametrize("transport", Transport, ids=str)
def test_a_camera_that_is_cut_off_comes_back(relay: Relay, publish, watch, transport: Transport):
    publish("a")
    watcher = watch(relay.address("a"), transport=transport)
    for _ in range(2):
        before = len(watcher.wait_for(more_than(10)))
        played = relay.played
        relay.cut("a")
        watcher.wait_for(lambda frames, played=played: relay.played > played and len(frames) > 10, since=before)
    frames = [frame for _, frame in watcher.frames]
    assert all(a.captured_at < b.captured_at for a, b in pairwise(frames))


def test_a_stalled_stream_is_found_by_its_own_timeout(relay: Relay, publish, watch, caplog: pytest.LogCaptureFixture):
    publish("a")
    watcher = watch(relay.address("a"))
    watcher.wait_for(more_than(10))
    played = relay.played
    relay.mounts["a"].silent = True
    wait_until(lambda: relay.played > played)
    assert f"nothing came for {QUICK.stall_timeout_s:g} s" in caplog.text
    relay.mounts["a"].silent = False
    watcher.wait_for(more_than(10), since=len(watcher.frames))


def test_a_server_that_is_killed_and_started_again(relay: Relay, publish, watch):
    first = publish("a")
    watcher = watch(relay.address("a"))
    before = len(watcher.wait_for(more_than(10)))
    relay.stop()
    first.stop()
    time.sleep(1.0)
    relay.start()
    publish("a")
    watcher.wait_for(more_than(10), since=before)


def test_cameras_that_are_down_at_the_start_are_waited_for(relay: Relay, publish, watch):
    watcher = watch(relay.address("a"))
    time.sleep(1.0)
    assert not watcher.frames
    publish("a")
    watcher.wait_for(more_than(5))


def test_a_gateway_may_take_longer_to_begin_than_a_camera_may_stall(relay: Relay, publish, watch):
    publish("a")
    relay.answers_after_s = 2 * QUICK.stall_timeout_s
    watcher = watch(relay.address("a"))
    watcher.wait_for(more_than(5))
    assert relay.played == 1


def test_garbage_for_a_while_is_lived_through(relay: Relay, publish, watch):
    publish("a")
    watcher = watch(relay.address("a"))
    watcher.wait_for(more_than(10))
    relay.mounts["a"].garbled = True
    time.sleep(2 * QUICK.stall_timeout_s)
    relay.mounts["a"].garbled = False
    watcher.wait_for(bar_moves, since=len(watcher.frames))  # whole pictures again


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg", "libx265"])
def test_another_size_and_codec(relay: Relay, publish, watch, codec: str):
    first = publish("a")
    watcher = watch(relay.address("a"))
    watcher.wait_for(more_than(10))
    first.stop()
    publish("a", codec=codec, size_px=(480, 272))
    watcher.wait_for(lambda all_: bar_moves([each for each in all_ if each.image.shape == (272, 480, 3)]))


def test_what_is_no_video_is_given_up_with_its_reason():
    page = threading.Event()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page.set()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<html><body>" + b"Please log in. " * 1000 + b"</body></html>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    patience = StreamSettings(open_timeout_s=3, stall_timeout_s=3, first_wait_s=0.01, longest_wait_s=0.02, most_tries=2)
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    with pytest.raises(StreamLostError, match="2 tries"):
        next(read_stream(address, camera="cam", clock=WallClock(), settings=patience))
    assert page.is_set()
    server.shutdown()
    server.server_close()


def test_a_camera_that_is_away_for_long_costs_no_memory():
    """After its first tries, as many more as in a day at the longest wait."""
    patience = StreamSettings(first_wait_s=0.0, longest_wait_s=0.0, most_tries=720)
    process, sizes = psutil.Process(), []
    for _ in range(5):
        with pytest.raises(StreamLostError):
            next(read_stream("rtsp://127.0.0.1:9/a", camera="cam", clock=WallClock(), settings=patience))
        sizes.append(process.memory_info().rss / 1e6)
    assert sizes[-1] - sizes[0] < 3.0  # MB


def test_one_camera_s_faults_slow_no_other(relay: Relay, publish, watch):
    """Sixteen streams: one is cut, stalled, spoilt, changed and restarted; the others get every frame that was sent."""
    others = [f"camera{number}" for number in range(15)]
    publish(*others, fps=10)
    bad = publish("bad", fps=10)
    watchers = {name: watch(relay.address(name)) for name in others}
    victim = watch(relay.address("bad"))
    for each in (*watchers.values(), victim):
        each.wait_for(more_than(5))
    before = {name: (relay.mounts[name].passed, len(watchers[name].frames)) for name in others}
    relay.cut("bad")
    time.sleep(2)
    relay.mounts["bad"].silent = True
    time.sleep(3)
    relay.mounts["bad"].silent, relay.mounts["bad"].garbled = False, True
    time.sleep(3)
    bad.stop()
    bad = publish("bad", codec="mjpeg", size_px=(480, 272))
    time.sleep(3)
    bad.stop()
    time.sleep(2)
    publish("bad")
    seen = len(victim.frames)
    victim.wait_for(more_than(5), since=seen)
    passed = {name: relay.mounts[name].passed - before[name][0] for name in others}
    time.sleep(1.0)  # what was passed on is decoded
    got = {name: len(watchers[name].frames) - before[name][1] for name in others}
    assert min(passed.values()) > 100
    assert {name: got[name] / passed[name] for name in others if got[name] < 0.99 * passed[name]} == {}


class PackagedServer:
    """rtsp-rs, a server from the package registry, fed with H.264 that is encoded here."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.spoilt = False
        self._stop, self._address = threading.Event(), address
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(LATE_S)

    def _serve(self) -> None:
        import rtsp

        server = rtsp.Server("{}:{}".format(*self._address))
        server.start()
        encoder: Any = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = 320, 240, "yuv420p"
        encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, 20), Fraction(20), 5
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency"}
        number = 0
        while not self._stop.wait(0.05):
            frame = av.VideoFrame.from_ndarray(moving(number, (320, 240)), format="bgr24")
            frame.pts = number
            for packet in encoder.encode(frame):
                data = bytes(packet)
                server.send_frame(data[:40] + random.randbytes(len(data)) if self.spoilt else data, 4500)
            number += 1
        server.stop()


def test_a_packaged_server_is_read_spoilt_killed_and_started_again(watch):
    pytest.importorskip("rtsp")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    server = PackagedServer(address)
    watcher = watch("rtsp://{}:{}/stream".format(*address), transport=Transport.UDP)
    frames = watcher.wait_for(more_than(20))
    assert len({bar_at(frame) for frame in frames[:20]}) > 10
    server.spoilt = True
    time.sleep(2 * QUICK.stall_timeout_s)
    server.stop()
    time.sleep(1.0)
    before, server = len(watcher.frames), PackagedServer(address)
    watcher.wait_for(bar_moves, since=before)
    server.stop()
