"""Urgency: whether a case is urgent, and why. Pure.

The policy's three causes (a serious hazard at a component, an urgent hotline ticket, a non-police alarm), besides what
the catalogue says of the filing condition or of the class.
"""

from dataclasses import dataclass

from pipeline.cases import Channel
from pipeline.catalogue import Category, CategoryKind, FilingCondition


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgency:
    """Whether, and why; the reason is empty where it is not."""

    urgent: bool
    reason: str = ""


def urgency(
    category: Category,
    *,
    channel: Channel,
    condition: FilingCondition | None = None,
    hazard: bool = False,
    ticket_urgent: bool = False,
) -> Urgency:
    """Return whether a case is urgent; of several reasons the policy's own come first.

    Args:
        category: of the case.
        channel: how it became known.
        condition: that it is filed on, if one was named.
        hazard: whoever reports it sees a serious safety hazard; counts for components.
        ticket_urgent: the hotline's ticket is marked urgent.
    """
    if channel is Channel.ALARM:
        return Urgency(urgent=True, reason="a non-police alarm")
    if channel is Channel.HOTLINE and ticket_urgent:
        return Urgency(urgent=True, reason="an urgent hotline ticket")
    if hazard and category.kind is CategoryKind.COMPONENT:
        return Urgency(urgent=True, reason="a component with a serious safety hazard")
    if condition is not None and condition.urgent:
        return Urgency(urgent=True, reason=f"its filing condition {condition.number} is urgent")
    if category.urgent:
        return Urgency(urgent=True, reason="its class is urgent")
    return Urgency(urgent=False)
