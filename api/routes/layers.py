"""The site's layers over HTTP: grids, units, cameras, streets as GeoJSON."""

from typing import Literal

from fastapi import APIRouter, Request, Response

from api.dependencies import Who
from api.layers import Layer
from api.reach import READERS

router = APIRouter(prefix="/api/v1", tags=["layers"])
MEDIA_TYPE = "application/geo+json"


@router.get("/{layer}", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}})
def read_layer(request: Request, who: Who, layer: Literal["grids", "units", "cameras", "streets"]) -> Response:
    """Read a layer, WGS-84, longitude first."""
    who.require("read layers", *READERS)
    found: Layer = request.app.state.layers[layer]
    headers = {"etag": found.etag, "cache-control": "private, no-cache"}
    if request.headers.get("if-none-match") == found.etag:
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=MEDIA_TYPE, headers=headers)
