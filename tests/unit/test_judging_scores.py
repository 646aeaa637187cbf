"""Scores: between 0 and 100, never lower for a better share, none where too little could be judged."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.attribution import SubjectKind
from pipeline.judging import Figures, Reached, Workload
from pipeline.judging_policy import FEW_IS_GOOD, JudgingPolicy, Measure
from pipeline.judging_scores import Score, measured, score
from pipeline.shares import Share, wilson
from pipeline.site import Targets

POLICY = JudgingPolicy(least=10)


def figures(shares: dict[Measure, Share]) -> Figures:
    reached = {
        each: Reached(in_time=shares[each], p50_s=None, p90_s=None, mean_s=None)
        for each in (Measure.ARRIVAL, Measure.FIRST_RESULT)
    }
    return Figures(
        kind=SubjectKind.GRID,
        subject="G",
        discovered=0,
        channels={},
        proactive=shares[Measure.PROACTIVE],
        proactive_public=shares[Measure.PROACTIVE],
        closed=0,
        handled=0,
        overdue=0,
        closure=shares[Measure.CLOSURE],
        on_time=shares[Measure.ON_TIME],
        rework=shares[Measure.REWORK],
        arrival=reached[Measure.ARRIVAL],
        first_result=reached[Measure.FIRST_RESULT],
        false_alarms=shares[Measure.FALSE_ALARMS],
        void=0,
        workload=Workload(handled=0, steps=0, offers=0, unanswered=0, declined=0, returned=0, lent=0, busiest=None),
    )


def scored(shares: dict[Measure, Share], policy: JudgingPolicy = POLICY) -> Score:
    return score(figures(shares), policy, targets=Targets(), public_is_proactive=False)


share = st.integers(0, 40).flatmap(lambda of: st.integers(0, of).map(lambda count: wilson(count, of)))
all_shares = st.fixed_dictionaries(dict.fromkeys(Measure, share))


@given(shares=all_shares)
def test_it_lies_between_0_and_100_or_says_why_there_is_none(shares: dict[Measure, Share]) -> None:
    found = scored(shares)
    few = [each for each in Measure if shares[each].of < POLICY.least]
    assert found.value is None or 0.0 <= found.value <= 100.0
    assert bool(found.why_not) == bool(few)
    assert (found.value is None) == (found.weight < POLICY.least_weight)
    assert all(f"{each} ({shares[each].of})" in found.why_not for each in few)


@given(shares=all_shares, measure=st.sampled_from(list(Measure)))
def test_one_more_good_case_never_lowers_it(shares: dict[Measure, Share], measure: Measure) -> None:
    before, own = scored(shares), shares[measure]
    good = own.count - 1 if measure in FEW_IS_GOOD else own.count + 1
    if own.of < POLICY.least or not 0 <= good <= own.of or before.value is None:
        return
    after = scored({**shares, measure: wilson(good, own.of)})
    assert after.value is not None
    assert after.value >= before.value - 1e-9


def test_what_reaches_its_target_is_full_marks_and_nothing_is_more() -> None:
    shares = dict.fromkeys(Measure, wilson(100, 100))
    shares |= {Measure.REWORK: wilson(5, 100), Measure.FALSE_ALARMS: wilson(10, 100)}
    shares |= {Measure.PROACTIVE: wilson(85, 100), Measure.CLOSURE: wilson(97, 100)}
    assert scored(shares).value == 100.0
    assert scored({**shares, Measure.CLOSURE: wilson(100, 100)}).value == 100.0
    only = replace(POLICY, weights={Measure.CLOSURE: 1.0, Measure.REWORK: 0.0})
    half = {**shares, Measure.CLOSURE: wilson(485, 1000)}
    found = scored(half, only)
    assert found.value is not None
    assert abs(found.value - 50.0) < 1e-9
    assert [part.measure for part in found.parts] == [Measure.CLOSURE]


def test_the_site_says_which_reading_counts() -> None:
    shares = dict.fromkeys(Measure, wilson(1, 2))
    told = replace(figures(shares), proactive_public=wilson(9, 10))
    assert measured(told, public_is_proactive=True)[Measure.PROACTIVE] == wilson(9, 10)
    assert measured(told, public_is_proactive=False)[Measure.PROACTIVE] == wilson(1, 2)
