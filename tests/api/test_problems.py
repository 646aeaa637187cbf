"""One table from error class to status: complete, and nothing in it that is gone."""

import importlib
import pkgutil
from types import ModuleType

import pytest
from live_console import DISPATCHER, LiveConsole

import geo
import models
import pipeline
from api.errors import ApiError
from api.problems import ROWS, name_of, row_of, slug_of
from geo.errors import GeoError
from models.errors import ModelsError
from pipeline.errors import PipelineError

BASES = (ApiError, GeoError, ModelsError, PipelineError)


def modules() -> list[ModuleType]:
    names = [
        each.name
        for package in (geo, models, pipeline)
        for each in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if ".migrations" not in each.name
    ]
    return [importlib.import_module(name) for name in names]


def public_errors() -> list[type[Exception]]:
    modules()
    found: set[type[Exception]] = set()
    waiting: list[type[Exception]] = list(BASES)
    while waiting:
        for each in waiting.pop().__subclasses__():
            found.add(each)
            waiting.append(each)
    ours = ("api.", "geo.", "models.", "pipeline.")
    return sorted((e for e in found if e.__module__.startswith(ours) and not e.__name__.startswith("_")), key=name_of)


def test_each_public_error_has_a_row_or_inherits_one() -> None:
    # The bases of geo, models and pipeline have no row, so that a new error cannot pass by inheriting theirs.
    assert not {name_of(base) for base in BASES[1:]} & set(ROWS)
    errors = [each for each in public_errors() if not each.__module__.startswith("api.commands")]
    assert len(errors) > 50
    without = [name_of(each) for each in errors if row_of(each) is None]
    assert not without, f"add rows to api/problems.py for {without}"


@pytest.mark.parametrize("name", sorted(ROWS))
def test_each_row_names_a_class(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), kind), BASES)


def test_a_type_is_a_readable_slug() -> None:
    from pipeline.cases import IllegalStepError

    assert slug_of(IllegalStepError) == "illegal-step"


def test_what_is_unmapped_answers_blandly_with_an_id_that_the_log_has(
    live: LiveConsole, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SecretError(PipelineError):
        def __init__(self) -> None:
            super().__init__("the password is on the wall")

    def broken(_: str) -> None:
        raise SecretError

    monkeypatch.setattr(live.services.casebook, "case", broken)
    with live.client(DISPATCHER) as client:
        answer = client.get("/api/v1/cases/YP20261123-0001")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert "password" not in answer.text
    assert body["id"] in caplog.text
    assert "the password is on the wall" in caplog.text


def test_an_exception_of_no_package_answers_the_same(live: LiveConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(live.services.casebook, "case", broken)
    with live.client(DISPATCHER) as client:
        answer = client.get("/api/v1/cases/YP20261123-0001")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:beatgrid:problem:fault"


def test_what_the_framework_refuses_is_a_problem_too(live: LiveConsole) -> None:
    with live.client(DISPATCHER) as client:
        unknown, wrong = client.get("/api/v1/nothing"), client.delete("/api/v1/cases")
    assert (unknown.status_code, wrong.status_code) == (404, 405)
    for answer in (unknown, wrong):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


def test_the_interface_document_lists_every_door(live: LiveConsole) -> None:
    with live.client() as client:
        paths = set(client.get("/openapi.json").json()["paths"])
    assert paths >= {
        "/api/v1/frames", "/api/v1/cases", "/api/v1/cases/{number}", "/api/v1/cases/{number}/events",
        "/api/v1/cases/{number}/evidence", "/api/v1/evidence/{ident}", "/api/v1/cases/{number}/{action}",
        "/api/v1/terminals", "/api/v1/terminals/{ident}/queue", "/api/v1/terminals/{ident}/position",
        "/api/v1/grids", "/api/v1/units", "/api/v1/cameras", "/api/v1/streets", "/api/v1/heatmap", "/api/v1/stream",
        "/healthz", "/readyz",
    }  # fmt: skip
