"""Changes as server-sent events."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from api.dependencies import ChangesIn, Who
from api.reach import READERS
from api.stream import EventStream

router = APIRouter(prefix="/api/v1", tags=["stream"])
_LARGEST = 2**62
Place = Annotated[int | None, Query(ge=0, le=_LARGEST, description="the event after which to begin; default: now")]


@router.get("/stream", response_class=Response, responses={200: {"content": {"text/event-stream": {}}}})
async def follow(
    changes: ChangesIn,
    who: Who,
    after: Place = None,
    last_event_id: Annotated[int | None, Header(ge=0, le=_LARGEST)] = None,
) -> EventStream:
    """Follow the committed events, whichever process wrote them; resumes after Last-Event-ID."""
    who.require("follow changes", *READERS)
    changes.admit(who)
    return EventStream(changes.follow(who, last_event_id if last_event_id is not None else after))
