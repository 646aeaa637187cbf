"""Reading dispatch policies: `[dispatch]` of `site.toml` is the one in force, `[dispatch.policies.NAME]` are others."""

from collections.abc import Mapping
from typing import Final

from pipeline.dispatch_policy import BUILT_IN, DispatchPolicy
from pipeline.errors import UnknownError
from pipeline.fields import Fields

IN_FORCE: Final = "site"
_DAY_S: Final = 86_400.0
_FIELDS: Final = tuple(name for name in DispatchPolicy.__dataclass_fields__ if name != "name")


def read_policies(fields: Fields) -> tuple[DispatchPolicy, Mapping[str, DispatchPolicy]]:
    """Return the policy in force, and the others by name; what those leave out is as in the one in force."""
    fields.only((*_FIELDS, "policies"))
    in_force = _policy(fields, IN_FORCE, DispatchPolicy())
    others = fields.inner("policies")
    named = {}
    for name in others.table:
        if name in {*BUILT_IN, IN_FORCE}:
            others.fault(name, f"is a name that is taken ({', '.join((*BUILT_IN, IN_FORCE))}); choose another")
        inner = others.inner(name)
        inner.only(_FIELDS)
        named[name] = _policy(inner, name, in_force)
    return in_force, named


def policy_of(name: str, *, in_force: DispatchPolicy, named: Mapping[str, DispatchPolicy]) -> DispatchPolicy:
    """Return a policy by name: `site` (the one in force), `default`, `nearest`, or one that the site names.

    Raises:
        UnknownError: there is none of this name.
    """
    known = {**BUILT_IN, IN_FORCE: in_force, **named}
    if name not in known:
        raise UnknownError("policy", name, sorted(known))
    return known[name]


def _policy(fields: Fields, name: str, usual: DispatchPolicy) -> DispatchPolicy:
    def seconds(field: str, *, low: float = 0.0) -> float:
        return fields.number(field, low=low, high=_DAY_S, default=getattr(usual, field))

    policy = DispatchPolicy(
        name=name,
        offer_timeout_urgent_s=seconds("offer_timeout_urgent_s", low=5),
        offer_timeout_general_s=seconds("offer_timeout_general_s", low=5),
        position_max_age_s=seconds("position_max_age_s", low=1),
        position_drop_after_s=seconds("position_drop_after_s", low=1),
        max_open_cases=fields.whole("max_open_cases", low=1, high=100, default=usual.max_open_cases),
        offered_up_to=fields.whole("offered_up_to", low=1, high=100, default=usual.offered_up_to),
        speed_mps=fields.number("speed_mps", low=0.1, high=60, default=usual.speed_mps),
        speeds_mps=_speeds(fields.inner("speeds_mps")) or usual.speeds_mps,
        way_factor=fields.number("way_factor", low=1, high=10, default=usual.way_factor),
        case_s=seconds("case_s"),
        lend_gain_urgent_s=seconds("lend_gain_urgent_s"),
        lend_gain_s=seconds("lend_gain_s"),
        break_off_s=seconds("break_off_s"),
        keep_free=fields.whole("keep_free", low=0, high=100, default=usual.keep_free),
        rest_s=seconds("rest_s"),
        together=fields.flag("together", default=usual.together),
        batch_s=seconds("batch_s"),
    )
    if policy.position_drop_after_s < policy.position_max_age_s:
        fields.fault(
            "position_drop_after_s", "is less than position_max_age_s; a position is demoted before it is dropped"
        )
    return policy


def _speeds(fields: Fields) -> dict[str, float]:
    return {role: fields.number(role, low=0.1, high=60) for role in fields.table}
