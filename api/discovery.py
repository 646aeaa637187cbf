"""The discovery map of a running site: its filed cases in reach as a page, or as counts by cell."""

from datetime import datetime
from typing import Literal

from api.reach import OVERSEERS
from api.services import Services
from geo.heatmap import CHANNELS, GridOutline, HeatmapCase, Period, draw_heatmap
from geo.heatmap_counts import tally
from pipeline.principal import Principal


def filed(
    services: Services, who: Principal, *, since: datetime | None = None, until: datetime | None = None
) -> list[HeatmapCase]:
    """Return the filed cases in reach.

    Raises:
        RefusedError: the role sees no statistics.
    """
    who.require("read statistics", *OVERSEERS)
    return [
        HeatmapCase(lonlat=each.lonlat, occurred_at=each.occurred_at, channel=each.channel.value, grid=each.grid)
        for each in services.casebook.kept(since=since, until=until)
        if who.grids is None or each.grid in who.grids
    ]


def outlines(services: Services, who: Principal) -> list[GridOutline]:
    """Return the grids in reach."""
    return [
        GridOutline(code=grid.code, name=grid.name, name_zh=grid.name_zh, polygon=grid.area)
        for grid in services.site.boundaries.grids
        if who.grids is None or grid.code in who.grids
    ]


def discovery_page(services: Services, who: Principal, *, by: Period, language: Literal["zh", "en"]) -> str:
    """Return the map as one self-contained page; the services' remark is shown beside the note on boundaries."""
    settings = services.site.settings
    notes = {"zh": "责任网格边界为示意，非实测。", "en": "The grids' boundaries are schematic, not surveyed."}
    return draw_heatmap(
        filed(services, who),
        outlines(services, who),
        by=by,
        timezone=settings.timezone,
        title=settings.name_zh if language == "zh" else settings.name,
        assets=services.vendor / "leaflet",
        language=language,
        note=" ".join([notes[language]] * settings.schematic + [services.remark] * bool(services.remark)) or None,
    )


def discovery_counts(
    services: Services, who: Principal, *, by: Period, since: datetime | None, until: datetime | None
) -> dict[str, object]:
    """Return GeoJSON: each hexagon that holds cases, with its counts by period and channel."""
    grids = outlines(services, who)
    counts = tally(
        filed(services, who, since=since, until=until),
        grids,
        by=by,
        timezone=services.site.settings.timezone,
        cell_m=None,
    )
    starts = [period.first.isoformat() for period in counts.periods]
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [outline.round(7).tolist()]},
            "properties": {
                "grid": grids[place].code if place >= 0 else None,
                "cases": sum(count for _, count in moments),
                "counts": [
                    {
                        "from": starts[moment // len(CHANNELS)],
                        "channel": CHANNELS[moment % len(CHANNELS)],
                        "cases": count,
                    }
                    for moment, count in moments
                ],
            },
        }
        for outline, place, moments in zip(counts.outlines, counts.cell_grids.tolist(), counts.cells, strict=True)
    ]
    properties = {"by": by.value, "cell_m": counts.cell_size_m, "cases": counts.total, "periods": starts}
    return {"type": "FeatureCollection", "properties": properties, "features": features}
