"""Taking steps: carries one step of a case out inside a write transaction, with clocks, messages and the next offer.

Which step may follow which is `cases`'; who is asked first is `offers`'. Owns extensions and rework.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from geo.coords import LonLat
from pipeline.casebook import LimitError, Transaction
from pipeline.cases import MUST_SHOW, SHORTEST_WORDS, Action, Case, NothingShownError, Status, step
from pipeline.clock_keeping import STOPS, ask_time, give_time, go_on, start_anew, take_up, time_to_handle
from pipeline.clock_steps import fire_due_of
from pipeline.consequences import consequences
from pipeline.errors import PipelineError, RefusedError, UnknownError
from pipeline.escalation import department_of, may_take
from pipeline.history import NAMES_TERMINAL
from pipeline.joint_action import require_parts_done
from pipeline.next_steps import longest_extension
from pipeline.offers import Entered, enter, notify, offer, require_department, withdraw
from pipeline.principal import PIPELINE, Role
from pipeline.site import Site
from pipeline.verdicts import note_step
from pipeline.whereabouts import place_of

MOST_PICTURES: Final = 20
_OFFERED_AFTER: Final = frozenset({Action.FILE, Action.DECLINE, Action.RESUME, Action.REWORK, Action.REOPEN})
_TERMINAL_HEARS: Final = frozenset(
    {Action.RESUME, Action.REWORK, Action.SUPERVISE, Action.SUSPEND, Action.EXTEND, Action.REFUSE_EXTENSION}
)


class ExtensionError(PipelineError):
    """An extension cannot be asked for, or not by this much."""

    def __init__(self, number: str, why: str) -> None:
        super().__init__(f"case {number} cannot have this extension: {why}")


class OwnExtensionError(RefusedError):
    """Who asked for an extension decides on it."""

    def __init__(self, who: str, number: str) -> None:
        PipelineError.__init__(
            self, f"{who} asked for the extension of case {number} and may not decide on it; somebody else must"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A step that somebody asks for.

    Attributes:
        lonlat: where they are; None stands for where a force's terminal was just now, see `whereabouts`.
        pictures: ids of pictures of the case that show what they did.
        more: by how much to extend, in the unit of the case's deadline; only with `ask-extension`.
    """

    action: Action
    note: str = ""
    lonlat: LonLat | None = None
    pictures: tuple[str, ...] = ()
    more: float | None = None


def take_step(tx: Transaction, case: Case, ask: Ask, *, site: Site, entered: Entered) -> Case:
    """Take a step and return the case after it; what is filed by it is offered at once, what was collected too.

    Raises:
        IllegalStepError, NotYourCaseError, PassedOnError, ReasonMissingError, RefusedError: see `cases.step`.
        NothingShownError: a first result, or what is done, comes with neither words nor a picture.
        ExtensionError, OwnExtensionError, NoDeadlineError: the extension cannot be asked for, or not by them.
        PartsOutstandingError: other departments of a joint action have not finished.
        OtherDepartmentError: a force handles on the spot what another department alone may handle.
        UnknownError, LimitError: a picture is not the case's, or there are too many.
    """
    action = ask.action
    if ask.more is not None and action is not Action.ASK_EXTENSION:
        raise LimitError("more", ask.more, f"nothing, since {action} asks for no time; only ask-extension does")
    if action in STOPS:
        case = fire_due_of(tx, case, site=site, now=entered.now)
    after = step(_as_carried(tx, case, action, site), action, principal=entered.by, note=ask.note, now=entered.now)
    _require_shown(case, ask)
    details = {
        **_base(tx, case, after, ask, site=site, entered=entered),
        **_own(tx, case, after, ask, site=site, entered=entered),
    }
    taken_up = take_up(tx, after, entered.now, site=site) if action in _OFFERED_AFTER else {}
    if taken_up:
        raised = details.get("raised")
        details["raised"] = {**(raised if isinstance(raised, Mapping) else {}), **taken_up}
    after = consequences(after, action.value, details)
    enter(tx, after, action.value, entered=entered, details=details)
    note_step(tx, case, action, site=site, entered=entered)
    if entered.by.terminal != case.terminal:
        withdraw(tx, before=case, after=after, now=entered.now)
    if action in _TERMINAL_HEARS and after.terminal is not None:
        notify(tx, after, action.value, now=entered.now)
    if action in _OFFERED_AFTER and after.status is Status.FILED:
        return offer(tx, after, site=site, entered=replace(entered, by=PIPELINE))[0]
    return after


def _as_carried(tx: Transaction, case: Case, action: Action, site: Site) -> Case:
    """Return a case that is to be done again: by its handler's department, with nobody if they are of it no more."""
    if action is not Action.REWORK:
        return case
    again = replace(case, rework_by=_handlers_department(tx, case, site))
    return again if may_take(again, case.terminal, site) else replace(again, terminal=None)


def _handlers_department(tx: Transaction, case: Case, site: Site) -> str:
    """Return the department of who handled a case, as it was when they got it: they may have left since."""
    told = [event.details.get("department") for event in tx.events(case.number) if event.action in NAMES_TERMINAL]
    return str(told[-1]) if told and told[-1] is not None else department_of(case, site)


def _require_shown(case: Case, ask: Ask) -> None:
    if ask.action in MUST_SHOW and not ask.pictures and len(ask.note.strip()) < SHORTEST_WORDS:
        raise NothingShownError(case.number, ask.action)


def _base(tx: Transaction, case: Case, after: Case, ask: Ask, *, site: Site, entered: Entered) -> dict[str, object]:
    """Return the place, words and pictures of a step."""
    terminal = after.terminal if ask.action is Action.SELF_HANDLE else case.terminal
    details: dict[str, object] = {} if terminal is None else {"terminal": terminal}
    if ask.note:
        details["note"] = ask.note
    details |= place_of(tx, ask.lonlat, site=site, entered=entered)
    if ask.pictures:
        details["pictures"] = _pictures(tx, case, ask.pictures)
    return details


def _pictures(tx: Transaction, case: Case, wanted: tuple[str, ...]) -> list[dict[str, object]]:
    if len(wanted) > MOST_PICTURES:
        raise LimitError("pictures", f"{len(wanted)} pictures", f"{MOST_PICTURES} at most")
    known = {picture.id: picture for picture in tx.evidence(case.number)}
    for ident in wanted:
        if ident not in known:
            raise UnknownError("picture of this case", ident)
    found = [known[ident] for ident in wanted]
    return [{"id": each.id, "label": each.label, "sha256": each.sha256} for each in found]


def _own(tx: Transaction, case: Case, after: Case, ask: Ask, *, site: Site, entered: Entered) -> dict[str, object]:
    """Return what a kind of step says besides, after moving the clocks that it moves."""
    prepare = _PREPARED.get(ask.action)
    return {} if prepare is None else prepare(tx, case, after, ask, site, entered)


def _suspend(_: Transaction, case: Case, __: Case, ___: Ask, ____: Site, _____: Entered) -> dict[str, object]:
    """Keep the extension that waits: nobody decides on it meanwhile, and its clock goes on with the others."""
    return {"asked": case.asked} if case.asked else {}


def _go_on(tx: Transaction, _: Case, after: Case, __: Ask, site: Site, entered: Entered) -> dict[str, object]:
    return go_on(tx, after, entered.now, site=site)


def _rework(tx: Transaction, case: Case, after: Case, _: Ask, site: Site, entered: Entered) -> dict[str, object]:
    over: dict[str, object] = {"liaisons": []} if case.liaisons else {}
    tx.drop_joint_parts(case.number)
    return {"department": after.rework_by, **over, **go_on(tx, after, entered.now, site=site)}


def _reopen(tx: Transaction, _: Case, after: Case, __: Ask, site: Site, entered: Entered) -> dict[str, object]:
    tx.drop_joint_parts(after.number)
    over: dict[str, object] = {"raised": {"ticket_due": None}} if after.ticket_due else {}  # the ticket was answered
    return {**over, **start_anew(tx, after, entered.now, site=site)}


def _ask_extension(tx: Transaction, case: Case, _: Case, ask: Ask, site: Site, entered: Entered) -> dict[str, object]:
    policy, clock = site.settings.escalation, time_to_handle(tx, case)
    most = longest_extension(case, clock, site)
    if case.extended >= policy.extensions:
        raise ExtensionError(case.number, f"it had {case.extended} of at most {policy.extensions}")
    if ask.more is None or not 0 < ask.more <= most:
        unit = clock.unit.value
        raise ExtensionError(
            case.number, f"`more` is {ask.more}, expected above 0 and at most {most:g}, in {unit}s as its deadline"
        )
    ask_time(tx, case, entered.now, site=site)
    return {"asked": ask.more, "unit": clock.unit.value}


def _extend(tx: Transaction, case: Case, _: Case, __: Ask, site: Site, entered: Entered) -> dict[str, object]:
    _require_approver(tx, case, site=site, entered=entered)
    return {"more": case.asked, **give_time(tx, case, case.asked, entered.now, site=site)}


def _refuse(tx: Transaction, case: Case, _: Case, __: Ask, site: Site, entered: Entered) -> dict[str, object]:
    _require_approver(tx, case, site=site, entered=entered)
    return {"more": case.asked}


def _done(tx: Transaction, case: Case, _: Case, __: Ask, ___: Site, ____: Entered) -> dict[str, object]:
    require_parts_done(tx, case)
    return {}


def _self_handle(tx: Transaction, case: Case, after: Case, _: Ask, site: Site, entered: Entered) -> dict[str, object]:
    if entered.by.role is Role.FORCE:
        require_department(case, str(after.terminal), site)
    require_parts_done(tx, case)
    return {"department": department_of(after, site)}


Prepare = Callable[[Transaction, Case, Case, Ask, Site, Entered], dict[str, object]]
_PREPARED: Mapping[Action, Prepare] = MappingProxyType(
    {
        Action.SUSPEND: _suspend,
        Action.RESUME: _go_on,
        Action.RETURN: _go_on,
        Action.REWORK: _rework,
        Action.REOPEN: _reopen,
        Action.ASK_EXTENSION: _ask_extension,
        Action.EXTEND: _extend,
        Action.REFUSE_EXTENSION: _refuse,
        Action.DONE: _done,
        Action.SELF_HANDLE: _self_handle,
    }
)


def _require_approver(tx: Transaction, case: Case, *, site: Site, entered: Entered) -> None:
    approver = site.settings.escalation.approver
    entered.by.require("decide on an extension", *{approver, Role.ADMIN})
    asked = [event for event in tx.events(case.number) if event.action == Action.ASK_EXTENSION.value]
    if asked and asked[-1].actor == entered.by.name:
        raise OwnExtensionError(entered.by.name, case.number)
