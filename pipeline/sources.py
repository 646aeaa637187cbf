"""Sources: what an address names, and the frames behind it, whether recorded (`footage`) or live (`streams`)."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from urllib.parse import unquote, urlsplit

from pipeline.clocks import Clock
from pipeline.footage import read_footage
from pipeline.frames import Frame
from pipeline.source_errors import SchemeError, SourceError, SourceMissingError, SourceSettingError, shown_address
from pipeline.streams import StreamSettings, Transport, read_stream

__all__ = ["Frame", "SourceAddress", "checked_fps", "open_source", "read_address"]

LIVE_SCHEMES = frozenset({"rtsp", "rtsps", "http", "https"})
LEAST_FPS, MOST_FPS = 0.01, 240.0
_SUFFIX = re.compile(r"\?(?:fps=(?P<fps>[^?&]*)&?)?(?P<paced>paced)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAddress:
    """What an address names.

    Attributes:
        target: path of a file or folder, or the address of a stream.
        live: whether it is a stream that does not wait.
        footage_fps: the rate that a recording was filmed at, where its header is not to be believed.
        transport: of RTSP.
        paced: whether a recording is played as if it were live: each frame when its time comes.
    """

    target: str
    live: bool
    footage_fps: float | None
    transport: Transport = Transport.TCP
    paced: bool = False

    @property
    def waits(self) -> bool:
        """Tell whether it can wait until its frames are taken; what is live or paced cannot."""
        return not (self.live or self.paced)


def read_address(
    uri: str, *, camera: str, footage_fps: float | None = None, transport: str = Transport.TCP
) -> SourceAddress:
    """Take an address apart: a path, file:, rtsp(s): or http(s):.

    `video.avi?fps=7` states the rate of a path; `video.avi?paced` and `video.avi?fps=7&paced` play it as if live.

    Args:
        uri: the address.
        camera: named in errors.
        footage_fps: the rate of recordings of this camera unless the address states one.
        transport: of RTSP, tcp or udp.

    Raises:
        SchemeError: another scheme.
        SourceSettingError: the rate is not a number from 0.01 to 240, or the transport neither tcp nor udp.
        SourceMissingError: the address is empty.
    """
    if not uri.strip() or "\0" in uri:
        raise SourceMissingError(camera, uri)
    try:
        scheme = urlsplit(uri).scheme.lower() if "://" in uri else ""
    except ValueError as error:
        expected = "an address such as rtsp://10.0.0.9:554/1"
        raise SourceSettingError(camera, "address", shown_address(uri), expected=expected) from error
    if scheme in LIVE_SCHEMES:
        carried = checked_transport(transport, camera=camera)
        return SourceAddress(target=uri, live=True, footage_fps=None, transport=carried)
    if scheme not in {"", "file"}:
        raise SchemeError(camera, uri, scheme)
    path = unquote(uri[len("file://") :]) if scheme == "file" else uri
    suffix = None if Path(path).exists() else _SUFFIX.search(path)
    if suffix is None:
        return SourceAddress(target=path, live=False, footage_fps=footage_fps)
    rate = footage_fps if suffix["fps"] is None else checked_fps(suffix["fps"], camera=camera)
    target, paced = path[: suffix.start()], suffix["paced"] is not None
    return SourceAddress(target=target, live=False, footage_fps=rate, paced=paced)


def checked_fps(value: object, *, camera: str, name: str = "fps") -> float:
    """Return a frame rate.

    Raises:
        SourceSettingError: it is not a number from 0.01 to 240.
    """
    expected = f"frames per second from {LEAST_FPS:g} to {MOST_FPS:g}"
    try:
        fps = float(str(value))
    except ValueError as error:
        raise SourceSettingError(camera, name, value, expected=expected) from error
    if not LEAST_FPS <= fps <= MOST_FPS:
        raise SourceSettingError(camera, name, value, expected=expected)
    return fps


def checked_transport(value: object, *, camera: str) -> Transport:
    """Return how RTSP's frames travel.

    Raises:
        SourceSettingError: it is neither tcp nor udp.
    """
    try:
        return Transport(str(value).lower())
    except ValueError as error:
        raise SourceSettingError(camera, "transport", value, expected="tcp or udp") from error


def open_source(  # noqa: PLR0913 - what live streams need and what recordings need
    address: SourceAddress,
    *,
    camera: str,
    start: datetime,
    clock: Clock,
    fps: float | None = None,
    patience: StreamSettings | None = None,
    stop: Event | None = None,
    on_fault: Callable[[SourceError], None],
    on_lost: Callable[[], None] | None = None,
) -> Iterator[Frame]:
    """Yield the frames behind an address, in order of time.

    Args:
        address: from `read_address`.
        camera: the camera's code.
        start: time of a recording's first frame; live frames get theirs from stream and clock.
        clock: says when live frames come in.
        fps: frames per second to yield at most.
        patience: timeouts and tries of a live stream.
        stop: ends a live stream, also while it waits.
        on_fault: called with faults that do not end the source.
        on_lost: called each time that a live stream was lost and is tried again.

    Raises:
        SourceError: nothing, or nothing more, can be read; also on the first frame, as nothing is opened before.
    """
    if address.live:
        return read_stream(
            address.target,
            camera=camera,
            clock=clock,
            fps=fps,
            settings=patience,
            transport=address.transport,
            stop=stop,
            on_lost=on_lost,
        )
    footage = read_footage(
        Path(address.target),
        camera=camera,
        start=start,
        fps=fps,
        footage_fps=address.footage_fps,
        on_fault=on_fault,
    )
    return _paced(footage, clock, stop or Event()) if address.paced else footage


def _paced(footage: Iterator[Frame], clock: Clock, stop: Event) -> Iterator[Frame]:
    """Yield each frame when its time has come; those of the past at once."""
    for frame in footage:
        wait_s = (frame.captured_at - clock.now()).total_seconds()
        if stop.wait(max(0.0, wait_s)):
            return
        yield frame
