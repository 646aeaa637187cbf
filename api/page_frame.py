"""What every page of a logged-in reader has: the site's name, its zone, who they are, local times."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.rendering import local_time, render
from api.services import Services
from api.words import Words
from pipeline.principal import Principal


def frame_of(services: Services, who: Principal, spoken: Words) -> dict[str, object]:
    """Return the values that the frame of a page uses."""
    settings = services.site.settings
    return {
        "site_name": spoken.either(settings.name, settings.name_zh),
        "zone": settings.timezone.key,
        "who": who,
        "local": partial(_local, services),
    }


def _local(services: Services, value: datetime) -> str:
    return local_time(value, services.site.settings.timezone, now=services.clock.now())


def shown(request: Request, template: str, values: Mapping[str, object]) -> HTMLResponse:
    """Return a rendered page or fragment; neither is kept by caches."""
    return render(request, template, values)
