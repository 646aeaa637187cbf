"""The OpenAPI document as rows for a page: no script, nothing from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_METHODS: Final = ("get", "post", "put", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A parameter or a body's field."""

    name: str
    place: str
    kind: str
    required: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    tag: str
    method: str
    path: str
    words: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]


def operations_of(document: Mapping[str, Any]) -> list[Operation]:
    """Return the operations in the document's order."""
    return [
        _operation(document, path, method, entry)
        for path, methods in document["paths"].items()
        for method, entry in methods.items()
        if method in _METHODS
    ]


def _operation(document: Mapping[str, Any], path: str, method: str, entry: Mapping[str, Any]) -> Operation:
    return Operation(
        tag=str(next(iter(entry.get("tags", [])), "")),
        method=method.upper(),
        path=path,
        words=str(entry.get("description", "")),
        parameters=tuple(_parameter(document, each) for each in entry.get("parameters", [])),
        body=_body(document, entry.get("requestBody", {})),
        answers=tuple((code, str(each.get("description", ""))) for code, each in entry["responses"].items()),
    )


def _parameter(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Field:
    return Field(
        name=str(entry["name"]),
        place=str(entry["in"]),
        kind=_kind(document, entry.get("schema", {})),
        required=bool(entry.get("required", False)),
        words=str(entry.get("description", "")),
    )


def _body(document: Mapping[str, Any], entry: Mapping[str, Any]) -> tuple[Field, ...]:
    for media, content in entry.get("content", {}).items():
        schema = _resolved(document, content["schema"])
        return tuple(
            Field(
                name=str(name),
                place=media,
                kind=_kind(document, each),
                required=name in schema.get("required", []),
                words=str(each.get("description", "")),
            )
            for name, each in schema.get("properties", {}).items()
        )
    return ()


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    options = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    found = options[0] if options else schema
    reference = found.get("$ref")
    return document["components"]["schemas"][reference.rsplit("/", 1)[-1]] if reference else found


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    found = _resolved(document, schema)
    if "enum" in found:
        return " | ".join(str(each) for each in found["enum"])
    if found.get("type") == "array":
        return f"list of {_kind(document, found.get('items', {}))}"
    return str(found.get("format") or found.get("type", ""))
