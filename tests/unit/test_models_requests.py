"""Requests in flight: answers reach whoever asked, faults too, turns are kept, and nothing locks up."""

import threading
import time
from typing import Any

import numpy as np
import pytest

from models.requests import Requests, Turns


class _Request:
    """Stands for OpenVINO's: sums what is on its canvas, a moment later, in a thread."""

    def __init__(self, journal: list[int]) -> None:
        self._journal = journal

    def start_async(self, inputs: list[np.ndarray], *, share_inputs: bool) -> None:
        assert share_inputs
        self._thread = threading.Thread(target=self._work, args=(inputs[0],))
        self._thread.start()

    def _work(self, canvas: np.ndarray) -> None:
        time.sleep(0.001)
        self._sum = int(canvas.sum())
        self._journal.append(self._sum)

    def wait(self) -> None:
        self._thread.join()

    def get_output_tensor(self, index: int) -> Any:
        assert index == 0
        return type("Tensor", (), {"data": np.array([self._sum])})()


class _Compiled:
    def __init__(self) -> None:
        self.journal: list[int] = []

    def create_infer_request(self) -> _Request:
        return _Request(self.journal)


def requests(most: int) -> tuple[Requests[int], _Compiled]:
    compiled = _Compiled()
    return Requests(compiled, input_size=(1, 1), most=most), compiled


def drawn(number: int) -> Any:
    def draw(canvas: np.ndarray) -> None:
        canvas[:] = 0
        canvas[0, 0, 0] = number

    return draw


@pytest.mark.parametrize("most", [1, 2, 5])
def test_each_gets_its_own_answer_however_many_are_on_their_way(most: int):
    pool, _ = requests(most)
    flights = [pool.start(drawn(number), lambda output: int(output[0])) for number in range(40)]
    assert [flight.answer() for flight in reversed(flights)] == list(range(39, -1, -1))
    assert flights[0].answer() == 0
    pool.close()


def test_many_threads_that_each_hold_several_do_not_lock_up():
    pool, _ = requests(2)
    got: list[tuple[int, int]] = []

    def stream(first: int) -> None:
        flights = [pool.start(drawn(first + k), lambda output: int(output[0])) for k in range(12)]
        got.extend((first + k, flight.answer()) for k, flight in enumerate(flights))

    threads = [threading.Thread(target=stream, args=(20 * n,), daemon=True) for n in range(10)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert len(got) == 120
    assert all(wanted == found for wanted, found in got)


def test_a_fault_reaches_whoever_sent_the_frame_and_no_other():
    pool, _ = requests(1)

    def refuse(_: Any) -> int:
        raise ValueError("not finite")

    bad, good = pool.start(drawn(1), refuse), pool.start(drawn(2), lambda output: int(output[0]))
    assert good.answer() == 2
    with pytest.raises(ValueError, match="not finite"):
        bad.answer()
    with pytest.raises(ZeroDivisionError):
        pool.start(lambda _: 1 // 0, lambda _: 0)
    assert pool.start(drawn(3), lambda output: int(output[0])).answer() == 3


def test_turns_are_kept_in_the_order_of_asking():
    turns, order, threads = Turns(), [], []
    with turns:
        for number in range(20):

            def take(number: int = number) -> None:
                with turns:
                    order.append(number)

            threads.append(threading.Thread(target=take))
            threads[-1].start()
            while len(turns._waiting) <= number:
                time.sleep(0.001)
    for each in threads:
        each.join()
    assert order == list(range(20))


def test_an_eager_stream_does_not_crowd_out_the_others():
    pool, compiled = requests(1)

    def stream(number: int, frames: int) -> None:
        for _ in range(frames):
            pool.start(drawn(number), lambda output: int(output[0])).answer()

    threads = [threading.Thread(target=stream, args=(1 + n % 4, 30)) for n in range(8)]  # every stream twice
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    first = compiled.journal[:120]
    assert max(first.count(n) for n in (1, 2, 3, 4)) - min(first.count(n) for n in (1, 2, 3, 4)) <= 20
