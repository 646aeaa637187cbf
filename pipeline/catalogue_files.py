"""The catalogue's formats: `catalogue.toml`, and the two CSV tables by which it is edited, `classes` and `conditions`.

The TOML is what a site keeps; the tables are made from it and put back into it whole, so that nothing is kept twice.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from geo.boundaries import Fault
from pipeline.catalogue import (
    OLDER_STANDARDS,
    Again,
    Catalogue,
    Category,
    CategoryKind,
    Certainty,
    DeadlineUnit,
    FilingCondition,
    Mapped,
    WorkField,
)
from pipeline.csv_table import day, listed, once, read_rows, write_rows, yes_or_no
from pipeline.fields import Fields
from pipeline.toml_tables import inner_tables, read_tables

CATALOGUE = "catalogue.toml"
CLASSES, CONDITIONS = "classes.csv", "conditions.csv"
CLASS_COLUMNS = (
    "standard", "kind", "code", "name", "name_zh", "group", "group_zh", "field", "key_since", "reportable", "urgent",
    "department", "first_roles", "deadline_value", "deadline_unit", "closing_condition", "merge_within_m",
    "merge_within_s", "again", "again_after_s", "again_within_s", "gbt30428_code", "gbt30428_certainty",
    "gbt30428_source", "cjt214_code", "cjt214_certainty", "cjt214_source",
)  # fmt: skip
CONDITION_COLUMNS = (
    "category", "number", "text", "closing_condition", "deadline_value", "deadline_unit", "urgent", "source",
)  # fmt: skip
_MAPPED_COLUMNS = ("gbt30428", "cjt214")
_LONGEST_TEXT = 2000
_DAY_S = 86_400.0
_TRUE, _FALSE = "true", "false"


def read_catalogue(text: str, faults: list[Fault]) -> Catalogue:
    """Return the categories of `catalogue.toml`."""
    found: dict[str, Category] = {}
    for fields in read_tables(text, "category", file=CATALOGUE, faults=faults):
        fields.only((*Category.__dataclass_fields__.keys() - {"conditions", "mappings"}, "condition", "mapping"))
        category = replace(
            _category(fields, since=_day(fields), roles=fields.texts("first_roles")),
            conditions=_conditions(inner_tables(fields, "condition")),
            mappings=_mappings(inner_tables(fields, "mapping")),
        )
        if category.key in found:
            fields.fault("code", f"{category.key} stands twice; keep one")
        found[category.key] = category
    return Catalogue(found)


def write_catalogue(categories: Iterable[Category]) -> str:
    """Return `catalogue.toml`."""
    head = "# What may be reported here. Written by Beatgrid; edited as this file, as CSV, or through the interface.\n"
    return head + "".join(_toml(each) for each in categories)


def write_classes(categories: Iterable[Category]) -> str:
    """Return the table of classes."""
    return write_rows(CLASS_COLUMNS, (_class_row(each) for each in categories))


def write_conditions(categories: Iterable[Category]) -> str:
    """Return the table of filing conditions."""
    rows = ({**_told(each), "category": category.key} for category in categories for each in category.conditions)
    return write_rows(CONDITION_COLUMNS, rows)


def read_classes(text: str, faults: list[Fault], *, before: Catalogue) -> Catalogue:
    """Return the catalogue that a table of classes makes.

    A class keeps what the table has no columns for: its filing conditions, and its numbers in other standards than the
    two older ones.
    """
    found: dict[str, Category] = {}
    for row in read_rows(text, file=CLASSES, columns=CLASS_COLUMNS, optional=CLASS_COLUMNS, faults=faults):
        flags = {"reportable": yes_or_no(row, "reportable", required=True), "urgent": yes_or_no(row, "urgent")}
        fields = replace(row, table={**row.table, **flags})
        category = _category(fields, since=day(fields, "key_since"), roles=listed(fields, "first_roles"))
        known = before.by_key.get(category.key, category)
        if category.code and category.key in found:
            fields.fault("code", f"{category.key} stands twice; keep one")
        found[category.key] = replace(
            category, conditions=known.conditions, mappings=_with_columns(known.mappings, _mapped_columns(fields))
        )
    return Catalogue(found)


def read_conditions(text: str, faults: list[Fault], *, before: Catalogue) -> Catalogue:
    """Return the catalogue with the filing conditions of a table in place of all that it had."""
    rows: dict[str, list[Fields]] = defaultdict(list)
    for row in read_rows(text, file=CONDITIONS, columns=CONDITION_COLUMNS, optional=CONDITION_COLUMNS, faults=faults):
        fields = replace(row, table={**row.table, "urgent": yes_or_no(row, "urgent")})
        key = fields.text("category")
        if key and key not in before.by_key:
            fields.fault("category", f"{key!r} is not in the catalogue; write '<standard>/<kind>/<code>'")
        rows[key].append(fields)
    made = {key: _conditions(each, own="category") for key, each in rows.items()}
    return Catalogue({key: replace(each, conditions=made.get(key, ())) for key, each in before.by_key.items()})


def _category(fields: Fields, *, since: date | None, roles: tuple[str, ...]) -> Category:
    reportable = fields.flag("reportable", default=True)
    # A class that nobody may report yet needs no department and no deadline; one that is worked needs both.
    spare = None if reportable else ""
    unit = fields.choice("deadline_unit", DeadlineUnit, default=None if reportable else DeadlineUnit.WORK_DAY)
    return Category(
        standard=fields.text("standard", longest=60),
        kind=fields.choice("kind", CategoryKind),
        code=fields.text("code", longest=40),
        name=fields.text("name"),
        name_zh=fields.text("name_zh"),
        urgent=fields.flag("urgent", default=False),
        department=fields.text("department", default=spare),
        first_roles=roles,
        deadline_value=fields.number(
            "deadline_value", low=0.1 if reportable else 0.0, high=unit.most, default=None if reportable else 0.0
        ),
        deadline_unit=unit,
        closing_condition=fields.text("closing_condition", default="", longest=_LONGEST_TEXT),
        merge_within_m=fields.number("merge_within_m", low=0, high=500, default=10),
        merge_within_s=fields.number("merge_within_s", low=0, high=365 * _DAY_S, default=_DAY_S),
        again=fields.choice("again", Again, default=Again.NEW),
        again_after_s=fields.number("again_after_s", low=0, high=30 * _DAY_S, default=900),
        again_within_s=fields.number("again_within_s", low=0, high=365 * _DAY_S, default=7 * _DAY_S),
        group=fields.text("group", default=""),
        group_zh=fields.text("group_zh", default=""),
        field=fields.choice("field", WorkField, default=WorkField.OTHER),
        key_since=since,
        reportable=reportable,
    )


def _conditions(tables: Sequence[Fields], own: str | None = None) -> tuple[FilingCondition, ...]:
    found: dict[int, FilingCondition] = {}
    for fields in tables:
        fields.only((*FilingCondition.__dataclass_fields__, *([own] if own else ())))
        unit = fields.choice("deadline_unit", DeadlineUnit)
        condition = FilingCondition(
            number=fields.whole("number", low=1, high=999),
            text=fields.text("text", longest=_LONGEST_TEXT),
            closing_condition=fields.text("closing_condition", default="", longest=_LONGEST_TEXT),
            deadline_value=fields.number("deadline_value", low=0.1, high=unit.most),
            deadline_unit=unit,
            urgent=fields.flag("urgent", default=False),
            source=fields.text("source", default=""),
        )
        if condition.number in found and not fields.has_fault("number"):
            fields.fault("number", f"{condition.number} stands twice in its class; number them one by one")
        found[condition.number] = condition
    return tuple(found[number] for number in sorted(found))


def _mappings(tables: Sequence[Fields]) -> tuple[Mapped, ...]:
    found = tuple(_mapping(fields) for fields in tables)
    seen_at: dict[tuple[str, str], str] = {}
    for fields, mapped in zip(tables, found, strict=True):
        once(fields, seen_at, ("standard", mapped.standard))
    return found


def _mapping(fields: Fields) -> Mapped:
    fields.only(Mapped.__dataclass_fields__)
    if fields.table.get("certainty") == Certainty.UNMAPPED:
        fields.fault("certainty", "is unmapped; leave the mapping out, what is not there is unmapped")
    return Mapped(
        standard=fields.text("standard", longest=60),
        code=fields.text("code", longest=40),
        certainty=fields.choice("certainty", Certainty),
        source=fields.text("source", default=""),
    )


def _mapped_columns(fields: Fields) -> Iterator[Mapped]:
    for column, standard in zip(_MAPPED_COLUMNS, OLDER_STANDARDS, strict=True):
        code = fields.text(f"{column}_code", default="", longest=40)
        certainty = fields.choice(f"{column}_certainty", Certainty, default=Certainty.UNMAPPED)
        if bool(code) == (certainty is Certainty.UNMAPPED) and not fields.has_fault(f"{column}_certainty"):
            fields.fault(
                f"{column}_code", f"is {code!r} and certainty {certainty}; a code needs one, unmapped has none"
            )
        if code:
            source = fields.text(f"{column}_source", default="")
            yield Mapped(standard=standard, code=code, certainty=certainty, source=source)


def _with_columns(known: Sequence[Mapped], columns: Iterable[Mapped]) -> tuple[Mapped, ...]:
    """Return the numbers in other standards with those of the older two as the table has them, in the order known."""
    said = {each.standard: each for each in columns}
    kept = {each.standard: each for each in known if each.standard in said or each.standard not in OLDER_STANDARDS}
    return tuple({**kept, **said}.values())


def _day(fields: Fields) -> date | None:
    value = fields.table.get("key_since")
    if value is not None and type(value) is not date:
        fields.fault("key_since", f"is {value!r}, expected a date without quotes, such as 2026-06-01")
        return None
    return value


def _class_row(category: Category) -> Mapping[str, object]:
    row = {**_told(category), "first_roles": ";".join(category.first_roles)}
    for column, standard in zip(_MAPPED_COLUMNS, OLDER_STANDARDS, strict=True):
        mapped = category.mapped(standard)
        row |= {
            f"{column}_code": mapped.code,
            f"{column}_certainty": mapped.certainty.value,
            f"{column}_source": mapped.source,
        }
    return row


def _told(value: Category | FilingCondition | Mapped) -> dict[str, object]:
    """Return a value's plain fields as a table has them."""
    row: dict[str, object] = {}
    for name in value.__dataclass_fields__:
        field = getattr(value, name)
        if isinstance(field, bool):
            row[name] = _TRUE if field else _FALSE
        elif isinstance(field, float):
            row[name] = f"{field:g}" if field == float(f"{field:g}") else repr(field)
        else:
            row[name] = field
    return row


def _toml(category: Category) -> str:
    lines = ["", "[[category]]", *_toml_fields(category, skip=("conditions", "mappings"))]
    for condition in category.conditions:
        lines += ["", "[[category.condition]]", *_toml_fields(condition)]
    for mapping in category.mappings:
        lines += ["", "[[category.mapping]]", *_toml_fields(mapping)]
    return "\n".join(lines) + "\n"


def _toml_fields(value: Category | FilingCondition | Mapped, *, skip: Sequence[str] = ()) -> Iterator[str]:
    for name in value.__dataclass_fields__:
        field = getattr(value, name)
        if name not in skip and field not in (None, ""):
            yield f"{name} = {_toml_value(field)}"


def _toml_value(value: object) -> str:
    """Return a value in TOML; its strings escape as JSON's do, which leaves DEL as it is."""
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_toml_value(each) for each in value)}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
