"""What every test shares: where the real test material lies."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real weights, video, ground truth and boundaries; skip where it is absent."""
    base = Path(os.environ.get("BEATGRID_SHARED", ROOT.parent / "shared"))
    if not (base / "data" / "README.md").is_file():
        pytest.skip(f"no test material at {base / 'data'}; set BEATGRID_SHARED to the folder that holds data/")
    return base / "data"


@pytest.fixture(scope="session")
def sample_site() -> Path:
    """Return the folder of the sample site."""
    return ROOT / "boundaries" / "yingpu"
