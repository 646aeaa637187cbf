"""Evidence over HTTP: the pictures of a case, for those who may see the case."""

from typing import Annotated

from fastapi import APIRouter, Path, Response

from api.dependencies import ServicesIn, Who
from api.reach import require_case
from api.schemas import EvidenceOut, EvidencesOut
from pipeline.originals import ErasedError

router = APIRouter(prefix="/api/v1", tags=["evidence"])
# A picture's bytes never change under its id.
_KEEP = {"cache-control": "private, max-age=86400, immutable", "content-disposition": "inline"}


@router.get("/cases/{number}/evidence")
def list_evidence(services: ServicesIn, who: Who, number: Annotated[str, Path(max_length=64)]) -> EvidencesOut:
    """List a case's pictures, oldest first."""
    require_case(who, services.casebook.case(number))
    return EvidencesOut(evidence=[EvidenceOut.of(each) for each in services.casebook.evidence(number)])


@router.get("/evidence/{ident}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
def read_evidence(services: ServicesIn, who: Who, ident: Annotated[str, Path(max_length=120)]) -> Response:
    """Send a picture: blurred by the privacy rule before it was stored."""
    picture = services.casebook.picture(ident)
    require_case(who, services.casebook.case(picture.case))
    if picture.erased_at is not None:
        raise ErasedError(ident, "picture")
    return Response(services.evidence.open(picture.path), media_type="image/jpeg", headers=_KEEP)
