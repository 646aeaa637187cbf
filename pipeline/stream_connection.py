"""One connection to a live stream, through FFmpeg's libraries (PyAV): opened, read frame by frame, closed.

Trying again is `streams`' business. What comes from a camera is not trusted: protocols, sizes and waits are bounded.
"""

import errno
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.detector import Image
from pipeline.frame_faults import STEP_PX, FrameFaults, sampled
from pipeline.frames import FrameFault
from pipeline.source_errors import StreamFaultError, require_size
from pipeline.stream_answer import no_video_at

_PROTOCOLS: Final = "rtp,rtsp,rtsps,srtp,tcp,udp,tls,http,https,httpproxy,crypto"
# Only these state when a frame was taken; for others FFmpeg makes a time up.
_WITH_TIME: Final = frozenset({"rtsp", "mpegts", "hls", "flv", "matroska", "webm", "mov", "mp4", "asf", "ogg", "avi"})
_PROBED_S: Final = 1.0
_PROBED_BYTES: Final = 2_000_000
_QUIET: Final = -8  # AV_LOG_QUIET: what a camera sends wrong is told once, by us


@dataclass(frozen=True, slots=True, kw_only=True)
class Grabbed:
    """One decoded frame of a stream; its picture is made when it is wanted.

    Attributes:
        position_s: its time by the stream; None where the stream has none of its own.
        stated_at_s: the time of day that the stream states for it, in seconds since 1970; None where it states none.
        fault: what is wrong with what it shows.
    """

    position_s: float | None
    stated_at_s: float | None
    fault: FrameFault | None
    _frame: Any
    _converter: Any

    def image(self) -> Image:
        """Return its picture, uint8 (height, width, 3) BGR."""
        return np.asarray(self._converter.reformat(self._frame, format="bgr24").to_ndarray(), np.uint8)


class Connection:
    """An open stream. Iterate it once; it ends when the stream does.

    Args:
        target: rtsp(s):// or http(s)://.
        camera: named in errors.
        transport: tcp or udp, for RTSP.
        open_timeout_s: opening, with what FFmpeg must read to know the codec, may take so long.
        stall_timeout_s: no bytes, or no whole frame, for so long is a loss; the first whole frame may take as long as
            opening.

    Raises:
        StreamFaultError: nothing answers, it is no video, or it does not begin in time.
        FrameTooLargeError: its frames are larger than taken.
    """

    def __init__(
        self, target: str, *, camera: str, transport: str, open_timeout_s: float, stall_timeout_s: float
    ) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        av.logging.set_libav_level(_QUIET)
        self._av, self._camera, self._target = av, camera, target
        self._first_s, self._stall_s = open_timeout_s, stall_timeout_s
        self._converter = VideoReformatter()
        self._faults = FrameFaults()
        try:
            self._container = av.open(
                target,
                options=_options(target, transport),
                timeout=(open_timeout_s, stall_timeout_s),
            )
        except (OSError, ValueError, av.FFmpegError) as error:
            reason = self._reason(error, open_timeout_s)
            if isinstance(error, av.error.InvalidDataError) or getattr(error, "errno", None) == errno.EIO:
                reason = no_video_at(target) or reason
            raise StreamFaultError(camera, target, reason=reason) from error
        try:
            self._video = self._opened_video()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Grabbed]:
        """Yield whole frames as they come; after a damaged one, from the next key frame on.

        Raises:
            StreamFaultError: it stalled or broke off.
            FrameTooLargeError: frames became larger than taken.
        """
        good_at, patience_s, whole = time.monotonic(), self._first_s, True
        for packet in self._packets():
            try:
                frames = packet.decode()
            except self._av.FFmpegError:
                frames, whole = [], False
            for frame in frames:
                whole = bool(frame.key_frame) or (whole and not frame.is_corrupt)
                if whole:
                    yield self._grabbed(frame)
                    good_at, patience_s = time.monotonic(), self._stall_s
            if time.monotonic() - good_at > patience_s:
                raise StreamFaultError(self._camera, self._target, reason=f"no whole frame for {patience_s:g} s")

    def _packets(self) -> Iterator[Any]:
        try:
            yield from self._container.demux(self._video)
        except (OSError, ValueError, self._av.FFmpegError) as error:
            raise StreamFaultError(self._camera, self._target, reason=self._reason(error, self._stall_s)) from error

    def close(self) -> None:
        """Close it; nothing can be read after it."""
        with suppress(OSError):
            self._container.close()

    def _reason(self, error: Exception, waited_s: float) -> str:
        if isinstance(error, self._av.error.ExitError):  # our own time limit
            return f"nothing came for {waited_s:g} s"
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return (lines[0] if lines else type(error).__name__).partition(": '")[0][:200]

    def _opened_video(self) -> Any:
        if not self._container.streams.video:
            raise StreamFaultError(self._camera, self._target, reason=no_video_at(self._target) or "it has no video")
        video = self._container.streams.video[0]
        if video.codec_context is None:
            raise StreamFaultError(self._camera, self._target, reason="its codec is not known")
        require_size(self._camera, video.codec_context.width, video.codec_context.height)
        video.codec_context.thread_count = 1  # more would hold frames back, and take the other cameras' cores
        names = set(self._container.format.name.split(","))
        self._has_time = bool(names & _WITH_TIME)
        return video

    def _grabbed(self, frame: Any) -> Grabbed:
        require_size(self._camera, frame.width, frame.height)
        position_s = float(frame.time) if self._has_time and frame.time is not None else None
        began = self._container.start_time_realtime
        stated = began / 1e6 + position_s if position_s is not None and began is not None and began > 0 else None
        return Grabbed(
            position_s=position_s,
            stated_at_s=stated,
            fault=self._faults.of(_grid(frame)),
            _frame=frame,
            _converter=self._converter,
        )


def _options(target: str, transport: str) -> dict[str, str]:
    options = {
        "protocol_whitelist": _PROTOCOLS,
        "analyzeduration": f"{_PROBED_S * 1e6:.0f}",
        "probesize": f"{_PROBED_BYTES}",
    }
    return options | ({"rtsp_transport": transport} if target.lower().startswith("rtsp") else {})


def _grid(frame: Any) -> NDArray[np.uint8]:
    """Return every eighth pixel's brightness of every eighth line."""
    if frame.format.name.startswith(("yuv", "nv", "gray")) and frame.format.components[0].bits == 8:  # noqa: PLR2004
        plane = frame.planes[0]
        luma = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
        return luma[::STEP_PX, ::STEP_PX].copy()
    return sampled(frame.to_ndarray(format="bgr24"))
