"""The base of this package's errors, and the ones that several rooms raise."""

from collections.abc import Collection, Sequence


class PipelineError(Exception):
    """Something between frame and closure cannot be done; the message says what to do next.

    Subclasses take values and word the sentence, so one that comes out of a child process is put together again from
    its sentence, not from those values.
    """

    def __reduce__(self) -> tuple[object, ...]:
        return (_again, (type(self), self.args, self.__dict__))


def _again(kind: type[PipelineError], args: tuple[object, ...], attributes: dict[str, object]) -> PipelineError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class UnknownError(PipelineError):
    """A code names nothing: say what kind of thing it was, and which ones exist."""

    def __init__(self, kind: str, code: str, known: Sequence[str] = ()) -> None:
        shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")  # noqa: PLR2004 - a line's worth of names
        super().__init__(f"no {kind} {code!r}" + (f"; known: {shown}" if shown else ""))
        self.kind = kind
        self.code = code


class NaiveTimeError(PipelineError):
    """A time without an offset was given where an instant is needed."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(f"{field} {value} has no UTC offset; give an aware time such as 2026-01-31T08:00:00+08:00")


class FarTimeError(PipelineError):
    """A day or time lies at an end of the calendar, where neither zones nor periods can be reckoned."""

    def __init__(self, field: str, value: object, years: range) -> None:
        super().__init__(f"{field} {value} is too far away; give one in the years {years[0]} to {years[-1]}")


class RefusedError(PipelineError):
    """A principal may not do what was asked."""

    def __init__(self, who: str, role: str, what: str, allowed: Sequence[str]) -> None:
        super().__init__(f"{who} (role {role}) may not {what}; roles that may: {', '.join(allowed)}")


class WholeSiteError(RefusedError):
    """A principal of some grids only would do what holds for the whole site."""

    def __init__(self, who: str, what: str, grids: Collection[str]) -> None:
        PipelineError.__init__(
            self,
            f"{who} may not {what}, which holds for the whole site; its grids: {', '.join(sorted(grids)) or 'none'};"
            " ask somebody of the whole site",
        )
