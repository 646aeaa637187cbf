"""The pages beside the console: log-in, language, the discovery map, the interface's description."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse
from starlette.responses import Response

from api.auth import log_in, log_out, require_same_origin
from api.dependencies import ServicesIn, Who
from api.interface_page import operations_of
from api.page_frame import frame_of, shown
from api.reach import OVERSEERS
from api.rendering import render
from api.services import Services
from api.words import COOKIE, words, words_for
from geo.heatmap import Period

router = APIRouter(include_in_schema=False)
_YEAR_S = 365 * 24 * 3600
Next = Annotated[str, Query(max_length=500)]


@router.get("/login")
def log_in_page(
    request: Request,
    services: ServicesIn,
    token: Annotated[str, Query(max_length=500)] = "",
    next: Next = "/",  # noqa: A002 - the parameter's name in the address
) -> Response:
    """Ask for a token; one in the address (a link that the desk hands out) is taken at once."""
    if token:
        return _enter(request, services, token, next)
    return _asked(request, services, next, wrong=False)


@router.post("/login")
def log_in_form(
    request: Request,
    services: ServicesIn,
    token: Annotated[str, Form(max_length=500)] = "",
    next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002 - the field's name in the form
) -> Response:
    """Take the token of the form."""
    require_same_origin(request)
    return _enter(request, services, token.strip(), next)


@router.post("/logout")
def leave(request: Request) -> Response:
    """Take the cookie away."""
    require_same_origin(request)
    answer = RedirectResponse("/login", status_code=303)
    log_out(answer)
    return answer


@router.get("/language/{language}")
def speak(language: str, request: Request, next: Next = "/") -> Response:  # noqa: A002 - the parameter's name
    """Choose a language for this browser."""
    answer = RedirectResponse(_inside(next), status_code=303)
    chosen = words(language).language
    answer.set_cookie(COOKIE, chosen, max_age=_YEAR_S, samesite="lax", secure=request.url.scheme == "https", path="/")
    return answer


@router.get("/maps")
def maps(request: Request, services: ServicesIn, who: Who, by: Period = Period.WEEK) -> Response:
    """Show the discovery map with its time step."""
    who.require("read statistics", *OVERSEERS)
    values = {"by": by, "steps": list(Period), "cases": len(services.casebook.kept())}
    return shown(request, "maps.html", {**frame_of(services, who, words_for(request)), **values})


@router.get("/docs")
def interface(request: Request, services: ServicesIn) -> Response:
    """Describe the HTTP interface from its OpenAPI document; loads nothing from outside."""
    values = {"operations": operations_of(request.app.openapi()), "site_name": services.site.settings.name}
    return render(request, "docs.html", values)


def _enter(request: Request, services: Services, token: str, target: str) -> Response:
    if services.tokens.find(token) is None:
        return _asked(request, services, target, wrong=True)
    answer = RedirectResponse(_inside(target), status_code=303)
    log_in(answer, token, secure=request.url.scheme == "https")
    return answer


def _asked(request: Request, services: Services, target: str, *, wrong: bool) -> Response:
    settings = services.site.settings
    name = words_for(request).either(settings.name, settings.name_zh)
    values = {"site_name": name, "next": _inside(target), "wrong": wrong}
    return render(request, "login.html", values, status=403 if wrong else 200)


def _inside(target: str) -> str:
    """Return the target if it is a path of this site, else the console: no log-in link leads elsewhere."""
    odd = "\\" in target or not target.isprintable()
    return target if target.startswith("/") and not target.startswith("//") and not odd else "/"
