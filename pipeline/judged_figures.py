"""Judged figures: computed with their scores from the histories, by a place in the site's sequence and a version.

The same place and version give the same figures whenever that is done; nothing is stored here.
"""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pipeline.attribution import Attribution, SubjectKind
from pipeline.case_story import Cut
from pipeline.casebook import Asking
from pipeline.errors import UnknownError
from pipeline.history import canonical
from pipeline.judged_stories import Wanted, told_stories
from pipeline.judging import Figures, judge
from pipeline.judging_book import Judgement
from pipeline.judging_periods import JudgedPeriod
from pipeline.judging_scores import Score, score
from pipeline.publication_scope import read_scope
from pipeline.site import Site
from pipeline.site_files import site_from_documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Figures with scores.

    Attributes:
        through: place in the site's sequence up to which histories were read.
        site_version: by which version of the site; 0 for one that was never applied.
    """

    wanted: Wanted
    through: int
    site_version: int
    rows: tuple[tuple[Figures, Score], ...]


def judged_now(book: Asking, wanted: Wanted, *, site: Site) -> Judged:
    """Return the figures by all that is stored, and by the applied version of the site; `site` if none was applied."""
    version, through = book.site_version(), book.newest_sequence()
    return _judged(book, wanted, through=through, version=version, site=site)


def judged_again(
    book: Asking, entry: Judgement, *, without: Collection[str] = (), also: Collection[str] = (), site: Site
) -> list[dict[str, Any]]:
    """Return a publication's rows, computed anew by its own cut and version of the site, without some cases.

    The subjects `also` have a row even if nothing is left that counts for them.

    Raises:
        UnknownError: one of these cases is not among those that were judged.
    """
    through, version = _whole(entry.content["through"]), _whole(entry.content["site_version"])
    judged = _judged(book, _wanted(entry), through=through, version=version, without=without, also=also, site=site)
    return [told_row(*row) for row in judged.rows]


def told_row(figures: Figures, reached: Score) -> dict[str, Any]:
    """Return a row as a publication keeps it."""
    row: dict[str, Any] = json.loads(canonical({"figures": asdict(figures), "score": asdict(reached)}))
    return row


def _judged(
    book: Asking,
    wanted: Wanted,
    *,
    through: int,
    version: int,
    without: Collection[str] = (),
    also: Collection[str] = (),
    site: Site,
) -> Judged:
    judged_by = site_from_documents(book.site_documents_of(version)) if version else site
    cut = Cut(until=wanted.period.until, through=through)
    stories = list(told_stories(book, wanted, cut, site=judged_by))
    unknown = sorted(set(without) - {each.case.number for each in stories})
    if unknown:
        raise UnknownError("case among those judged", unknown[0])
    counted = [each for each in stories if each.case.number not in without]
    attribution = Attribution(judged_by, wanted.grids)
    figures = judge(counted, wanted.period, by=wanted.by, attribution=attribution, also=also)
    rows = tuple((each, _scored(each, judged_by)) for each in figures)
    return Judged(wanted=wanted, through=through, site_version=version, rows=rows)


def _scored(figures: Figures, site: Site) -> Score:
    settings = site.settings
    return score(figures, settings.judging, targets=settings.targets, public_is_proactive=settings.public_is_proactive)


def _wanted(entry: Judgement) -> Wanted:
    told = entry.content
    period = JudgedPeriod(
        since=datetime.fromisoformat(str(told["since"])), until=datetime.fromisoformat(str(told["until"]))
    )
    return Wanted(period=period, by=SubjectKind(str(told["by"])), grids=read_scope(entry.scope).grids)


def _whole(value: object) -> int:
    return int(str(value))
