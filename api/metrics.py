"""What Prometheus is told of this process and its casebook: cameras' frames, cases, offers, clocks, the process itself.

Labels take few values: cameras of the site, ways, reasons, statuses, clocks, faults; never a person or a case.
"""

import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Final

from api.metrics_text import Family, Kind
from api.services import Services
from pipeline.camera_pipeline import Outcome
from pipeline.counts import Counts
from pipeline.run_figures import Tallies
from pipeline.run_pulse import LATENCY_BOUNDS_S

_STARTED_AT: Final = time.time()
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def families_of(services: Services, *, version: int) -> list[Family]:
    """Return all families as they are now; `version` is the site's that this process works by."""
    counts = services.casebook.read(lambda now: now.counts())
    known = frozenset(services.site.cameras)
    return [
        *_cameras(services.tallies),
        *_book(counts, known),
        _gauge("beatgrid_site_version", "The site's version that this process works by.", version),
        *_process(),
    ]


def _gauge(name: str, told: str, value: float) -> Family:
    family = Family(name, Kind.GAUGE, told)
    family.add(value)
    return family


def _cameras(tallies: Tallies) -> list[Family]:
    """Return what this process's cameras count."""
    counter, gauge = Kind.COUNTER, Kind.GAUGE
    seen = Family("beatgrid_frames_seen_total", counter, "Frames that came from a camera.")
    inferred = Family("beatgrid_frames_inferred_total", counter, "Frames that the detector looked at.")
    still = Family("beatgrid_frames_still_total", counter, "Frames that the motion gate kept from the detector.")
    dropped = Family("beatgrid_frames_dropped_total", counter, "Frames that made room for newer ones under load.")
    refused = Family("beatgrid_frames_refused_total", counter, "Frames that were not taken, by why.")
    found = Family("beatgrid_sightings_total", counter, "Scenes that fired.")
    errors = Family("beatgrid_camera_errors_total", counter, "Errors of a camera.")
    lost = Family("beatgrid_reconnects_total", counter, "Times that a stream was lost and tried again.")
    queued = Family("beatgrid_queue_frames", gauge, "Frames that wait for the detector.")
    drift = Family("beatgrid_stream_drift_seconds", gauge, "Time that a stream ran off the clock within a minute.")
    moved = Family("beatgrid_camera_moved", gauge, "1 while a camera looks elsewhere than it was calibrated for.")
    latency = Family("beatgrid_frame_latency_seconds", Kind.HISTOGRAM, "From a live frame to what it brought, stored.")
    for way, camera, tally in tallies.all():
        frames, pulse = dict(tally.frames), tally.pulse
        labels = {"camera": camera, "way": way}
        seen.add(sum(frames.values()) + tally.dropped, **labels)
        inferred.add(frames[Outcome.PROCESSED], **labels)
        still.add(frames[Outcome.STILL], **labels)
        dropped.add(tally.dropped, **labels)
        for outcome in (Outcome.REPEATED, Outcome.LATE, Outcome.REFUSED, Outcome.UNFIT):
            refused.add(frames[outcome], **labels, why=outcome.value)
        found.add(tally.sightings, **labels)
        errors.add(tally.failures, **labels)
        lost.add(pulse.reconnects, **labels)
        queued.add(pulse.queued, **labels)
        moved.add(pulse.moved, **labels)
        latency.add_histogram(LATENCY_BOUNDS_S, list(pulse.latency.counts), pulse.latency.total_s, **labels)
        if pulse.drift_s is not None:
            drift.add(pulse.drift_s, **labels)
    return [seen, inferred, still, dropped, refused, found, errors, lost, queued, drift, moved, latency]


def _book(counts: Counts, cameras: frozenset[str]) -> list[Family]:
    """Return what the casebook holds."""
    cases = Family("beatgrid_cases", Kind.GAUGE, "Cases by status.")
    for status, count in counts.cases.items():
        cases.add(count, status=status)
    running = Family("beatgrid_clocks_running", Kind.GAUGE, "Duty clocks that run.")
    for name, count in counts.clocks.items():
        running.add(count, clock=name)
    due = Family("beatgrid_clocks_due", Kind.GAUGE, "Running duty clocks with a step to come; the others are over.")
    for name, count in counts.clocks_due.items():
        due.add(count, clock=name)
    faults = Family("beatgrid_camera_fault", Kind.GAUGE, "1 while a camera has a fault.")
    for camera, fault in counts.faults:
        if camera in cameras:
            faults.add(1, camera=camera, fault=fault)
    return [
        cases,
        _gauge("beatgrid_cases_urgent_open", "Urgent cases that are not ended.", counts.urgent_open),
        _gauge("beatgrid_offers_open", "Offers that nobody has answered.", counts.offers_open),
        running,
        due,
        faults,
        _gauge("beatgrid_outbox_waiting", "Messages that have not left.", counts.waiting),
    ]


def _process() -> list[Family]:
    """Return the process's own figures under their usual names; those that this system does not tell are left out."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = Family("process_cpu_seconds_total", Kind.COUNTER, "CPU time of this process.")
    cpu.add(used.ru_utime + used.ru_stime)
    families = [
        cpu,
        _gauge("process_start_time_seconds", "When this process loaded its doors, in seconds since 1970.", _STARTED_AT),
        _gauge("process_threads", "Threads of Python in this process.", threading.active_count()),
    ]
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        families += [
            _gauge("process_resident_memory_bytes", "Memory that this process holds.", pages * _PAGE_BYTES),
            _gauge("process_open_fds", "Open files and connections.", len(list(Path("/proc/self/fd").iterdir()))),
        ]
    return families
