"""The application: routes, limits, headers and problem details around the services it is given."""

from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles

from api import problems
from api.body_limits import BodyLimits, limit_of
from api.errors import ApiError, AssetsMissingError
from api.frame_gate import FrameGate
from api.layers import layers_of
from api.rendering import WEB
from api.response_headers import ResponseHeaders
from api.routes import (
    calibration,
    cameras,
    cases,
    catalogue,
    citizen,
    console,
    evidence,
    frames,
    health,
    heatmap,
    intake,
    judging,
    layers,
    life,
    meetings,
    merging,
    metrics,
    offers,
    organisation,
    pages,
    phone,
    points,
    public,
    records,
    stream,
    terminals,
    together,
    trust,
)
from api.services import Services
from api.site_now import SiteNow
from api.stream import Changes
from geo.errors import GeoError
from models.errors import ModelsError
from pipeline.errors import PipelineError


def require_assets(vendor: Path) -> None:
    """Ask for what pages are made of, so that long work whose end needs it may ask first.

    Raises:
        AssetsMissingError: npm's JavaScript and CSS are not there.
    """
    if not vendor.is_dir():
        raise AssetsMissingError(vendor)


def create_app(services: Services) -> FastAPI:
    """Return the application of one site.

    Raises:
        AssetsMissingError: npm's JavaScript and CSS are not in `services.vendor`.
    """
    require_assets(services.vendor)
    app = FastAPI(
        title="Beatgrid",
        version="1",
        description="City grid management from camera to closed case, on police-beat grids.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.site_now = SiteNow(app, services)
    app.state.changes = Changes(services.casebook)
    app.state.frame_gate = FrameGate()
    app.state.people_gate = FrameGate(at_once=4)
    app.state.layers = layers_of(services.site)
    problems.install(app, (ApiError, GeoError, ModelsError, PipelineError))
    # Rooms with doors of their own on a case go before the rooms whose paths end in any action.
    for room in (
        trust,
        merging,
        together,
        life,
        meetings,
        records,
        cameras,
        calibration,
        offers,
        cases,
        evidence,
        frames,
        terminals,
        heatmap,
        layers,
        organisation,
        catalogue,
        intake,
        judging,
        points,
        public,
        citizen,
        stream,
        health,
        metrics,
        console,
        phone,
        pages,
    ):
        app.include_router(room.router)
    app.mount("/static", StaticFiles(directory=WEB / "static"), name="static")
    app.mount("/vendor", StaticFiles(directory=services.vendor), name="vendor")
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=5)
    app.add_middleware(BodyLimits, limit_of=limit_of)
    app.add_middleware(ResponseHeaders)
    return app
