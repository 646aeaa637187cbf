"""`check`, `organisation`, `catalogue`, `hotline` and `places`, as somebody types them."""

import csv
import json
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api import cli
from api.commands.site import AheadError
from pipeline.hotline import COLUMNS
from pipeline.printed_codes import BaseUrlError, TooManyCodesError
from pipeline.site_changes import ChangeFaultsError, NothingAppliedError
from pipeline.site_files import OPTIONAL, REQUIRED
from pipeline.sql_casebook import open_casebook

runner = CliRunner()
RUBBISH = "GB/T 47678.5-2026/matter/06010"


def run(*arguments: object, ends: int = 0) -> Result:
    result = runner.invoke(cli.app, [str(each) for each in arguments], catch_exceptions=False)
    assert result.exit_code == ends, result.output
    return result


def told(*arguments: object, ends: int = 0) -> dict[str, object]:
    found: dict[str, object] = json.loads(run(*arguments, "--json", ends=ends).stdout)
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def data(tmp_path: Path) -> list[object]:
    """Apply the sample site to a database of its own; returns the options that name it."""
    where = ["--data", tmp_path / "data"]
    run("apply", *where)
    return where


@pytest.fixture
def copy(sample_site: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    for name in (*REQUIRED, *OPTIONAL):
        if (sample_site / name).is_file():
            shutil.copy(sample_site / name, folder / name)
    return folder


def test_check_tells_a_hole_a_week_ahead_and_ends_with_a_fault(
    copy: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy / "forces.csv"
    rows = rows_of(path)
    for row in rows:
        if row["grid"] == "YP-G2" and row["stage"] == "first":
            row["shift"] = "mon-sat 00:00-24:00;sun 00:00-03:00;sun 04:00-24:00"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(AheadError, match="Sun 2026-11-29 03:00 to Sun 2026-11-29 04:00"):
        run("check", copy, "--at", "2026-11-23T12:00+0800")
    monkeypatch.setattr("sys.argv", ["beatgrid", "check", str(copy), "--at", "2026-11-23T12:00+0800", "--json"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    output = capsys.readouterr()
    hole = "nobody with a terminal is on duty from Sun 2026-11-29 03:00 to Sun 2026-11-29 04:00"
    assert json.loads(output.out)["ahead"] == [f"YP-G2: {hole}; give somebody a shift then"]
    assert "1 thing will be missing within a week" in output.err


def test_the_sample_lacks_nobody() -> None:
    assert told("check", "--at", "2026-11-23T12:00+0800")["ahead"] == []


def test_who_leads_and_who_is_on_duty_is_shown(data: list[object]) -> None:
    shown = told("organisation", "show", *data)
    assert len(shown["grids"]) == 5  # type: ignore[arg-type]  # a list
    duty = told("organisation", "duty", *data, "--at", "2026-11-29T03:00+0800")
    assert duty["patrol_hours"] is False
    shown_at = run("organisation", "duty", *data, "--at", "2026-11-28T19:00+0000").stderr
    assert shown_at.startswith("Sun 2026-11-29 03:00: outside patrol hours\n")  # by the site's clocks
    assert {each["state"] for each in duty["forces"]} == {"on", "standby"}  # type: ignore[attr-defined]  # a list
    assert told("organisation", "ahead", *data, "--at", "2026-11-29T03:00+0800") == {"missing": []}
    assert "YP-G1 (on): Chief of grid 1" in run("organisation", "show", *data).stderr


def test_a_table_goes_out_is_edited_and_comes_in(data: list[object], tmp_path: Path) -> None:
    file = tmp_path / "officers.csv"
    run("organisation", "export", "officers", "-o", file, *data)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("YP-H003,", "YP-H903,"), encoding="utf-8")
    assert told("organisation", "import", "officers", file, *data) == {"table": "officers", "version": 2, "ahead": []}
    file.write_text(text.replace("YP-H003,", "YP-H004,"), encoding="utf-8")
    with pytest.raises(ChangeFaultsError, match="YP-H004 stands on line"):
        run("organisation", "import", "officers", file, *data)
    run("organisation", "export", "officers", "-o", file, *data)
    assert "YP-H903," in file.read_text(encoding="utf-8")


def test_a_table_that_the_site_does_not_have_is_its_heading(data: list[object], tmp_path: Path) -> None:
    run("organisation", "export", "duty_changes", "-o", tmp_path / "changes.csv", *data)
    assert (tmp_path / "changes.csv").read_text(encoding="utf-8") == "number,from,until,duty,note\n"


def test_nothing_is_shown_of_a_database_without_a_site(tmp_path: Path) -> None:
    with pytest.raises(NothingAppliedError):
        run("organisation", "show", "--data", tmp_path / "empty")
    with pytest.raises(NothingAppliedError):
        run("catalogue", "export", "classes", "-o", tmp_path / "c.csv", "--data", tmp_path / "empty")


@pytest.mark.parametrize("command", ["verify", "backup", "export"])
def test_what_is_kept_is_looked_for_only_where_a_site_is(
    command: str, copy: Path, data: list[object], tmp_path: Path
) -> None:
    words = {"verify": ["--site", copy], "backup": [tmp_path / "site.zip", "--site", copy], "export": [copy, "out"]}
    for path in (copy / "data", tmp_path / "elsewhere"):
        options = [] if path.parent == copy else ["--data", path]
        with pytest.raises(NothingAppliedError, match=rf"{path}/beatgrid\.db holds no site yet; .*--database"):
            run(command, *words[command], *options)
        assert not path.exists()
    open_casebook(f"sqlite:///{tmp_path / 'bare.db'}").close()
    with pytest.raises(NothingAppliedError, match=r"bare\.db holds no site yet"):
        run(command, *words[command], "--database", f"sqlite:///{tmp_path / 'bare.db'}")
    assert not (tmp_path / "site.zip").exists()
    if command != "export":
        run(command, *words[command], *data)


@pytest.mark.parametrize(
    "words",
    [
        "heatmap -o map.html",
        "judging figures --span day",
        "judging list",
        "points totals",
        "hotline import pyproject.toml --bad bad.csv",
        "places end SHOP",
        "act YP-1 accept",
        "clocks",
        "standing R1",
        "consultation list --since 2026-11-01T00:00+08:00 --until 2026-12-01T00:00+08:00",
        "erase YP-1 --what words --ground asked",
        "dataset -o learned",
        "retention",
        "replay-dispatch --from 2026-11-01 --to 2026-11-02",
    ],
)
def test_no_command_but_those_that_serve_loads_a_site_by_itself(words: str, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'data' / 'beatgrid.db'}"
    with pytest.raises(NothingAppliedError, match=r"beatgrid\.db holds no site yet"):
        run(*words.split(), "--data", tmp_path / "data")
    assert not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir()
    open_casebook(database).close()
    with pytest.raises(NothingAppliedError, match=r"beatgrid\.db holds no site yet"):
        run(*words.split(), "--data", tmp_path / "data", "--database", database)
    with closing(open_casebook(database)) as book:
        assert book.site_version() == 0


def test_the_standard_comes_in_and_a_class_is_switched_on(
    data: list[object], tmp_path: Path, shared_data: Path
) -> None:
    tables = [
        shared_data / "gbt47678_5_2026_codes.csv",
        "--mappings", shared_data / "gbt30428_codes.csv",
        "--conditions", shared_data / "deadline_tiers_sample_city.csv",
    ]  # fmt: skip
    figures = told("catalogue", "standard", *tables, *data)
    assert (figures["added"], figures["categories"]) == (383, 405)
    assert figures["mapped"] == {"GB/T 30428.2-2013": 65, "CJ/T 214-2007": 39}
    file = tmp_path / "classes.csv"
    run("catalogue", "export", "classes", "-o", file, *data)
    rows = rows_of(file)
    assert sum(row["standard"] == "GB/T 47678.5-2026" for row in rows) == 403
    cover = next(row for row in rows if (row["kind"], row["code"]) == ("component", "01001"))
    cover |= {"reportable": "true", "department": "urban-management", "deadline_value": "1"}
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert told("catalogue", "import", "classes", file, *data)["version"] == 3
    again = told("catalogue", "standard", *tables, *data)
    assert again["added"] == 0


def test_a_city_s_own_list_is_filled_into_the_template(data: list[object], tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    run("catalogue", "template", "-o", file)
    assert len(file.read_text(encoding="utf-8-sig").splitlines()) == 1
    row = "事件,01,市容,SH1,跨门营业,占道,整改,2,工作时,urban-management,否\n"
    file.write_text(file.read_text(encoding="utf-8") + row, encoding="utf-8")
    assert told("catalogue", "list", file, "--standard", "SH-2024", *data)["categories"] == 23
    classes = tmp_path / "classes.csv"
    run("catalogue", "export", "classes", "-o", classes, *data)
    rows = classes.read_text(encoding="utf-8").splitlines()
    key_item = [row.replace(",other,,", ",other,2026-06-01,") if row.startswith("SH-2024,") else row for row in rows]
    classes.write_text("\n".join(key_item) + "\n", encoding="utf-8")
    run("catalogue", "import", "classes", classes, *data)
    assert told("catalogue", "list", file, "--standard", "SH-2024", *data)["version"] == 4
    run("catalogue", "export", "classes", "-o", classes, *data)
    assert classes.read_text(encoding="utf-8").splitlines() == key_item != rows
    file.write_text(file.read_text(encoding="utf-8").replace("工作时", "刻"), encoding="utf-8")
    with pytest.raises(ChangeFaultsError, match="时限单位"):
        run("catalogue", "list", file, "--standard", "SH-2024", *data)


def test_tickets_and_printed_codes_by_command(data: list[object], tmp_path: Path) -> None:
    tickets, bad = tmp_path / "t.csv", tmp_path / "bad.csv"
    good = f"Q1,{RUBBISH},2026-11-23 08:00,121.1046,31.1521,x,,,"
    tickets.write_text("\n".join([",".join(COLUMNS), good, good.replace("Q1", "Q2").replace("121.1046", "0")]) + "\n")
    first = told("hotline", "import", tickets, "--bad", bad, *data, ends=1)
    assert first == {"opened": 1, "attached": 0, "known": 0, "bad": 1}
    assert "lies in no grid" in bad.read_text(encoding="utf-8-sig")
    assert told("hotline", "import", tickets, "--bad", bad, *data, ends=1)["known"] == 1
    assert "bad.csv" in run("hotline", "import", tickets, "--bad", tmp_path / "none" / "bad.csv", *data, ends=2).stderr
    shops = tmp_path / "shops.csv"
    shops.write_text("name,lon,lat\n小店,121.1046,31.1521\n", encoding="utf-8")
    codes = told("places", "import", shops, *data)["codes"]
    run("places", "sheet", "-o", tmp_path / "s.pdf", "--base-url", "https://grid.example", *data)
    assert (tmp_path / "s.pdf").read_bytes().startswith(b"%PDF-")
    sheet = ("places", "sheet", "-o", tmp_path / "t.pdf", *data)
    with pytest.raises(TooManyCodesError, match="0 codes"):
        run(*sheet, "--base-url", "https://grid.example", "--code", "nothing")
    for nowhere in ("", "nonsense", "https://" + "h" * 3000):
        with pytest.raises(BaseUrlError, match="such as https://"):
            run(*sheet, "--base-url", nowhere)
    assert not (tmp_path / "t.pdf").exists()
    run(*sheet, "--base-url", "https://grid.example", "--code", codes["小店"])  # type: ignore[index]  # names to codes
    run("places", "end", codes["小店"], *data)  # type: ignore[index]  # names to codes
