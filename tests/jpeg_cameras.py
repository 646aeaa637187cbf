"""Cameras that send motion JPEG over HTTP, on this machine."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np


def sent_pictures(width_px: int, height_px: int, fps: float) -> type[BaseHTTPRequestHandler]:
    """Return a camera that sends moving pictures of a size as motion JPEG until its reader goes."""

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            number = 0
            with suppress(OSError):
                while True:
                    image = np.full((height_px, width_px, 3), 90, np.uint8)
                    image[:, (number * 7) % (width_px - 16) :][:, :16] = 200
                    data = cv2.imencode(".jpg", image)[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    number += 1
                    time.sleep(1.0 / fps)

        def log_message(self, *_: object) -> None:
            pass

    return Camera


@contextmanager
def serving() -> Iterator[Callable[..., str]]:
    """Give what starts a camera of a size and rate and returns its address; all end together."""
    servers: list[ThreadingHTTPServer] = []

    def serve(width_px: int = 320, height_px: int = 240, *, fps: float = 20.0) -> str:
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), sent_pictures(width_px, height_px, fps)))
        servers[-1].daemon_threads = True
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}/video.mjpg"

    try:
        yield serve
    finally:
        for each in servers:
            each.shutdown()
            each.server_close()
