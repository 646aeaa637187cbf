"""One contract for every detector, and one proof that the two ways to run an OpenVINO folder see the same boxes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from scipy.optimize import linear_sum_assignment

from models.background import BackgroundDetector
from models.boxes import iou
from models.detections import Detections
from models.detector import Detector
from models.errors import ImageFaultError, LibraryMissingError, SettingFaultError
from models.openvino import OpenVinoDetector
from models.yolo import YoloDetector

FOLDERS = (
    "yolov8n-coco-int8-640_openvino_model",
    "yolov8n-coco-int8-320_openvino_model",
    "yolo11n-coco-int8-640_openvino_model",
)
FRAMES = {
    "vtest.avi": (0, 100, 250, 400, 550, 700),
    "intel-car-detection.mp4": (60, 150, 240, 330),
    "bikes.mp4": (20, 60),
}


def _yolo(path: Path) -> Detector:
    try:
        return YoloDetector(path, threads=1)
    except LibraryMissingError as error:
        pytest.skip(str(error))


MAKERS: dict[str, Callable[[Path], Detector]] = {
    "pt": lambda weights: _yolo(weights / "yolo26n-coco-rebuilt.pt"),
    "onnx": lambda weights: _yolo(weights / "yolo26n-coco-int8.onnx"),
    "openvino-by-ultralytics": lambda weights: _yolo(weights / FOLDERS[1]),
    "openvino": lambda weights: OpenVinoDetector(weights / FOLDERS[1], threads=1),
    "background": lambda _: BackgroundDetector(),
}


@pytest.fixture(scope="module", params=list(MAKERS))
def detector(request: pytest.FixtureRequest, shared_data: Path) -> Iterator[Detector]:
    made = MAKERS[request.param](shared_data / "weights")
    yield made
    made.close()


@pytest.fixture(scope="module")
def frames(shared_data: Path) -> list[np.ndarray]:
    return [frame for name, numbers in FRAMES.items() for frame in _read(shared_data / "video" / name, numbers)]


def _read(path: Path, numbers: tuple[int, ...]) -> list[np.ndarray]:
    capture, found = cv2.VideoCapture(str(path)), []
    for number in range(max(numbers) + 1):
        right, frame = capture.read()
        assert right, f"{path} ends at frame {number}"
        if number in numbers:
            found.append(frame)
    capture.release()
    return found


def test_black_images_of_any_size_hold_nothing_and_raise_nothing(detector: Detector):
    for number, shape in enumerate([(480, 640, 3), (640, 480, 3), (31, 700, 3), (8, 8, 3), (1, 1, 3)]):
        found = detector.detect(np.zeros(shape, np.uint8), stream=str(number), at_s=1.0)
        assert isinstance(found, Detections)
        assert len(found) == 0


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((480, 640), np.uint8),
        np.zeros((480, 640, 1), np.uint8),
        np.zeros((480, 640, 4), np.uint8),
        np.zeros((480, 640, 3), np.float32),
        np.zeros((0, 640, 3), np.uint8),
        np.zeros((1, 8193, 3), np.uint8),
        None,
    ],
    ids=["grey", "one channel", "alpha", "float", "no rows", "too wide", "nothing"],
)
def test_what_is_no_picture_is_refused_with_its_shape(detector: Detector, image: np.ndarray | None):
    with pytest.raises(ImageFaultError, match=r"expected uint8 \(height, width, 3\)"):
        detector.detect(image)  # type: ignore[arg-type]  # the wrong type is the point


@pytest.mark.parametrize("confidence", [-0.1, 1.1, float("nan")])
def test_confidence_outside_0_to_1_is_refused(detector: Detector, confidence: float):
    with pytest.raises(SettingFaultError, match="expected 0 to 1"):
        detector.detect(np.zeros((64, 64, 3), np.uint8), confidence=confidence)


def test_same_frame_gives_same_boxes_inside_it_most_confident_first(detector: Detector, frames: list[np.ndarray]):
    for number, frame in enumerate([frames[0], frames[0][:, :200], np.ascontiguousarray(frames[0][::-1])]):
        first = detector.detect(frame, stream=f"same{number}", at_s=5.0, confidence=0.1)
        again = detector.detect(frame, stream=f"same{number}", at_s=5.0, confidence=0.1)
        np.testing.assert_array_equal(first.boxes_px, again.boxes_px)
        np.testing.assert_array_equal(first.confidence, again.confidence)
        assert (np.diff(first.confidence) <= 0).all()
        assert (first.boxes_px >= 0).all()
        assert (first.boxes_px[:, [2, 3]] <= [frame.shape[1], frame.shape[0]]).all()


def test_confidence_is_a_threshold(detector: Detector, frames: list[np.ndarray]):
    faint = detector.detect(frames[1], stream="threshold", at_s=9.0, confidence=0.1)
    sure = detector.detect(frames[1], stream="threshold", at_s=9.0, confidence=0.5)
    assert len(sure) == int((faint.confidence > 0.5).sum())
    assert (sure.confidence >= 0.5).all()


def test_threads_may_share_a_detector(detector: Detector, frames: list[np.ndarray]):
    few = frames[:3]

    def look(number: int) -> np.ndarray:
        return detector.detect(few[number % 3], stream=f"thread{number}", at_s=1.0).boxes_px

    alone = [look(number) for number in range(3)]
    with ThreadPoolExecutor(4) as pool:
        for number, boxes in enumerate(pool.map(look, range(9))):
            np.testing.assert_array_equal(boxes, alone[number % 3])


def test_version_names_the_weights(detector: Detector):
    assert detector.version.startswith(detector.name)
    assert all(name for name in detector.class_names.values())
    if detector.classless:
        assert set(detector.class_names.values()) == {"thing"}
    else:
        assert len(detector.version.partition("@sha256:")[2]) == 12


def test_people_are_found_by_every_detector_that_knows_them(detector: Detector, frames: list[np.ndarray]):
    names = detector.detect(frames[0], stream="people").names()
    if detector.classless:
        assert names == []  # it has to learn the street first: tests/unit/test_models_background.py
    else:
        assert names.count("person") >= 3


@pytest.mark.parametrize("folder", FOLDERS)
def test_openvino_and_ultralytics_see_the_same_boxes(shared_data: Path, frames: list[np.ndarray], folder: str):
    path = shared_data / "weights" / folder
    ours, theirs = OpenVinoDetector(path, threads=1, narrows=False), _yolo(path)
    compared = 0
    for frame in frames:
        compared += _require_same(ours.detect(frame, confidence=0.1), theirs.detect(frame, confidence=0.1))
    assert compared >= 40
    assert dict(ours.class_names) == dict(theirs.class_names)
    assert ours.version == theirs.version


@pytest.mark.parametrize("folder", FOLDERS)
def test_less_padding_around_a_picture_leaves_its_boxes(shared_data: Path, frames: list[np.ndarray], folder: str):
    path = shared_data / "weights" / folder
    whole, narrowed = OpenVinoDetector(path, threads=1, narrows=False), OpenVinoDetector(path, threads=1)
    found = [(whole.detect(frame, confidence=0.3), narrowed.detect(frame, confidence=0.3)) for frame in frames]
    sure = sum(int((each.confidence > 0.4).sum()) for each, _ in found)
    agreeing = sum(_agreeing(one.select(one.confidence > 0.4), other) for one, other in found)
    assert sure >= 40
    assert agreeing >= 0.97 * sure
    assert len(narrowed._inputs) > 1


def test_models_that_suppress_by_themselves_give_the_same_boxes(
    shared_data: Path, frames: list[np.ndarray], tmp_path: Path
):
    """An end-to-end head, (1, 300, 6): the .onnx, brought into OpenVINO's format without torch."""
    import openvino as ov

    source = shared_data / "weights" / "yolo26n-coco-int8.onnx"
    theirs = _yolo(source)
    folder = tmp_path / "yolo26n_openvino_model"
    ov.save_model(ov.convert_model(source), folder / "yolo26n.xml", compress_to_fp16=False)
    facts = {"task": "detect", "imgsz": [640, 640], "names": dict(theirs.class_names)}
    (folder / "metadata.yaml").write_text(yaml.safe_dump(facts))
    ours = OpenVinoDetector(folder, threads=1)
    few = frames[:6:2]
    compared = sum(_require_overlap(ours.detect(f, confidence=0.4), theirs.detect(f, confidence=0.4)) for f in few)
    assert compared >= 12


def _require_same(a: Detections, b: Detections) -> int:
    """Require the same boxes in any order (equal confidences may come in either); return how many there are."""
    assert len(a) == len(b)
    apart = np.abs(a.boxes_px[:, None] - b.boxes_px[None]).max(axis=2)
    apart[a.class_ids[:, None] != b.class_ids[None]] = 1e6
    rows, columns = linear_sum_assignment(apart)
    assert apart[rows, columns].max(initial=0) <= 1.0
    assert np.abs(a.confidence[rows] - b.confidence[columns]).max(initial=0) <= 0.01
    return len(a)


def _require_overlap(a: Detections, b: Detections) -> int:
    """Require that most boxes agree: two runtimes round INT8 differently; return how many do."""
    agreeing = _agreeing(a, b)
    assert agreeing >= 0.7 * max(len(a), len(b)) - 1
    return agreeing


def _agreeing(a: Detections, b: Detections) -> int:
    overlap = iou(a.boxes_px, b.boxes_px) * (a.class_ids[:, None] == b.class_ids[None])
    rows, columns = linear_sum_assignment(-overlap)
    return int((overlap[rows, columns] > 0.8).sum())
