"""Pushed frames: one encoded image at a time from the camera-feed service."""

from typing import Annotated

from fastapi import APIRouter, File, Form
from pydantic import AwareDatetime

from api.dependencies import ServicesIn, Who
from api.errors import FramesOffError
from api.schemas import FrameOut
from pipeline.principal import Role

router = APIRouter(prefix="/api/v1", tags=["frames"])


@router.post("/frames", status_code=202)
def take_frame(
    services: ServicesIn,
    who: Who,
    camera: Annotated[str, Form(max_length=120, description="the camera's code")],
    captured_at: Annotated[AwareDatetime, Form(description="ISO 8601 with offset")],
    image: Annotated[bytes, File(description="a JPEG or PNG of at most 10 MiB")],
) -> FrameOut:
    """Take a frame through detector, scenes and intake; answers with what came of it."""
    who.require("send frames", Role.INGEST, Role.ADMIN)
    if services.frames is None:
        raise FramesOffError
    taken = services.frames.take(camera, captured_at, image, principal=who)
    return FrameOut(detections=taken.detections, sightings=list(taken.sightings), cases=list(taken.cases))
