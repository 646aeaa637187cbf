"""Originals are read by a holder of the key only, come out as they went in, and cannot be passed off as another's."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.safe import KEY_BYTES, KeyFileError, Safe, UnsealError

PICTURE = b"\xff\xd8\xff a face " * 40


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "data" / "evidence.key"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=5000), st.text(max_size=100))
def test_what_goes_in_comes_out_and_does_not_show(tmp_path: Path, content: bytes, about: str):
    safe = Safe(tmp_path / "evidence.key")
    sealed = safe.seal(content, about=about)
    assert Safe(tmp_path / "evidence.key").open(sealed, about=about) == content
    assert len(content) < 8 or content not in sealed
    assert safe.seal(content, about=about) != sealed, "no two sealings are alike"


def test_the_key_is_the_owner_s_alone(key: Path):
    Safe(key).seal(PICTURE, about="a")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(base64.b64decode(key.read_text())) == KEY_BYTES
    assert [each.name for each in key.parent.iterdir()] == [key.name]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_bit_anywhere_is_found(tmp_path: Path, data: st.DataObject):
    safe = Safe(tmp_path / "evidence.key")
    sealed = bytearray(safe.seal(PICTURE, about="a"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(UnsealError):
        safe.open(bytes(sealed), about="a")


@pytest.mark.parametrize("sealed", [b"", b"BGS1", PICTURE, b"BGS1" + bytes(30)])
def test_what_is_no_sealed_file_is_refused(key: Path, sealed: bytes):
    Safe(key).seal(PICTURE, about="a")
    with pytest.raises(UnsealError):
        Safe(key).open(sealed, about="a")


def test_a_sealed_file_is_not_another_s(key: Path):
    sealed = Safe(key).seal(PICTURE, about="case 1")
    with pytest.raises(UnsealError):
        Safe(key).open(sealed, about="case 2")


def test_a_new_key_seals_and_the_old_one_opens(key: Path):
    old = Safe(key).seal(PICTURE, about="a")
    first = key.read_text()
    key.write_text(first + base64.b64encode(bytes(KEY_BYTES)).decode() + "\n")
    new = Safe(key).seal(PICTURE, about="a")
    assert Safe(key).open(old, about="a") == Safe(key).open(new, about="a") == PICTURE
    key.write_text(first)
    with pytest.raises(UnsealError, match="which is not there"):
        Safe(key).open(new, about="a")


@pytest.mark.parametrize("text", ["", "not base64!", "AAAA\n", "\xff"])
def test_a_key_file_with_a_fault_is_named_and_left_as_it_is(key: Path, text: str):
    key.parent.mkdir()
    key.write_text(text, encoding="latin-1")
    with pytest.raises(KeyFileError, match=r"evidence\.key"):
        Safe(key).seal(PICTURE, about="a")
    assert key.read_text(encoding="latin-1") == text


def test_without_the_key_file_nothing_opens_and_none_is_made(key: Path):
    sealed = Safe(key).seal(PICTURE, about="a")
    key.unlink()
    with pytest.raises(KeyFileError):
        Safe(key).open(sealed, about="a")
    assert not key.exists()


def test_processes_that_make_the_key_at_once_agree_on_one(key: Path):
    with ThreadPoolExecutor(16) as pool:
        sealed = list(pool.map(lambda _: Safe(key).seal(PICTURE, about="a"), range(32)))
    assert all(Safe(key).open(each, about="a") == PICTURE for each in sealed)
    assert len(key.read_text().split()) == 1
