"""What bfloat16 and channels last are worth in training on this CPU: time a picture of each, and ratios to neither.

    python benchmarks/training_arithmetic.py [--batch 8] [--rounds 5] [--json]

Forwards, backwards and the optimizer on random pictures of 512 x 288 with 12 boxes each, one thread a core. Kinds take
turns, so that what else the machine does falls on all of them; the median round counts.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from itertools import product
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
HEIGHT, WIDTH, BOXES, CLASSES = 288, 512, 12, 12


def steps(model: str, *, half: bool, rows: bool, batch: int) -> Callable[[], None]:
    """Return what takes one step of a fresh model."""
    import torch
    from ultralytics.cfg import get_cfg
    from ultralytics.nn.tasks import DetectionModel

    layout = torch.channels_last if rows else torch.contiguous_format
    net: Any = DetectionModel(model, nc=CLASSES, verbose=False).train().to(memory_format=layout)
    net.args = get_cfg()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    shown = {
        "img": torch.rand(batch, 3, HEIGHT, WIDTH).contiguous(memory_format=layout),
        "cls": torch.randint(0, CLASSES, (batch * BOXES, 1)).float(),
        "bboxes": torch.rand(batch * BOXES, 4) * 0.2 + 0.2,
        "batch_idx": torch.arange(batch).repeat_interleave(BOXES).float(),
    }

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            loss = net(shown)[0].sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def measure(models: list[str], *, batch: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return milliseconds a picture by model and kind."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    found: dict[str, dict[str, float]] = {}
    for model in models:
        kinds = {}
        for half, rows in product((False, True), repeat=2):
            name = " + ".join(word for word, on in (("bfloat16", half), ("channels last", rows)) if on) or "float32"
            kinds[name] = steps(model, half=half, rows=rows, batch=batch)
        times: dict[str, list[float]] = {name: [] for name in kinds}
        for number in range(rounds + 1):
            for name, step in kinds.items():
                began = time.perf_counter()
                step()
                if number:  # the first one compiles
                    times[name].append((time.perf_counter() - began) * 1000 / batch)
        found[model] = {name: round(statistics.median(each), 1) for name, each in times.items()}
    return found


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(["yolo11n.yaml", "yolov8n.yaml", "yolo26n.yaml"], batch=given.batch, rounds=given.rounds)
    if given.json:
        print(json.dumps(found))
        return
    for model, kinds in found.items():
        plain = kinds["float32"]
        print(model, "  ".join(f"{name} {each} ms ({each / plain:.2f})" for name, each in kinds.items()))


if __name__ == "__main__":
    from models.yolo import import_ultralytics

    import_ultralytics(offline=True)
    main()
