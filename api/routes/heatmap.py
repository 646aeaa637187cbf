"""The discovery map over HTTP: counts as GeoJSON, and the page that draws them."""

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import AwareDatetime

from api.dependencies import ServicesIn, Who
from api.discovery import discovery_counts, discovery_page
from api.response_headers import SELF_CONTAINED_POLICY
from api.words import words_for
from geo.heatmap import Period

router = APIRouter(tags=["heatmap"])
By = Annotated[Period, Query(description="the time step")]


@router.get("/api/v1/heatmap", response_class=JSONResponse)
def counts(
    services: ServicesIn,
    who: Who,
    by: By = Period.WEEK,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> JSONResponse:
    """Count filed cases by hexagon, period and channel, as GeoJSON."""
    found = discovery_counts(services, who, by=by, since=since, until=until)
    return JSONResponse(found, media_type="application/geo+json")


@router.get("/maps/heatmap", include_in_schema=False)
def page(request: Request, services: ServicesIn, who: Who, by: By = Period.WEEK) -> HTMLResponse:
    """Send the map as one page that needs nothing else; it may run its own scripts and reach nothing."""
    language = cast("Literal['zh', 'en']", words_for(request).language)
    drawn = discovery_page(services, who, by=by, language=language)
    return HTMLResponse(drawn, headers={"content-security-policy": SELF_CONTAINED_POLICY})
