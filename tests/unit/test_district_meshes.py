import numpy as np
import pytest
from district_scenes import thing

from pipeline.district.display import MOST_TRIANGLES
from pipeline.district.meshes import USUAL_SIZE_M, MeshKey, mesh_key, mesh_of, palette_of
from pipeline.district.shapes import Slot
from pipeline.district.stage import Actor, Kind

STYLES = range(6)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_sound_mesh_for_each_style(kind: Kind):
    for style in STYLES:
        for coarse in (False, True):
            mesh = mesh_of(mesh_key(thing(kind, 0, 0, style=style), coarse=coarse))
            assert np.isfinite(mesh.vertices_m).all()
            assert mesh.triangles.min() >= 0
            assert mesh.triangles.max() < len(mesh.vertices_m)
            assert len(mesh.triangles) == len(mesh.slots) == len(mesh.gains) == len(mesh.parts) <= MOST_TRIANGLES
            assert set(mesh.slots.tolist()) <= set(Slot)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_mesh_stands_on_the_ground_around_its_footprint(kind: Kind):
    for style in STYLES:
        mesh = mesh_of(mesh_key(thing(kind, 0, 0, style=style)))
        low, high = mesh.vertices_m.min(axis=0), mesh.vertices_m.max(axis=0)
        assert low[2] == pytest.approx(0.0, abs=0.06)
        assert high[2] == pytest.approx(mesh.nominal_m[2], rel=0.25)
        # Mirrors, handlebars and luggage stand out; the middle stays the middle.
        assert np.abs(low[:2] + high[:2]).max() < 0.3


@pytest.mark.parametrize("kind", list(Kind))
def test_a_coarse_mesh_has_fewer_triangles_and_about_the_same_extent(kind: Kind):
    fine, coarse = (mesh_of(mesh_key(thing(kind, 0, 0, style=1), coarse=flag)) for flag in (False, True))
    assert len(coarse.triangles) <= len(fine.triangles)
    spread = np.ptp(coarse.vertices_m, axis=0) - np.ptp(fine.vertices_m, axis=0)
    assert np.abs(spread).max() < 0.12 * max(fine.nominal_m)


def test_styles_differ_in_shape():
    for kind in (Kind.CAR, Kind.VAN, Kind.STALL, Kind.PILED_GOODS, Kind.PERSON, Kind.E_BIKE):
        meshes = [mesh_of(mesh_key(thing(kind, 0, 0, style=style))) for style in range(3)]
        shapes = {(len(mesh.triangles), round(float(mesh.vertices_m.sum()), 6)) for mesh in meshes}
        assert len(shapes) == 3


def test_walking_moves_the_legs_and_not_the_height():
    steps = [mesh_of(MeshKey(Kind.PERSON, 0, step)) for step in range(12)]
    stride = [np.ptp(mesh.vertices_m[mesh.vertices_m[:, 2] < 0.3, 0]) for mesh in steps]
    heights = [mesh.vertices_m[:, 2].max() for mesh in steps]
    assert max(stride) > min(stride) + 0.3
    assert max(heights) - min(heights) < 0.08


def test_a_rider_makes_a_two_wheeler_taller():
    for kind in (Kind.BICYCLE, Kind.E_BIKE):
        empty, ridden = (mesh_of(mesh_key(thing(kind, 0, 0, ridden=flag))) for flag in (False, True))
        assert ridden.vertices_m[:, 2].max() > empty.vertices_m[:, 2].max() + 0.4


def test_a_palette_follows_from_the_actor_alone():
    actors = [
        Actor(id=id_, kind=Kind.PERSON, size_m=USUAL_SIZE_M[Kind.PERSON], colour=(255, 0, 128)) for id_ in range(1, 30)
    ]
    body = palette_of(actors[0])[Slot.BODY]
    assert body == pytest.approx([1.0, 0.0, (128 / 255) ** 2.2])
    palette_of.cache_clear()
    again = palette_of(actors[0])
    assert (again == palette_of(actors[0])).all()
    assert len({tuple(palette_of(actor)[Slot.SECOND]) for actor in actors}) > 3
