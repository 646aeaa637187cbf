"""docs/policy.md names commands, doors, pages and tests: each of them is there."""

import ast
import re
from pathlib import Path

import pytest
import typer
from starlette.routing import BaseRoute

from api.cli import app as command_line
from api.permissions import PREFIX, ROLES
from pipeline.cases import Action

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("GET", "POST", "PUT", "DELETE")
CLAUSES = (
    "责任网格", "管理单元", "先行力量", "8 小时内外", "巡查发现", "智能发现", "群众发现", "扁平指挥", "自动派单",
    "15 分钟到场", "四级升级", "上报区平台", "闭环处置", "联勤联动", "会商", "考核", "考核公布", "指挥长轮值",
    "二维码", "积分", "逐网格启用",
)  # fmt: skip


def rows() -> list[list[str]]:
    text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def spans(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def does(named: str) -> bool:
    """Tell whether a name is a command, door, page or step, rather than a setting or a kind of message."""
    return named.startswith(("beatgrid ", "/", *METHODS)) or named in {step.value for step in Action}


def paths() -> set[str]:
    """Return the paths of every route of the application, which needs no services to be built for this."""
    import api.routes as rooms

    found: set[str] = set()
    for file in Path(rooms.__file__).parent.glob("*.py"):
        if file.stem == "__init__":
            continue
        module = __import__(f"api.routes.{file.stem}", fromlist=["router"])
        routes: list[BaseRoute] = module.router.routes
        found |= {f"{method} {route.path}" for route in routes for method in getattr(route, "methods", None) or ()}
    return found


def commands(group: typer.Typer, before: str = "beatgrid") -> set[str]:
    tree = typer.main.get_command(group)

    def walk(command: object, name: str) -> set[str]:
        inner = getattr(command, "commands", {})
        return {name} | {each for key, one in inner.items() for each in walk(one, f"{name} {key}")}

    return walk(tree, before)


def names_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = (ast.FunctionDef, ast.ClassDef)
    return {
        each.name
        for each in tree.body
        if isinstance(each, named) and (each.name.startswith("test_") or each.name.startswith("Test"))
    }


@pytest.mark.parametrize("clause", CLAUSES)
def test_each_clause_of_the_policy_has_a_row(clause: str) -> None:
    assert any(clause in row[1] for row in rows()), f"no row of docs/policy.md is about {clause}"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[1])
def test_each_row_names_a_command_or_door_and_a_test(row: list[str]) -> None:
    assert len(row) == 4, row
    assert any(map(does, spans(row[2]))), "names no command, door, page or step that does it"
    assert any(each.startswith("tests/") for each in spans(row[3])), "names no test"


def test_each_command_is_there() -> None:
    known = commands(command_line)
    named = {each for row in rows() for each in spans(row[2]) if each.startswith("beatgrid ")}
    plain = {" ".join(word for word in each.split() if word.islower() and "-" not in word[:1]) for each in named}
    assert len(plain) > 20
    assert plain <= known, f"not there: {sorted(plain - known)}"


def test_each_door_and_page_is_there() -> None:
    known, by_path = paths(), {each.split(" ", 1)[1] for each in paths()}
    named = [each for row in rows() for each in spans(row[2])]
    doors = [each for each in named if each.split(" ")[0] in METHODS]
    assert len(doors) > 20
    for door in doors:
        method, path = door.split(" ", 1)
        full = f"{method} {PREFIX.rstrip('/')}{path}"
        alike = {re.sub(r"\{\w+", "{", each) for each in known}
        assert full in known or re.sub(r"\{\w+", "{", full.replace("{step}", "{action}")) in alike, door
    for page in (each for each in named if each.startswith("/")):
        assert page in by_path or f"{PREFIX.rstrip('/')}{page}" in by_path, page


def test_each_test_and_benchmark_is_there() -> None:
    file = ""
    for row in rows():
        for each in spans(row[3]):
            if each.startswith("python "):
                assert (ROOT / each.removeprefix("python ")).is_file(), each
                continue
            path, _, name = each.partition("::")
            file = path or file
            assert (ROOT / file).is_file(), each
            if name:
                assert name in names_in(ROOT / file), f"{file} has no {name}"


def test_the_doors_in_the_table_of_permissions_are_those_of_the_rooms() -> None:
    known = paths()
    assert {f"{door.split(' ')[0]} {PREFIX}{door.split(' ')[1]}" for door in ROLES} <= known
