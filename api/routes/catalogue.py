"""The catalogue over HTTP: its classes one by one, and as CSV, both ways."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response

from api.catalogue_schemas import CatalogueOut, ClassBody, ClassOut
from api.dependencies import ServicesIn, SiteNowIn, Who
from api.errors import QueryFaultError
from api.organisation_schemas import AppliedOut, MissingOut
from api.organisation_tables import decoded
from api.routes.organisation import CSV, CSV_ANSWER, IfMatch, version_of
from pipeline.catalogue import CategoryKind, WorkField
from pipeline.catalogue_changes import CatalogueTable, by_table, stored_catalogue, table_of, with_classes, without_class
from pipeline.duty_ahead import missing

router = APIRouter(prefix="/api/v1/catalogue", tags=["catalogue"])
Key = Annotated[
    str, Path(max_length=200, description="<standard>/<kind>/<code>, such as GB/T 47678.5-2026/matter/09009")
]
_PARTS = 3


@router.get("")
def list_classes(
    services: ServicesIn,
    site_now: SiteNowIn,
    who: Who,  # noqa: ARG001 - the door asks who
    field: WorkField | None = None,
    key_items: Annotated[bool, Query(description="key items only")] = False,  # noqa: FBT002 - a query parameter
    reportable: Annotated[bool | None, Query(description="only what is worked, or only what is not")] = None,
    text: Annotated[str, Query(max_length=80, description="part of a name or code")] = "",
) -> CatalogueOut:
    """List classes, all of them or those of a field, the key items, or by part of a name."""
    found = [
        category
        for category in services.site.catalogue.by_key.values()
        if (field is None or category.field is field)
        and (not key_items or category.key_since is not None)
        and (reportable is None or category.reportable is reportable)
        and text.lower() in f"{category.key} {category.name} {category.name_zh}".lower()
    ]
    return CatalogueOut(version=site_now.version, classes=[ClassOut.of(each) for each in found])


@router.get("/{table}.csv", response_class=Response, responses=CSV_ANSWER)
def read_table(services: ServicesIn, who: Who, table: CatalogueTable) -> Response:  # noqa: ARG001 - the door asks who
    """Read the classes or the filing conditions as CSV; the ETag is the site's version."""
    version, catalogue = services.casebook.site_version(), stored_catalogue(services.casebook.site_documents())
    headers = {"etag": f'"v{version}"', "content-disposition": f'attachment; filename="{table}.csv"'}
    return Response(table_of(catalogue, table), media_type=CSV, headers=headers)


@router.put("/{table}.csv")
def replace_table(
    services: ServicesIn,
    site_now: SiteNowIn,
    who: Who,
    table: CatalogueTable,
    body: Annotated[bytes, Body(media_type="text/csv")],
    if_match: IfMatch = None,
) -> AppliedOut:
    """Replace all classes, or all filing conditions; 422 with every fault, 409 if a class in use would go."""
    who.require_whole_site("change the catalogue")
    change = by_table(table, decoded(body, f"{table}.csv"))
    changed, version = site_now.change(change, expected=version_of(if_match))
    return AppliedOut(
        version=version, missing=[MissingOut.of(each) for each in missing(changed.site, services.clock.now())]
    )


@router.get("/classes/{key:path}")
def read_class(services: ServicesIn, who: Who, key: Key) -> ClassOut:  # noqa: ARG001 - the door asks who
    """Read a class with its filing conditions and its numbers in other standards."""
    return ClassOut.of(services.site.catalogue.get(key))


@router.put("/classes/{key:path}")
def put_class(
    services: ServicesIn, site_now: SiteNowIn, who: Who, key: Key, body: ClassBody, if_match: IfMatch = None
) -> ClassOut:
    """Add a class, or change it: switch it on, mark it a key item, give it conditions. 422 with every fault."""
    who.require_whole_site("change the catalogue")
    standard, kind, code = _parts(key)
    known = services.site.catalogue.by_key.get(key)
    category = body.category(standard=standard, kind=kind, code=code, mappings=known.mappings if known else ())
    changed, _ = site_now.change(with_classes([category]), expected=version_of(if_match))
    return ClassOut.of(changed.site.catalogue.get(key))


@router.delete("/classes/{key:path}", status_code=204)
def delete_class(site_now: SiteNowIn, who: Who, key: Key, if_match: IfMatch = None) -> None:
    """Delete a class; 409 while cases have it, 422 while a scene fires for it."""
    who.require_whole_site("change the catalogue")
    site_now.change(without_class(key), expected=version_of(if_match))


def _parts(key: str) -> tuple[str, CategoryKind, str]:
    parts = key.rsplit("/", 2)
    if len(parts) != _PARTS or parts[1] not in set(CategoryKind) or not all(parts):
        raise QueryFaultError("key", key, expected="<standard>/component/<code> or <standard>/matter/<code>")
    return parts[0], CategoryKind(parts[1]), parts[2]
