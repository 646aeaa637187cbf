"""The scenes of the simulated district: the site's rules in the district's own class names, scaled to a short run.

A run lasts ten minutes, so what the sample site lets stand for two minutes stands here for a minute and a half, and so
on; a delivery of 60 s is shorter than any parking. Each row says what it scales. Crowds need more people than at the
sample site, so that four who walk together are none. How sure the detector must be follows from what it makes of each
class: see docs/decisions/181-how-sure-for-which-class.md. Truth knows nothing of that.
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
WRONG_WAY, SHARED_BIKES, TRADING = "wrong-way-rider", "shared-bikes-outside-bay", "trading-outside-shop"
OBSTRUCTED = "camera-obstructed"
ON_ICE, EXPOSED, FLOODED = "person-on-ice", "exposed-rubbish", "road-flooded"

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


_LOCAL_ROLES: Final[tuple[str, ...]] = ()
RIDER_CATEGORY: Final = Category(
    standard="beatgrid-local",
    kind=CategoryKind.MATTER,
    code="L004",
    name="Riding against the traffic",
    name_zh="非机动车逆行",
    urgent=False,
    department="traffic-police",
    first_roles=_LOCAL_ROLES,
    deadline_value=1.0,
    deadline_unit=DeadlineUnit.URGENT_HOUR,
    closing_condition="劝离，恢复通行秩序",
    merge_within_m=30.0,
    merge_within_s=10.0,
)
FLOOD_CATEGORY: Final = Category(
    standard="beatgrid-local",
    kind=CategoryKind.MATTER,
    code="L005",
    name="Road under water",
    name_zh="道路积水",
    urgent=True,
    department="urban-management",
    first_roles=_LOCAL_ROLES,
    deadline_value=1.0,
    deadline_unit=DeadlineUnit.URGENT_HOUR,
    closing_condition="积水排除，恢复通行",
    merge_within_m=30.0,
    merge_within_s=60.0,
)
CAMERA_CATEGORY: Final = Category(
    standard="GB/T 47678.5-2026",
    kind=CategoryKind.MATTER,
    code="01050",
    name="Surveillance camera out of order",
    name_zh="监控电子眼设施异常",
    urgent=False,
    department="urban-management",
    first_roles=_LOCAL_ROLES,
    deadline_value=1.0,
    deadline_unit=DeadlineUnit.WORK_DAY,
    closing_condition="恢复正常",
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
    distance_m: float = 0.0
    angle_deg: float = 0.0
    share: float = 0.0
    faults: tuple[str, ...] = ()

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
            distance_m=self.distance_m,
            angle_deg=self.angle_deg,
            share=self.share,
            faults=self.faults,
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
        category=_GB + "09006", classes=("stall",), dwell_s=45.0, confidence=0.5,
    ),
    _Row(
        code=GOODS, rule=Rule.DWELL, name="Goods piled outside a shop", name_zh="店外经营",
        category=_GB + "09005", classes=("piled-goods",), dwell_s=45.0,
    ),
    _Row(
        code=BIN, rule=Rule.DWELL, name="Bin overflowing", name_zh="垃圾箱满溢",
        category=_GB + "06042", classes=("overflowing-bin",), dwell_s=20.0, confidence=0.45,
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
_ORDER_ROWS: Final = (
    # as long and as far as the template has it
    _Row(
        code=WRONG_WAY, rule=Rule.WRONG_WAY, name="Riding against the traffic", name_zh="非机动车逆行",
        category=RIDER_CATEGORY.key, classes=("bicycle", "e-bike"), dwell_s=2.0, distance_m=8.0, angle_deg=45.0,
    ),
    # the template: 5 bicycles for 120 s
    _Row(
        code=SHARED_BIKES, rule=Rule.CLUTTER, name="Shared bicycles outside their bay", name_zh="共享单车乱象",
        category=_GB + "09011", classes=("bicycle", "e-bike"), dwell_s=30.0, count=3, radius_m=4.0,
    ),
    # the template: 300 s
    _Row(
        code=TRADING, rule=Rule.DWELL, name="Trading outside the shop front", name_zh="店外经营",
        category=_GB + "09005", classes=("piled-goods", "stall"), dwell_s=45.0,
    ),
)  # fmt: skip
_LENS_ROWS: Final = (
    # the template: 60 s after the fault counts
    _Row(
        code=OBSTRUCTED, rule=Rule.HEALTH, name="Camera obstructed", name_zh="监控电子眼设施异常",
        category=CAMERA_CATEGORY.key, classes=(), dwell_s=25.0, faults=("obstructed", "dark", "washed-out"),
    ),
)  # fmt: skip
_WINTER_ROWS: Final = (
    # as the template has it
    _Row(
        code=ON_ICE, rule=Rule.INTRUSION, name="Person on the ice", name_zh="人员上冰",
        category=_LOCAL + "L002", classes=("person",), dwell_s=3.0,
    ),
    # the template: 600 s
    _Row(
        code=EXPOSED, rule=Rule.DWELL, name="Rubbish lying in the open", name_zh="暴露垃圾",
        category=_GB + "06010", classes=("rubbish-bag",), dwell_s=40.0,
    ),
)  # fmt: skip
_FLOOD_ROWS: Final = (
    # the template: 120 s
    _Row(
        code=FLOODED, rule=Rule.AREA, name="Road under water", name_zh="道路积水",
        category=FLOOD_CATEGORY.key, classes=("flood",), dwell_s=30.0, share=0.25,
    ),
)  # fmt: skip
USUAL: Final[Mapping[str, Scene]] = MappingProxyType({row.code: row.scene() for row in _ROWS})
"""What most scenarios are about."""
_ORDER: Final = MappingProxyType({FIRE_LANE: USUAL[FIRE_LANE], **{row.code: row.scene() for row in _ORDER_ROWS}})
_LENS: Final = MappingProxyType({row.code: row.scene() for row in _LENS_ROWS})
_WINTER: Final = MappingProxyType({row.code: row.scene() for row in _WINTER_ROWS})
_FLOOD: Final = MappingProxyType({row.code: row.scene() for row in _FLOOD_ROWS})
SCENES: Final[Mapping[str, Scene]] = MappingProxyType({**USUAL, **_ORDER, **_LENS, **_WINTER, **_FLOOD})


def scenes_of(scenario: str) -> Mapping[str, Scene]:
    """Return the scenes that a scenario's cameras watch for, by the scenario's name."""
    return {"order": _ORDER, "lens": _LENS, "winter": _WINTER, "flood": _FLOOD}.get(scenario, USUAL)


def with_district(catalogue: Catalogue) -> Catalogue:
    """Return a site's catalogue with what the district needs besides."""
    own = (FIRE_CATEGORY, RIDER_CATEGORY, FLOOD_CATEGORY, CAMERA_CATEGORY)
    return Catalogue({**{each.key: each for each in own}, **catalogue.by_key})
