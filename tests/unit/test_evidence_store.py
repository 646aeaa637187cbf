"""Pictures are whole in their place or not there, and nothing leads out of their folder."""

import errno
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from small_site import JPEG, NOON

from pipeline.errors import UnknownError
from pipeline.evidence import MOST_BYTES, EvidenceError, EvidenceStore
from pipeline.sightings import View

VIEW = View(label="at", captured_at=NOON, jpeg=JPEG)


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_a_picture_is_read_back_and_named_by_its_content(tmp_path: Path):
    store = EvidenceStore(tmp_path / "new" / "evidence")
    stored = store.put(VIEW, camera="cam-a", sighting="s1")
    assert store.open(stored.path) == JPEG
    assert stored.sha256 == hashlib.sha256(JPEG).hexdigest()
    assert stored.path == f"cam-a/20261123/{stored.sha256}.jpg"


def test_the_same_picture_again_is_the_same_file(tmp_path: Path):
    store = EvidenceStore(tmp_path)
    first = store.put(VIEW, camera="cam-a", sighting="s1")
    node = (tmp_path / first.path).stat().st_ino
    assert store.put(VIEW, camera="cam-a", sighting="s1") == first
    assert files(tmp_path) == [tmp_path / first.path]
    assert (tmp_path / first.path).stat().st_ino == node, "it is not written again"


@pytest.mark.parametrize("path", ["../secret.jpg", "/etc/passwd", "cam-a/../../secret.jpg", "", ".", "a\x00b"])
def test_paths_out_of_the_folder_are_refused(tmp_path: Path, path: str):
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    store = EvidenceStore(tmp_path / "evidence")
    store.put(VIEW, camera="cam-a", sighting="s1")
    with pytest.raises(EvidenceError, match="outside the evidence folder"):
        store.open(path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path):
    root = tmp_path / "evidence"
    root.mkdir()
    (tmp_path / "secret.jpg").write_bytes(JPEG)
    (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(EvidenceError, match="outside"):
        EvidenceStore(root).open("link.jpg")


def test_a_missing_picture_is_unknown(tmp_path: Path):
    with pytest.raises(UnknownError, match="no picture"):
        EvidenceStore(tmp_path).open("cam-a/20261123/none.jpg")


@pytest.mark.parametrize("camera", ["../up", "", "a/b", ".hidden", "x" * 81])
def test_a_camera_that_cannot_be_a_folder_is_refused(tmp_path: Path, camera: str):
    with pytest.raises(EvidenceError, match="of camera"):
        EvidenceStore(tmp_path).put(VIEW, camera=camera, sighting="s1")
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("jpeg", "words"),
    [(b"", "starts with nothing"), (b"GIF89a", "starts with 47494638"), (JPEG + bytes(MOST_BYTES), "bytes")],
)
def test_what_is_no_jpeg_or_too_large_is_refused(tmp_path: Path, jpeg: bytes, words: str):
    with pytest.raises(EvidenceError, match=words):
        EvidenceStore(tmp_path).put(replace(VIEW, jpeg=jpeg), camera="cam-a", sighting="s1")
    assert files(tmp_path) == []


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EvidenceError, match="No space left"):
        EvidenceStore(tmp_path).put(VIEW, camera="cam-a", sighting="s1")
    assert files(tmp_path) == []
