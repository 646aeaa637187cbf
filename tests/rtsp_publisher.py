"""FFmpeg as a camera: encodes a picture with a bar that moves and publishes it at addresses until it is ended.

    python rtsp_publisher.py CODEC WIDTHxHEIGHT FPS GOP ADDRESS...

A process of its own: PyAV holds Python's lock while it connects to publish. Prints a line when all addresses are taken.
"""

import sys
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np

OPTIONS = {"libx264": {"preset": "ultrafast", "tune": "zerolatency"}}


def moving(number: int, size_px: tuple[int, int]) -> np.ndarray:
    """Return a grey picture with lines and a bar that stands elsewhere in each."""
    width, height = size_px
    image = np.full((height, width, 3), 90, np.uint8)
    image[::16] = 160
    left = (number * 8) % (width - 16)
    image[:, left : left + 16] = (30, 60, 220)
    return image


def opened(address: str, *, codec: str, size_px: tuple[int, int], fps: int, gop: int) -> tuple[Any, Any]:
    """Return a publishing container and its stream."""
    out = av.open(address, "w", format="rtsp", options={"rtsp_transport": "tcp"})
    video: Any = out.add_stream(codec, rate=fps, options=OPTIONS.get(codec, {}))
    video.width, video.height = size_px
    video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    video.codec_context.gop_size = gop
    video.codec_context.bit_rate = 2_000_000
    return out, video


def main() -> None:
    """Publish until killed."""
    codec, size, fps, gop, *addresses = sys.argv[1:]
    width, _, height = size.partition("x")
    size_px, rate = (int(width), int(height)), int(fps)
    outs = [opened(each, codec=codec, size_px=size_px, fps=rate, gop=int(gop)) for each in addresses]
    started, number = time.monotonic(), 0
    while True:
        picture = moving(number, size_px)
        for out, video in outs:
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, rate)
            for packet in video.encode(frame):
                out.mux(packet)
        if number == 0:
            print("publishing", flush=True)  # noqa: T201 - read by the test
        number += 1
        time.sleep(max(0.0, started + number / rate - time.monotonic()))


if __name__ == "__main__":
    main()
