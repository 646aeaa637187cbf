"""Cameras' health: as JSON, as a page, and the picture of how a fault began."""

from datetime import datetime
from typing import Annotated, Literal, Self

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from api.cameras_now import CameraNow, cameras_now
from api.dependencies import ServicesIn, Who
from api.page_frame import frame_of, shown
from api.permissions import ADMINS
from api.reach import DESK, OVERSEERS
from api.services import Services
from api.words import Words, words_for
from pipeline.errors import UnknownError
from pipeline.health_events import HealthEvent, HealthFault
from pipeline.later_pictures import REJECTED
from pipeline.principal import Principal
from pipeline.site import Site
from pipeline.trust import FalseReason
from pipeline.trust_desk import Trusted

router = APIRouter(tags=["cameras"])
Ident = Annotated[str, Path(max_length=40)]
_MOST_TRIALS = 24
_KEEP = {"cache-control": "private, max-age=86400, immutable", "content-disposition": "inline"}


class FaultOut(BaseModel):
    """One spell of a fault; `picture` is the address of how it looked when it began."""

    id: str
    fault: HealthFault
    since: datetime
    until: datetime | None
    value: float
    limit: float
    picture: str | None

    @classmethod
    def of(cls, event: HealthEvent) -> Self:
        """Return a spell as it is sent."""
        address = f"/api/v1/cameras/health/{event.id}/picture" if event.picture else None
        return cls(
            id=event.id,
            fault=event.fault,
            since=event.since,
            until=event.until,
            value=event.value,
            limit=event.limit,
            picture=address,
        )


class CameraHealthOut(BaseModel):
    """One camera: faulty, silent (no frame for a minute), unused (never a frame) or well."""

    code: str
    name: str
    name_zh: str
    grid: str | None
    state: Literal["faulty", "silent", "unused", "well"]
    newest_at: datetime | None
    faults: list[FaultOut]
    over: list[FaultOut]


class CamerasHealthOut(BaseModel):
    """All cameras in reach, those with faults first."""

    cameras: list[CameraHealthOut]


@router.get("/api/v1/cameras/health")
def read_health(services: ServicesIn, who: Who) -> CamerasHealthOut:
    """List the cameras in reach with what is wrong with each."""
    who.require("read cameras' health", *OVERSEERS)
    return CamerasHealthOut(cameras=[_out(each) for each in cameras_now(services, who)])


@router.get(
    "/api/v1/cameras/health/{ident}/picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
def read_picture(services: ServicesIn, who: Who, ident: Ident) -> Response:
    """Send how a fault looked when it began: blurred by the privacy rule before it was stored."""
    who.require("read cameras' health", *OVERSEERS)
    event = services.casebook.health_event(ident)
    camera = services.site.cameras.get(event.camera)
    grid = None if camera is None else services.site.places(np.array([camera.lonlat]))[0][0]
    if not event.picture or (who.grids is not None and grid not in who.grids):
        raise UnknownError("picture", ident)
    return Response(services.evidence.open(event.picture), media_type="image/jpeg", headers=_KEEP)


@router.get("/cameras", include_in_schema=False)
def page(request: Request, services: ServicesIn, who: Who) -> Response:
    """Show the cameras, those with faults first."""
    who.require("read cameras' health", *OVERSEERS)
    found = cameras_now(services, who)
    counts = {state: sum(each.state == state for each in found) for state in ("faulty", "silent", "well", "unused")}
    spoken = words_for(request)
    values = {"cameras": found, "counts": counts, **_trust(services, who, spoken)}
    return shown(request, "cameras.html", {**frame_of(services, who, spoken), **values})


def _trust(services: Services, who: Principal, spoken: Words) -> dict[str, object]:
    """Return what the page says of trust: each camera's scenes, and the trials that wait for a verdict."""
    trusted: dict[str, list[Trusted]] = {code: [] for code in services.site.cameras}
    for each in services.desk.trust.levels(principal=who):
        trusted[each.standing.camera].append(each)
    return {
        "trusted": trusted,
        "trials": services.desk.trust.trials(principal=who, limit=_MOST_TRIALS),
        "scene_names": _scene_names(services.site, spoken),
        "may_judge": who.role in DESK,
        "may_calibrate": who.role in ADMINS,
        "false_reasons": tuple(FalseReason),
    }


def _scene_names(site: Site, spoken: Words) -> dict[str, str]:
    """Return what scenes are called, and trials of theirs that a second look rejected."""
    names = {code: spoken.either(each.name, each.name_zh) for code, each in site.scenes.items()}
    return names | {code + REJECTED: spoken("trust.rejected", scene=name) for code, name in names.items()}


def _out(each: CameraNow) -> CameraHealthOut:
    camera = each.camera
    return CameraHealthOut.model_validate(
        {
            "code": camera.code,
            "name": camera.name,
            "name_zh": camera.name_zh,
            "grid": each.grid,
            "state": each.state,
            "newest_at": each.newest_at,
            "faults": [FaultOut.of(event) for event in each.lasting],
            "over": [FaultOut.of(event) for event in each.over],
        }
    )
