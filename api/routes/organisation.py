"""The organisation over HTTP: as it stands, who is on duty, what will be missing, and its tables as CSV, both ways."""

import re
from typing import Annotated

from fastapi import APIRouter, Body, Header, Response
from pydantic import AwareDatetime

from api.dependencies import ServicesIn, SiteNowIn, Who
from api.errors import QueryFaultError
from api.organisation_now import ahead_now, duty_now, organisation_now
from api.organisation_schemas import AheadOut, AppliedOut, DutyOut, MissingOut, OrganisationOut
from api.organisation_tables import Table, decoded, table_text
from pipeline.clocks import utc
from pipeline.duty_ahead import missing

router = APIRouter(prefix="/api/v1/organisation", tags=["organisation"])
CSV = "text/csv; charset=utf-8"
CSV_ANSWER: dict[int | str, dict[str, object]] = {200: {"content": {"text/csv": {}}}}
_VERSION = re.compile(r'"(?:v)(\d{1,9})"')
IfMatch = Annotated[str | None, Header(max_length=40, description='the version seen, such as "v12"; 409 if it is past')]


@router.get("")
def read_organisation(services: ServicesIn, site_now: SiteNowIn, who: Who) -> OrganisationOut:
    """Read grids with their chiefs, units with their heads, stations, departments and who commands now."""
    return organisation_now(services.site, services.clock.now(), version=site_now.version, grids=who.grids)


@router.get("/duty")
def read_duty(services: ServicesIn, who: Who, at: AwareDatetime | None = None) -> DutyOut:
    """Read who is on duty or on standby at a moment, now if none is given, and which sides each answers for."""
    moment = services.clock.now() if at is None else utc(at, field="at")
    return duty_now(services.site, moment, grids=who.grids)


@router.get("/ahead")
def read_ahead(services: ServicesIn, who: Who) -> AheadOut:
    """Read what will be missing within a week: hours without anybody, posts without a holder."""
    return ahead_now(services.site, services.clock.now(), grids=who.grids)


@router.get("/{table}.csv", response_class=Response, responses=CSV_ANSWER)
def read_table(services: ServicesIn, who: Who, table: Table) -> Response:
    """Read a table as it was applied, whole, so that it can be replaced whole; the ETag is the site's version."""
    who.require_whole_site("read a table of the organisation")
    version, documents = services.casebook.site_version(), services.casebook.site_documents()
    headers = {"etag": f'"v{version}"', "content-disposition": f'attachment; filename="{table.file}"'}
    return Response(table_text(documents, table), media_type=CSV, headers=headers)


@router.put("/{table}.csv")
def replace_table(
    services: ServicesIn,
    site_now: SiteNowIn,
    who: Who,
    table: Table,
    body: Annotated[bytes, Body(media_type="text/csv")],
    if_match: IfMatch = None,
) -> AppliedOut:
    """Replace a table: the whole site is checked, every fault is answered at once (422), and nothing is half done."""
    who.require_whole_site("replace a table of the organisation")
    text = decoded(body, table.file)
    changed, version = site_now.change(lambda _, __: {table.file: text}, expected=version_of(if_match))
    found = missing(changed.site, services.clock.now())
    return AppliedOut(version=version, missing=[MissingOut.of(each) for each in found])


def version_of(tag: str | None) -> int | None:
    """Return the version of an `If-Match` header; None where nothing is asked.

    Raises:
        QueryFaultError: it is no version's tag.
    """
    if tag is None or tag == "*":
        return None
    found = _VERSION.fullmatch(tag.strip())
    if found is None:
        raise QueryFaultError("If-Match", tag, expected='a version such as "v12", as the ETag of a table has it')
    return int(found[1])
