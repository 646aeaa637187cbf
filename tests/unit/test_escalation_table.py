"""`[escalation]` and `[erasure]` of `site.toml`: read as written, every fault told at once."""

import tomllib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from small_site import category

from geo.boundaries import Fault
from pipeline.catalogue import DeadlineUnit
from pipeline.escalation_policy import USUAL, ErasureTerms, EscalationPolicy, Step
from pipeline.escalation_table import escalation_faults, read_erasure, read_escalation
from pipeline.fields import Fields
from pipeline.principal import Role
from pipeline.work_calendar import WorkCalendar


def fields(text: str, faults: list[Fault]) -> Fields:
    return Fields(tomllib.loads(text), "site.toml", "escalation", faults)


def test_what_is_not_said_is_usual() -> None:
    faults: list[Fault] = []
    assert read_escalation(fields("", faults)) == EscalationPolicy()
    assert read_erasure(fields("", faults)) == ErasureTerms()
    assert faults == []


def test_what_is_said_is_taken() -> None:
    faults: list[Fault] = []
    policy = read_escalation(
        fields(
            'amber = 0.5\napprover = "admin"\nurgent = { department = 1.1, deputy_chief = 1.2, chief = 1.3 }\n', faults
        )
    )
    assert faults == []
    assert policy.approver is Role.ADMIN
    assert policy.steps(urgent=True)[:4] == (
        (Step.AMBER, 0.5),
        (Step.RED, 1.0),
        (Step.DEPARTMENT, 1.1),
        (Step.DEPUTY_CHIEF, 1.2),
    )
    assert policy.steps(urgent=False)[3] == (Step.DEPUTY_CHIEF, 1.25)


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("amber = 1.2", "amber", "from 0.05 to 1"),
        ('approver = "force"', "approver", "expected dispatcher or admin"),
        ('approver = "boss"', "approver", "expected one of"),
        ("urgent = { chief = 1.0 }", "chief", "no sooner than the one below"),
        ("general = { department = 0.9 }", "department", "from 1 to 1000"),
        ("urgent = { mayor = 2.0 }", "mayor", "is not a field here"),
        ("extensions = 1.5", "extensions", "whole number"),
    ],
)
def test_each_fault_is_told(text: str, field: str, words: str) -> None:
    faults: list[Fault] = []
    read_escalation(fields(text, faults))
    assert any(fault.field == field and words in fault.problem for fault in faults), faults


def test_all_faults_at_once() -> None:
    faults: list[Fault] = []
    read_escalation(fields("amber = 0\nextensions = -1\nurgent = { chief = 0.1 }", faults))
    read_erasure(fields("words_days = -1\nnotes = 3", faults))
    assert {fault.field for fault in faults} >= {"amber", "extensions", "chief", "words_days", "notes"}


def test_a_share_that_the_clocks_cannot_reckon_is_a_fault() -> None:
    kinds = [
        category("GB/T 47678.5-2026/matter/1", deadline_value=7.0, deadline_unit=DeadlineUnit.WORK_DAY),
        category("GB/T 47678.5-2026/matter/2", deadline_value=2.0, deadline_unit=DeadlineUnit.WORK_DAY),
        category("GB/T 47678.5-2026/matter/3", deadline_value=5.0, deadline_unit=DeadlineUnit.NATURAL_DAY),
        category("GB/T 47678.5-2026/matter/4", deadline_value=4.0, deadline_unit=DeadlineUnit.URGENT_HOUR),
    ]
    calendar = WorkCalendar(timezone=ZoneInfo("Asia/Shanghai"), country="CN")

    def told(policy: EscalationPolicy) -> list[str]:
        start = datetime(2027, 1, 1, tzinfo=UTC)
        return [
            str(each) for each in escalation_faults(policy, kinds, calendar=calendar, start=start, file="site.toml")
        ]

    assert told(EscalationPolicy()) == []
    work, natural = told(EscalationPolicy(general={**USUAL, Step.DISTRICT: 1_000.0}))
    assert "site.toml" in work
    assert "escalation general" in work
    assert "field district: is 1000, and 1000 times the 7 work_day of GB/T 47678.5-2026/matter/1" in work
    assert "within 4000 days; give a smaller share" in work
    assert "5 natural_day" in natural
