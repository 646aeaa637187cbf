"""The site's layers over HTTP: grids, units, cameras, streets as GeoJSON."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Who
from api.layers import Layer
from api.reach import READERS

router = APIRouter(prefix="/api/v1", tags=["layers"])
MEDIA_TYPE = "application/geo+json"
ANSWERS: dict[int | str, dict[str, object]] = {200: {"content": {MEDIA_TYPE: {}}}, 304: {}}


@router.get("/grids", response_class=Response, responses=ANSWERS)
@router.get("/units", response_class=Response, responses=ANSWERS)
@router.get("/cameras", response_class=Response, responses=ANSWERS)
@router.get("/streets", response_class=Response, responses=ANSWERS)
def read_layer(request: Request, who: Who) -> Response:
    """Read a layer as GeoJSON: WGS-84, longitude first."""
    who.require("read layers", *READERS)
    found: Layer = request.app.state.layers[request.url.path.rsplit("/", 1)[-1]]
    headers = {"etag": found.etag, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=MEDIA_TYPE, headers=headers)
