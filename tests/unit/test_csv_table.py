"""Tables as CSV: what is no row costs its own line only, and every fault names the line on which it stands."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.boundaries import Fault
from pipeline import csv_table
from pipeline.csv_table import MOST_LINES, lines_of, read_rows


def read(text: str) -> tuple[list[dict[str, object]], list[Fault], dict[str, str]]:
    faults: list[Fault] = []
    unread: dict[str, str] = {}
    rows = read_rows(text, file="t.csv", columns=("a", "b"), faults=faults, unread=unread)
    return [dict(row.table) for row in rows], faults, unread


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ('2,"he said "hello""', "',' expected after '\"'"),
        ('2,"he said', "is not CSV"),
        ('2,"' + "9" * 200_000 + '"', "field larger than field limit"),
        ("2,one,two", "more cells than columns: ['two']"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_broken_row_is_told_by_its_own_line_and_the_others_are_read(broken: str, problem: str, end: str) -> None:
    _, faults, unread = read(end.join(["a,b", "1,x", broken, '3,"y', 'z"', "4,w"]))
    assert [fault.feature for fault in faults] == ["line 3"]
    assert problem in faults[0].problem
    assert unread == {"line 3": broken}


def test_rows_after_a_quote_that_nobody_closed_are_read() -> None:
    rows, faults, _ = read('a,b\n1,x\n2,"y\n3,z\n4,"w"\n')
    assert [row["a"] for row in rows] == ["1", "3", "4"]
    assert [fault.feature for fault in faults] == ["line 3"]


def test_a_row_of_several_lines_is_named_by_its_first() -> None:
    faults: list[Fault] = []
    rows = read_rows('\ufeffa,b\n\n1,"x\ny"\n2,z\n', file="t.csv", columns=("a",), faults=faults)
    assert [(row.feature, row.table["b"]) for row in rows] == [("line 3", "x\ny"), ("line 5", "z")]
    assert faults == []


def test_many_quotes_that_nobody_closed_take_no_longer_than_their_lines() -> None:
    rows, faults, unread = read("a,b\n" + 'a","\n' * (3 * MOST_LINES))
    assert (rows, len(faults), len(unread)) == ([], 3 * MOST_LINES, 3 * MOST_LINES)


def test_a_column_that_stands_twice_is_told_with_both_places_and_empty_ones_do_no_harm() -> None:
    rows, (fault,), unread = read("b,a, b,,\n1,2,3,,\n")
    assert (rows, unread, fault.feature, fault.field) == ([], {}, "line 1", "b")
    assert fault.problem == "column b stands in places 1 and 3; keep one, or name the other as what it is"
    rows, faults, _ = read("b,a,,\n1,2,,\n")
    assert (rows[0]["a"], faults) == ("2", [])


def test_a_heading_that_is_no_csv_or_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, problem in (('a,"b\n1,2\n', "is not CSV"), ("\n\n", "column missing: a, b; seen: nothing")):
        rows, (fault,), unread = read(text)
        assert (rows, unread, fault.feature) == ([], {}, "line 1")
        assert problem in fault.problem
    monkeypatch.setattr(csv_table, "MOST_ROWS", 2)
    rows, (fault,), unread = read("a,b\n1,2\n3,4,5\n6,7\n8,9\n")
    assert (rows, unread, fault.feature) == ([], {}, "line 4")
    assert len(read("a,b\n1,2\n3,4\n")[0]) == 2
    assert "split the file" in fault.problem


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=20), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_python_writes_is_read_as_it_was(cells: list[list[str]], end: str) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *cells])
    rows, faults, unread = read(out.getvalue())
    assert ([list(row.values()) for row in rows], faults, unread) == (cells, [], {})


@given(st.lists(st.sampled_from(['"', ",", "x", "\n", "\r", '",', '"\n']), max_size=40).map("".join))
def test_rows_are_those_that_a_reader_of_their_own_begins_at_each(text: str) -> None:
    lines, at, expected = lines_of("a,b\n" + text), 1, []
    while at < len(lines):
        reader = csv.reader(lines[at:], strict=True)
        try:
            cells = next(reader)
            expected += [(f"line {at + 1}", [*cells, None, None][:2])] if cells else []
            at += reader.line_num
        except csv.Error:
            at += 1
    faults: list[Fault] = []
    rows = read_rows("a,b\n" + text, file="t.csv", columns=("a", "b"), faults=faults)
    assert [(row.feature, list(row.table.values())) for row in rows] == expected


def test_lines_end_as_the_reader_ends_them() -> None:
    assert lines_of("a\rb\r\nc\u2028d\n\n") == ["a\r", "b\r\n", "c\u2028d\n", "\n"]
