"""What scenes name beside the site's detector: checked before anything runs, opened once, frames shown once."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from watched_place import START, ScriptedDetector, camera, detections, scene

from api.cli import app
from geo.boundaries import Fault
from models.background import BackgroundDetector
from models.detections import Detections
from models.detector import Image
from models.registry import DISTRICT_WEIGHTS
from pipeline.camera_pipeline import CameraPipeline, PipelineSettings
from pipeline.cameras import CameraScene
from pipeline.catalogue import Catalogue
from pipeline.district.scene_set import CAMERA_CATEGORY, FIRE_CATEGORY, RIDER_CATEGORY, SCENES
from pipeline.frames import Frame
from pipeline.scene_files import MOST_WEIGHTS, read_scenes
from pipeline.scene_models import ModelNotOpenError, SceneModels, model_faults, open_models, warn_of_blind
from pipeline.scene_templates import COCO, SCENE_TEMPLATES, template_categories, templates
from pipeline.scenes import Mode, Rule, Verify
from pipeline.site_files import SiteFaultsError, read_site

YOLO = "yolov8n-coco-int8-320_openvino_model"
CAR = 'classes = ["car"]'
VERIFY = f'[scene.verify]\nweights = "a.pt"\n{CAR}'
PLAIN = """
[[scene]]
code = "{code}"
rule = "{rule}"
name = "Scene"
name_zh = "场景"
category = "GB/T 47678.5-2026/matter/09009"
mode = "shadow"
dwell_s = 20
{more}
"""


def told(more: str, *, rule: str = "dwell", code: str = "one") -> list[Fault]:
    """Return the faults of a scene with such lines."""
    faults: list[Fault] = []
    categories = read_site(Path(__file__).parents[2] / "boundaries" / "yingpu").catalogue
    read_scenes(PLAIN.format(code=code, rule=rule, more=more), faults, categories=categories)
    return faults


@pytest.mark.parametrize(
    ("more", "rule", "field", "words"),
    [
        ('classes = ["car"]\nshare = 0.5', "dwell", "share", "belongs to area"),
        ('classes = ["car"]\ndistance_m = 5', "crowd", "distance_m", "belongs to wrong-way"),
        ('classes = ["car"]\nfaults = ["dark"]', "dwell", "faults", "belongs to health"),
        ('classes = ["flood"]', "area", "share", "is missing"),
        ('classes = ["flood"]\nshare = 1.5', "area", "share", "0.01 to 1"),
        ('classes = ["bicycle"]\nangle_deg = 90', "wrong-way", "angle_deg", "5 to 80"),
        ('classes = ["bicycle"]\ndistance_m = 0', "wrong-way", "distance_m", "2 to 200"),
        ('faults = ["offline"]', "health", "faults", "names 'offline'"),
        ("", "health", "faults", "name at least one"),
        ('faults = ["dark"]\nclasses = ["car"]', "health", "classes", "looks at no detector"),
        (f'faults = ["dark"]\n{VERIFY}', "health", "verify", "nothing to rule"),
        ('classes = ["car"]\nmonths = [0, 13]', "dwell", "months", "from 1 to 12"),
        ('classes = ["car"]\nmonths = []', "dwell", "months", "from 1 to 12"),
        ('classes = ["car"]\nmonths = [true]', "dwell", "months", "from 1 to 12"),
        ('classes = ["car"]\nhours = "9-5"', "dwell", "hours", "expected always or HH:MM-HH:MM"),
        ('classes = ["car"]\nhours = "08:00-12:00;11:00-13:00"', "dwell", "hours", "overlap"),
        ('classes = ["car"]\nverify = "yes"', "dwell", "verify", "expected a table"),
        ('classes = ["car"]\n[scene.verify]\nclasses = ["car"]', "dwell", "weights", "is missing or empty"),
        ('classes = ["car"]\n[scene.verify]\nweights = "a.pt"\nclasses = []', "dwell", "classes", "name at least one"),
        (f"{CAR}\n{VERIFY}\nagree = 4", "dwell", "agree", "more than the 3"),
        (f"{CAR}\n{VERIFY}\nof = 9", "dwell", "of", "1 to 8"),
        (f"{CAR}\n{VERIFY}\ndeadline_s = 1e9", "dwell", "deadline_s", "0.1 to 60"),
        (f'{CAR}\n{VERIFY}\nrejected = "auto"', "dwell", "rejected", "shadow or confirm"),
        (f"{CAR}\n{VERIFY}\nmargn = 1", "dwell", "margn", "is not a field here"),
    ],
)  # fmt: skip
def test_each_fault_of_a_scene_names_its_field(more: str, rule: str, field: str, words: str):
    faults = told(more, rule=rule)
    assert any(each.field == field and words in each.problem for each in faults), faults


def test_only_so_many_weights_are_run(sample_site: Path):
    blocks = [
        PLAIN.format(code=f"s{row}", rule="dwell", more=f'classes = ["car"]\nweights = "{row}.pt"')
        for row in range(MOST_WEIGHTS + 1)
    ]
    faults: list[Fault] = []
    read_scenes("".join(blocks), faults, categories=read_site(sample_site).catalogue)
    assert [(each.field, "4 different weights" in each.problem) for each in faults] == [("weights", True)]


def copied(sample_site: Path, tmp_path: Path, more: str) -> Path:
    """Return a copy of the sample site with a scene added."""
    folder = tmp_path / "site"
    shutil.copytree(sample_site, folder, ignore=shutil.ignore_patterns("data", "evidence"))
    scenes = folder / "scenes.toml"
    scenes.write_text(scenes.read_text(encoding="utf-8") + PLAIN.format(code="more", rule="dwell", more=more), "utf-8")
    return folder


def check(folder: Path) -> str:
    """Return what `beatgrid check` says of a site."""
    result = CliRunner().invoke(app, ["check", str(folder), "--at", "2026-11-23T12:00+0800"])
    return result.output if result.exception is None else f"{result.output}{result.exception}"


def test_check_opens_what_scenes_name_and_tells_every_fault(sample_site: Path, tmp_path: Path, shared_data: Path):
    weights = shared_data / "weights" / YOLO
    sound = copied(sample_site, tmp_path / "a", f'classes = ["car"]\nweights = "{weights}"')
    assert "weights" not in check(sound).replace("faults", "")
    strange = copied(sample_site, tmp_path / "b", f'classes = ["car", "stall"]\nweights = "{weights}"')
    assert "more" in check(strange)
    assert "names stall, which" in check(strange)
    missing = copied(sample_site, tmp_path / "c", 'classes = ["car"]\nweights = "nowhere.pt"')
    assert "scenes.toml: feature more: field weights: names 'nowhere.pt'" in check(missing)
    assert "nowhere.pt do not exist" in check(missing)
    (missing / "nowhere.pt").write_bytes(b"garbage" * 100)
    assert "are not a detection model" in check(missing)
    judge = f'classes = ["car"]\n[scene.verify]\nweights = "{weights}"\nclasses = ["smoke"]'
    assert "verify.classes" in check(copied(sample_site, tmp_path / "d", judge))


def test_a_site_s_own_weights_must_know_one_class_of_a_scene_at_least(sample_site: Path, shared_data: Path):
    scenes = read_site(sample_site).scenes
    stall = scene(Rule.DWELL, ["stall"], dwell_s=9.0)
    weights = str(shared_data / "weights" / YOLO)
    assert model_faults(scenes, sample_site, site_weights=weights) == []
    faults = model_faults({**scenes, stall.code: stall}, sample_site, site_weights=weights)
    assert [(each.feature, each.field) for each in faults] == [(stall.code, "classes")]
    (missing,) = model_faults(scenes, sample_site, site_weights="nowhere.pt")
    assert (missing.file, missing.feature, missing.field) == ("site.toml", "detector", "weights")
    detector = ScriptedDetector({})
    assert warn_of_blind({stall.code: stall, "ok": scene(Rule.DWELL, ["car"], dwell_s=9.0)}, detector) == [stall.code]


def test_a_wrong_class_among_right_ones_is_told_by_check_and_when_a_run_begins(
    sample_site: Path, tmp_path: Path, shared_data: Path, caplog: pytest.LogCaptureFixture
):
    folder = copied(sample_site, tmp_path, 'classes = ["car", "trukc", "thing"]')
    settings, weights = folder / "site.toml", shared_data / "weights" / YOLO
    settings.write_text(settings.read_text("utf-8").replace('weights = ""', f'weights = "{weights}"'), "utf-8")
    (line,) = [each for each in check(folder).splitlines() if "trukc" in each]
    assert line.startswith("doubtful: scene more names trukc (truck?), which ")
    assert "so that only car can fire; it knows airplane, apple," in line
    scenes = {"more": scene(Rule.DWELL, ["car", "trukc"], dwell_s=9.0)}
    assert warn_of_blind(scenes, ScriptedDetector({})) == []
    assert "names trukc (truck?), which" in caplog.text
    caplog.clear()
    alone = {"more": scene(Rule.DWELL, ["car", "truck", "thing"], dwell_s=9.0)}
    assert warn_of_blind(alone, ScriptedDetector({})) == warn_of_blind(alone, BackgroundDetector()) == []
    assert caplog.text == ""


def test_models_are_opened_from_the_site_s_folder_once_each(tmp_path: Path):
    shutil.copytree(DISTRICT_WEIGHTS, tmp_path / "own")
    first = scene(Rule.DWELL, ["stall"], dwell_s=9.0, weights="own", verify=Verify(weights="own", classes=("stall",)))
    models = open_models({"a": first, "b": replace(first, code="b")}, tmp_path)
    assert "stall" in models.detector("own").class_names.values()
    with pytest.raises(ModelNotOpenError, match=r"other\.pt"):
        models.detector("other.pt")
    models.close()


class Counting(ScriptedDetector):
    """Finds what it is given in every frame, and counts them."""

    def __init__(self, version: str, found: Detections) -> None:
        super().__init__({})
        self.version, self.found, self.frames = version, found, 0

    def detect(self, image: Image, *, stream: str = "", at_s: float = 0.0, confidence: float = 0.25) -> Detections:
        del image, stream, at_s
        self.frames += 1
        return self.found.select(self.found.confidence >= confidence)


GREY = np.full((1000, 1000, 3), 90, np.uint8)
LEFT, RIGHT = (100.0, 400.0, 160.0, 440.0), (700.0, 400.0, 760.0, 440.0)


def two_weights(first: Counting, second: Counting, **given: object) -> CameraPipeline:
    own = scene(Rule.DWELL, ["car"], dwell_s=4.0)
    other = replace(own, code="other", weights="second.pt")
    again = replace(own, code="again", dwell_s=2.0, weights="second.pt")
    place = replace(
        camera([]), scenes=tuple(CameraScene(scene=code, zone=None) for code in ("dwell", "other", "again"))
    )
    return CameraPipeline(
        camera=place,
        scenes={"dwell": own, "other": other, "again": again},
        detector=first,
        settings=PipelineSettings(state_every_s=1.0),
        models=SceneModels({"second.pt": second}),
        **given,  # type: ignore[arg-type]  # a test's settings
    )


def frame(step: int) -> Frame:
    return Frame(camera="cam-a", captured_at=datetime.fromtimestamp(START + 0.2 * step, UTC), image=GREY)


def test_each_detector_sees_a_frame_once_and_each_scene_looks_through_its_own():
    first, second = (
        Counting("one@1", detections(("car", 0.9, LEFT))),
        Counting("two@1", detections(("car", 0.9, RIGHT))),
    )
    watch = two_weights(first, second)
    found = {each.scene: each for step in range(30) for each in watch.step(frame(step)).sightings}
    assert (first.frames, second.frames) == (30, 30)
    assert {code: each.detector for code, each in found.items()} == {
        "dwell": "one@1", "other": "two@1", "again": "two@1",
    }  # fmt: skip
    assert found["dwell"].box_px[0] == pytest.approx(100.0, abs=1.0)
    assert found["other"].box_px[0] == pytest.approx(700.0, abs=1.0)


def test_what_each_detector_saw_is_remembered_over_a_restart():
    pair = [Counting("one@1", detections(("car", 0.9, LEFT))), Counting("two@1", detections(("car", 0.9, RIGHT)))]
    watch = two_weights(*pair)
    states = [result.state for step in range(15) if (result := watch.step(frame(step))).state is not None]
    kept = replace(states[-1], occupancies=json.loads(json.dumps(states[-1].occupancies)))
    again = two_weights(*pair, state=kept)
    fired = [(step, each.scene) for step in range(16, 40) for each in again.step(frame(step)).sightings]
    assert sorted(code for _, code in fired) == ["dwell", "other"]
    assert all(step <= 22 for step, _ in fired)


def test_a_process_that_has_not_opened_what_a_scene_names_says_so():
    own = scene(Rule.DWELL, ["car"], dwell_s=4.0, weights="second.pt")
    with pytest.raises(ModelNotOpenError, match=r"second\.pt"):
        CameraPipeline(camera=camera(["dwell"]), scenes={"dwell": own}, detector=ScriptedDetector({}))


def known(sample_site: Path) -> Catalogue:
    return Catalogue({**template_categories().by_key, **read_site(sample_site).catalogue.by_key})


def test_every_template_is_a_sound_scene_that_begins_in_shadow(sample_site: Path):
    faults: list[Fault] = []
    read_scenes(SCENE_TEMPLATES.read_text("utf-8"), faults, categories=known(sample_site))
    assert faults == []
    found = templates(read_site(sample_site).catalogue)
    assert len(found) == 18
    assert {each.scene.mode for each in found} == {Mode.SHADOW}
    assert all(each.category is not None for each in found)
    assert {
        each.scene.code for each in found if each.scene.rule is not Rule.HEALTH and not each.coco and not each.district
    } == {"road-flooded"}


def test_templates_go_into_a_site_as_they_are_printed(sample_site: Path, tmp_path: Path):
    folder = copied(sample_site, tmp_path, 'classes = ["car"]')
    codes = [each.scene.code for each in templates(read_site(sample_site).catalogue)]
    printed = CliRunner().invoke(app, ["scenes", *codes])
    assert printed.exit_code == 0
    (folder / "scenes.toml").write_text(printed.stdout, "utf-8")
    with (folder / "catalogue.toml").open("a", encoding="utf-8") as catalogue:
        catalogue.write(printed.stderr[printed.stderr.index("[[category]]") :].replace("catalogue.toml of", "# "))
    with pytest.raises(SiteFaultsError) as raised:
        read_site(folder)
    named = {each.file for each in raised.value.faults}
    assert named == {"cameras.geojson"}, "only the sample's cameras miss the scenes that are gone"


def test_what_coco_and_the_district_know_is_what_their_weights_say(shared_data: Path):
    from models.weights import read_facts

    assert frozenset(read_facts(shared_data / "weights" / YOLO).class_names.values()) == COCO


def test_the_district_s_categories_are_those_of_the_templates():
    shipped = template_categories().by_key
    for each in (FIRE_CATEGORY, RIDER_CATEGORY, CAMERA_CATEGORY):
        other = shipped[each.key]
        assert (each.name_zh, each.urgent, each.department, each.merge_within_m, each.merge_within_s) == (
            other.name_zh, other.urgent, other.department, other.merge_within_m, other.merge_within_s,
        )  # fmt: skip


def table_of(text: str, heading: str) -> list[list[str]]:
    """Return the rows of the table below a heading."""
    lines = text[text.index(heading) :].splitlines()
    start = next(row for row, line in enumerate(lines) if line.startswith("| scene "))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def test_the_documented_table_is_what_the_templates_are(sample_site: Path):
    docs = Path(__file__).parents[2] / "docs"
    rows = table_of((docs / "scenes.md").read_text("utf-8"), "## All scenes")
    found = templates(read_site(sample_site).catalogue)
    assert [row[:-1] for row in rows] == [each.row() for each in found]
    figures = (docs / "district.md").read_text("utf-8")
    measured = {row[0]: row[-1] for row in rows}
    for code, said in measured.items():
        if said == "not measured":
            assert code not in SCENES
            continue
        match = re.fullmatch(r"recall ([\d.]+) \((\d+ of \d+)\)(?:, as ([a-z-]+))?( \(pixels\))?", said)
        assert match, said
        row = rf"\| {match[3] or code} \| \d+ \| {re.escape(match[1])} \({match[2]},"
        assert re.search(row, figures), f"{code}: {said} stands nowhere in district.md"
        assert (match[3] or code) in SCENES
