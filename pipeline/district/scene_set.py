"""The scenes of the simulated district: the site's rules in the district's own class names, scaled to a short run.

A run lasts ten minutes, so what the sample site lets stand for two minutes stands here for a minute and a half, and so
on; a delivery of 60 s is shorter than any parking. Each row says what it scales. Crowds need more people than at the
sample site, so that four who walk together are none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from pipeline.catalogue import Catalogue, Category, CategoryKind, DeadlineUnit
from pipeline.scenes import Mode, Rule, Scene

PARKED, FIRE_LANE, BICYCLES, CROWD = "motor-vehicle-parked", "fire-lane-blocked", "bicycles-cluttered", "crowd"
WATERS_EDGE, BAG, STALL, GOODS = "restricted-zone", "left-object", "street-stall", "goods-outside-shop"
BIN, FLOATING, BURNING = "bin-overflowing", "floating-rubbish", "open-fire"

_GB: Final = "GB/T 47678.5-2026/matter/"
_LOCAL: Final = "beatgrid-local/matter/"
FIRE_CATEGORY: Final = Category(
    standard="beatgrid-local",
    kind=CategoryKind.MATTER,
    code="L003",
    name="Open fire or smoke",
    name_zh="明火、冒烟",
    urgent=True,
    department="fire-safety",
    first_roles=(),
    deadline_value=1.0,
    deadline_unit=DeadlineUnit.URGENT_HOUR,
    closing_condition="扑灭",
    merge_within_m=5.0,
    merge_within_s=60.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    code: str
    rule: Rule
    name: str
    name_zh: str
    category: str
    classes: tuple[str, ...]
    dwell_s: float
    count: int = 1
    radius_m: float = 0.0
    confidence: float = 0.3

    def scene(self) -> Scene:
        return Scene(
            code=self.code,
            rule=self.rule,
            name=self.name,
            name_zh=self.name_zh,
            category=self.category,
            classes=self.classes,
            mode=Mode.AUTO,
            dwell_s=self.dwell_s,
            count=self.count,
            radius_m=self.radius_m,
            confidence=self.confidence,
        )


_MOTOR: Final = ("car", "van")
_ROWS: Final = (
    # the site: 120 s
    _Row(
        code=PARKED, rule=Rule.DWELL, name="Motor vehicle parked where it may not", name_zh="机动车乱停放",
        category=_GB + "09009", classes=_MOTOR, dwell_s=90.0,
    ),
    # the site: 10 s; here longer, so that somebody may be let out
    _Row(
        code=FIRE_LANE, rule=Rule.DWELL, name="Fire lane blocked", name_zh="占用消防通道",
        category=_GB + "09012", classes=_MOTOR, dwell_s=20.0,
    ),
    # the site: 60 s, anywhere in the zone
    _Row(
        code=BICYCLES, rule=Rule.CLUTTER, name="Bicycles or e-bikes cluttering the pavement", name_zh="非机动车乱停放",
        category=_GB + "09010", classes=("bicycle", "e-bike"), dwell_s=40.0, count=5, radius_m=4.0,
    ),
    # the site: 4 people, 5 m, 3 s
    _Row(
        code=CROWD, rule=Rule.CROWD, name="Crowd gathering", name_zh="人员聚集",
        category=_LOCAL + "L001", classes=("person",), dwell_s=10.0, count=6, radius_m=4.0,
    ),
    # the site: 2 s; who climbs over a railing is seldom seen whole, and nobody else is there
    _Row(
        code=WATERS_EDGE, rule=Rule.INTRUSION, name="Person at the water's edge", name_zh="人员进入临水禁入区",
        category=_LOCAL + "L002", classes=("person",), dwell_s=2.0, confidence=0.22,
    ),
    # the site: 10 s, whoever stands by
    _Row(
        code=BAG, rule=Rule.LEFT, name="Bag left in a public place", name_zh="公共场所遗留物",
        category=_GB + "06036", classes=("rubbish-bag",), dwell_s=20.0, radius_m=1.5,
    ),
    _Row(
        code=STALL, rule=Rule.DWELL, name="Stall on the pavement", name_zh="占道经营",
        category=_GB + "09006", classes=("stall",), dwell_s=45.0,
    ),
    _Row(
        code=GOODS, rule=Rule.DWELL, name="Goods piled outside a shop", name_zh="店外经营",
        category=_GB + "09005", classes=("piled-goods",), dwell_s=45.0,
    ),
    _Row(
        code=BIN, rule=Rule.DWELL, name="Bin overflowing", name_zh="垃圾箱满溢",
        category=_GB + "06042", classes=("overflowing-bin",), dwell_s=20.0,
    ),
    # drifting, so the thing's visit counts and not its place
    _Row(
        code=FLOATING, rule=Rule.INTRUSION, name="Floating rubbish", name_zh="水域不洁",
        category=_GB + "06025", classes=("floating-rubbish",), dwell_s=15.0,
    ),
    _Row(
        code=BURNING, rule=Rule.DWELL, name="Open fire", name_zh="明火、冒烟",
        category=FIRE_CATEGORY.key, classes=("fire",), dwell_s=3.0, confidence=0.25,
    ),
)  # fmt: skip
SCENES: Final[Mapping[str, Scene]] = MappingProxyType({row.code: row.scene() for row in _ROWS})


def with_district(catalogue: Catalogue) -> Catalogue:
    """Return a site's catalogue with what the district needs besides."""
    return Catalogue({FIRE_CATEGORY.key: FIRE_CATEGORY, **catalogue.by_key})
