"""Attribution: which force, unit, grid and department a case counts for. Pure; the table stands in docs/judging.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pipeline.case_story import Story, Urgent
from pipeline.roster import Force
from pipeline.site import Site


class SubjectKind(StrEnum):
    """Who is judged."""

    FORCE = "force"
    UNIT = "unit"
    GRID = "grid"
    DEPARTMENT = "department"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who a case counts for, by a site's roster and catalogue.

    Args:
        site: as it was when the period is judged.
        grids: the grids of the scope; None for all. Subjects outside it are not listed, and appear where they worked
            in it.
    """

    site: Site
    grids: frozenset[str] | None = None
    _carriers: Mapping[str, Force] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_carriers", self.site.roster.by_terminal())

    def subjects(self, kind: SubjectKind) -> list[str]:
        """Return the subjects that are judged even if nothing counts for them."""
        site, inside = self.site, self._inside
        match kind:
            case SubjectKind.FORCE:
                return [each.number for each in site.roster.forces if each.terminal and inside(each.grid)]
            case SubjectKind.UNIT:
                return [each.code for each in site.boundaries.units if inside(each.grid)]
            case SubjectKind.GRID:
                return [each.code for each in site.boundaries.grids if inside(each.code)]
            case SubjectKind.DEPARTMENT:
                return sorted({each.department for each in site.roster.forces if inside(each.grid)})
            case _:
                return [site.settings.code]

    def force(self, terminal: str | None) -> Force | None:
        """Return the force that carries a terminal."""
        return self._carriers.get(terminal or "")

    def finder(self, kind: SubjectKind, story: Story) -> str | None:
        """Return for whom a case counts as discovered; a force and its department only for what it reported itself."""
        return self._of(kind, story, self.force(story.found_by), otherwise=None)

    def answerer(self, kind: SubjectKind, story: Story) -> str | None:
        """Return who answers for closing a case: who handled it last, else who holds it.

        A case that nobody handled or holds counts for no force, and for the department that must do it again, else for
        its class's.
        """
        terminal = story.case.terminal if story.handling is None else story.handling.terminal
        category = self.site.catalogue.by_key.get(story.case.category)
        classes = category.department if category is not None else ""
        return self._of(kind, story, self.force(terminal), otherwise=story.case.rework_by or classes or None)

    def reacher(self, kind: SubjectKind, story: Story, clock: Urgent) -> str | None:
        """Return for whom an urgent clock counts: who reached it, else who holds the case."""
        category = self.site.catalogue.by_key.get(story.case.category)
        terminal = clock.terminal if clock.at is not None else story.case.terminal
        return self._of(kind, story, self.force(terminal), otherwise=category.department if category else None)

    def worker(self, kind: SubjectKind, story: Story, terminal: str | None) -> str | None:
        """Return for whom work at a terminal counts."""
        return self._of(kind, story, self.force(terminal), otherwise=None)

    def _of(self, kind: SubjectKind, story: Story, force: Force | None, *, otherwise: str | None) -> str | None:
        match kind:
            case SubjectKind.FORCE:
                return None if force is None else force.number
            case SubjectKind.UNIT:
                return story.case.unit
            case SubjectKind.GRID:
                return story.case.grid
            case SubjectKind.DEPARTMENT:
                return otherwise if force is None else force.department
            case _:
                return self.site.settings.code

    def _inside(self, grid: str) -> bool:
        return self.grids is None or grid in self.grids
