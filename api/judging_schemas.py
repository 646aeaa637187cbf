"""Figures, publications, appeals and points as they are asked for and sent."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field

from api.schemas import Asked, Code
from pipeline.attribution import SubjectKind
from pipeline.judged_figures import Judged
from pipeline.judging_book import EntryKind, Judgement
from pipeline.judging_policy import Measure
from pipeline.publications import Published

Words = Annotated[str, Field(min_length=2, max_length=1000)]
Cases = Annotated[list[Code], Field(min_length=1, max_length=100, description="numbers of the cases left out")]


class ShareOut(BaseModel):
    """A share with its 95 % interval (Wilson); `value` is null where there was nothing to count."""

    count: int
    of: int
    value: float | None
    low: float
    high: float


class ReachedOut(BaseModel):
    """How fast urgent cases were attended or had a first result."""

    in_time: ShareOut
    p50_s: float | None
    p90_s: float | None
    mean_s: float | None


class WorkloadOut(BaseModel):
    """What was done, and by whom most."""

    handled: int
    steps: int
    offers: int
    unanswered: int
    declined: int
    returned: int
    lent: int
    busiest: ShareOut | None


class FiguresOut(BaseModel):
    """The figures of one subject; definitions in docs/judging.md."""

    kind: SubjectKind
    subject: str
    discovered: int
    channels: dict[str, ShareOut]
    proactive: Annotated[ShareOut, Field(description="P / (P + R), the public in neither")]
    proactive_public: Annotated[ShareOut, Field(description="the same with the public among P")]
    closed: int
    handled: int
    overdue: int
    closure: ShareOut
    on_time: ShareOut
    rework: ShareOut
    arrival: ReachedOut
    first_result: ReachedOut
    false_alarms: ShareOut
    void: int
    workload: WorkloadOut


class PartOfScoreOut(BaseModel):
    """One measure's part in a score; `achieved` is null where there were too few cases."""

    measure: Measure
    share: ShareOut
    target: float
    weight: float
    achieved: float | None


class ScoreOut(BaseModel):
    """A score of 0 to 100, or why there is none."""

    value: float | None
    weight: float
    parts: list[PartOfScoreOut]
    why_not: str


class RowOut(BaseModel):
    """One subject; `entry` is the publication or correction that the figures are from, null for none."""

    figures: FiguresOut
    score: ScoreOut
    entry: int | None = None


class JudgedOut(BaseModel):
    """Figures of a period, told up to a place in the site's sequence by a version of the site."""

    since: datetime
    until: datetime
    by: SubjectKind
    through: int
    site_version: int
    rows: list[RowOut]

    @classmethod
    def of(cls, judged: Judged) -> "JudgedOut":
        """Return figures as they are sent."""
        told = [{"figures": asdict(figures), "score": asdict(score)} for figures, score in judged.rows]
        return cls(
            since=judged.wanted.period.since,
            until=judged.wanted.period.until,
            by=judged.wanted.by,
            through=judged.through,
            site_version=judged.site_version,
            rows=[RowOut.model_validate(each) for each in told],
        )


class EntryOut(BaseModel):
    """One entry of the book of judgements, without a publication's rows."""

    number: int
    kind: EntryKind
    about: int | None
    publication: int
    scope: str
    at: datetime
    actor: str
    content: dict[str, Any]
    digest: str

    @classmethod
    def of(cls, entry: Judgement) -> "EntryOut":
        """Return an entry as it is sent."""
        content = {name: value for name, value in entry.content.items() if name != "rows"}
        plain = {name: getattr(entry, name) for name in cls.model_fields if name != "content"}
        return cls(**plain, content=content)


class PublishedOut(BaseModel):
    """A publication: the rows as they stand, as they were first, and everything said on it since."""

    entry: EntryOut
    stands: list[RowOut]
    first: list[RowOut]
    trace: list[EntryOut]

    @classmethod
    def of(cls, published: Published) -> "PublishedOut":
        """Return a publication as it is sent."""
        first: Any = published.entry.content["rows"]
        return cls(
            entry=EntryOut.of(published.entry),
            stands=[RowOut.model_validate(each) for each in published.rows()],
            first=[RowOut.model_validate(each) for each in first],
            trace=[EntryOut.of(each) for each in published.trace],
        )


class PublicPublishedOut(BaseModel):
    """A publication as everybody may see it: figures as they stand, and which were corrected; nobody's name."""

    number: int
    at: datetime
    since: datetime
    until: datetime
    by: SubjectKind
    digest: str
    stands: list[RowOut]
    corrected: list[str]

    @classmethod
    def of(cls, published: Published) -> "PublicPublishedOut":
        """Return a publication as the public sees it."""
        told, entry = published.entry.content, published.entry
        corrections = [each for each in published.trace if each.kind is EntryKind.CORRECTION]
        return cls(
            number=entry.number,
            at=entry.at,
            since=datetime.fromisoformat(str(told["since"])),
            until=datetime.fromisoformat(str(told["until"])),
            by=SubjectKind(str(told["by"])),
            digest=entry.digest,
            stands=[RowOut.model_validate(each) for each in published.rows()],
            corrected=sorted({str(each.content["subject"]) for each in corrections}),
        )


class PublishIn(Asked):
    """Which figures to freeze, and for whom."""

    since: AwareDatetime
    until: AwareDatetime
    by: SubjectKind
    scope: Annotated[str, Field(max_length=80, description="`grid:CODE`, `subdistrict` or `all`")]
    note: Annotated[str, Field(max_length=1000)] = ""


class FigureAppealIn(Asked):
    """An appeal of a subject against its published figures."""

    subject: Code
    words: Words


class UpholdIn(Asked):
    """Why an appeal is right, and the cases that its figures leave out from now on."""

    reason: Words
    without: Cases


class DismissIn(Asked):
    """Why an appeal is not right."""

    reason: Words


class CorrectionIn(Asked):
    """A correction without an appeal."""

    subject: Code
    reason: Words
    without: Cases


class RecomputedOut(BaseModel):
    """Whether a publication comes out again from the histories; `differ` names the subjects that do not."""

    number: int
    holds: bool
    differ: list[str]
