"""What scenes name beside the site's own detector: further detectors, and models for a second look.

Each weights file is opened once for all cameras and scenes, at most three of each kind (`scene_files.MOST_WEIGHTS`).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from geo.boundaries import Fault
from models.background import CLASS_NAMES
from models.crop_judge import CropJudge, open_judge
from models.detector import Detector
from models.errors import ModelsError
from models.registry import WeightsChoice, WeightsOrigin, open_detector
from pipeline.configuration import SITE
from pipeline.crop_desk import CropDesk, Ticket
from pipeline.crop_pieces import Piece
from pipeline.errors import PipelineError
from pipeline.scene_files import SCENES
from pipeline.scenes import Rule, Scene, Verify

log = logging.getLogger(__name__)


class ModelNotOpenError(PipelineError):
    """A scene names weights that were not opened for this process."""

    def __init__(self, weights: str) -> None:
        super().__init__(
            f"weights {weights!r} that a scene names are not open in this process; start it with `beatgrid run` or"
            " `serve`, which open what scenes name"
        )


class SceneModels:
    """The open models; `close` gives them back.

    Args:
        detectors: by the name that scenes give their weights.
        judges: the same of weights for a second look.
    """

    def __init__(
        self, detectors: Mapping[str, Detector] | None = None, judges: Mapping[str, CropJudge] | None = None
    ) -> None:
        self._detectors = dict(detectors or {})
        self._desk = CropDesk(judges) if judges else None

    def detector(self, weights: str) -> Detector:
        """Return a detector.

        Raises:
            ModelNotOpenError: it is not open.
        """
        if weights not in self._detectors:
            raise ModelNotOpenError(weights)
        return self._detectors[weights]

    def ask(self, pieces: Sequence[Piece], verify: Verify) -> Ticket:
        """Ask for a second look; answers at once.

        Raises:
            ModelNotOpenError: no model for second looks is open.
        """
        if self._desk is None:
            raise ModelNotOpenError(verify.weights)
        return self._desk.ask(pieces, verify)

    def close(self) -> None:
        """Give back threads and memory."""
        if self._desk is not None:
            self._desk.close()
        for each in self._detectors.values():
            each.close()


NO_MODELS: Final = SceneModels()
"""Where no scene names any."""


def open_models(scenes: Mapping[str, Scene], folder: Path) -> SceneModels:
    """Open what scenes name.

    Args:
        scenes: the site's scenes.
        folder: of the site; weights are named from there.

    Raises:
        ModelsError: weights are missing, no model, or need a library that is not there.
    """
    with ExitStack() as opened:
        detectors = {name: _detector(folder, name) for name in named_weights(scenes)}
        for each in detectors.values():
            opened.callback(each.close)
        judges = {name: open_judge(_path(folder, name)) for name in named_judges(scenes)}
        opened.pop_all()
    return SceneModels(detectors, judges)


def named_weights(scenes: Mapping[str, Scene]) -> list[str]:
    """Return the weights of detectors that scenes name, each once."""
    return sorted({each.weights for each in scenes.values() if each.weights})


def named_judges(scenes: Mapping[str, Scene]) -> list[str]:
    """Return the weights for second looks that scenes name, each once."""
    return sorted({each.verify.weights for each in scenes.values() if each.verify is not None})


def model_faults(
    scenes: Mapping[str, Scene], folder: Path, *, site_weights: str = "", doubts: list[str] | None = None
) -> list[Fault]:
    """Return what is wrong with the weights that scenes name, by opening them: missing, no model, unknown classes.

    Of a scene's own weights every class must be known. Of the site's, one must be: scenes that many sites share name
    the same thing as several models call it.

    Args:
        scenes: the site's scenes.
        folder: of the site.
        site_weights: what the site itself names; empty if nothing.
        doubts: where to note, a line each, classes that the site's weights do not know beside others that they do.
    """
    faults: list[Fault] = []
    seen: dict[str, frozenset[str] | None] = {}
    for name in named_weights(scenes):
        users = [each.code for each in scenes.values() if each.weights == name]
        seen[name] = _known(_classes_of, folder, name, (SCENES, users, "weights"), faults)
    if site_weights and site_weights not in seen:
        seen[site_weights] = _known(_classes_of, folder, site_weights, (SITE, ["detector"], "weights"), faults)
    judged: dict[str, frozenset[str] | None] = {}
    for name in named_judges(scenes):
        users = [each.code for each in scenes.values() if each.verify is not None and each.verify.weights == name]
        judged[name] = _known(_judge_classes, folder, name, (SCENES, users, "verify.weights"), faults)
    if doubts is not None and (site_knows := seen.get(site_weights)) is not None:
        doubts += doubtful(scenes, site_weights, site_knows)
    for scene in scenes.values():
        known = seen.get(scene.weights or site_weights)
        if known is not None and scene.rule is not Rule.HEALTH:
            strange = sorted(set(scene.classes) - known)
            if strange and (scene.weights or len(strange) == len(set(scene.classes))):
                faults.append(_unknown(scene, "classes", strange, scene.weights or site_weights, known))
        if scene.verify is not None and (knows := judged.get(scene.verify.weights)) is not None:
            strange = sorted(set(scene.verify.classes) - knows)
            if strange:
                faults.append(_unknown(scene, "verify.classes", strange, scene.verify.weights, knows))
    return faults


def warn_of_blind(scenes: Mapping[str, Scene], detector: Detector) -> list[str]:
    """Return the scenes that can never fire with the site's detector, since it knows none of their classes; logs it.

    Classes that it does not know beside others that it does are logged as well.
    """
    known = frozenset(detector.class_names.values())
    for line in doubtful(scenes, detector.name, known):
        log.warning("%s", line)
    blind = [
        each.code
        for each in scenes.values()
        if each.rule is not Rule.HEALTH and not each.weights and not known & set(each.classes)
    ]
    if blind:
        log.warning("%s knows no class of these scenes, which cannot fire: %s", detector.name, ", ".join(blind))
    return blind


def doubtful(scenes: Mapping[str, Scene], name: str, known: frozenset[str]) -> list[str]:
    """Return a line for each scene with classes that the site's detector does not know, beside some that it does.

    Args:
        scenes: the site's scenes; those with weights of their own must know all, and are left out.
        name: of the detector.
        known: its classes.
    """
    known = known - _CLASSLESS
    return [
        f"scene {each.code} names {', '.join(map(_with_nearest(known), strange))}, which {name} does not know, so that"
        f" only {', '.join(sorted(set(each.classes) & known))} can fire; it knows {_listed(known)}"
        for each in scenes.values()
        if not each.weights and set(each.classes) & known and (strange := _strange(each, known))
    ]


def _strange(scene: Scene, known: frozenset[str]) -> list[str]:
    return sorted(set(scene.classes) - known - _CLASSLESS)


def _with_nearest(known: frozenset[str]) -> Callable[[str], str]:
    def told(name: str) -> str:
        near = get_close_matches(name, sorted(known), n=1, cutoff=_NEAR)
        return f"{name} ({near[0]}?)" if near else name

    return told


def _listed(known: frozenset[str]) -> str:
    return ", ".join(sorted(known)[:_MOST_LISTED]) + (" …" if len(known) > _MOST_LISTED else "")


def _known(
    ask: Callable[[Path, str], frozenset[str]],
    folder: Path,
    name: str,
    named_in: tuple[str, Sequence[str], str],
    faults: list[Fault],
) -> frozenset[str] | None:
    """Return the classes of weights; notes a fault of the file, features and field that name them."""
    file, features, field = named_in
    try:
        return ask(folder, name)
    except (ModelsError, OSError) as error:
        faults.append(Fault(file=file, feature=", ".join(features), field=field, problem=f"names {name!r}: {error}"))
        return None


def _classes_of(folder: Path, name: str) -> frozenset[str]:
    detector = _detector(folder, name)
    try:
        return frozenset(detector.class_names.values())
    finally:
        detector.close()


def _judge_classes(folder: Path, name: str) -> frozenset[str]:
    judge = open_judge(_path(folder, name))
    try:
        return judge.classes
    finally:
        judge.close()


def _detector(folder: Path, name: str) -> Detector:
    choice = WeightsChoice(name=str(_path(folder, name)), origin=WeightsOrigin.SITE, cache=folder)
    return open_detector(choice)


def _path(folder: Path, name: str) -> Path:
    return folder / Path(name).expanduser()


def _unknown(scene: Scene, field: str, strange: Sequence[str], weights: str, known: frozenset[str]) -> Fault:
    named = ", ".join(map(_with_nearest(known), strange))
    problem = f"names {named}, which {weights} does not know; it knows {_listed(known)}"
    return Fault(file=SCENES, feature=scene.code, field=field, problem=problem)


_MOST_LISTED: Final = 20
_NEAR: Final = 0.75  # two letters in the wrong order; what shares half of its letters is another word
_CLASSLESS: Final = frozenset(CLASS_NAMES.values())
"""What a detector without weights calls all that it finds: scenes name it beside what weights know."""
