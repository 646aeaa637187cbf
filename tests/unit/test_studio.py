"""The process that plays simulated cameras: it streams, and it never outlives who started it."""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from pipeline.clocks import WallClock
from pipeline.district.display import NoRenderingError, require_rendering
from pipeline.district.district import District
from pipeline.district.studio import soonest_s
from pipeline.district.studio_process import StudioError, open_studio
from pipeline.site_files import read_site
from pipeline.streams import StreamSettings, read_stream

PLAY = {"seed": 1, "minutes": 2.0, "scenario": "all", "cameras": 1, "from_s": 20.0}


@pytest.fixture(scope="module")
def sources(sample_site: Path) -> Iterator[Mapping[str, str]]:
    try:
        require_rendering()
    except NoRenderingError as error:
        pytest.skip(str(error))
    with open_studio(sample_site, **PLAY) as studio:
        yield studio.sources()


def test_each_camera_streams_pictures_that_change(sources: Mapping[str, str]):
    assert len(sources) == 2  # one camera, and a second over its ground
    for code, address in sources.items():
        stream = read_stream(address, camera=code, clock=WallClock(), settings=StreamSettings(open_timeout_s=30.0))
        frames = list(islice(stream, 3))
        assert {frame.image.shape for frame in frames} == {(540, 960, 3)}
        assert frames[0].captured_at < frames[1].captured_at < frames[2].captured_at
        assert np.abs(frames[0].image.astype(int) - frames[2].image).mean() > 0.05
        assert frames[0].image.std() > 15.0


def test_an_unknown_camera_is_not_found(sources: Mapping[str, str]):
    base = urlsplit(next(iter(sources.values())))
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://{base.netloc}/nobody.mjpeg", timeout=10)


def test_a_play_begins_where_something_is_soonest_found(sample_site: Path):
    district = District.of(read_site(sample_site), seed=1, minutes=10.0, scenario="all", cameras=2)
    begins_s = soonest_s(district)
    true = [event for event in district.true_events() if begins_s <= event.from_s < district.end_s / 2]
    first = min(true, key=lambda event: event.qualifies_s)
    assert 3.0 < first.from_s - begins_s < 10.0
    for event in true:
        assert first.qualifies_s - begins_s <= event.qualifies_s - max(0.0, event.from_s - 6.0) + 1e-6


def test_it_ends_when_its_input_closes(sample_site: Path):
    command = [sys.executable, "-m", "pipeline.district.studio", str(sample_site)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(60) == 0


def test_a_site_that_cannot_be_played_is_told(tmp_path: Path):
    with open_studio(tmp_path, **PLAY) as studio, pytest.raises(StudioError, match="ended with status 1"):
        studio.sources()
