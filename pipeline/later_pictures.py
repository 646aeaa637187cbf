"""Pictures that come after their sighting, and those of trials: carried into the casebook inside a transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pipeline.admission import listed
from pipeline.casebook import Asking, Evidence, Transaction
from pipeline.errors import UnknownError
from pipeline.offers import Entered, enter
from pipeline.second_look import CheckOutcome
from pipeline.sightings import Sighting
from pipeline.trust_book import Trial, TrialPicture

PICTURE: Final = "picture"
REJECTED: Final = "/rejected"
"""Follows the scene of a trial that a second model rejected: verdicts on it measure that model and not the scene."""


def ident_of(sighting: str, mark: str) -> str:
    """Return the id of a sighting's picture: the same for the same picture."""
    return hashlib.sha256(f"{sighting}/{mark}".encode()).hexdigest()[:24]


def wants_picture(asked: Asking, sighting: str, ident: str) -> bool:
    """Tell whether a sighting has a case or a trial that lacks a picture; so that none is written for nothing."""
    number = asked.case_of(sighting)
    if number is not None:
        return all(each.id != ident for each in asked.evidence(number))
    try:
        return asked.trial(sighting).judged_at is None
    except UnknownError:
        return False


def add_picture(tx: Transaction, picture: Evidence, *, entered: Entered) -> bool:
    """Add a picture to the case or trial of its sighting; tells whether it was new and there is one.

    The time of the case's last step stays, because offers and closings are counted from it.
    """
    number = tx.case_of(picture.sighting)
    if number is None:
        return _add_to_trial(tx, picture)
    if any(each.id == picture.id for each in tx.evidence(number)):
        return False
    case = tx.case(number)
    tx.add_evidence(replace(picture, case=number))
    details = {"sighting": picture.sighting, "label": picture.label, "pictures": listed([picture])}
    enter(tx, replace(case, version=case.version + 1), PICTURE, entered=entered, details=details)
    return True


def trial_of(sighting: Sighting, *, grid: str, pictures: Sequence[Evidence]) -> Trial:
    """Return what a scene in shadow found, as it is recorded."""
    return Trial(
        id=sighting.id,
        camera=sighting.camera,
        scene=f"{sighting.scene}{REJECTED}" if _rejected(sighting) else sighting.scene,
        grid=grid,
        lonlat=sighting.lonlat,
        error_m=sighting.error_m,
        captured_at=sighting.captured_at,
        pictures=tuple(_trial_picture(each) for each in pictures),
    )


def _rejected(sighting: Sighting) -> bool:
    return sighting.checked is not None and sighting.checked.outcome is CheckOutcome.REJECTED


def _add_to_trial(tx: Transaction, picture: Evidence) -> bool:
    try:
        trial = tx.trial(picture.sighting)
    except UnknownError:
        return False
    added = _trial_picture(picture)
    if added in trial.pictures or trial.judged_at is not None:
        return False
    tx.save_trial(replace(trial, pictures=(*trial.pictures, added)))
    return True


def _trial_picture(picture: Evidence) -> TrialPicture:
    # Originals of trials are not kept: nobody was called, so there is nothing to prove.
    return TrialPicture(label=picture.label, path=picture.path, sha256=picture.sha256, captured_at=picture.captured_at)
