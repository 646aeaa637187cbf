"""Who asks: every service call carries a principal. Owns roles; checking a log-in is the doors' business."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.errors import RefusedError, WholeSiteError


class Role(StrEnum):
    """What a principal is at the desk."""

    SYSTEM = "system"
    ADMIN = "admin"
    DISPATCHER = "dispatcher"
    FORCE = "force"
    INGEST = "ingest"
    ANALYST = "analyst"
    CITIZEN = "citizen"


class Right(StrEnum):
    """What comes with no role, not even the administrator's, and is given to a person by name."""

    OPEN_ORIGINALS = "open-originals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Someone or something that acts.

    Attributes:
        name: shown in the case's history.
        role: decides what may be done.
        terminal: the terminal this principal carries, if any; a force acts for its own terminal only.
        grids: the grids whose rows it may see and act on; None means all.
        rights: what it may do beyond its role.
        speaks_for: whose figures it answers for, such as "unit:YP-01" or "department:urban-management".
    """

    name: str
    role: Role
    terminal: str | None = None
    grids: frozenset[str] | None = None
    rights: frozenset[Right] = frozenset()
    speaks_for: frozenset[str] = frozenset()

    def require(self, what: str, *roles: Role) -> None:
        """Refuse unless the role is among `roles`; the system may do everything.

        Raises:
            RefusedError: naming the roles that may.
        """
        if self.role is not Role.SYSTEM and self.role not in roles:
            raise RefusedError(self.name, self.role, what, roles)

    def require_whole_site(self, what: str) -> None:
        """Refuse a principal that reaches some grids only: what it is about to do holds for all of them.

        Raises:
            WholeSiteError: naming its grids.
        """
        if self.grids is not None:
            raise WholeSiteError(self.name, what, self.grids)


PIPELINE = Principal(name="pipeline", role=Role.SYSTEM)
