"""A case with what whoever asks may do with it now: the answer from which pages and clients make their buttons."""

from pydantic import BaseModel

from api.schemas import CaseOut
from api.services import Services
from pipeline.cases import Case
from pipeline.next_steps import Known, NextStep, known_of, next_steps
from pipeline.principal import Principal


class NextOut(BaseModel):
    """One thing that may be done now: a step's name, or the name of a door beside the steps.

    `note` says that it needs words, `shows` that it needs words or a picture; `most` in `unit` bounds how much time may
    be asked for; `department` says whose part of a joint action it is.
    """

    name: str
    note: bool
    shows: bool
    most: float | None
    unit: str | None
    department: str | None

    @classmethod
    def of(cls, each: NextStep) -> "NextOut":
        """Return it as it is sent."""
        return cls(**{name: getattr(each, name) for name in cls.model_fields})


class CaseNowOut(CaseOut):
    """A case; `actions` are those that its state allows, `next` is all that whoever asks may do with it now."""

    next: list[NextOut]


def known_now(services: Services, case: Case) -> Known:
    """Return what must be known beside a case to say what may be done with it."""
    return services.casebook.read(lambda book: known_of(book, case, services.site))


def case_now(services: Services, case: Case, who: Principal) -> CaseNowOut:
    """Return a case as it is sent to a principal."""
    steps = next_steps(case, who, known_now(services, case))
    plain = CaseOut.of(case, services.site).model_dump()
    return CaseNowOut(**plain, next=[NextOut.of(each) for each in steps])
