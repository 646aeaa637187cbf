"""Sources: real files, folders and an HTTP stream are read with the time of each frame; what is wrong is said."""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clocks import FixedClock, WallClock
from pipeline.errors import NaiveTimeError
from pipeline.frames import Frame, Throttle
from pipeline.pictures import MOST_BYTES, decode_picture, picture_size
from pipeline.source_errors import (
    EmptyFolderError,
    EndedEarlyError,
    FrameTimeError,
    FrameTooLargeError,
    FrameUnreadableError,
    NotVideoError,
    SchemeError,
    SourceError,
    SourceMissingError,
    SourceSettingError,
    StreamFaultError,
    StreamLostError,
)
from pipeline.sources import open_source, read_address
from pipeline.streams import StreamSettings, wait_s

START = datetime(2026, 1, 31, tzinfo=UTC)


def picture(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    image = np.full((size[1], size[0], 3), 40, np.uint8)
    image[:, : 2 * number] = 200
    return image


def jpeg(number: int, size: tuple[int, int] = (64, 48)) -> bytes:
    return bytes(cv2.imencode(".jpg", picture(number, size))[1].tobytes())


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Return a video of 30 frames at 10 fps."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(30):
        writer.write(picture(number))
    writer.release()
    return path


def frames(uri: str, **options: object) -> tuple[list[Frame], list[SourceError]]:
    faults: list[SourceError] = []
    footage_fps = options.pop("footage_fps", None)
    address = read_address(uri, camera="cam", footage_fps=footage_fps)  # type: ignore[arg-type]  # a test's number
    given_options = {"start": START, "clock": FixedClock(START)} | options
    return list(open_source(address, camera="cam", on_fault=faults.append, **given_options)), faults  # type: ignore[arg-type]  # a test's options


def seconds(found: list[Frame]) -> list[float]:
    return [round((frame.captured_at - START).total_seconds(), 3) for frame in found]


def test_a_file_gives_every_frame_with_its_own_time(video: Path):
    found, faults = frames(str(video))
    assert seconds(found) == [round(0.1 * number, 3) for number in range(30)]
    assert [frame.index for frame in found] == list(range(30))
    assert found[0].image.shape == (48, 64, 3)
    assert not faults


@pytest.mark.parametrize(("suffix", "footage_fps"), [("?fps=7", None), ("", 7.0), ("?fps=7", 3.0)])
def test_a_header_that_lies_is_overruled(video: Path, suffix: str, footage_fps: float | None):
    found, _ = frames(f"{video}{suffix}", footage_fps=footage_fps)
    assert seconds(found) == [round(number / 7.0, 3) for number in range(30)]


def test_file_addresses_and_names_with_question_marks(video: Path, tmp_path: Path):
    assert len(frames(f"file://{video}")[0]) == 30
    odd = tmp_path / "odd?fps=3"
    odd.write_bytes(video.read_bytes())
    assert seconds(frames(str(odd))[0])[1] == 0.1


def test_the_rate_is_limited_by_time(video: Path):
    found, _ = frames(str(video), fps=5.0)
    assert seconds(found) == [round(0.2 * number, 3) for number in range(15)]
    assert [frame.index for frame in found] == list(range(0, 30, 2))


def test_a_recording_can_be_played_as_if_it_were_live(video: Path):
    class Watched(threading.Event):
        waits: list[float]

        def wait(self, timeout: float | None = None) -> bool:
            self.waits.append(timeout or 0.0)
            clock.at += timedelta(seconds=timeout or 0.0)
            return self.is_set()

    clock, stop = FixedClock(START - timedelta(seconds=1)), Watched()
    stop.waits = []
    found, _ = frames(f"{video}?fps=5&paced", clock=clock, stop=stop)
    assert len(found) == 30
    assert stop.waits == pytest.approx([1.0] + [0.2] * 29)
    assert not read_address(f"{video}?paced", camera="cam").waits
    assert read_address(f"{video}?fps=5", camera="cam").waits


@given(st.floats(0.5, 60.0), st.floats(0.5, 60.0))
def test_the_throttle_keeps_the_mean_rate(source_fps: float, wanted_fps: float):
    throttle = Throttle(wanted_fps)
    count = sum(throttle.lets(number / source_fps) for number in range(round(60 * source_fps)))
    assert count == pytest.approx(60 * min(source_fps, wanted_fps), rel=0.05, abs=2)


def test_a_video_that_ends_half_way_keeps_its_frames_and_says_so(video: Path):
    whole = video.read_bytes()
    cut = video.with_name("cut.avi")
    cut.write_bytes(whole[: len(whole) // 2])
    found, faults = frames(str(cut))
    assert 0 < len(found) < 25
    assert [type(fault) for fault in faults] == [EndedEarlyError]
    assert f"after {len(found)} of 30 frames" in str(faults[0])


def test_what_is_no_source_is_refused_with_its_name(tmp_path: Path):
    text = tmp_path / "text.avi"
    text.write_text("no video")
    empty = tmp_path / "empty"
    empty.mkdir()
    cases: list[tuple[str, type[SourceError], str]] = [
        (str(tmp_path / "missing.avi"), SourceMissingError, "missing.avi"),
        ("", SourceMissingError, "cam"),
        ("ftp://host/video", SchemeError, "ftp"),
        ("concat:a.avi|b.avi", SourceMissingError, "concat"),
        (f"{text}?fps=0", SourceSettingError, "0"),
        (f"{text}?fps=many", SourceSettingError, "many"),
        (str(text), NotVideoError, "text.avi"),
        (str(empty), EmptyFolderError, "empty"),
    ]
    for uri, kind, word in cases:
        with pytest.raises(kind, match=word):
            frames(uri)


def test_an_address_of_an_unknown_scheme_is_told_without_its_password():
    with pytest.raises(SchemeError) as told:
        frames("rtmp://admin:secret@host/live")
    assert "admin:***@host/live" in str(told.value)
    assert "secret" not in str(told.value)


def test_a_start_without_offset_is_refused(video: Path):
    with pytest.raises(NaiveTimeError):
        frames(str(video), start=datetime(2026, 1, 31))  # noqa: DTZ001 - that is the point


def test_a_folder_is_read_by_the_times_in_its_names(tmp_path: Path):
    for name in ("2026-01-31T00-00-05.500Z.jpg", "cam_20260131T080001+0800.jpg", "2026-01-31T00:00:03+00:00.JPG"):
        (tmp_path / name).write_bytes(jpeg(3))
    found, _ = frames(str(tmp_path))
    assert seconds(found) == [1.0, 3.0, 5.5]


def test_a_folder_without_times_needs_a_rate(tmp_path: Path):
    for number in range(5):
        (tmp_path / f"{number:03d}.png").write_bytes(bytes(cv2.imencode(".png", picture(number))[1].tobytes()))
    with pytest.raises(FrameTimeError, match="no rate"):
        frames(str(tmp_path))
    assert seconds(frames(f"{tmp_path}?fps=2")[0]) == [0.0, 0.5, 1.0, 1.5, 2.0]


@pytest.mark.parametrize("name", ["2026-01-31T00-00-05.jpg", "2026-02-31T00-00-05Z.jpg", "other.jpg"])
def test_a_folder_with_one_odd_name_is_refused(tmp_path: Path, name: str):
    (tmp_path / "2026-01-31T00-00-01Z.jpg").write_bytes(jpeg(1))
    (tmp_path / name).write_bytes(jpeg(1))
    with pytest.raises(FrameTimeError, match=name):
        frames(str(tmp_path))


def test_one_bad_image_is_reported_and_the_rest_is_read(tmp_path: Path):
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number) if number != 2 else b"\xff\xd8\xff garbage")
    found, faults = frames(f"{tmp_path}?fps=1")
    assert seconds(found) == [0.0, 1.0, 3.0]
    assert "2.jpg" in str(faults[0])


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([".jpg", ".png"]))
def test_a_picture_states_its_size(width: int, height: int, suffix: str):
    data = bytes(cv2.imencode(suffix, np.zeros((height, width, 3), np.uint8))[1].tobytes())
    assert picture_size(data) == (width, height)
    assert decode_picture(data, camera="cam").shape == (height, width, 3)


@given(st.binary(max_size=400), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_any_bytes_are_refused_or_decoded(tail: bytes, head: bytes):
    with pytest.raises((FrameUnreadableError, FrameTooLargeError)):
        decode_picture(head + tail, camera="cam")


def test_huge_pictures_are_refused_by_their_header(tmp_path: Path):
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", 60_000, 60_000) + bytes(9)
    with pytest.raises(FrameTooLargeError, match="60000 x 60000"):
        decode_picture(bomb, camera="cam")
    with pytest.raises(FrameUnreadableError, match="bytes"):
        decode_picture(bytes(MOST_BYTES + 1), camera="cam")
    (tmp_path / "1.jpg").write_bytes(bytes(MOST_BYTES + 1))
    assert "bytes" in str(frames(f"{tmp_path}?fps=1")[1][0])


def test_a_cut_off_jpeg_is_refused():
    with pytest.raises(FrameUnreadableError, match="cut off"):
        decode_picture(jpeg(3, (640, 480))[:-300], camera="cam")


class _Pictures(BaseHTTPRequestHandler):
    """Sends twelve JPEGs as a motion-JPEG stream and hangs up."""

    served = 0

    def do_GET(self) -> None:
        type(self).served += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(12):
            data = jpeg(number)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        del format, args


@pytest.fixture
def stream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pictures)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/video.mjpg"
    server.shutdown()
    server.server_close()
    thread.join()


PATIENCE = StreamSettings(open_timeout_s=3, stall_timeout_s=3, first_wait_s=0.01, longest_wait_s=0.02, most_tries=2)


def test_a_stream_is_stamped_by_the_clock_and_opened_again(stream: str):
    stop, found = threading.Event(), []
    before = datetime.now(UTC)
    address = read_address(stream, camera="cam")
    _Pictures.served = 0
    source = open_source(
        address, camera="cam", start=START, clock=WallClock(), patience=PATIENCE, stop=stop, on_fault=print
    )
    for frame in source:
        found.append(frame)
        if len(found) >= 20:
            stop.set()
    assert _Pictures.served >= 2, "the second dozen comes from a second connection"
    assert before - timedelta(seconds=1) <= found[0].captured_at <= datetime.now(UTC)
    assert all(a.captured_at < b.captured_at for a, b in pairwise(found))


def test_a_stream_that_never_comes_is_given_up():
    address = read_address("http://127.0.0.1:9/none.mjpg", camera="cam")
    source = open_source(address, camera="cam", start=START, clock=WallClock(), patience=PATIENCE, on_fault=print)
    with pytest.raises(StreamLostError, match="2 tries"):
        next(source)


def test_waits_double_within_bounds():
    patience = StreamSettings(first_wait_s=1.0, longest_wait_s=30.0)
    for failures in range(1, 2000, 7):
        expected = min(30.0, 2.0 ** min(failures - 1, 16))
        assert 0.8 * expected <= wait_s(failures, patience) <= 1.2 * expected


@pytest.mark.parametrize(("transport", "word"), [("multicast", "multicast"), ("", "''")])
def test_a_transport_that_is_none_is_refused(transport: str, word: str):
    with pytest.raises(SourceSettingError, match=word):
        read_address("rtsp://127.0.0.1/a", camera="cam", transport=transport)


def test_passwords_are_not_shown():
    fault = StreamFaultError("cam", "rtsp://admin:secret@10.0.0.9:554/1", reason="refused")
    lost = StreamLostError("cam", "rtsp://admin:secret@10.0.0.9:554/1", tries=3)
    for error in (fault, lost):
        assert "secret" not in str(error)
        assert "admin:***@10.0.0.9" in str(error)


@contextmanager
def answering(
    kind: str | None, body: bytes, *, elsewhere: bool = False, closed_to_others: bool = False
) -> Iterator[str]:
    """Give the address of a server that answers with a body of a kind, if asked to after a redirection."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if closed_to_others and self.headers.get("Authorization") != "Basic YTpiIGM=":  # a:b c
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
            if elsewhere and self.path != "/login":
                self.send_response(302)
                self.send_header("Location", "/login")
                self.end_headers()
                return
            self.send_response(200)
            if kind is not None:
                self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}/x"
    finally:
        server.shutdown()
        server.server_close()


PAGE = b"<!doctype html><html><body>" + b"<p>Please log in</p>" * 400 + b"</body></html>"


def lost(uri: str) -> str:
    """Return what is told of a stream that gives no frame."""
    address = read_address(uri, camera="cam")
    with pytest.raises(StreamLostError) as raised:
        next(open_source(address, camera="cam", start=START, clock=WallClock(), patience=PATIENCE, on_fault=print))
    return str(raised.value)


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("text/html; charset=utf-8", PAGE, "a web page (text/html) answers, no video; give the address of the stream"),
        ("application/json", b'{"error": "no such channel"}', "a text (application/json) answers, no video"),
    ],
)
def test_what_answers_where_no_video_does_is_told(kind: str, body: bytes, told: str):
    with answering(kind, body) as place:
        assert told in lost(f"http://{place}")
    with answering(kind, body, elsewhere=True) as place:
        assert told in lost(f"http://{place}")
    with answering(kind, body, closed_to_others=True) as place:
        assert told in lost(f"http://a:b%20c@{place}")


@pytest.mark.parametrize("kind", [None, "video/mp4"])
def test_a_stream_that_is_only_broken_is_called_no_page(kind: str | None):
    with answering(kind, bytes(5000)) as place:
        assert "answers" not in lost(f"http://{place}")


def test_an_address_that_is_none_is_told_without_its_password():
    with pytest.raises(SourceSettingError, match=r"address of camera cam's source is 'rtsp://a:\*\*\*@\[::1/x'"):
        read_address("rtsp://a:secret@[::1/x", camera="cam")
