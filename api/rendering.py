"""Templates to pages: one environment, times in the site's zone, words in the reader's language."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.words import words_for

WEB: Final = Path(__file__).parent / "web"
_KILOMETRE_M: Final = 1000.0


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["contains"] = lambda many, one: one in many
    environment.filters["metres"] = metres
    environment.filters["duration"] = duration
    return environment


def metres(value: float) -> str:
    """Return a distance to read at a glance: 85 m, 1.2 km."""
    return f"{value:.0f} m" if value < _KILOMETRE_M else f"{value / _KILOMETRE_M:.1f} km"


def duration(seconds: float) -> str:
    """Return a time span as 0:45, 12:05 or 3:07:09; minus in front where it is negative."""
    whole = int(abs(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    sign = "−" if seconds < 0 else ""
    return f"{sign}{hours}:{minutes:02}:{rest:02}" if hours else f"{sign}{minutes}:{rest:02}"


def local_time(value: datetime, zone: ZoneInfo, *, now: datetime) -> str:
    """Return a time of day, with the date in front where it is not today's, in the site's zone."""
    local, today = value.astimezone(zone), now.astimezone(zone).date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%m-%d %H:%M}"


def render(
    request: Request,
    template: str,
    values: Mapping[str, object],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """Return a page or fragment; `w` and `lang` are always at hand."""
    spoken = words_for(request)
    path, query = request.url.path, request.url.query
    here = f"{path}?{query}" if query else path
    given = {"w": spoken, "lang": spoken.language, "path": path, "here": here, **values}
    html = _environment().get_template(template).render(given)
    return HTMLResponse(html, status_code=status, headers=headers)
