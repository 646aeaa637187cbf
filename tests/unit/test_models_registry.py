"""Which weights are used, and what is said about those that cannot be."""

import pickle
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from models import registry
from models.errors import InferenceError, LibraryMissingError, NotAModelError, NoWeightsError, WeightsMissingError
from models.openvino import OpenVinoDetector, decode
from models.registry import WeightsChoice, WeightsOrigin, choose_weights, open_detector
from models.yolo import YoloDetector

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "yolov8n-coco-int8-320_openvino_model"


def _choice(name: str, tmp_path: Path, origin: WeightsOrigin = WeightsOrigin.ARGUMENT) -> WeightsChoice:
    return WeightsChoice(name=name, origin=origin, cache=tmp_path)


def test_the_argument_wins_over_the_environment_over_the_site_over_the_download():
    environ = {"BEATGRID_WEIGHTS": "b.onnx", "HOME": "/home/u"}
    assert choose_weights("a.pt", environ, Path("c")).name == "a.pt"
    assert choose_weights(None, environ, Path("c")).origin is WeightsOrigin.ENVIRONMENT
    assert choose_weights(None, {"HOME": "/home/u"}, Path("c")).origin is WeightsOrigin.SITE
    last = choose_weights("", {"BEATGRID_WEIGHTS": "", "HOME": "/home/u"}, None)
    assert (last.name, last.origin) == ("yolo26n.pt", WeightsOrigin.DOWNLOAD)
    assert last.cache == Path("/home/u/.cache/beatgrid")
    assert choose_weights(None, {"XDG_CACHE_HOME": "/c"}, None).cache == Path("/c/beatgrid")


def test_names_open_the_detector_that_fits(shared_data: Path, tmp_path: Path):
    assert open_detector(_choice("background", tmp_path)).classless
    folder = open_detector(_choice(str(shared_data / "weights" / FOLDER), tmp_path), threads=1)
    assert isinstance(folder, OpenVinoDetector)


def test_without_weights_three_lines_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("YOLO_OFFLINE", "True")  # refuses the network whether there is one or not
    with pytest.raises(NoWeightsError) as raised:
        open_detector(_choice("no-such-weights.pt", tmp_path, WeightsOrigin.DOWNLOAD))
    lines = str(raised.value).splitlines()
    assert len(lines) == 3
    assert "--weights FILE" in lines[0]
    assert "BEATGRID_WEIGHTS" in lines[1]
    assert "--weights background" in lines[2]
    assert list((tmp_path / "weights").iterdir()) == []


def test_a_download_that_hangs_is_ended_with_all_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    sleeper = tmp_path / "python"
    sleeper.write_text("#!/bin/sh\nsleep 60 & echo $! > pid; wait\n".replace("pid", str(tmp_path / "pid")))
    sleeper.chmod(0o755)
    monkeypatch.setattr(registry.sys, "executable", str(sleeper))
    with pytest.raises(NoWeightsError, match="took longer than 1 s"):
        registry.download("yolo26n.pt", tmp_path / "weights" / "yolo26n.pt", wait_s=1.0)
    assert list((tmp_path / "weights").iterdir()) == []
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]:
            break
        time.sleep(0.05)
    else:
        pytest.fail("the download's child is still alive")


def test_a_download_cut_short_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    writer = tmp_path / "python"
    writer.write_text('#!/bin/sh\nprintf half > "$4/$3"\n')  # python -c PROGRAM NAME FOLDER
    writer.chmod(0o755)
    monkeypatch.setattr(registry.sys, "executable", str(writer))
    with pytest.raises(NoWeightsError, match="brought 4 bytes"):
        registry.download("yolo26n.pt", tmp_path / "weights" / "yolo26n.pt")
    assert list((tmp_path / "weights").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path):
    (tmp_path / "weights").write_text("a file where the folder should be")
    with pytest.raises(NoWeightsError, match="could not be kept"):
        registry.download("yolo26n.pt", tmp_path / "weights" / "yolo26n.pt")


def test_weights_that_do_not_exist_are_named(tmp_path: Path):
    with pytest.raises(WeightsMissingError, match=r"nowhere\.pt do not exist; expected a \.pt or \.onnx file"):
        open_detector(_choice(str(tmp_path / "nowhere.pt"), tmp_path))


@pytest.mark.parametrize("name", ["garbage.pt", "garbage.onnx", "empty.pt", "empty.onnx", "garbage.jpg", "zip.pt"])
def test_files_that_are_no_model_are_named(tmp_path: Path, name: str):
    path = tmp_path / name
    path.write_bytes(b"" if name.startswith("empty") else b"garbage" * 1000)
    if name == "zip.pt":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "nothing")
    with pytest.raises((NotAModelError, LibraryMissingError)) as raised:
        open_detector(_choice(str(path), tmp_path))
    assert name in str(raised.value) or "pip install 'beatgrid[yolo]'" in str(raised.value)


def test_an_onnx_file_that_names_no_classes_is_refused(shared_data: Path, tmp_path: Path):
    onnx = pytest.importorskip("onnx", reason="ONNX comes with the yolo extra")
    model = onnx.load(shared_data / "weights" / "yolo26n-coco-int8.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "nameless.onnx")
    with pytest.raises((NotAModelError, LibraryMissingError), match=r"no class names|pip install"):
        YoloDetector(tmp_path / "nameless.onnx")


class _Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, (f"open({str(self.marker)!r}, 'w').close()",)


def test_a_pt_file_that_runs_code_is_refused_and_runs_none(tmp_path: Path):
    path, marker = tmp_path / "hostile.pt", tmp_path / "ran"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hostile/data.pkl", pickle.dumps({"model": _Hostile(marker)}, protocol=2))
        archive.writestr("hostile/version", "3\n")
        archive.writestr("hostile/byteorder", "little")
    with pytest.raises((NotAModelError, LibraryMissingError)):
        YoloDetector(path)
    assert not marker.exists()


def _copy(shared_data: Path, tmp_path: Path) -> Path:
    folder = tmp_path / FOLDER
    shutil.copytree(shared_data / "weights" / FOLDER, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: (f / "metadata.yaml").unlink(), "no metadata.yaml in it"),
        (lambda f: next(f.glob("*.xml")).unlink(), "0 .xml files in it"),
        (lambda f: next(f.glob("*.bin")).unlink(), r"no yolov8n\.bin in it"),
        (lambda f: shutil.copyfile(next(f.glob("*.xml")), f / "second.xml"), "2 .xml files in it"),
        (lambda f: (f / "metadata.yaml").write_text("names: [a"), "no YAML"),
        (lambda f: (f / "metadata.yaml").write_text("just a word"), "a str"),
        (lambda f: (f / "metadata.yaml").write_bytes(b"\xff\xfe\x00"), "no YAML"),
        (lambda f: (f / "metadata.yaml").write_text("#" * 1_000_001), "1000001 bytes"),
        (lambda f: _set(f, names={0: "person", 5: "car"}), "no class names from 0 on"),
        (lambda f: _set(f, names={}), "no class names from 0 on"),
        (lambda f: _set(f, imgsz=[320]), r"imgsz \[320\]"),
        (lambda f: _set(f, imgsz=[320, 100_000]), "imgsz"),
        (lambda f: _set(f, task="segment"), "task segment; expected task detect"),
        (lambda f: _set(f, names={0: "person", 1: "car"}), r"one output \(1, 6, anchors\)"),
        (lambda f: next(f.glob("*.xml")).write_text("<net/>"), "are not a detection model"),
    ],
)
def test_folders_that_are_no_export_are_named(shared_data: Path, tmp_path: Path, change, sentence: str):
    folder = _copy(shared_data, tmp_path)
    change(folder)
    with pytest.raises(NotAModelError, match=sentence) as raised:
        OpenVinoDetector(folder)
    assert str(folder) in str(raised.value)


def _set(folder: Path, **changed: object) -> None:
    path = folder / "metadata.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changed))


def test_a_model_that_answers_with_nan_is_an_error():
    answer = np.zeros((1, 84, 10), np.float32)
    answer[0, 4, 3], answer[0, 0, 3] = 0.9, np.nan
    with pytest.raises(InferenceError, match="not finite"):
        decode(answer, least=0.25)


def test_a_frame_full_of_boxes_is_bounded():
    rng = np.random.default_rng(0)
    answer = np.zeros((1, 6, 50_000), np.float32)
    answer[0, :2] = rng.uniform(0, 5000, (2, 50_000))
    answer[0, 2:4] = 3
    answer[0, 4] = rng.uniform(0.3, 1, 50_000)
    assert len(decode(answer, least=0.25)) == 1000


def test_without_ultralytics_the_error_says_what_to_install(shared_data: Path):
    program = (
        "import sys; sys.modules['ultralytics'] = None\n"
        "from pathlib import Path\nfrom models.yolo import YoloDetector\n"
        "from models.errors import LibraryMissingError\n"
        "try: YoloDetector(Path(sys.argv[1]))\n"
        "except LibraryMissingError as error: print(error)\n"
    )
    weights = shared_data / "weights" / "yolo26n-coco-int8.onnx"
    done = subprocess.run(
        [sys.executable, "-c", program, weights], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert "pip install 'beatgrid[yolo]'" in done.stdout
    assert "make test" in done.stdout


def test_opening_weights_brings_no_torch_in_for_an_openvino_folder(shared_data: Path):
    program = (
        "import sys; from pathlib import Path\n"
        "from models.registry import choose_weights, open_detector\n"
        "open_detector(choose_weights(sys.argv[1], {'HOME': '/'}, None), threads=1)\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, shared_data / "weights" / FOLDER],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "False"


def test_importing_ultralytics_changes_nothing_of_ours(shared_data: Path, tmp_path: Path):
    """No settings in the user's folder, OpenCV's functions and threads as before, the environment as before."""
    program = (
        "import os, sys, cv2; from pathlib import Path\n"
        "from models.yolo import YoloDetector\n"
        "cv2.setNumThreads(2); before = (cv2.imread, cv2.imwrite, cv2.getNumThreads(), dict(os.environ))\n"
        "YoloDetector(Path(sys.argv[1]))\n"
        "after = (cv2.imread, cv2.imwrite, cv2.getNumThreads())\n"
        "print(before[:3] == after, set(os.environ) & {'YOLO_AUTOINSTALL', 'YOLO_CONFIG_DIR', 'YOLO_OFFLINE'})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, shared_data / "weights" / "yolo26n-coco-int8.onnx"],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "True set()"
    assert not (tmp_path / ".config" / "Ultralytics").exists()
    assert (tmp_path / ".cache" / "beatgrid").is_dir()
