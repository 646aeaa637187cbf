"""The site in force: what was edited is taken over by this process at once, and by others within seconds.

Forces, duties, organisation, catalogue and the cameras' calibrations are taken over. Outlines, scenes, `site.toml` and
all else of the cameras are read when a process starts: detectors and locators are built on them.
"""

import logging
import time
from dataclasses import replace
from threading import Lock
from typing import Final

from starlette.applications import Starlette

from api.services import Services
from pipeline.catalogue import Catalogue
from pipeline.errors import PipelineError
from pipeline.recalibration import recalibrated
from pipeline.site import Site
from pipeline.site_changes import Along, Change, change_site
from pipeline.site_files import site_from_documents

EVERY_S: Final = 5.0
_log = logging.getLogger(__name__)


class SiteNow:
    """Keeps one application's site at the casebook's newest version."""

    def __init__(self, app: Starlette, services: Services) -> None:
        self._app, self._lock = app, Lock()
        self._version, self._looked_s = services.casebook.site_version(), time.monotonic()

    @property
    def version(self) -> int:
        """Return the version that this process works by."""
        return self._version

    def change(
        self, change: Change, *, expected: int | None = None, along: Along | None = None
    ) -> tuple[Services, int]:
        """Replace documents of the site, store them, and work by them from here on; see `change_site`."""
        services: Services = self._app.state.services
        now = services.clock.now()
        site, version = change_site(services.casebook, change, now=now, expected=expected, along=along)
        with self._lock:
            return self._adopt(site, version), version

    def is_due(self) -> bool:
        """Tell whether the last look is five seconds past."""
        return time.monotonic() - self._looked_s >= EVERY_S

    def refresh(self) -> None:
        """Take over what another process changed; looks at most every five seconds, and one request at a time."""
        if not self.is_due() or not self._lock.acquire(blocking=False):
            return
        try:
            self._looked_s = time.monotonic()
            services: Services = self._app.state.services
            version = services.casebook.site_version()
            if version != self._version:
                self._adopt(site_from_documents(services.casebook.site_documents()), version)
        except PipelineError:
            _log.exception("the site's newest version cannot be taken over; this process goes on by the one before")
        finally:
            self._lock.release()

    def _adopt(self, changed: Site, version: int) -> Services:
        services: Services = self._app.state.services
        if version > self._version:
            site = _merged(services.site, changed)
            services.desk.adopt(site)
            services = self._app.state.services = replace(services, site=site)
            self._version = version
        return services


def _merged(before: Site, changed: Site) -> Site:
    """Return the site with what may be edited while it runs; a class that a scene fires for stays known."""
    fired = {scene.category for scene in before.scenes.values()}
    kept = {key: each for key, each in before.catalogue.by_key.items() if key in fired}
    return replace(
        before,
        roster=changed.roster,
        organisation=changed.organisation,
        catalogue=Catalogue({**kept, **changed.catalogue.by_key}),
        cameras={code: recalibrated(each, changed.cameras.get(code)) for code, each in before.cameras.items()},
    )
