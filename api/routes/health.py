"""Is the process alive, and can it serve: for supervisors and load balancers; no log-in, no details."""

import logging

from fastapi import APIRouter, Response
from pydantic import BaseModel

from api.dependencies import ServicesIn
from pipeline.casebook import StorageError

router = APIRouter(tags=["health"])
_log = logging.getLogger(__name__)


class Health(BaseModel):
    """What was found."""

    status: str


@router.get("/healthz")
def alive() -> Health:
    """Answer while the process lives."""
    return Health(status="alive")


@router.get("/readyz", responses={503: {"model": Health}})
def ready(services: ServicesIn, response: Response) -> Health:
    """Answer 200 when the casebook can be read and the pages' assets are there, else 503."""
    try:
        services.casebook.newest_sequence()
    except StorageError:
        _log.exception("not ready: the casebook cannot be read")
        response.status_code = 503
        return Health(status="the casebook cannot be read")
    if not (services.vendor / "leaflet" / "leaflet.js").is_file():
        response.status_code = 503
        return Health(status="page assets are missing; run `make setup`")
    return Health(status="ready")
