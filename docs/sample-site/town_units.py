"""The five grids and 34 units of the sample subdistrict: codes, names, posts, and where each unit starts to grow.

Codes and names are those of the national statistical register; posts are titles, never people.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import shapely
from shapely import Polygon
from town_growth import Seed

URBAN = ("YP-G1", "YP-G2", "YP-G3")

RESIDENTIAL, VILLAGE = "residential", "village"
VILLAGE_SHARE = 1.7
"""A village gets this many times the land of a residential committee in its grid."""

UNITS: tuple[tuple[str, str, str, str, tuple[float, float]], ...] = (
    # code's last three digits, name_zh, name, grid, start in km
    ("001", "庆华社区", "Qinghua community", "YP-G2", (3.45, 0.80)),
    ("002", "庆新社区", "Qingxin community", "YP-G2", (4.40, 1.10)),
    ("003", "城北社区", "Chengbei community", "YP-G1", (3.30, 3.20)),
    ("004", "龙威社区", "Longwei community", "YP-G1", (4.45, 2.10)),
    ("005", "复兴社区", "Fuxing community", "YP-G1", (3.90, 3.20)),
    ("006", "解放社区", "Jiefang community", "YP-G1", (3.90, 2.45)),
    ("007", "西部花苑社区", "Xibuhuayuan community", "YP-G3", (1.90, 2.15)),
    ("008", "尚美社区", "Shangmei community", "YP-G2", (1.85, 0.80)),
    ("009", "万寿社区", "Wanshou community", "YP-G1", (4.50, 3.10)),
    ("010", "盈港社区", "Yinggang community", "YP-G2", (1.85, 1.50)),
    ("011", "盈中社区", "Yingzhong community", "YP-G1", (3.32, 2.50)),
    ("012", "三元河社区", "Sanyuanhe community", "YP-G1", (3.50, 1.95)),
    ("013", "盈联社区", "Yinglian community", "YP-G2", (2.65, 1.50)),
    ("014", "民乐社区", "Minyue community", "YP-G3", (2.75, 2.45)),
    ("015", "民佳社区", "Minjia community", "YP-G3", (1.95, 2.65)),
    ("016", "绿舟社区", "Lvzhou community", "YP-G3", (2.75, 2.00)),
    ("017", "上达社区", "Shangda community", "YP-G3", (2.00, 3.20)),
    ("018", "浩泽社区", "Haoze community", "YP-G3", (2.75, 3.20)),
    ("019", "民欣社区", "Minxin community", "YP-G2", (2.70, 0.80)),
    ("020", "华浦社区", "Huapu community", "YP-G4", (2.05, 3.80)),
    ("021", "怡澜社区", "Yilan community", "YP-G4", (2.75, 3.85)),
    ("022", "双桥社区", "Shuangqiao community", "YP-G5", (1.25, 0.95)),
    ("023", "东渡社区", "Dongdu community", "YP-G5", (1.25, 1.65)),
    ("024", "赵屯浦社区", "Zhaotunpu community", "YP-G4", (3.60, 4.00)),
    ("025", "崧子浦社区", "Songzipu community", "YP-G4", (4.45, 4.05)),
    ("026", "贺桥社区", "Heqiao community", "YP-G5", (1.35, 3.75)),
    ("027", "淀山浦社区", "Dianshanpu community", "YP-G4", (2.10, 4.80)),
    ("028", "漕盈社区", "Caoying community", "YP-G5", (1.35, 2.60)),
    ("029", "新塘浦社区", "Xintangpu community", "YP-G4", (3.20, 4.80)),
    ("202", "贺桥村", "Heqiao village", "YP-G5", (0.90, 4.85)),
    ("203", "南厍村", "Nanshe village", "YP-G5", (0.60, 2.90)),
    ("204", "俞家埭村", "Yujiadai village", "YP-G5", (0.50, 1.50)),
    ("205", "天恩桥村", "Tianenqiao village", "YP-G4", (2.70, 5.50)),
    ("206", "南横村", "Nanheng village", "YP-G4", (4.45, 5.40)),
)
TOWN_CODE = "310118002"
_NUMERALS = "一二三四五"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One management unit; `area` in degrees."""

    code: str
    name: str
    name_zh: str
    kind: str
    grid: str
    area: Polygon

    @property
    def key(self) -> bool:
        """Whether the unit is one of the 19 key units: those of the three urban grids."""
        return self.grid in URBAN

    def properties(self) -> dict[str, object]:
        """Return the unit's properties as the site file holds them."""
        committee = "居委会" if self.kind == RESIDENTIAL else "村委会"
        return {
            "code": self.code,
            "name": self.name,
            "name_zh": self.name_zh,
            "kind": self.kind,
            "grid": self.grid,
            "key": self.key,
            "head": f"管理单元长（{self.name_zh}{committee}负责人）",
            "station": f"{self.name_zh}联勤工作点",
            "schematic": True,
        }


def seeds() -> tuple[Seed, ...]:
    """Return where each unit starts to grow."""
    return tuple(
        Seed(code=TOWN_CODE + tail, grid=grid, at=at, weight=VILLAGE_SHARE if tail >= "200" else 1.0)
        for tail, _, _, grid, at in UNITS
    )


def merge(areas: Iterable[Polygon]) -> Polygon:
    """Return the union of areas that share their border vertices, vertex for vertex.

    Raises:
        ValueError: The union is not one piece without holes.
    """
    merged = shapely.coverage_union_all(list(areas))
    pieces = [piece for piece in shapely.get_parts(merged) if isinstance(piece, Polygon)]
    if len(pieces) != 1 or pieces[0].interiors:
        raise ValueError(f"{len(pieces)} pieces, {len(pieces[0].interiors)} holes; move the units' starts")
    return Polygon(pieces[0].exterior)


def units(blocks: list[Polygon], owners: list[str]) -> list[Unit]:
    """Return the units that the blocks make up, in the order of their codes."""
    made = []
    for tail, name_zh, name, grid, _ in UNITS:
        code = TOWN_CODE + tail
        area = merge(block for block, owner in zip(blocks, owners, strict=True) if owner == code)
        kind = VILLAGE if tail >= "200" else RESIDENTIAL
        made.append(Unit(code=code, name=name, name_zh=name_zh, kind=kind, grid=grid, area=area))
    return made


def grid_properties(number: int) -> dict[str, object]:
    """Return the properties of grid `number` (1 to 5) as the site file holds them."""
    numeral = _NUMERALS[number - 1]
    return {
        "code": f"YP-G{number}",
        "name": f"Yingpu grid {number}",
        "name_zh": f"盈浦第{numeral}责任网格",
        "police_beat": f"第{numeral}警务责任区",
        "chief": f"网格长（第{numeral}警务责任区，街道班子成员）",
        "deputies": [
            f"副网格长（第{numeral}警务责任区警长）",
            f"副网格长（第{numeral}责任网格城管分队长）",
        ],
        "station": f"盈浦第{numeral}责任网格联勤工作站",
        "schematic": True,
    }
