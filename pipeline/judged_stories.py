"""The stories that a period is judged by, read from storage in pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pipeline.attribution import SubjectKind
from pipeline.case_story import Cut, Story, tell
from pipeline.casebook import Asking
from pipeline.judging import duplicates_first
from pipeline.judging_periods import JudgedPeriod
from pipeline.site import Site

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which figures: over which period, by which kind of subject, of which grids (None for all)."""

    period: JudgedPeriod
    by: SubjectKind
    grids: frozenset[str] | None = None


def told_stories(book: Asking, wanted: Wanted, cut: Cut, *, site: Site) -> Iterator[Story]:
    """Yield the stories that a period is judged by, of the grids that are wanted."""
    numbers = book.cases_to_judge(wanted.period.since, wanted.period.until)
    stories = []
    for start in range(0, len(numbers), _CHUNK):
        chunk = numbers[start : start + _CHUNK]
        entries = book.entries_of(chunk)
        for number in chunk:
            story = tell([each.event for each in entries.get(number, ())], cut, site=site)
            if story is not None:
                stories.append(story)
    for each in duplicates_first(stories):
        if wanted.grids is None or each.case.grid in wanted.grids:
            yield each
