"""Silhouettes: what outlines leave of a thing between nearer ones, held against what is drawn."""

import numpy as np
import pytest
from district_scenes import CLEAR_DAY, rendering_or_skip, thing, yard

from pipeline.district.boxes import TrueBoxes
from pipeline.district.renderer import Renderer
from pipeline.district.silhouettes import Silhouettes
from pipeline.district.stage import Block, Kind, Placed

LORRY = 2
BAG = thing(Kind.RUBBISH_BAG, 0.0, 21.0, id_=9)


def shares(*placed: Placed, wanted: tuple[int, ...] = (9,), blocks: tuple[Block, ...] = ()) -> dict[int, float]:
    boxes = TrueBoxes(yard(blocks=blocks))
    return {seen.actor: seen.visible_share for seen in Silhouettes(boxes).see(placed, wanted)}


def test_the_tail_of_a_lorry_hides_a_bag_though_its_box_does_not() -> None:
    lorry = thing(Kind.VAN, 2.25, 18.6, style=LORRY)
    assert shares(lorry, BAG)[9] < 0.1
    box = {seen.actor: seen.visible_share for seen in TrueBoxes(yard()).see([lorry, BAG])}
    assert box[9] > 0.35  # a shrunken box ends before


def test_what_stands_behind_or_aside_hides_nothing() -> None:
    assert shares(BAG) == {9: 1.0}
    behind = thing(Kind.VAN, 0.0, 26.0, style=LORRY)
    aside = thing(Kind.CAR, 12.0, 16.0, id_=2)
    assert shares(BAG, behind, aside)[9] == pytest.approx(1.0, abs=0.02)


def test_a_wall_hides_and_only_those_asked_about_are_told() -> None:
    wall = Block(what="wall", centre_m=(0.0, 19.0), size_m=(6.0, 0.4, 3.0))
    assert shares(BAG, blocks=(wall,)).get(9, 0.0) == 0.0
    person = thing(Kind.PERSON, 3.0, 15.0, id_=4)
    assert shares(BAG, person, wanted=(4,)) == {4: 1.0}
    assert shares(BAG, person, wanted=(77,)) == {}


def test_something_seen_between_other_things_is_boxed_by_what_shows() -> None:
    person = thing(Kind.PERSON, 0.0, 21.0, id_=9)
    free, *_ = Silhouettes(TrueBoxes(yard())).see([person], (9,))
    seen, *_ = Silhouettes(TrueBoxes(yard())).see([thing(Kind.CAR, 0.0, 18.6), person], (9,))
    assert seen.visible_share < 0.75
    assert seen.box_px[1] == pytest.approx(free.box_px[1], abs=1.0)
    assert seen.box_px[3] < free.box_px[3] - 2  # its feet are gone


def test_outlines_agree_with_what_is_drawn() -> None:
    rendering_or_skip()
    draw = np.random.default_rng(5)
    stage, off, boxed = yard(), list[float](), list[float]()
    boxes = TrueBoxes(stage)
    with Renderer(stage, CLEAR_DAY, seed=1) as renderer:
        for _ in range(6):
            kinds = [list(Kind)[int(row)] for row in draw.integers(len(Kind), size=24)]
            placed = [
                thing(
                    kind,
                    float(draw.uniform(-7.0, 7.0)),
                    float(draw.uniform(11.0, 24.0)),
                    id_=number,
                    style=int(draw.integers(3)),
                    heading_deg=float(draw.uniform(0.0, 360.0)),
                )
                for number, kind in enumerate(kinds, 1)
            ]
            drawn = {seen.actor: seen.visible_share for seen in renderer.render(placed, at_s=1.0).things}
            told = {seen.actor: seen.visible_share for seen in Silhouettes(boxes).see(placed, range(1, 25))}
            quick = {seen.actor: seen.visible_share for seen in boxes.see(placed)}
            hidden = [actor for actor in told if min(told[actor], drawn.get(actor, 0.0)) < 0.98]
            off += [abs(told[actor] - drawn.get(actor, 0.0)) for actor in hidden]
            boxed += [abs(quick.get(actor, 0.0) - drawn.get(actor, 0.0)) for actor in hidden]
    assert len(off) > 40
    assert float(np.mean(off)) < 0.1
    assert float(np.mean(off)) < 0.6 * float(np.mean(boxed))
