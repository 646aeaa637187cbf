"""Requests in flight: several frames go through one compiled OpenVINO model at once, callers served in turn.

A caller that finds no request free waits for the oldest in flight, takes its answer in for whoever sent it, and goes on
with that request: nobody holds a request while waiting for another, so nothing can lock up, and every stream gets the
next free request in the order in which it asked.
"""

from collections import deque
from collections.abc import Callable
from threading import Condition, Lock
from types import TracebackType
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Turns:
    """A lock that is handed on in the order in which it was asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held = False
        self._waiting: deque[Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if not self._held:
                self._held = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False


class Flight(Generic[T]):
    """One frame on its way.

    Args:
        request: OpenVINO's.
        read: turns the request's output into the answer; called once.
    """

    def __init__(self, request: Any, read: Callable[[NDArray[Any]], T]) -> None:
        self._request, self._read = request, read
        self._lock = Lock()
        self._answer: tuple[T | None, BaseException | None] | None = None

    @property
    def landed(self) -> bool:
        """Tell whether its answer is in, so that its request is free."""
        return self._answer is not None

    def land(self) -> None:
        """Wait for the answer and take it in; afterwards the request is free for another frame."""
        with self._lock:
            if self._answer is not None:
                return
            try:
                self._request.wait()
                self._answer = (self._read(self._request.get_output_tensor(0).data), None)
            except Exception as error:  # noqa: BLE001 - raised where the answer is asked for
                self._answer = (None, error)

    def answer(self) -> T:
        """Return the answer of a frame that has landed."""
        if self._answer is None:
            self.land()
        answer, error = self._answer or (None, None)
        if error is not None:
            raise error
        return answer  # type: ignore[return-value]  # one of the two is set


class Requests(Generic[T]):
    """The requests of one compiled model, each with a canvas of its own.

    Args:
        compiled: the model; its input is uint8 (1, height, width, 3).
        input_size: height and width in pixels.
        most: requests at once.
    """

    def __init__(self, compiled: Any, *, input_size: tuple[int, int], most: int) -> None:
        self._free = deque(
            (compiled.create_infer_request(), np.zeros((1, *input_size, 3), np.uint8)) for _ in range(most)
        )
        self._flying: deque[tuple[Flight[T], tuple[Any, NDArray[np.uint8]]]] = deque()
        self._turns, self._changed = Turns(), Condition()

    def start(self, draw: Callable[[NDArray[np.uint8]], None], read: Callable[[NDArray[Any]], T]) -> Flight[T]:
        """Draw a frame into a free request's canvas and send it off.

        Args:
            draw: fills the canvas, uint8 (height, width, 3).
            read: see `Flight`.
        """
        with self._turns:
            seat = self._seat()
        request, canvas = seat
        try:
            draw(canvas[0])
            request.start_async([canvas], share_inputs=True)
        except BaseException:
            with self._changed:
                self._free.append(seat)
                self._changed.notify()
            raise
        flight = Flight(request, read)
        with self._changed:
            self._flying.append((flight, seat))
            self._changed.notify()
        return flight

    def close(self) -> None:
        """Wait for what is in flight and give the requests back."""
        with self._turns:
            while self._flying:
                self._flying.popleft()[0].land()
            self._free.clear()

    def _seat(self) -> tuple[Any, NDArray[np.uint8]]:
        """Return a free request and its canvas, else those of the flight that has landed, or will land, first."""
        with self._changed:
            while not self._free and not self._flying:
                self._changed.wait()  # all are being drawn at this moment
            if self._free:
                return self._free.popleft()
            chosen = next((each for each in self._flying if each[0].landed), self._flying[0])
            self._flying.remove(chosen)
        chosen[0].land()
        return chosen[1]
