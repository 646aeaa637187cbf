"""New calibrations: written into a site's folder or its documents, and taken over by cameras at work."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np

from geo.boundaries import Fault
from geo.coords import Datum, convert_array
from geo.feature_files import read_camera_features, write_camera_features
from pipeline.calibration import Calibration
from pipeline.camera_features import CAMERAS
from pipeline.cameras import Camera
from pipeline.casebook import Casebook
from pipeline.configuration import SITE, read_settings
from pipeline.errors import PipelineError, UnknownError
from pipeline.site import Site
from pipeline.site_changes import Change
from pipeline.site_files import SiteFaultsError, document, site_from_documents

EVERY_S: Final = 5.0
_DIGITS: Final = 8
_log = logging.getLogger(__name__)


def with_calibration(calibration: Calibration) -> Change:
    """Return the change that gives a camera its new calibration; all else in the cameras' file stays as it is.

    The change raises:
        UnknownError: the site has no such camera.
    """

    def change(documents: Mapping[str, str], site: Site) -> Mapping[str, str]:
        table = json.loads(documents[CAMERAS])
        datum = read_settings(documents[SITE], []).datums["cameras"]
        for feature in table["features"]:
            properties: dict[str, Any] = feature["properties"]
            if properties.get("code") == calibration.camera:
                properties["calibration"] = _in_datum(calibration, datum)
                return {CAMERAS: _written(table)}
        raise UnknownError("camera", calibration.camera, sorted(site.cameras))

    return change


def save_calibration(folder: Path, calibration: Calibration) -> None:
    """Put a calibration into the site's cameras file, whole or not at all; the site must be applied to take effect.

    Raises:
        SiteFaultsError: `site.toml`, which says the file's datum, has faults.
    """
    faults: list[Fault] = []
    datum = read_settings(document(folder, SITE, faults) or "", faults).datums["cameras"]
    if faults:
        raise SiteFaultsError(str(folder), faults)
    features = read_camera_features(folder / CAMERAS, Datum.WGS84)  # as they stand in the file: nothing is converted
    for _, properties in features:
        if properties.get("code") == calibration.camera:
            properties["calibration"] = _in_datum(calibration, datum)
    write_camera_features(folder / CAMERAS, features)


def _in_datum(calibration: Calibration, datum: Datum) -> dict[str, object]:
    """Return the property as the site's file has it: positions in the file's own datum."""
    if datum in (Datum.WGS84, Datum.CGCS2000):
        return calibration.as_property()
    points = np.array(calibration.points)
    points[:, 2:] = convert_array(points[:, 2:], source=Datum.WGS84, target=datum)
    return replace(calibration, points=points).as_property()


def _written(table: Mapping[str, Any]) -> str:
    """Return GeoJSON with a line for each camera, as the writer of places has it."""
    head = {name: value for name, value in table.items() if name != "features"}
    opening = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1]
    lines = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in table["features"])
    return f'{opening},"features":[\n' + ",\n".join(lines) + "\n]}\n"


def recalibrated(before: Camera, changed: Camera | None) -> Camera:
    """Return a camera with its new calibration and nothing else of what changed; the very same one if that is none."""
    if changed is None or changed.properties.get("calibration") == before.properties.get("calibration"):
        return before
    if (changed.width_px, changed.height_px) != (before.width_px, before.height_px):
        return before  # zones and frames refer to another image: for a restart
    properties = {**before.properties, "calibration": changed.properties.get("calibration")}
    return replace(before, view=changed.view, properties=properties)


class Calibrations:
    """The cameras of one process with their newest calibrations; for several threads at once.

    Args:
        site: as the process read it.
        casebook: is asked for a newer version of the site.
        seconds: a clock that only goes forward.
    """

    def __init__(self, site: Site, casebook: Casebook, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._cameras, self._casebook, self._seconds = dict(site.cameras), casebook, seconds
        self._lock = Lock()
        self._version = casebook.site_version()
        self._looked_s = seconds()

    def camera(self, code: str) -> Camera:
        """Return a camera as it is calibrated now; looks for changes at most every five seconds."""
        if self._seconds() - self._looked_s >= EVERY_S and self._lock.acquire(blocking=False):
            try:
                self._looked_s = self._seconds()
                self._look()
            except PipelineError:
                _log.exception("newer calibrations cannot be read; cameras go on by the ones before")
            finally:
                self._lock.release()
        return self._cameras[code]

    def _look(self) -> None:
        version = self._casebook.site_version()
        if version == self._version:
            return
        changed = site_from_documents(self._casebook.site_documents()).cameras
        self._cameras = {code: recalibrated(each, changed.get(code)) for code, each in self._cameras.items()}
        self._version = version
