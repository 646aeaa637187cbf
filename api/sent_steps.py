"""Steps that a page sends, perhaps twice: a signal that was lost on the way back must not make two of one.

A page sends the version of the case that it showed. What the same person entered since then, with the same words, was
this very step: it is not taken again, and they are told so.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import File, Form, UploadFile

from api.reach import require_case
from api.schemas import Lat, Lon
from api.sent_pictures import cleaned
from api.services import Services
from geo.coords import LonLat
from pipeline.casebook import LimitError
from pipeline.cases import Action, Event
from pipeline.consequences import JOINT_PART
from pipeline.principal import Principal
from pipeline.trust import FalseReason

_STEP_LABEL: Final = {Action.DONE: "after"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentStep:
    """What a form of the terminal's page holds besides its address.

    Attributes:
        version: of the case when the page showed it; None from a page that did not say.
        more: how much time is asked for, in the deadline's unit.
        lonlat: where whoever sends it is.
    """

    note: str
    version: int | None
    more: float | None
    lonlat: LonLat | None
    picture: UploadFile | None


def sent_step(
    note: Annotated[str, Form(max_length=1000)] = "",
    version: Annotated[int | None, Form(ge=0)] = None,
    more: Annotated[float | None, Form(gt=0, le=1000, allow_inf_nan=False)] = None,
    lon: Annotated[Lon | None, Form()] = None,
    lat: Annotated[Lat | None, Form()] = None,
    picture: Annotated[UploadFile | None, File()] = None,
) -> SentStep:
    """Return what a form holds."""
    lonlat = None if lon is None or lat is None else LonLat(lon, lat)
    return SentStep(note=note.strip(), version=version, more=more, lonlat=lonlat, picture=picture)


def take(services: Services, who: Principal, number: str, action: Action, sent: SentStep) -> bool:
    """Take a step, with its picture; tells whether it was taken now, and not before."""
    if _entered_before(services, who, number, action.value, sent):
        return False
    pictures = _stored(services, who, number, sent, label=_STEP_LABEL.get(action, "step"))
    services.desk.act(
        number,
        action,
        principal=who,
        note=sent.note,
        lonlat=sent.lonlat,
        pictures=pictures,
        more=sent.more if action is Action.ASK_EXTENSION else None,
    )
    return True


def report_further(services: Services, who: Principal, number: str, sent: SentStep) -> bool:
    """Add a picture with words to a case; the same picture again is the same, and is told so.

    Raises:
        LimitError: there is no picture.
    """
    if sent.picture is None or not sent.picture.filename:
        raise LimitError("picture", "missing", "a JPEG or PNG of at most 10 MiB")
    before = {each.id for each in services.casebook.evidence(number)}
    return not before.issuperset(_stored(services, who, number, sent, label="step", note=sent.note))


def report_part(services: Services, who: Principal, number: str, department: str, sent: SentStep) -> bool:
    """Report a department's part in a joint action; tells whether it was reported now, and not before."""
    if _entered_before(services, who, number, JOINT_PART, sent):
        return False
    services.office.finish_part(number, department, note=sent.note, principal=who)
    return True


def call_false(services: Services, who: Principal, number: str, reason: FalseReason, sent: SentStep) -> bool:
    """Say that there was no problem; tells whether it was said now, and not before."""
    since = _since(services, who, number, sent)
    if any(each.details.get("false_reason") == reason.value for each in since):
        return False
    services.desk.trust.say_false(number, reason, note=sent.note, principal=who)
    return True


def _since(services: Services, who: Principal, number: str, sent: SentStep) -> list[Event]:
    """Return what this person entered since the version that their page showed; a case's version counts its events."""
    if sent.version is None:
        return []
    return [each for each in services.casebook.events(number)[sent.version :] if each.actor == who.name]


def _entered_before(services: Services, who: Principal, number: str, action: str, sent: SentStep) -> bool:
    since = _since(services, who, number, sent)
    return any(each.action == action and each.details.get("note", "") == sent.note for each in since)


def _stored(
    services: Services, who: Principal, number: str, sent: SentStep, *, label: str, note: str = ""
) -> tuple[str, ...]:
    view = cleaned(services, sent.picture)
    if view is None:
        return ()
    require_case(who, services.casebook.case(number))
    added = services.office.add_picture(number, view.jpeg, label=label, note=note, principal=who)
    return (added.id,)
