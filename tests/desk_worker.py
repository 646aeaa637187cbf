"""A process of its own with a desk, driven by lines of JSON: what the fault tests start, race and kill.

desk_worker.py URL EVIDENCE orders     does each line's order at its instant and answers with a line
desk_worker.py URL EVIDENCE all SEED   takes every sighting of the street in an order drawn from the seed
"""

import json
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from small_site import INGEST, NOON, PLAIN, force, force_at, sighting, small_site, spot

from geo.coords import LonLat
from pipeline.cases import Action
from pipeline.clocks import WallClock
from pipeline.desk import Desk
from pipeline.errors import PipelineError
from pipeline.evidence import EvidenceStore
from pipeline.principal import PIPELINE
from pipeline.sightings import Sighting
from pipeline.sql_casebook import open_casebook

ACROSS, PITCH_M = 20, 20.0
PLACES = 40
EACH = 3


def place(index: int, aside_m: float = 0.0) -> LonLat:
    """Return one of 400 places, 20 m apart, all in grid A."""
    row, column = divmod(index, ACROSS)
    return spot("A", (column - ACROSS / 2) * PITCH_M + aside_m, (row - ACROSS / 2) * PITCH_M)


def street() -> list[Sighting]:
    """Return three sightings at each of 40 places, a few decimetres apart."""
    return [
        sighting(f"street-{index}-{again}", place(index, 0.3 * again), when=NOON)
        for index in range(PLACES)
        for again in range(EACH)
    ]


def desk_at(url: str, evidence: str) -> Desk:
    forces = [force(1, "A"), force(2, "A", 60.0), force(3, "B")]
    site = small_site(forces, policy=replace(PLAIN, max_open_cases=100_000))
    return Desk(site=site, casebook=open_casebook(url), clock=WallClock(), evidence=EvidenceStore(Path(evidence)))


def obey(desk: Desk, order: dict[str, Any]) -> dict[str, object]:
    """Do one order at its instant; the clock is shared by all processes of a machine."""
    while time.monotonic() < order["at"]:
        pass
    try:
        if order["do"] == "take":
            seen = sighting(order["id"], place(order["place"], order["aside_m"]))
            taken = desk.take(seen, principal=INGEST)
            return {"outcome": taken.outcome, "number": taken.number}
        who = force_at(order["as"]) if order["as"] else PIPELINE
        case = desk.act(order["number"], Action(order["do"]), principal=who, terminal=order.get("terminal"))
    except PipelineError as error:
        return {"outcome": type(error).__name__, "words": str(error)}
    return {"outcome": "done", "status": case.status.value, "terminal": case.terminal}


def say(line: str) -> None:
    """Write a line in one piece: several processes may share the pipe."""
    os.write(1, line.encode() + b"\n")


def take_all(url: str, evidence: str, seed: int) -> None:
    desk = desk_at(url, evidence)
    sightings = street()
    random.Random(seed).shuffle(sightings)
    say(f"{seed} ready")
    for each in sightings:
        say(f"{seed} {desk.take(each, principal=INGEST).outcome}")
    say(f"{seed} finished")


def nurse(url: str, evidence: str) -> None:
    """Fork from a process that has loaded everything and opened nothing: a start costs milliseconds, not seconds."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with tempfile.TemporaryDirectory() as folder:
        open_casebook(f"sqlite:///{folder}/warm-up.db").close()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            take_all(url, evidence, int(line))
            os._exit(0)
        say(f"{int(line)} process {child}")


def main() -> None:
    url, evidence, what = sys.argv[1:]
    if what == "nursery":
        say("ready")
        nurse(url, evidence)
        return
    desk = desk_at(url, evidence)
    say("ready")
    for line in sys.stdin:
        say(json.dumps(obey(desk, json.loads(line))))


if __name__ == "__main__":
    main()
