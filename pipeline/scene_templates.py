"""Scene templates: scenes to copy into a site, each with what weights know its classes. Texts ship beside this module.

That weights know a scene's classes does not say how well they see them: docs/scenes.md says what was measured.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from geo.boundaries import Fault
from models.registry import DISTRICT_WEIGHTS
from models.weights import read_facts
from pipeline.catalogue import Catalogue, Category
from pipeline.catalogue_files import read_catalogue
from pipeline.errors import UnknownError
from pipeline.scene_files import read_scenes
from pipeline.scenes import Rule, Scene

SCENE_TEMPLATES: Final = Path(__file__).with_name("scene_templates.toml")
CATEGORY_TEMPLATES: Final = Path(__file__).with_name("category_templates.toml")
_COCO: Final = (
    "person/bicycle/car/motorcycle/airplane/bus/train/truck/boat/traffic light/fire hydrant/stop sign/parking meter/"
    "bench/bird/cat/dog/horse/sheep/cow/elephant/bear/zebra/giraffe/backpack/umbrella/handbag/tie/suitcase/frisbee/"
    "skis/snowboard/sports ball/kite/baseball bat/baseball glove/skateboard/surfboard/tennis racket/bottle/wine glass/"
    "cup/fork/knife/spoon/bowl/banana/apple/sandwich/orange/broccoli/carrot/hot dog/pizza/donut/cake/chair/couch/"
    "potted plant/bed/dining table/toilet/tv/laptop/mouse/remote/keyboard/cell phone/microwave/oven/toaster/sink/"
    "refrigerator/book/clock/vase/scissors/teddy bear/hair drier/toothbrush"
)
COCO: Final = frozenset(_COCO.split("/"))
"""The 80 classes of COCO, as Ultralytics' weights name them."""
_HEAD: Final = re.compile(r"(?m)^\[\[(?:scene|category)\]\]$")
_CODE: Final = re.compile(r'(?m)^code = "([^"]+)"$')


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One scene to copy.

    Attributes:
        text: its TOML, comments included.
        category: what its cases are about; None for a category that neither a catalogue nor the templates have.
        coco, district: its classes that COCO's and the district's weights know.
    """

    scene: Scene
    text: str
    category: Category | None
    coco: tuple[str, ...]
    district: tuple[str, ...]

    @property
    def own_weights(self) -> bool:
        """Tell whether a real site needs weights of its own: COCO knows nothing of it, and the district is drawn."""
        return self.scene.rule is not Rule.HEALTH and not self.coco

    def row(self) -> list[str]:
        """Return what the table in docs/scenes.md says of it."""
        scene = self.scene
        known = ["needs none"] * 3 if scene.rule is Rule.HEALTH else [
            ", ".join(self.coco) or "no", ", ".join(self.district) or "no", "yes" if self.own_weights else "no",
        ]  # fmt: skip
        urgent = "" if self.category is None else "urgent" if self.category.urgent else "general"
        looked_for = ", ".join(scene.classes or scene.faults)
        return [scene.code, scene.rule.value, looked_for, _parameters(scene), scene.category, urgent, *known]


def templates(catalogue: Catalogue) -> tuple[Template, ...]:
    """Return all templates in order.

    Args:
        catalogue: the site's; its categories go before those that ship with the templates.

    Raises:
        ValueError: the texts that ship have faults.
    """
    text, faults = SCENE_TEMPLATES.read_text(encoding="utf-8"), list[Fault]()
    known = Catalogue({**template_categories().by_key, **catalogue.by_key})
    scenes = read_scenes(text, faults, categories=known)
    if wrong := [each for each in faults if each.field != "category"]:  # a site need not have every category
        raise ValueError("; ".join(map(str, wrong)))
    district = frozenset(read_facts(DISTRICT_WEIGHTS).class_names.values())
    texts = _blocks(text)
    return tuple(
        Template(
            scene=scene,
            text=texts[code],
            category=known.by_key.get(scene.category),
            coco=tuple(name for name in scene.classes if name in COCO),
            district=tuple(name for name in scene.classes if name in district),
        )
        for code, scene in scenes.items()
    )


def template(code: str, catalogue: Catalogue) -> Template:
    """Return one template.

    Raises:
        UnknownError: there is none of that code.
    """
    found = {each.scene.code: each for each in templates(catalogue)}
    if code not in found:
        raise UnknownError("scene template", code, sorted(found))
    return found[code]


@cache
def template_categories() -> Catalogue:
    """Return the categories that ship with the templates."""
    faults: list[Fault] = []
    found = read_catalogue(CATEGORY_TEMPLATES.read_text(encoding="utf-8"), faults)
    if faults:
        raise ValueError("; ".join(map(str, faults)))
    return found


def category_text(key: str) -> str:
    """Return a shipped category's TOML; empty for one that does not ship."""
    return _blocks(CATEGORY_TEMPLATES.read_text(encoding="utf-8")).get(key.rpartition("/")[2], "")


def _blocks(text: str) -> dict[str, str]:
    """Return the tables of a text by code, each with its heading."""
    heads = _HEAD.findall(text)
    bodies = _HEAD.split(text)[1:]
    return {
        match[1]: f"{head}\n{body.strip()}\n"
        for head, body in zip(heads, bodies, strict=True)
        if (match := _CODE.search(body))
    }


def _parameters(scene: Scene) -> str:
    told = [f"dwell_s {scene.dwell_s:g}"]
    told += [f"count {scene.count}"] if scene.count > 1 else []
    for name in ("radius_m", "distance_m", "angle_deg", "share"):
        value = getattr(scene, name)
        told += [f"{name} {value:g}"] if value else []
    if scene.window is not None:
        shown = scene.window.record()
        told += [f"hours {shown['hours']}"] if scene.window.hours else []
        told += (
            [f"months {' '.join(map(str, sorted(scene.window.months)))}"] if len(scene.window.months) < _YEAR else []
        )
    return ", ".join(told)


_YEAR: Final = 12
