"""A camera's memory: its occupancies and rules as JSON-able values, so that a restart goes on where it was."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import numpy as np

from geo.coords import LonLat
from geo.metric import LocalPlane
from pipeline.cameras import Camera
from pipeline.errors import PipelineError
from pipeline.occupancy import Occupancy
from pipeline.sight import Sight

FORM: Final = 1
_ROUNDED: Final = 5  # digits: tenths of a millimetre, hundredths of a pixel
# Times stay whole: they name sightings. What the tracker said means nothing to another run.
_TIMES: Final = frozenset({"first_seen", "last_seen", "again_since", "alone_since"})
_NOT_KEPT: Final = frozenset({"track", "seen_now", "early", "said"})


class MemoryFormError(PipelineError):
    """What is stored of a camera is not what this program writes."""

    def __init__(self, camera: str, reason: str) -> None:
        super().__init__(
            f"the stored state of camera {camera} cannot be read: {reason}; it begins anew if that row is removed"
        )


def remember(camera: Camera, sights: Sequence[Sight], *, watched_since: float) -> dict[str, object]:
    """Return all that must survive a restart, JSON-able: the first sight's memory, and the others' by their weights."""
    first, *more = sights
    return {
        "form": FORM,
        "origin": [*camera.view.plane.origin],
        "watched_since": watched_since,
        **_sight_record(first),
        **({"more": {each.weights: _sight_record(each) for each in more}} if more else {}),
    }


def _sight_record(sight: Sight) -> dict[str, object]:
    return {
        "period_s": sight.occupancies.period_s,
        "newest": sight.occupancies.newest,
        "occupancies": [_record(each) for each in sight.occupancies.all],
        "rules": sight.rules.record(),
    }


def recall(memory: Mapping[str, object], camera: Camera, sights: Sequence[Sight]) -> float | None:
    """Fill a camera's sights from what `remember` wrote; return since when the camera watches.

    Places are moved to the plane of the camera's present calibration. A sight by weights that were not named then
    begins anew.

    Raises:
        MemoryFormError: it is in another form.
    """
    if not memory:
        return None
    if memory.get("form") != FORM:
        raise MemoryFormError(camera.code, f"form {memory.get('form')!r}, expected {FORM}")
    try:
        return _recall(memory, camera, sights)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise MemoryFormError(camera.code, f"{type(error).__name__}: {error}") from error


def _recall(memory: Mapping[str, Any], camera: Camera, sights: Sequence[Sight]) -> float:
    longitude, latitude = memory["origin"]
    before, now = LocalPlane.at(LonLat(float(longitude), float(latitude))), camera.view.plane
    moved = before.origin != now.origin
    first, *others = sights
    _fill(first, memory, before, now if moved else None)
    more = memory.get("more", {})
    for each in others:
        if each.weights in more:
            _fill(each, more[each.weights], before, now if moved else None)
    return float(memory["watched_since"])


def _fill(sight: Sight, memory: Mapping[str, Any], before: LocalPlane, now: LocalPlane | None) -> None:
    """Fill one sight; `now` is None where places stay as they are."""
    occupancies = sight.occupancies
    occupancies.all = [_occupancy(each, before, now) for each in memory["occupancies"]]
    occupancies.period_s = float(memory["period_s"])
    occupancies.newest = None if memory["newest"] is None else float(memory["newest"])
    # A group or a visit does not outlive a calibration: it is a matter of seconds.
    if now is None and isinstance(memory["rules"], Mapping):
        sight.rules.restore(memory["rules"])


def _record(each: Occupancy) -> dict[str, object]:
    kept = (field.name for field in fields(each) if field.name not in _NOT_KEPT)
    return {name: _value(name, getattr(each, name)) for name in kept}


def _value(name: str, value: object) -> object:
    if name == "known_as" and isinstance(value, Sequence):
        return [[since, called] for since, called in value]
    if isinstance(value, float):
        return value if name in _TIMES else round(value, _ROUNDED)
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, Mapping):
        return {key: round(float(each), _ROUNDED) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [round(float(each), _ROUNDED) for each in value]
    return value


def _occupancy(record: Mapping[str, Any], before: LocalPlane, now: LocalPlane | None) -> Occupancy:
    values: dict[str, Any] = dict(record)
    for name in ("box_px", "first_m", "cov_m2", "calibration_cov_m2"):
        values[name] = tuple(float(each) for each in values[name])
    values["look"] = None if values["look"] is None else tuple(float(each) for each in values["look"])
    values["fired"] = {str(each) for each in values["fired"]}
    values["votes"] = {str(key): float(each) for key, each in values["votes"].items()}
    values["known_as"] = [(float(since), str(name)) for since, name in values.get("known_as", ())]
    if now is not None:
        places = np.array([[values["east_m"], values["north_m"]], values["first_m"]])
        (values["east_m"], values["north_m"]), first = now.to_metres(before.to_lonlat(places)).tolist()
        values["first_m"] = (first[0], first[1])
    found = Occupancy(**values, seen_now=False)
    # A state that was written before names had times tells none.
    found.known_as = found.known_as or [(found.first_seen, found.class_name)]
    return found
