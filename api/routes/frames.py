"""Pushed frames: one encoded image at a time from the camera-feed service."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from pydantic import AwareDatetime

from api.dependencies import FrameGateIn, ServicesIn, Who
from api.errors import FramesOffError
from api.schemas import FrameOut
from api.services import Services
from pipeline.principal import Principal, Role

router = APIRouter(prefix="/api/v1", tags=["frames"])


@router.post("/frames", status_code=202)
async def take_frame(
    services: ServicesIn,
    gate: FrameGateIn,
    who: Who,
    camera: Annotated[str, Form(max_length=120, description="the camera's code")],
    captured_at: Annotated[AwareDatetime, Form(description="ISO 8601 with offset")],
    image: Annotated[UploadFile, File(description="a JPEG or PNG of at most 10 MiB")],
) -> FrameOut:
    """Take a frame through detector, scenes and intake; answers with what came of it."""
    who.require("send frames", Role.INGEST, Role.ADMIN)
    return await gate.run(lambda: _take(services, camera, captured_at, image, who=who))


def _take(services: Services, camera: str, captured_at: datetime, image: UploadFile, *, who: Principal) -> FrameOut:
    if services.frames is None:
        raise FramesOffError
    taken = services.frames.take(camera, captured_at, image.file.read(), principal=who)
    return FrameOut(detections=taken.detections, sightings=list(taken.sightings), cases=list(taken.cases))
