"""`/metrics` for Prometheus: a token of the desk or of an analyst, as `Authorization: Bearer`, is asked for.

Being on the same machine is not enough: behind a proxy everybody is.
"""

from fastapi import APIRouter, Response

from api.dependencies import ServicesIn, SiteNowIn, Who
from api.metrics import families_of
from api.metrics_text import MEDIA_TYPE, written
from api.permissions import OVERSEERS

router = APIRouter(tags=["health"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def read_metrics(services: ServicesIn, site_now: SiteNowIn, who: Who) -> Response:
    """Tell the figures of this process and its casebook in Prometheus' text format."""
    who.require("read metrics", *OVERSEERS)
    who.require_whole_site("read metrics")
    return Response(written(families_of(services, version=site_now.version)), media_type=MEDIA_TYPE)
