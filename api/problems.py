"""Problem details (RFC 9457): one table from error class to status, and the handlers that answer with them.

Classes are named, not imported, so that the doors do not load detectors; a test proves that each public error of
geo, models and pipeline has a row or inherits one, and that each row names a class. A row of 500 says that the
fault is ours: the answer is bland, the log has the words.
"""

import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.error_pages import error_page, wants_page
from api.errors import NotLoggedInError
from pipeline.site_changes import ChangeFaultsError

_log = logging.getLogger(__name__)
MEDIA_TYPE: Final = "application/problem+json"
_BLAND: Final = "Something went wrong on our side and was logged; quote the id when you report it."
_MOST_FAULTS: Final = 20
_LONGEST_VALUE: Final = 80

_ROWS_BY_STATUS: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "api.errors.ApiError",
    HTTPStatus.UNAUTHORIZED: "api.errors.NotLoggedInError",
    HTTPStatus.FORBIDDEN: "api.errors.CrossSiteError api.errors.OutOfReachError pipeline.errors.RefusedError",
    HTTPStatus.NOT_FOUND: "api.errors.WrongCodeError pipeline.errors.UnknownError",
    HTTPStatus.CONFLICT: """
        pipeline.casebook.AlreadyTakenError pipeline.casebook.VersionConflictError pipeline.cases.IllegalStepError
        pipeline.cases.NotYourCaseError pipeline.cases.PassedOnError pipeline.clock_keeping.NoDeadlineError
        pipeline.consultations.ConsultationError pipeline.duty_office.CaseEndedError
        pipeline.erasure.NothingToEraseError
        pipeline.judging_desk.AppealClosedError pipeline.judging_desk.NotOverError
        pipeline.points_book.OverdrawnError pipeline.points_office.NoPointsError pipeline.points_office.NotEarnedError
        pipeline.joint_action.JointActionError pipeline.joint_action.PartsOutstandingError
        pipeline.offers.OtherDepartmentError pipeline.taking_steps.ExtensionError
        pipeline.frame_desk.FrameTooOldError pipeline.merging.CannotMergeError
        pipeline.merging.CannotSplitError pipeline.merging.NotMergedError pipeline.trust_desk.NothingToJudgeError
        pipeline.appeals.NoAppealError pipeline.site_changes.ClassesInUseError
        pipeline.site_changes.ConditionsInUseError
        pipeline.site_changes.SiteChangedError""",
    HTTPStatus.GONE: "pipeline.originals.ErasedError",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: """
        geo.heatmap_errors.HeatmapTooLargeError pipeline.source_errors.FrameTooLargeError""",
    HTTPStatus.UNPROCESSABLE_ENTITY: """
        api.errors.QueryFaultError geo.cells.CellError geo.errors.CoordinateError geo.heatmap_errors.HeatmapError
        pipeline.casebook.HistoryError pipeline.casebook.LimitError pipeline.cases.NothingShownError
        pipeline.cases.ReasonMissingError
        pipeline.erasure.GroundMissingError pipeline.judging_periods.PeriodError
        pipeline.judging_desk.SameFiguresError
        pipeline.publication_scope.PersonsShownError pipeline.publication_scope.ScopeError
        pipeline.errors.FarTimeError pipeline.errors.NaiveTimeError
        pipeline.trust_desk.FalseReasonMissingError
        pipeline.frame_desk.FrameFromFutureError pipeline.site.OutsideError
        pipeline.site_changes.ChangeFaultsError pipeline.catalogue.NotReportableError
        api.organisation_tables.NotTextError pipeline.front_desk.PlacesFileError pipeline.hotline.HotlineFileError
        pipeline.printed_codes.BaseUrlError pipeline.printed_codes.TooManyCodesError
        pipeline.source_errors.FrameUnreadableError""",
    HTTPStatus.TOO_MANY_REQUESTS: """
        api.errors.FramesFullError pipeline.frame_desk.CameraBusyError pipeline.receipts.TooManyReportsError""",
    HTTPStatus.SERVICE_UNAVAILABLE: """
        api.errors.FramesOffError api.errors.PicturesOffError api.errors.StreamsFullError
        pipeline.casebook.BusyError""",
    # Ours to mend: files of the site, weights, the database. The words may name paths, so they stay in the log.
    HTTPStatus.INTERNAL_SERVER_ERROR: """
        api.errors.AssetsMissingError api.errors.TokenFileError
        geo.camera_errors.AboveHorizonError geo.camera_errors.BeyondRangeError geo.camera_errors.CalibrationError
        geo.errors.FeatureFileError geo.heatmap_errors.HeatmapAssetError geo.locate.LocateError
        geo.nearest.NearestError geo.roads.NoRoadsError
        models.errors.ArrayFaultError models.errors.ImageFaultError models.errors.InferenceError
        models.errors.LibraryMissingError models.errors.NoWeightsError models.errors.NotAModelError
        models.errors.SettingFaultError models.errors.TimeOrderError models.errors.UnknownClassesError
        models.errors.WeightsMissingError
        models.training.DivergedError models.training_export.ExportFailedError
        models.weights_choice.NoAgreementError models.weights_choice.NoPicturesError
        models.weights_choice.OutputTakenError models.weights_choice.TooFewBoxesError
        models.training_plan.NothingLearnedError models.training_plan.OtherPlanError
        models.training_plan.StepFailedError models.fine_tuning.TuningFailedError models.warm_start.CannotBeginError
        pipeline.backup.BackupError pipeline.backup.NotEmptyError
        pipeline.case_dataset.DatasetFolderError pipeline.case_dataset.NoDatasetError
        pipeline.case_dataset.NothingToLearnError
        pipeline.weights_compared.TooFewHeldBackError
        pipeline.camera_memory.MemoryFormError pipeline.camera_run.AllFramesOldError pipeline.casebook.StorageError
        pipeline.dispatch_records.NothingRecordedError pipeline.district.errors.DistrictError api.kept_runs.KeptRunError
        pipeline.points_book.UnbalancedError
        pipeline.duty_clocks.DeadlineError pipeline.work_calendar.CountryError
        pipeline.shifts.ShiftTextError pipeline.site_changes.NothingAppliedError
        pipeline.evidence.EvidenceError pipeline.safe.KeyFileError pipeline.safe.UnsealError
        pipeline.run.NoSourceError pipeline.scene_models.ModelNotOpenError pipeline.site_files.SiteFaultsError
        pipeline.source_errors.SourceError pipeline.sql_engine.DatabaseUrlError pipeline.street_clip.ClipError
        pipeline.street_clip.NoStreetError""",
}
ROWS: Final[Mapping[str, HTTPStatus]] = MappingProxyType(
    {name: status for status, names in _ROWS_BY_STATUS.items() for name in names.split()}
)


def name_of(kind: type[BaseException]) -> str:
    """Return the class's name as the table has it."""
    return f"{kind.__module__}.{kind.__qualname__}"


def row_of(kind: type[BaseException]) -> HTTPStatus | None:
    """Return the status of the nearest class in the inheritance that has a row."""
    return next((ROWS[name_of(each)] for each in kind.__mro__ if name_of(each) in ROWS), None)


def slug_of(kind: type[BaseException]) -> str:
    """Return a class's name as a problem type, such as `illegal-step`."""
    words = re.findall(r"[A-Z][a-z0-9]*", kind.__name__.removesuffix("Error"))
    return "-".join(words).lower()


def problem(
    status: int, detail: str, *, kind: str = "", headers: Mapping[str, str] | None = None, **more: object
) -> JSONResponse:
    """Return a problem document; `kind` becomes its type, without one the status says it all."""
    title = HTTPStatus(status).phrase
    body = {"type": f"urn:beatgrid:problem:{kind}" if kind else "about:blank", "title": title, "status": status}
    content = {**body, "detail": detail, **more}
    return JSONResponse(content, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def of_domain(request: Request, error: Exception) -> Response:
    """Answer an error that a service below raised."""
    status = row_of(type(error))
    if status is None or status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return of_fault(request, error)
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="beatgrid"'
    if status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers["retry-after"] = "5"
    if wants_page(request):
        return error_page(request, status, str(error), log_in=isinstance(error, NotLoggedInError))
    more = {"errors": [str(fault) for fault in error.faults]} if isinstance(error, ChangeFaultsError) else {}
    return problem(status, str(error), kind=slug_of(type(error)), headers=headers, **more)


def of_fault(request: Request, error: Exception) -> Response:
    """Answer what nobody foresaw: an id to quote, the words only in the log."""
    ident = secrets.token_hex(6)
    _log.error("fault %s: %s %s", ident, request.method, request.url.path, exc_info=error)
    if wants_page(request):
        return error_page(request, HTTPStatus.INTERNAL_SERVER_ERROR, f"{_BLAND} ({ident})")
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, _BLAND, kind="fault", id=ident)


def of_http(request: Request, error: Exception) -> Response:
    """Answer what the framework refused: no such path, wrong method, body too large, unreadable form."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if wants_page(request):
        return error_page(request, HTTPStatus(error.status_code), str(error.detail))
    return problem(error.status_code, str(error.detail), headers=error.headers)


def of_validation(_: Request, error: Exception) -> Response:
    """Answer a request whose fields cannot be read: every one, with what was given and what is expected."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    faults = [_fault(each) for each in error.errors()[:_MOST_FAULTS]]
    detail = "; ".join(f"{fault['field']} is {fault['given']}: {fault['problem']}" for fault in faults)
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return problem(status, detail, kind="fields", errors=faults)


def _fault(entry: Mapping[str, Any]) -> dict[str, str]:
    place: Sequence[object] = entry["loc"]
    field = ".".join(str(part) for part in place[1:]) or str(place[0])
    missing = entry["type"] == "missing"
    given = "missing" if missing else repr(entry.get("input"))
    shown = given if len(given) <= _LONGEST_VALUE else given[:_LONGEST_VALUE] + "…"
    words = f"send it in the {place[0]}" if missing else str(entry["msg"]).lower()
    return {"field": field, "in": str(place[0]), "given": shown, "problem": _next_step(entry["type"], words)}


def _next_step(kind: str, words: str) -> str:
    if kind == "timezone_aware":
        return f"{words}; give it with its UTC offset, such as 2026-01-31T08:00:00+08:00"
    return words


def install(app: FastAPI, bases: Sequence[type[Exception]]) -> None:
    """Register the handlers; `bases` are the base errors of the packages."""
    for base in bases:
        app.add_exception_handler(base, of_domain)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_exception_handler(Exception, of_fault)
