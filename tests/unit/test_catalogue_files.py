"""The catalogue: as TOML and as tables, both ways; the national standard from its table; a city's own list."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from databases import sqlite_url
from hypothesis import given, settings
from hypothesis import strategies as st
from small_site import category

from api.catalogue_schemas import ClassOut
from geo.boundaries import Fault
from geo.coords import LonLat
from pipeline.cases import Case, Channel, Side, Status
from pipeline.catalogue import (
    OLDER_STANDARDS,
    STANDARD,
    Catalogue,
    Category,
    CategoryKind,
    Certainty,
    DeadlineUnit,
    FilingCondition,
    Mapped,
    NotReportableError,
    WorkField,
)
from pipeline.catalogue_changes import CatalogueTable, by_table, with_classes, without_class
from pipeline.catalogue_files import (
    CATALOGUE,
    CLASS_COLUMNS,
    CONDITION_COLUMNS,
    read_catalogue,
    read_classes,
    read_conditions,
    write_catalogue,
    write_classes,
    write_conditions,
)
from pipeline.class_lists import OWN_COLUMNS, add_standard, own_template, put_list, read_own_list
from pipeline.errors import UnknownError
from pipeline.site import Site
from pipeline.site_changes import ChangeFaultsError, ClassesInUseError, ConditionsInUseError, change_site, load_site
from pipeline.site_files import documents, read_site
from pipeline.sql_casebook import SqlCasebook, open_casebook

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters=";"), min_size=1, max_size=20)
conditions = st.builds(
    FilingCondition,
    number=st.integers(1, 999),
    text=words,
    closing_condition=words | st.just(""),
    deadline_value=st.floats(0.1, 1000),
    deadline_unit=st.sampled_from(DeadlineUnit),
    urgent=st.booleans(),
    source=words | st.just(""),
)
mappings = st.builds(
    Mapped,
    standard=st.sampled_from([*OLDER_STANDARDS, "SH-2024"]) | words,
    code=words,
    certainty=st.sampled_from(sorted(set(Certainty) - {Certainty.UNMAPPED})),
    source=words | st.just(""),
)
classes = st.builds(
    Category,
    standard=words,
    kind=st.sampled_from(CategoryKind),
    code=words.filter(lambda text: "/" not in text),
    name=words,
    name_zh=words,
    urgent=st.booleans(),
    department=words,
    first_roles=st.lists(words, max_size=3).map(tuple),
    deadline_value=st.floats(0.1, 1000),
    deadline_unit=st.sampled_from(DeadlineUnit),
    closing_condition=words | st.just(""),
    merge_within_m=st.floats(0, 500),
    merge_within_s=st.floats(0, 1e6),
    group=words | st.just(""),
    group_zh=words | st.just(""),
    field=st.sampled_from(WorkField),
    key_since=st.none() | st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    reportable=st.booleans(),
    conditions=st.lists(conditions, max_size=3, unique_by=lambda each: each.number).map(
        lambda found: tuple(sorted(found, key=lambda each: each.number))
    ),
    mappings=st.lists(mappings, max_size=4, unique_by=lambda each: each.standard).map(tuple),
)
catalogues = st.lists(classes, max_size=4, unique_by=lambda each: each.key).map(
    lambda found: Catalogue({each.key: each for each in found})
)


@settings(deadline=None)
@given(catalogue=catalogues)
def test_the_catalogue_is_read_back_from_what_is_written(catalogue: Catalogue) -> None:
    faults: list[Fault] = []
    assert read_catalogue(write_catalogue(catalogue.by_key.values()), faults) == catalogue
    assert faults == []


@settings(deadline=None)
@given(catalogue=catalogues)
def test_the_tables_of_the_catalogue_change_nothing_when_they_come_back(catalogue: Catalogue) -> None:
    faults: list[Fault] = []
    assert read_classes(write_classes(catalogue.by_key.values()), faults, before=catalogue) == catalogue
    assert read_conditions(write_conditions(catalogue.by_key.values()), faults, before=catalogue) == catalogue
    assert faults == []


@settings(deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_in_a_name_is_read_back_or_told(text: str) -> None:
    faults: list[Fault] = []
    named = category(name=text)
    again = read_catalogue(write_catalogue([named]), faults)
    assert faults or again.by_key[named.key].name == text.strip()


def test_every_fault_of_a_table_is_told_with_its_line() -> None:
    text = write_classes([category(), category("S/component/2")])
    text = text.replace("work_hour", "soon", 1).replace(",other,", ",magic,", 1).replace("true", "perhaps", 1)
    text += text.splitlines()[2] + "\n"
    faults: list[Fault] = []
    read_classes(text, faults, before=Catalogue({}))
    assert {(each.feature, each.field) for each in faults} == {
        ("line 2", "deadline_unit"),
        ("line 2", "field"),
        ("line 2", "reportable"),
        ("line 4", "code"),
    }


def test_a_worked_class_without_department_or_deadline_is_a_fault_and_a_listed_one_is_not() -> None:
    bare = replace(category(), department="", deadline_value=0.0)
    faults: list[Fault] = []
    read_catalogue(write_catalogue([bare]), faults)
    assert {each.field for each in faults} == {"department", "deadline_value"}
    faults.clear()
    read_catalogue(write_catalogue([replace(bare, reportable=False)]), faults)
    assert faults == []


def test_a_table_without_a_number_takes_it_and_leaves_those_of_other_standards() -> None:
    known = category(
        mappings=tuple(
            Mapped(standard=each, code="1", certainty=Certainty.HIGH, source=each)
            for each in ("SH-2024", *OLDER_STANDARDS)
        )
    )
    text = write_classes([known]).replace(f"1,high,{OLDER_STANDARDS[0]}", ",unmapped,")
    faults: list[Fault] = []
    after = read_classes(text, faults, before=Catalogue({known.key: known})).get(known.key)
    assert (after.mappings, faults) == ((known.mappings[0], known.mappings[2]), [])


def test_each_fault_of_a_table_is_told_once() -> None:
    first, second = write_classes([category(), category("S/component/2")]).splitlines()[1:]
    text = f"{','.join(CLASS_COLUMNS)}\n{first.replace(',unmapped,,,unmapped,', ',hihg,,0101,high,')}\n{second}\n"
    text = text.replace("component,2,", "component,,") + second.replace("component,2,", "component,,") + "\n"
    faults: list[Fault] = []
    read_classes(text, faults, before=Catalogue({}))
    assert [(each.feature, each.field) for each in faults] == [
        ("line 2", "gbt30428_certainty"),
        ("line 3", "code"),
        ("line 4", "code"),
    ]
    faults.clear()
    rows = "".join(f"{category().key},{number},t,,2,work_hour,,\n" for number in ("x", "y"))
    read_conditions(f"{','.join(CONDITION_COLUMNS)}\n{rows}", faults, before=Catalogue({category().key: category()}))
    assert [(each.feature, each.field) for each in faults] == [("line 2", "number"), ("line 3", "number")]


def test_an_empty_flag_switches_nothing_off() -> None:
    text = write_classes([category()]).replace(",true,false,", ",,,")
    faults: list[Fault] = []
    read_classes(text, faults, before=Catalogue({}))
    assert [(each.feature, each.field) for each in faults] == [("line 2", "reportable")]
    assert "expected true or false" in faults[0].problem


def test_two_numbers_of_one_class_in_one_standard_are_told() -> None:
    twice = tuple(Mapped(standard="SH-2024", code=code, certainty=Certainty.HIGH) for code in "12")
    faults: list[Fault] = []
    read_catalogue(write_catalogue([category(mappings=twice)]), faults)
    assert [each.field for each in faults] == ["standard"]


def test_a_mapping_without_certainty_and_a_condition_of_an_unknown_class_are_told() -> None:
    known = category()
    text = (
        write_classes([known])
        .replace(",unmapped,,,unmapped,", ",,,,unmapped,")
        .replace(",,,,unmapped,", ",,,0101,unmapped,")
    )
    faults: list[Fault] = []
    read_classes(text, faults, before=Catalogue({}))
    assert [each.field for each in faults] == ["cjt214_code"]
    faults.clear()
    read_conditions(
        "category,number,text,closing_condition,deadline_value,deadline_unit,urgent,source\nx/matter/9,1,t,,2,work_hour,,\n",
        faults,
        before=Catalogue({known.key: known}),
    )
    assert [each.field for each in faults] == ["category"]


def test_a_listed_class_cannot_be_reported_and_an_unknown_condition_is_told() -> None:
    listed = replace(category(), reportable=False)
    with pytest.raises(NotReportableError):
        Catalogue({listed.key: listed}).reportable(listed.key)
    with pytest.raises(UnknownError, match="filing condition"):
        listed.condition(3)


@pytest.fixture(scope="module")
def tables(shared_data: Path) -> dict[str, str]:
    return {
        name: (shared_data / file).read_text(encoding="utf-8")
        for name, file in (
            ("codes", "gbt47678_5_2026_codes.csv"),
            ("mappings", "gbt30428_codes.csv"),
            ("tiers", "deadline_tiers_sample_city.csv"),
        )
    }


@pytest.fixture(scope="module")
def site(sample_site: Path) -> Site:
    return read_site(sample_site)


def stored_case(site: Site, key: str) -> Case:
    """Return a case of a category in the first unit of a site."""
    unit = site.boundaries.units[0]
    return Case(
        number="YP20261123-0001",
        category=key,
        channel=Channel.PATROL,
        status=Status.CLOSED,
        urgent=False,
        lonlat=LonLat(*unit.area.representative_point().coords[0]),
        cov_m2=(1.0, 0.0, 1.0),
        error_m=2.5,
        grid=unit.grid,
        unit=unit.code,
        side=Side.STREET_FACE,
        occurred_at=NOW,
        recorded_at=NOW,
        updated_at=NOW,
        version=1,
    )


class TestStandard:
    def test_all_classes_come_in_and_what_the_site_says_stays(self, tables: dict[str, str], sample_site: Path) -> None:
        before = read_catalogue((sample_site / CATALOGUE).read_text(encoding="utf-8"), [])
        faults: list[Fault] = []
        added = add_standard(before, **tables, faults=faults)
        assert faults == []
        of_standard = [each for each in added.catalogue.by_key.values() if each.standard == STANDARD]
        kinds = [each.kind for each in of_standard]
        assert (kinds.count(CategoryKind.COMPONENT), kinds.count(CategoryKind.MATTER)) == (153, 250)
        for key, own in before.by_key.items():
            now = added.catalogue.by_key[key]
            assert replace(now, group=own.group, group_zh=own.group_zh, conditions=(), mappings=()) == own
        assert all(not added.catalogue.by_key[key].reportable for key in added.classes)
        assert set(added.classes).isdisjoint(before.by_key)
        assert add_standard(added.catalogue, **tables, faults=faults).catalogue == added.catalogue

    def test_a_class_is_mapped_only_where_the_table_supports_it(self, tables: dict[str, str]) -> None:
        found = add_standard(Catalogue({}), **tables, faults=[]).catalogue
        cover = found.get(f"{STANDARD}/component/01001")
        assert cover.mapped("GB/T 30428.2-2013") == Mapped(
            standard="GB/T 30428.2-2013", code="0101", certainty=Certainty.HIGH, source="mappings.csv"
        )
        assert cover.mapped("CJ/T 214-2007").certainty is Certainty.UNMAPPED
        # 06041 has a city's own number only: no number of the national standard is guessed from it.
        assert found.get(f"{STANDARD}/matter/06041").mapped("GB/T 30428.2-2013").certainty is Certainty.UNMAPPED
        # 06023 rests on equal numbers, which the table calls medium.
        assert found.get(f"{STANDARD}/matter/06023").mapped("GB/T 30428.2-2013").certainty is Certainty.MEDIUM
        unmapped = [each for each in found.by_key.values() if not each.mappings]
        assert len(unmapped) == 403 - 65

    def test_filing_conditions_come_with_deadline_closing_condition_and_source(self, tables: dict[str, str]) -> None:
        found = add_standard(Catalogue({}), **tables, faults=[]).catalogue
        first = found.get(f"{STANDARD}/component/01001").conditions[0]
        assert (first.number, first.deadline_value, first.deadline_unit) == (1, 2.0, DeadlineUnit.URGENT_HOUR)
        assert (first.closing_condition, first.source) == ("恢复", "tiers.csv: 2紧急工作时")
        assert not any(each.urgent for category in found.by_key.values() for each in category.conditions)

    def test_a_known_class_without_a_field_gets_it_and_one_with_a_field_keeps_it(self, tables: dict[str, str]) -> None:
        fields = (("09009", WorkField.OTHER), ("09012", WorkField.PUBLIC_SECURITY))
        bare, named = (category(f"{STANDARD}/matter/{code}", field=field) for code, field in fields)
        before = Catalogue({each.key: each for each in (bare, named)})
        found = add_standard(before, **tables, faults=[]).catalogue
        assert [found.get(each.key).field for each in (bare, named)] == [
            WorkField.URBAN_MANAGEMENT,
            WorkField.PUBLIC_SECURITY,
        ]

    def test_every_fault_of_the_tables_is_told(self, tables: dict[str, str]) -> None:
        faults: list[Fault] = []
        codes = (
            tables["codes"].replace("component,01,市政公用设施,01020", "thing,01,市政公用设施,01020")
            + "matter,10,x,01001,x\n"
        )
        tiers = tables["tiers"].replace(",2,urgent_hour", ",two,fortnight", 1)
        add_standard(Catalogue({}), codes=codes, mappings=tables["mappings"], tiers=tiers, faults=faults)
        assert {(each.file, each.field) for each in faults} >= {
            ("codes.csv", "kind"), ("tiers.csv", "value"), ("tiers.csv", "unit"),
        }  # fmt: skip


class TestOwnList:
    ROWS = (
        "事件,01,市容,SH001,跨门营业,占道三平方米以上,整改,2,工作时,urban-management,否\n"
        "事件,01,市容,SH001,跨门营业,占用消防通道,清理,1,紧急工作日,urban-management,是\n"
        "部件,02,设施,SH900,智能井盖,缺失,更换,3,自然日,housing-office,\n"
    )

    def test_the_template_is_a_heading_that_the_reader_takes(self) -> None:
        assert own_template().strip() == ",".join((*OWN_COLUMNS, "所属领域"))
        faults: list[Fault] = []
        assert read_own_list(own_template(), standard="SH", file="t", faults=faults) == ()
        assert faults == []

    def test_rows_of_one_class_are_its_filing_conditions(self) -> None:
        faults: list[Fault] = []
        shop, cover = read_own_list(own_template() + self.ROWS, standard="SH-2024", file="sh.csv", faults=faults)
        assert faults == []
        assert (shop.key, cover.key) == ("SH-2024/matter/SH001", "SH-2024/component/SH900")
        assert [(each.urgent, each.deadline_value, each.deadline_unit) for each in shop.conditions] == [
            (False, 2.0, DeadlineUnit.WORK_HOUR),
            (True, 24.0, DeadlineUnit.URGENT_HOUR),
        ]
        assert shop.reportable
        assert put_list(Catalogue({}), [shop, cover]) == Catalogue({shop.key: shop, cover.key: cover})

    def test_a_deadline_in_urgent_days_comes_back_from_every_form(self) -> None:
        faults: list[Fault] = []
        rows = self.ROWS.replace(",1,紧急工作日", ",50,紧急工作日").replace(",2,工作时", ",1000,紧急工作日")
        found = read_own_list(own_template() + rows, standard="SH", file="sh.csv", faults=faults)
        shop = found[0]
        assert (shop.deadline_value, [each.deadline_value for each in shop.conditions]) == (
            24_000.0,
            [24_000.0, 1200.0],
        )
        kept = Catalogue({each.key: each for each in found})
        assert read_catalogue(write_catalogue(found), faults) == kept
        assert read_classes(write_classes(found), faults, before=kept) == kept
        assert read_conditions(write_conditions(found), faults, before=kept) == kept
        assert ClassOut.of(shop).conditions[0].deadline_value == 24_000.0
        assert faults == []
        for wrong in (rows.replace("1000,紧急", "1001,紧急"), rows.replace("1000,紧急工作日", "1001,工作日")):
            faults.clear()
            read_own_list(own_template() + wrong, standard="SH", file="sh.csv", faults=faults)
            assert [(each.feature, each.problem) for each in faults] == [
                ("line 2", "is 1001, expected a number from 0.1 to 1000")
            ]

    def test_a_row_that_names_no_class_is_told_for_that_alone(self) -> None:
        faults: list[Fault] = []
        text = own_template() + self.ROWS.replace("SH001", "").replace("占用消防通道,清理", "占道三平方米以上,清理")
        read_own_list(text.replace("01,市容,,跨门营业", "03,街面,,占道经营", 1), standard="SH", file="t", faults=faults)
        assert [(each.feature, each.field) for each in faults] == [("line 2", "小类代码"), ("line 3", "小类代码")]

    def test_its_faults_are_told_at_once(self) -> None:
        faults: list[Fault] = []
        text = own_template() + "怪事,01,市容,SH001,跨门营业,占道,整改,x,刻,,否\n"
        read_own_list(text, standard="SH", file="sh.csv", faults=faults)
        assert {each.field for each in faults} == {"类型", "处置时限", "时限单位", "责任部门"}

    @pytest.mark.parametrize("flag", ["紧急", "Y", "√"])
    def test_a_flag_that_says_neither_yes_nor_no_is_told(self, flag: str) -> None:
        faults: list[Fault] = []
        read_own_list(
            own_template() + self.ROWS.replace(",是\n", f",{flag}\n"), standard="SH", file="sh.csv", faults=faults
        )
        assert [(each.feature, each.field) for each in faults] == [("line 3", "紧急")]
        assert flag.lower() in faults[0].problem

    def test_what_two_rows_say_of_one_class_is_told_where_it_differs(self) -> None:
        faults: list[Fault] = []
        rows = (
            "事件,01,市容,SH001,跨门营业,占道三平方米以上,整改,2,工作时,urban-management,否\n"
            "事件,02,,SH001,占道经营,占道三平方米以上,清理,1,工作时,police-station,\n"
            "事件,,,SH001,,占用消防通道,清理,1,工作时,,\n"
        )
        read_own_list(own_template() + rows, standard="SH", file="sh.csv", faults=faults)
        assert [(each.feature, each.field) for each in faults] == [
            ("line 3", name) for name in ("大类代码", "小类名称", "责任部门", "立案条件")
        ]
        assert "is 'police-station', and 'urban-management' on line 2" in faults[2].problem

    def test_a_class_is_of_the_field_that_the_list_says_and_of_none_otherwise(self) -> None:
        # 08 is construction in the national standard's list only.
        rows = (
            "事件,08,街面秩序,SH001,跨门营业,占道,整改,2,工作时,urban-management,,\n"
            "事件,08,街面秩序,SH002,群体斗殴,聚众,劝离,1,紧急工作时,police-station,是,治安\n"
            "事件,08,街面秩序,SH003,飞线充电,楼道,整改,2,工作时,housing-office,,property-management\n"
        )
        faults: list[Fault] = []
        found = read_own_list(own_template() + rows, standard="SH", file="sh.csv", faults=faults)
        assert [each.field for each in found] == [
            WorkField.OTHER,
            WorkField.PUBLIC_SECURITY,
            WorkField.PROPERTY_MANAGEMENT,
        ]
        assert faults == []
        read_own_list(own_template() + rows.replace("治安", "安全"), standard="SH", file="sh.csv", faults=faults)
        assert [(each.feature, each.field) for each in faults] == [("line 3", "所属领域")]

    def test_the_next_edition_replaces_what_a_list_says_and_nothing_else(self) -> None:
        shop, cover = read_own_list(own_template() + self.ROWS, standard="SH", file="sh.csv", faults=[])
        worked = replace(
            shop,
            name="Trading outside the shop",
            urgent=True,
            first_roles=("social-security-team",),
            key_since=date(2026, 6, 1),
            field=WorkField.URBAN_MANAGEMENT,
            reportable=False,
            merge_within_m=25.0,
            mappings=(Mapped(standard=OLDER_STANDARDS[0], code="0101", certainty=Certainty.LOW),),
        )
        edition = read_own_list(
            own_template() + self.ROWS.replace("跨门营业", "跨门占道经营").replace("urban-management", "fire-safety"),
            standard="SH",
            file="sh-2.csv",
            faults=[],
        )
        after = put_list(Catalogue({worked.key: worked, "x": category()}), edition)
        assert after.get(shop.key) == replace(
            worked, name_zh="跨门占道经营", department="fire-safety", conditions=edition[0].conditions
        )
        assert set(after.by_key) == {shop.key, "x", cover.key}

    def test_a_filing_condition_keeps_its_number_in_the_next_edition(self) -> None:
        shop, _ = read_own_list(own_template() + self.ROWS, standard="SH", file="sh.csv", faults=[])
        lane = shop.conditions[1]
        own = replace(lane, number=7, text="屡教不改", source="")
        before = Catalogue({shop.key: replace(shop, conditions=(*shop.conditions, own))})
        rows = (
            "事件,01,市容,SH001,跨门营业,夜间占道,整改,4,工作时,urban-management,否\n"
            "事件,01,市容,SH001,跨门营业,占用消防通道,清理,2,紧急工作时,urban-management,是\n"
        )
        edition = read_own_list(own_template() + rows, standard="SH", file="sh-2.csv", faults=[])
        after = put_list(before, edition).get(shop.key)
        assert [(each.number, each.text, each.deadline_value) for each in after.conditions] == [
            (2, "占用消防通道", 2.0),
            (7, "屡教不改", 24.0),
            (8, "夜间占道", 4.0),
        ]


class TestChanges:
    @pytest.fixture
    def book(self, tmp_path: Path, sample_site: Path, site: Site) -> Iterator[SqlCasebook]:
        book = open_casebook(sqlite_url(tmp_path))
        load_site(documents(sample_site, []), site, book, now=NOW)
        yield book
        book.close()

    def test_a_class_is_added_and_deleted_but_one_in_use_stays(self, book: SqlCasebook, site: Site) -> None:
        fresh = category("beatgrid-local/matter/L900", department="traffic-police", key_since=date(2026, 6, 1))
        changed, _ = change_site(book, with_classes([fresh]), now=NOW)
        assert changed.catalogue.get(fresh.key) == fresh
        used = stored_case(site, fresh.key)
        book.write(lambda tx: tx.add_case(used))
        with pytest.raises(ClassesInUseError, match="1 category in use cannot be deleted: beatgrid-local/matter/L900"):
            change_site(book, without_class(fresh.key), now=NOW)
        switched_off = replace(fresh, reportable=False)
        changed, _ = change_site(book, with_classes([switched_off]), now=NOW)
        assert not changed.catalogue.get(fresh.key).reportable
        unused = category("beatgrid-local/matter/L901", department="traffic-police")
        change_site(book, with_classes([unused]), now=NOW)
        changed, _ = change_site(book, without_class(unused.key), now=NOW)
        assert unused.key not in changed.catalogue.by_key

    def test_a_condition_that_an_open_case_was_filed_on_keeps_its_number(self, book: SqlCasebook, site: Site) -> None:
        soon, late = (
            FilingCondition(
                number=number,
                text=text,
                closing_condition="",
                deadline_value=number,
                deadline_unit=DeadlineUnit.WORK_DAY,
            )
            for number, text in ((1, "gone"), (2, "cracked"))
        )
        cover = category("SH-2024/component/0101", department="traffic-police", conditions=(soon, late))
        change_site(book, with_classes([cover]), now=NOW)
        filed = replace(stored_case(site, cover.key), status=Status.FILED, condition=1)
        book.write(lambda tx: tx.add_case(filed))
        swapped = (replace(late, number=1), replace(soon, number=2))
        emptied = by_table(CatalogueTable.CONDITIONS, write_conditions([]))
        for change in (
            with_classes([replace(cover, conditions=(late,))]),
            with_classes([replace(cover, conditions=swapped)]),
            emptied,
        ):
            with pytest.raises(
                ConditionsInUseError, match=r"1 filing condition .*: 1 of SH-2024/component/0101 \(gone\)"
            ):
                change_site(book, change, now=NOW)
        mended = (replace(soon, text="gone or sunk", deadline_value=3.0),)
        changed, _ = change_site(book, with_classes([replace(cover, conditions=mended)]), now=NOW)
        assert changed.catalogue.get(cover.key).conditions == mended
        book.write(lambda tx: tx.save_case(replace(filed, status=Status.VOID, version=2)))
        changed, _ = change_site(book, emptied, now=NOW)
        assert changed.catalogue.get(cover.key).conditions == ()

    def test_a_class_that_a_scene_fires_for_stays(self, book: SqlCasebook) -> None:
        with pytest.raises(ChangeFaultsError, match=r"scenes\.toml: feature crowd: field category"):
            change_site(book, without_class("beatgrid-local/matter/L001"), now=NOW)
        with pytest.raises(UnknownError):
            change_site(book, without_class("beatgrid-local/matter/L777"), now=NOW)

    def test_a_table_with_faults_changes_nothing(self, book: SqlCasebook) -> None:
        with pytest.raises(ChangeFaultsError, match="column missing"):
            change_site(book, by_table(CatalogueTable.CLASSES, "a,b\n1,2\n"), now=NOW)
        assert book.site_version() == 1
