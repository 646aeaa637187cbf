"""The heatmap of discovery: one HTML page that shows where, when and through which channel problems became known.

The only room that knows Folium. Owns the page: `heatmap_counts` counts, the files in `heatmap_page/` lay out and move.
The page holds all it needs (Leaflet, style, data), asks nothing of any network, and embeds counts, never a case.
"""

import base64
import html
import json
import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from shapely.geometry import mapping

from geo.heatmap_counts import CHANNELS, GridOutline, HeatmapCase, Period, Tally, tally
from geo.heatmap_errors import HeatmapAssetError, HeatmapError, HeatmapValueError

if TYPE_CHECKING:
    import folium
    from branca.element import Element

__all__ = ["CHANNELS", "GridOutline", "HeatmapCase", "HeatmapError", "Period", "draw_heatmap", "write_heatmap"]

_PAGE: Final = Path(__file__).with_name("heatmap_page")
_LANGUAGES: Final = ("zh", "en")
_IMAGE: Final = re.compile(r"url\((images/[\w.-]+)\)")
_TILE_URL: Final = re.compile(r"(?:https?://|/)[^\s\"'<>{}]*(?:\{(?:s|x|y|z|r)\}[^\s\"'<>{}]*)+")
# Outlines are drawn to about a metre and coordinates written to a decimetre.
_SIMPLIFY_DEG: Final = 1e-5
_DECIMALS: Final = 6
_LONGEST_TEXT: Final = 2000


def draw_heatmap(  # noqa: PLR0913  # a page's settings, flat, as the command's options are
    cases: Sequence[HeatmapCase],
    grids: Sequence[GridOutline],
    *,
    by: Period,
    timezone: ZoneInfo,
    title: str,
    assets: Path,
    language: Literal["zh", "en"] = "zh",
    tiles: str | None = None,
    tiles_attribution: str = "",
    cell_m: float | None = None,
    note: str | None = None,
) -> str:
    """Return the page as HTML that works from a file, without any network.

    Cells are coloured by number of cases, switchable by channel and by period; each grid's tooltip gives the
    discovery share of each channel (cases first known through it over all filed cases of that grid and period);
    a chart shows the share over time. Names are shown as text, whatever they hold.

    Args:
        cases: filed cases, duplicates merged; none gives a page that says so.
        grids: the outlines shown; a case that names none of them counts for the site only.
        by: the slider's step.
        timezone: the zone whose calendar cuts the periods.
        title: shown as heading, in one language.
        assets: folder with Leaflet's `leaflet.js`, `leaflet.css` and `images/`.
        language: what the page opens in; both are on it.
        tiles: URL template of a tile layer, such as "https://host/{z}/{x}/{y}.png"; None draws a plain ground, and
            only a page with tiles makes requests.
        tiles_attribution: whose tiles they are, as plain text; needed with `tiles`.
        cell_m: a cell covers the square of this many metres; None for about forty cells across.
        note: a sentence for the reader, such as where the boundaries come from.

    Raises:
        HeatmapError: a setting is not one, Leaflet is not in `assets`, or the page would be too large to draw.
        CellError: the cell size is not one.
        CoordinateError: a case's position is not a longitude and latitude.
    """
    _check(title=title, language=language, tiles=tiles, tiles_attribution=tiles_attribution, note=note)
    counts = tally(cases, grids, by=by, timezone=timezone, cell_m=cell_m)
    days = [case.occurred_at.astimezone(timezone).date().isoformat() for case in cases]
    data = {
        "title": title,
        "language": language,
        "by": by.value,
        "timezone": timezone.key,
        "note": note,
        "tiles": tiles is not None,
        "first": min(days, default=None),
        "last": max(days, default=None),
        "bounds": _bounds(counts, grids),
        **_embedded(counts, grids),
    }
    drawn, cell_layer, grid_layer = _map_of(counts, grids, tiles=tiles, tiles_attribution=tiles_attribution)
    return _page(drawn, data=data, assets=assets, layers=(cell_layer, grid_layer))


def write_heatmap(path: Path, page: str) -> None:
    """Write a page that `draw_heatmap` returned; the file is whole or untouched, whatever happens.

    Raises:
        HeatmapValueError: the folder is not there or the file cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise HeatmapValueError("the file", seen=f"{path} ({error.strerror})", expected="a writable place") from error
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise HeatmapValueError("the file", seen=f"{path} ({error.strerror})", expected="a writable place") from error
    finally:
        part.unlink(missing_ok=True)


def _check(*, title: str, language: str, tiles: str | None, tiles_attribution: str, note: str | None) -> None:
    if language not in _LANGUAGES:
        raise HeatmapValueError("language", seen=repr(language), expected=f"one of {', '.join(_LANGUAGES)}")
    for what, text in (("title", title), ("note", note or "")):
        if len(text) > _LONGEST_TEXT:
            seen = f"{len(text)} characters"
            raise HeatmapValueError(f"the length of {what}", seen=seen, expected=f"at most {_LONGEST_TEXT}")
    if tiles is None:
        return
    if not _TILE_URL.fullmatch(tiles) or not all(part in tiles for part in ("{x}", "{y}", "{z}")):
        expected = "a URL template such as https://host/{z}/{x}/{y}.png"
        raise HeatmapValueError("tiles", seen=repr(tiles), expected=expected)
    if not tiles_attribution.strip():
        raise HeatmapValueError("tiles_attribution", seen="empty", expected="whose tiles they are, to show on the map")


def _embedded(counts: Tally, grids: Sequence[GridOutline]) -> dict[str, object]:
    """Return the counts as the page's script reads them."""
    return {
        "channels": CHANNELS,
        "periods": [[span.first.isoformat(), span.last.isoformat()] for span in counts.periods],
        "total": counts.total,
        "cellM": counts.cell_size_m,
        "cellGrids": counts.cell_grids.tolist(),
        "cellCounts": [_flat(row) for row in counts.cells],
        "gridCounts": [_flat(row) for row in counts.grids],
        "outside": _flat(counts.outside),
        "grids": [
            {
                "code": grid.code,
                "name": grid.name,
                "nameZh": grid.name_zh,
                "label": _label_place(grid),
                "span": grid.polygon.area,
            }
            for grid in grids
        ],
    }


def _flat(pairs: Iterable[tuple[int, int]]) -> list[int]:
    return [number for pair in pairs for number in pair]


def _label_place(grid: GridOutline) -> list[float]:
    if grid.polygon.is_empty:
        raise HeatmapValueError(f"the outline of grid {grid.code}", seen="empty", expected="a polygon")
    inside = grid.polygon.representative_point()
    return [round(inside.x, _DECIMALS), round(inside.y, _DECIMALS)]


def _bounds(counts: Tally, grids: Sequence[GridOutline]) -> list[list[float]] | None:
    """Return what the map opens on as Leaflet's [[south, west], [north, east]]."""
    if grids:
        west, south, east, north = shapely.total_bounds([grid.polygon for grid in grids]).tolist()
    elif len(counts.outlines):
        west, south = counts.outlines.min(axis=(0, 1)).tolist()
        east, north = counts.outlines.max(axis=(0, 1)).tolist()
    else:
        return None
    return [[south, west], [north, east]]


def _map_of(
    counts: Tally, grids: Sequence[GridOutline], *, tiles: str | None, tiles_attribution: str
) -> "tuple[folium.Map, folium.GeoJson, folium.GeoJson]":
    """Return the map, its layer of cells and its layer of grids."""
    import folium

    bounds = _bounds(counts, grids)
    middle = np.mean(bounds, axis=0).tolist() if bounds else [0.0, 0.0]
    drawn = folium.Map(
        location=middle, zoom_start=12 if bounds else 2, tiles=None, prefer_canvas=True, zoom_snap=0.25, max_zoom=19
    )
    # Folium's own lists name CDNs; the page carries Leaflet itself and needs nothing else.
    drawn.default_js, drawn.default_css = [], []
    if tiles is not None:
        attribution = html.escape(tiles_attribution)
        folium.TileLayer(tiles=tiles, attr=attribution, max_zoom=19, control=False).add_to(drawn)
    grid_layer = _layer([_grid_feature(place, grid) for place, grid in enumerate(grids)])
    cell_layer = _layer([_cell_feature(place, outline) for place, outline in enumerate(counts.outlines)])
    for group_name, layer in (("grids", grid_layer), ("cells", cell_layer)):
        group = folium.FeatureGroup(name=group_name, control=False)
        layer.add_to(group)
        group.add_to(drawn)
    _name_parts(drawn)
    return drawn, cell_layer, grid_layer


def _layer(features: list[dict[str, object]]) -> "folium.GeoJson":
    import folium

    # Folium renders what it embeds twice as a Jinja template: nothing but numbers and our own words may be in here.
    data = {"type": "FeatureCollection", "features": features}
    style = {"stroke": False, "fill": False}
    return folium.GeoJson(data, style_function=lambda _: style, smooth_factor=0.5, control=False)


def _grid_feature(place: int, grid: GridOutline) -> dict[str, object]:
    simple = shapely.set_precision(grid.polygon.simplify(_SIMPLIFY_DEG), 10**-_DECIMALS)
    return _feature(place, "grid", mapping(grid.polygon if simple.is_empty else simple))


def _cell_feature(place: int, outline: "np.ndarray[Any, np.dtype[np.float64]]") -> dict[str, object]:
    ring = np.round(outline, _DECIMALS).tolist()
    return _feature(place, "cell", {"type": "Polygon", "coordinates": [ring]})


def _feature(place: int, kind: str, geometry: object) -> dict[str, object]:
    return {"type": "Feature", "id": place, "properties": {"place": place, "kind": kind}, "geometry": geometry}


def _name_parts(drawn: "folium.Map") -> None:
    """Number Folium's elements in order, so that the same cases give the same page."""
    waiting: list[Element] = [drawn]
    count = 0
    while waiting:
        element = waiting.pop()
        element._id = f"{count}"  # noqa: SLF001  # Folium draws it at random and offers no setter
        count += 1
        waiting.extend(element._children.values())  # noqa: SLF001  # the tree has no other door


def _page(
    drawn: "folium.Map", *, data: dict[str, object], assets: Path, layers: "tuple[folium.GeoJson, folium.GeoJson]"
) -> str:
    from branca.element import Element, Figure, MacroElement
    from jinja2 import Template

    cell_layer, grid_layer = layers
    figure = drawn.get_root()
    if not isinstance(figure, Figure):
        raise TypeError(type(figure))
    figure.title = html.escape(str(data["title"]))
    icon = '<link rel="icon" href="data:,">'  # else a browser asks a server for favicon.ico
    styles = (_leaflet_css(assets), _read(_PAGE / "heatmap.css"))
    scripts = (_leaflet_js(assets), *(_read(_PAGE / f"{name}.js") for name in ("words", "chart", "heatmap")))
    head = [
        icon,
        *(f"<style>{style}</style>" for style in styles),
        *(f"<script>{_inert(js)}</script>" for js in scripts),
    ]
    for text in head:
        figure.header.add_child(_verbatim(Element, text))
    figure.html.add_child(_verbatim(Element, _read(_PAGE / "head.html")))
    figure.html.add_child(_verbatim(Element, f'<script type="application/json" id="bg-data">{_json(data)}</script>'))
    # As a child of the map, its markup follows the map's and its script runs when all layers are there.
    start = MacroElement()  # type: ignore[no-untyped-call]  # branca's own is untyped
    start._name, start._id = "Heatmap", "start"  # noqa: SLF001  # as Folium's own elements set theirs
    start._template = Template(  # noqa: SLF001  # the same
        "{% macro html(this, kwargs) %}" + _read(_PAGE / "panel.html") + "{% endmacro %}"
        "{% macro script(this, kwargs) %}"
        f"beatgridHeatmap({{map: {drawn.get_name()}, cellLayer: {cell_layer.get_name()}, "
        f"gridLayer: {grid_layer.get_name()}}});"
        "{% endmacro %}"
    )
    drawn.add_child(start)
    return str(figure.render())


def _verbatim(kind: "type[Element]", text: str) -> "Element":
    """Return an element that renders as exactly this text: no name in it is ever read as a template."""
    element = kind("{{ this.text }}")
    element.text = text  # type: ignore[attr-defined]  # Folium's templates read their element's attributes
    return element


def _json(data: dict[str, object]) -> str:
    """Return JSON that cannot end the script element that holds it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _inert(script: str) -> str:
    return re.sub(r"</(?=script)", r"<\\/", script, flags=re.IGNORECASE)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise HeatmapAssetError(path) from error


def _leaflet_js(assets: Path) -> str:
    # The source map beside it would be one more request in a browser's developer tools.
    return re.sub(r"//# sourceMappingURL=\S+", "", _read(assets / "leaflet.js"))


def _leaflet_css(assets: Path) -> str:
    """Return Leaflet's style with its pictures inside."""

    def inlined(match: re.Match[str]) -> str:
        try:
            picture = (assets / match[1]).read_bytes()
        except OSError as error:
            raise HeatmapAssetError(assets / match[1]) from error
        return f"url(data:image/png;base64,{base64.b64encode(picture).decode('ascii')})"

    return _IMAGE.sub(inlined, _read(assets / "leaflet.css"))
