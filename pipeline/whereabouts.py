"""Whereabouts: where somebody took a step, as they say it or as their terminal last reported it."""

from datetime import timedelta

from geo.coords import LonLat
from pipeline.casebook import Asking
from pipeline.offers import Entered
from pipeline.principal import Role
from pipeline.site import Site


def place_of(book: Asking, lonlat: LonLat | None, *, site: Site, entered: Entered) -> dict[str, object]:
    """Return the place of a step for its event: `lon` and `lat`, WGS-84 degrees; empty where it is not known.

    Where a force says none, its terminal's last position stands for it as long as dispatch calls that fresh
    (`position_max_age_s`); then `positioned_at` tells when the terminal was there.
    """
    if lonlat is not None:
        return {"lon": lonlat.lon, "lat": lonlat.lat}
    if entered.by.role is not Role.FORCE or entered.by.terminal is None:
        return {}
    heard = book.position(entered.by.terminal)
    fresh = timedelta(seconds=site.settings.dispatch.position_max_age_s)
    if heard is None or abs(entered.now - heard.at) > fresh:
        return {}
    return {"lon": heard.lonlat.lon, "lat": heard.lonlat.lat, "positioned_at": heard.at.isoformat()}
