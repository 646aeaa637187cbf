"""Runs with pixels that are scored already, kept in a folder, so that a long table is made in several calls.

One JSON file for each seed and scenario, written whole or not at all. It says what it was made with, code and site
included; a file of something else is refused and never counted, for a table of two programs is a table of none.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from geo.file_access import replacing
from pipeline.district.pixel_figures import CameraCosts
from pipeline.district.scored import ScoredRun
from pipeline.errors import PipelineError

_ROOT: Final = Path(__file__).resolve().parent.parent
_CODE: Final = ("geo", "models", "pipeline", "api")
_MOST_BYTES: Final = 256 * 2**20


class KeptRunError(PipelineError):
    """A kept run cannot be counted."""

    def __init__(self, path: Path, *, field: str, found: object, expected: object) -> None:
        super().__init__(
            f"{path}, {field}: {found!s:.80}; expected {expected!s:.80};"
            " give another folder to --keep, or delete the file to have that seed run again"
        )


@checked(frozen=True, kw_only=True)
class MadeWith:
    """What a run's figures depend on, beside its seed and scenario.

    Attributes:
        weights: the detector's version.
        site: digest of the site's files.
        code: digest of the program's.
    """

    minutes: float
    cameras: int
    weights: str
    site: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRun:
    """One scored run.

    Attributes:
        truth_json: the run's truth as `evaluate --truth` writes it.
    """

    run: ScoredRun
    costs: tuple[CameraCosts, ...]
    truth_json: str


@checked(frozen=True, kw_only=True, config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))
class _File:
    made_with: MadeWith
    kept: KeptRun


_FORM: Final = TypeAdapter(_File)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRuns:
    """A folder of scored runs that were made with one thing."""

    folder: Path
    made_with: MadeWith

    def read(self, seed: int, scenario: str) -> KeptRun | None:
        """Return the run of a seed and scenario; None if it is not there.

        Raises:
            KeptRunError: the file is no such run, or was made with something else.
        """
        path = self._path(seed, scenario)
        if not path.is_file():
            return None
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise KeptRunError(path, field="size", found=f"{size} bytes", expected=f"at most {_MOST_BYTES}")
        try:
            file = _FORM.validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise KeptRunError(path, field=where, found=first["msg"], expected="what --keep writes") from error
        found = {**asdict(file.made_with), "seed": file.kept.run.seed, "scenario": file.kept.run.scenario}
        for name, wanted in {**asdict(self.made_with), "seed": seed, "scenario": scenario}.items():
            if found[name] != wanted:
                raise KeptRunError(path, field=name, found=found[name], expected=wanted)
        return file.kept

    def write(self, kept: KeptRun) -> None:
        """Keep a run.

        Raises:
            FeatureFileError: the folder cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._path(kept.run.seed, kept.run.scenario)) as file:
            file.write(_FORM.dump_json(_File(made_with=self.made_with, kept=kept)).decode())

    def _path(self, seed: int, scenario: str) -> Path:
        return self.folder / f"pixels-{scenario}-{seed}.json"


def made_with(site: Path, *, minutes: float, cameras: int, weights: str) -> MadeWith:
    """Return what runs made now depend on."""
    code = (path for part in _CODE for path in sorted((_ROOT / part).rglob("*.py")))
    files = (path for path in sorted(site.glob("*")) if path.is_file())
    return MadeWith(minutes=minutes, cameras=cameras, weights=weights, site=_digest(files), code=_digest(code))


def _digest(paths: Iterator[Path]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        whole.update(f"{path.name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()[:16]
