"""A camera's calibration at the doors: as it is, tried with other points, saved as a version of the site, and its page.

All is computed here, by the code that places things later; the page draws. Administrators only.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.calibration_schemas import (
    CalibrationIn,
    CalibrationOut,
    FittedOut,
    SavedOut,
    SpotOut,
    TrialIn,
    TrialOut,
    kind_of,
)
from api.dependencies import ServicesIn, SiteNowIn, Who
from api.page_frame import frame_of, shown
from api.permissions import ADMINS
from api.routes.console import boot_of
from api.routes.organisation import IfMatch, version_of
from api.services import Services
from api.words import words_for
from geo.boundaries import Fault
from geo.camera_errors import CalibrationError
from geo.errors import GeoError
from geo.feature_files import FeatureFileError
from pipeline.calibration_trial import spot
from pipeline.camera_features import CAMERAS
from pipeline.casebook import CaseFilter
from pipeline.errors import UnknownError
from pipeline.recalibration import with_calibration
from pipeline.site_changes import ChangeFaultsError

router = APIRouter(tags=["calibration"])
Code = Annotated[str, Path(max_length=120, description="the camera's code")]
_CASES_LOOKED_AT = 500
_PICTURE: dict[int | str, dict[str, object]] = {200: {"content": {"image/jpeg": {}, "image/png": {}}}}
_PNG = b"\x89PNG"


@router.get("/api/v1/cameras/{code}/calibration")
def read_calibration(services: ServicesIn, site_now: SiteNowIn, who: Who, code: Code) -> CalibrationOut:  # noqa: ARG001 - the door asks who
    """Read a camera's points as they are in force, WGS-84."""
    camera = services.site.camera(code)
    held = camera.properties.get("calibration")
    held = held if isinstance(held, dict) else {}
    return CalibrationOut(
        camera=code,
        width_px=camera.width_px,
        height_px=camera.height_px,
        version=site_now.version,
        points=held.get("points", []),
        pixel_sd_px=held.get("pixel_sd_px", 1.0),
        lens=held.get("lens", "none"),
    )


@router.post("/api/v1/cameras/{code}/calibration/trial")
def try_calibration(services: ServicesIn, who: Who, code: Code, body: TrialIn) -> TrialOut:  # noqa: ARG001 - the door asks who
    """Fit points without saving them: residuals, suspicious points, the metre grid, and the error at a pixel."""
    camera = services.site.camera(code)
    try:
        calibration = body.fitted(code, (camera.width_px, camera.height_px))
    except FeatureFileError as error:
        return TrialOut(refused=str(error), kind="lens-value")
    except GeoError as error:
        return TrialOut(refused=str(error), kind=kind_of(error))
    answer = TrialOut(fitted=FittedOut.of(calibration))
    if body.at_px is not None:
        try:
            answer.spot = SpotOut.of(spot(calibration.view, body.at_px, pixel_sd_px=body.pixel_sd_px))
        except GeoError as error:
            answer.spot_refused = str(error)
    return answer


@router.put("/api/v1/cameras/{code}/calibration")
def save_calibration(
    services: ServicesIn, site_now: SiteNowIn, who: Who, code: Code, body: CalibrationIn, if_match: IfMatch = None
) -> SavedOut:
    """Save a calibration as a new version of the site; 422 with the fault, 409 if the site changed in between.

    What the camera usually looks like is forgotten with it: it is learned anew from where the camera looks now.
    """
    who.require_whole_site("save a calibration")
    camera = services.site.camera(code)
    try:
        calibration = body.fitted(code, (camera.width_px, camera.height_px))
    except (CalibrationError, FeatureFileError) as error:
        fault = Fault(file=CAMERAS, feature=code, field="calibration", problem=str(error))
        raise ChangeFaultsError([fault]) from error
    now = services.clock.now()
    _, version = site_now.change(
        with_calibration(calibration),
        expected=version_of(if_match),
        along=lambda tx: tx.save_camera_reference(code, "", now),
    )
    return SavedOut(version=version)


@router.get("/api/v1/cameras/{code}/calibration/picture", response_class=Response, responses=_PICTURE)
def read_still(services: ServicesIn, who: Who, code: Code) -> Response:  # noqa: ARG001 - the door asks who
    """Send a picture to click on: the one given when serving began, else the newest that is stored of the camera."""
    services.site.camera(code)
    still = services.stills.get(code)
    if still is None:
        path = _newest_stored(services, code)
        if path is None:
            raise UnknownError("stored picture of camera", code)
        still = services.evidence.open(path)
    kind = "image/png" if still.startswith(_PNG) else "image/jpeg"
    return Response(still, media_type=kind, headers={"content-disposition": "inline"})


def _newest_stored(services: Services, code: str) -> str | None:
    """Return the path of the newest picture of a camera: of a fault of it, or of a case that it found."""
    found = [(each.since, each.picture) for each in services.casebook.health(camera=code) if each.picture]
    page = services.casebook.cases(CaseFilter(limit=_CASES_LOOKED_AT))
    numbers = [case.number for case in page.cases if case.camera == code][:3]
    for number in numbers:
        found += [(each.captured_at, each.path) for each in services.casebook.evidence(number) if each.path]
    return max(found)[1] if found else None


@router.get("/cameras/{code}/calibration", include_in_schema=False)
def page(request: Request, services: ServicesIn, who: Who, code: Code) -> Response:
    """Show the page on which a camera is calibrated."""
    who.require("calibrate cameras", *ADMINS)
    camera = services.site.camera(code)
    spoken = words_for(request)
    boot = {
        **boot_of(services, spoken),
        "words": {**spoken.under("js"), **spoken.under("calibration_js")},
        "faults": spoken.under("calibration_fault"),
        "verdicts": spoken.under("lens_verdict"),
        "camera": {"code": code, "lonlat": list(camera.lonlat), "width": camera.width_px, "height": camera.height_px},
    }
    values = {"camera": camera, "camera_name": spoken.either(camera.name, camera.name_zh), "boot": boot}
    return shown(request, "calibration.html", {**frame_of(services, who, spoken), **values})
