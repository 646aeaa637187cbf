"""The shapes of the catalogue's requests and answers."""

from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, Field

from api.schemas import Asked
from pipeline.catalogue import (
    OLDER_STANDARDS,
    Again,
    Category,
    CategoryKind,
    Certainty,
    DeadlineUnit,
    FilingCondition,
    Mapped,
    WorkField,
)

Name = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(max_length=2000)]
Short = Annotated[str, Field(max_length=40)]
_MOST = max(unit.most for unit in DeadlineUnit)
Value = Annotated[float, Field(ge=0.1, le=_MOST, allow_inf_nan=False, description="each unit's most is checked below")]


class ConditionBody(Asked):
    """A filing condition with its deadline and closing condition."""

    number: Annotated[int, Field(ge=1, le=999)]
    text: Annotated[str, Field(min_length=1, max_length=2000)]
    closing_condition: Words = ""
    deadline_value: Value
    deadline_unit: DeadlineUnit
    urgent: bool = False
    source: Annotated[str, Field(max_length=200)] = ""

    @classmethod
    def of(cls, condition: FilingCondition) -> Self:
        """Return a condition as it is sent."""
        return cls(**{name: getattr(condition, name) for name in cls.model_fields})


class MappedOut(BaseModel):
    """A class's number in another standard, `unmapped` where it is not known."""

    standard: str
    code: str
    certainty: Certainty
    source: str

    @classmethod
    def of(cls, mapped: Mapped) -> Self:
        """Return a mapping as it is sent."""
        return cls(**{name: getattr(mapped, name) for name in cls.model_fields})


class ClassBody(Asked):
    """What a site says of a class; its key is in the path."""

    name: Name
    name_zh: Name
    group: Short = ""
    group_zh: Annotated[str, Field(max_length=200)] = ""
    field: WorkField = WorkField.OTHER
    key_since: date | None = None
    reportable: bool = True
    urgent: bool = False
    department: Short = ""
    first_roles: Annotated[tuple[Short, ...], Field(max_length=50)] = ()
    deadline_value: Annotated[float, Field(ge=0, le=_MOST, allow_inf_nan=False)] = 0.0
    deadline_unit: DeadlineUnit = DeadlineUnit.WORK_DAY
    closing_condition: Words = ""
    merge_within_m: Annotated[float, Field(ge=0, le=500, allow_inf_nan=False)] = 10.0
    merge_within_s: Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)] = 86_400.0
    again: Again = Again.NEW
    again_after_s: Annotated[float, Field(ge=0, le=2_592_000, allow_inf_nan=False)] = 900.0
    again_within_s: Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)] = 604_800.0
    conditions: Annotated[tuple[ConditionBody, ...], Field(max_length=100)] = ()

    def category(self, *, standard: str, kind: CategoryKind, code: str, mappings: tuple[Mapped, ...]) -> Category:
        """Return the class that is meant; its numbers in other standards stay as they are."""
        same = {name: getattr(self, name) for name in type(self).model_fields}
        conditions = tuple(FilingCondition(**each.model_dump()) for each in self.conditions)
        named = {"standard": standard, "kind": kind, "code": code, "mappings": mappings}
        return Category(**{**same, **named, "conditions": conditions})


class ClassOut(BaseModel):
    """A class of the catalogue."""

    key: str
    standard: str
    kind: CategoryKind
    code: str
    name: str
    name_zh: str
    group: str
    group_zh: str
    field: WorkField
    key_since: date | None
    reportable: bool
    urgent: bool
    department: str
    first_roles: list[str]
    deadline_value: float
    deadline_unit: DeadlineUnit
    closing_condition: str
    merge_within_m: float
    merge_within_s: float
    again: Again
    again_after_s: float
    again_within_s: float
    conditions: list[ConditionBody]
    mappings: list[MappedOut]

    @classmethod
    def of(cls, category: Category) -> Self:
        """Return a class as it is sent, with what is not mapped said."""
        same = {name: getattr(category, name) for name in cls.model_fields if name not in {"conditions", "mappings"}}
        return cls(
            **{**same, "first_roles": list(category.first_roles)},
            conditions=[ConditionBody.of(each) for each in category.conditions],
            mappings=[MappedOut.of(category.mapped(standard)) for standard in OLDER_STANDARDS],
        )


class CatalogueOut(BaseModel):
    """Classes of the catalogue, in its order."""

    version: int
    classes: list[ClassOut]
