"""Lists of classes from outside: a standard's codes, older numbers, another city's deadlines, a city's own list.

The standards' texts are not in the product: their tables are read from files that a site's people have. What comes from
them is added to a catalogue and switched off, until the site gives it a department and a deadline of its own; what the
catalogue says already stays.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeVar

from geo.boundaries import Fault
from pipeline.catalogue import (
    OLDER_STANDARDS,
    STANDARD,
    Catalogue,
    Category,
    CategoryKind,
    Certainty,
    DeadlineUnit,
    FilingCondition,
    Mapped,
    WorkField,
)
from pipeline.csv_table import once, read_rows, write_rows, yes_or_no
from pipeline.fields import Fields

CODE_COLUMNS = ("kind", "class_code", "class_zh", "code", "name_zh")
MAPPING_COLUMNS = (
    "code_gbt47678_5_2026", "code_gbt30428_2_2013", "code_local_extension", "code_cjt214_2007", "kind", "name_zh",
    "name_en", "code_confidence",
)  # fmt: skip
TIER_COLUMNS = (
    "kind", "code4", "local_extension", "filing_condition", "closing_condition", "deadline_raw", "value", "unit",
)  # fmt: skip
OWN_COLUMNS = (
    "类型", "大类代码", "大类名称", "小类代码", "小类名称", "立案条件", "结案条件", "处置时限", "时限单位",
    "责任部门", "紧急",
)  # fmt: skip
"""The columns of a city's own list, such as Shanghai's: one row for each filing condition."""
_FIELD_COLUMN = "所属领域"
_ONE_OF_A_CLASS = ("大类代码", "大类名称", "小类名称", "责任部门", _FIELD_COLUMN)
_LIST_SAYS = ("name_zh", "group", "group_zh", "department", "deadline_value", "deadline_unit", "closing_condition")
_KINDS: Final[Mapping[str, CategoryKind]] = MappingProxyType(
    {
        "component": CategoryKind.COMPONENT,
        "matter": CategoryKind.MATTER,
        "event": CategoryKind.MATTER,
        "部件": CategoryKind.COMPONENT,
        "事件": CategoryKind.MATTER,
    }
)
_UNITS: Final[Mapping[str, tuple[DeadlineUnit, float]]] = MappingProxyType(
    {
        **{unit.value: (unit, 1.0) for unit in DeadlineUnit},
        "urgent_day": (DeadlineUnit.URGENT_HOUR, 24.0),
        "紧急工作时": (DeadlineUnit.URGENT_HOUR, 1.0),
        "紧急工作日": (DeadlineUnit.URGENT_HOUR, 24.0),
        "工作时": (DeadlineUnit.WORK_HOUR, 1.0),
        "工作日": (DeadlineUnit.WORK_DAY, 1.0),
        "自然日": (DeadlineUnit.NATURAL_DAY, 1.0),
    }
)
_STANDARD_FIELDS: Final = MappingProxyType({"08": WorkField.CONSTRUCTION, "10": WorkField.OTHER})
"""Fields by main class of GB/T 47678.5-2026; all others are urban management."""
_FIELDS: Final[Mapping[str, WorkField]] = MappingProxyType(
    {
        **{field.value: field for field in WorkField},
        "城市管理": WorkField.URBAN_MANAGEMENT,
        "建设": WorkField.CONSTRUCTION,
        "治安": WorkField.PUBLIC_SECURITY,
        "社会面防控": WorkField.SOCIAL_PREVENTION,
        "物业管理": WorkField.PROPERTY_MANAGEMENT,
        "其他": WorkField.OTHER,
    }
)
_LONGEST = 2000
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What an import did.

    Attributes:
        classes: keys that were not in the catalogue before.
        mapped: keys that have a number in an older standard now, by standard.
        conditions: how many filing conditions were added.
        beside: rows that belong to no class of the list, or whose number is not certain enough to join by.
    """

    catalogue: Catalogue
    classes: tuple[str, ...]
    mapped: Mapping[str, int]
    conditions: int
    beside: tuple[str, ...]


def add_standard(
    before: Catalogue,
    *,
    codes: str,
    mappings: str = "",
    tiers: str = "",
    faults: list[Fault],
    names: tuple[str, str, str] = ("codes.csv", "mappings.csv", "tiers.csv"),
) -> Added:
    """Return a catalogue with all classes of GB/T 47678.5-2026 in it, those that it had as they were.

    Args:
        before: the catalogue to add to.
        codes: table of the standard's classes.
        mappings: table of numbers in the older standards, each with its certainty; none to leave all unmapped.
        tiers: table of filing conditions by a number of GB/T 30428.2-2013 or of a city's extension of it.
        faults: where what is wrong with the tables goes.
        names: the tables' names, for faults.
    """
    listed = _classes(codes, names[0], faults)
    numbers, beside = _mapped(mappings, names[1], faults, known=listed) if mappings else ({}, ())
    seeds, left = _tiers(tiers, names[2], faults, numbers) if tiers else ({}, ())
    merged = dict(before.by_key)
    added = tuple(key for key in listed if key not in merged)
    count = 0
    for key, fresh in listed.items():
        category, number = merged.get(key, fresh), numbers.get(key)
        category = replace(
            category,
            group=category.group or fresh.group,
            group_zh=category.group_zh or fresh.group_zh,
            field=_named(category.field, otherwise=fresh.field),
        )
        if number is not None and not category.mappings:
            category = replace(category, mappings=number.mappings)
        if number is not None and key in added and number.name:
            category = replace(category, name=number.name)
        if key in seeds and not category.conditions:
            category = replace(category, conditions=seeds[key])
            count += len(seeds[key])
        merged[key] = category
    mapped = {
        standard: sum(merged[key].mapped(standard).certainty is not Certainty.UNMAPPED for key in listed)
        for standard in OLDER_STANDARDS
    }
    return Added(catalogue=Catalogue(merged), classes=added, mapped=mapped, conditions=count, beside=(*beside, *left))


def read_own_list(text: str, *, standard: str, file: str, faults: list[Fault]) -> tuple[Category, ...]:
    """Return the classes of a city's own list, each row one filing condition of its class.

    Args:
        text: a table headed as `OWN_COLUMNS`; it may have a column 所属领域, the field of work.
        standard: what the list is called in keys, such as "SH-2024".
        file: its name, for faults.
        faults: where what is wrong goes.
    """
    rows: dict[tuple[CategoryKind, str], list[Fields]] = defaultdict(list)
    for fields in read_rows(text, file=file, columns=OWN_COLUMNS, optional=(_FIELD_COLUMN,), faults=faults):
        kind, code = _kind(fields, "类型"), fields.text("小类代码", longest=40)
        rows[kind, code or fields.feature].append(fields)  # a row that names no class says nothing of another's
    return tuple(_own(standard, kind, code, each) for (kind, code), each in rows.items())


def own_template() -> str:
    """Return an empty table for a city's own list."""
    return write_rows((*OWN_COLUMNS, _FIELD_COLUMN), ())


def put_list(before: Catalogue, categories: Iterable[Category]) -> Catalogue:
    """Return the catalogue with the classes of a list in it; of a class that it had only what a list says is replaced.

    A filing condition is known by its text and keeps its number. One without a source is the site's own and stays.
    """
    known = before.by_key
    return Catalogue({**known, **{each.key: _put(known.get(each.key, each), each) for each in categories}})


def _put(known: Category, listed: Category) -> Category:
    says: dict[str, Any] = {name: getattr(listed, name) for name in _LIST_SAYS}
    return replace(
        known,
        **says,
        name=listed.name if known.name == known.name_zh else known.name,
        field=_named(listed.field, otherwise=known.field),
        conditions=_numbered(listed.conditions, known=known.conditions),
    )


def _numbered(
    conditions: Sequence[FilingCondition], *, known: Sequence[FilingCondition]
) -> tuple[FilingCondition, ...]:
    numbers = {each.text: each.number for each in known}
    for each in conditions:
        numbers.setdefault(each.text, max(numbers.values(), default=0) + 1)
    listed = {each.text: replace(each, number=numbers[each.text]) for each in conditions}
    own = {each.text: each for each in known if not each.source}
    return tuple(sorted({**own, **listed}.values(), key=lambda each: each.number))


def _named(field: WorkField, *, otherwise: WorkField) -> WorkField:
    return otherwise if field is WorkField.OTHER else field


@dataclass(frozen=True, slots=True, kw_only=True)
class _Number:
    """A class's numbers in the older standards, and the one by which a city's deadlines go."""

    name: str
    mappings: tuple[Mapped, ...]
    tier: tuple[str, str, str]


def _classes(text: str, file: str, faults: list[Fault]) -> dict[str, Category]:
    found: dict[str, Category] = {}
    seen_at: dict[tuple[str, str], str] = {}
    for fields in read_rows(text, file=file, columns=CODE_COLUMNS, faults=faults):
        group = fields.text("class_code")
        category = _listed(
            standard=STANDARD,
            kind=_kind(fields, "kind"),
            code=fields.text("code", longest=40),
            name_zh=fields.text("name_zh"),
            group=group,
            group_zh=fields.text("class_zh"),
            field=_STANDARD_FIELDS.get(group, WorkField.URBAN_MANAGEMENT),
        )
        once(fields, seen_at, ("code", category.key if category.code else ""))
        found[category.key] = category
    return found


def _listed(
    *, standard: str, kind: CategoryKind, code: str, name_zh: str, group: str, group_zh: str, field: WorkField
) -> Category:
    """Return a class that is listed and not worked yet."""
    return Category(
        standard=standard,
        kind=kind,
        code=code,
        name=name_zh,
        name_zh=name_zh,
        urgent=False,
        department="",
        first_roles=(),
        deadline_value=0.0,
        deadline_unit=DeadlineUnit.WORK_DAY,
        closing_condition="",
        merge_within_m=10.0,
        merge_within_s=86_400.0,
        group=group,
        group_zh=group_zh,
        field=field,
        reportable=False,
    )


def _mapped(
    text: str, file: str, faults: list[Fault], *, known: Mapping[str, Category]
) -> tuple[dict[str, _Number], tuple[str, ...]]:
    found, beside = {}, []
    for fields in read_rows(text, file=file, columns=MAPPING_COLUMNS, faults=faults):
        kind, code = _kind(fields, "kind"), fields.text("code_gbt47678_5_2026", default="")
        key = f"{STANDARD}/{kind}/{code}"
        if key not in known:
            beside.append(f"{file} {fields.feature}: {fields.text('name_zh')} has no class in {STANDARD}")
            continue
        certainty = _certainty(fields.text("code_confidence", default=""))
        older = (fields.text(name, default="") for name in ("code_gbt30428_2_2013", "code_cjt214_2007"))
        mappings = tuple(
            Mapped(standard=standard, code=number, certainty=certainty, source=file)
            for standard, number in zip(OLDER_STANDARDS, older, strict=True)
            if number and certainty is not Certainty.UNMAPPED
        )
        own = fields.text("code_local_extension", default="")
        number = fields.text("code_gbt30428_2_2013", default="")
        tier = (kind.value, number or own, "N" if number else "Y")
        found[key] = _Number(name=fields.text("name_en", default=""), mappings=mappings, tier=tier)
    return found, tuple(beside)


def _certainty(text: str) -> Certainty:
    """Return a certainty by its first word; a range of words is its lower end."""
    first = text.strip().split(" ", 1)[0].strip("(),;").lower()
    return next(
        (each for each in (Certainty.LOW, Certainty.MEDIUM, Certainty.HIGH) if each in first), Certainty.UNMAPPED
    )


def _tiers(
    text: str, file: str, faults: list[Fault], numbers: Mapping[str, _Number]
) -> tuple[dict[str, tuple[FilingCondition, ...]], tuple[str, ...]]:
    rows: dict[tuple[str, str, str], list[Fields]] = defaultdict(list)
    for fields in read_rows(text, file=file, columns=TIER_COLUMNS, faults=faults):
        place = (_kind(fields, "kind").value, fields.text("code4"), fields.text("local_extension"))
        rows[place].append(fields)
    found = {key: _seeds(rows[each.tier], file) for key, each in numbers.items() if each.tier in rows}
    used = {each.tier for each in numbers.values()}
    return found, tuple(
        f"{file}: {len(each)} conditions of {kind} {code} join no class"
        for (kind, code, _), each in rows.items()
        if (kind, code, _) not in used
    )


def _seeds(rows: Sequence[Fields], file: str) -> tuple[FilingCondition, ...]:
    found = []
    for number, fields in enumerate(rows, 1):
        value, unit = _deadline(fields, "value", "unit")
        found.append(
            FilingCondition(
                number=number,
                text=fields.text("filing_condition", longest=_LONGEST),
                closing_condition=fields.text("closing_condition", default="", longest=_LONGEST),
                deadline_value=value,
                deadline_unit=unit,
                source=f"{file}: {fields.text('deadline_raw', default='')}",
            )
        )
    return tuple(found)


def _own(standard: str, kind: CategoryKind, code: str, rows: Sequence[Fields]) -> Category:
    first = rows[0]
    listed = _listed(
        standard=standard,
        kind=kind,
        code=code,
        name_zh=first.text("小类名称"),
        group=first.text("大类代码", default=""),
        group_zh=first.text("大类名称", default=""),
        field=_one_of(first, _FIELD_COLUMN, _FIELDS, default=WorkField.OTHER),
    )
    conditions = tuple(_own_condition(number, fields) for number, fields in enumerate(rows, 1))
    seen_at: dict[tuple[str, str], str] = {}
    for fields, condition in zip(rows, conditions, strict=True):
        _require_same(fields, first)
        once(fields, seen_at, ("立案条件", condition.text))
    leading = conditions[0]
    return replace(
        listed,
        department=first.text("责任部门"),
        deadline_value=leading.deadline_value,
        deadline_unit=leading.deadline_unit,
        closing_condition=leading.closing_condition,
        conditions=conditions,
        reportable=True,
    )


def _require_same(fields: Fields, first: Fields) -> None:
    """Note what a row says otherwise of its class than the first row does; an empty cell says the same."""
    for name in _ONE_OF_A_CLASS:
        said, before = fields.text(name, default=""), first.text(name, default="")
        if said not in ("", before):
            problem = f"is {said!r}, and {before!r} on {first.feature}; a class has one, so make them the same"
            fields.fault(name, f"{problem} or give this row a 小类代码 of its own")


def _own_condition(number: int, fields: Fields) -> FilingCondition:
    value, unit = _deadline(fields, "处置时限", "时限单位")
    return FilingCondition(
        number=number,
        text=fields.text("立案条件", longest=_LONGEST),
        closing_condition=fields.text("结案条件", default="", longest=_LONGEST),
        deadline_value=value,
        deadline_unit=unit,
        urgent=yes_or_no(fields, "紧急"),
        source=fields.file,
    )


def _deadline(fields: Fields, value: str, unit: str) -> tuple[float, DeadlineUnit]:
    kind, factor = _one_of(fields, unit, _UNITS)
    return fields.number(value, low=0.1, high=kind.most / factor) * factor, kind


def _kind(fields: Fields, field: str) -> CategoryKind:
    return _one_of(fields, field, _KINDS)


def _one_of(fields: Fields, field: str, words: Mapping[str, T], *, default: T | None = None) -> T:
    """Return what a word stands for; with a default the cell may be empty."""
    text = fields.text(field, default=None if default is None else "")
    if text and text not in words:
        fields.fault(field, f"is {text!r}, expected one of {', '.join(words)}")
    return words.get(text, next(iter(words.values())) if default is None else default)
