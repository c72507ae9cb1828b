"""What several rooms' tests share: the sample pictures, scanned once a session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may reach a hub
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def sample_folder() -> Path:
    return ROOT / "sample_images"


@pytest.fixture(scope="session")
def sample_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def samples(sample_folder: Path, sample_cache: Path):  # type: ignore[no-untyped-def]
    """The analysis of sample_images with the built-in embedder."""
    import curate

    return curate.scan(sample_folder, curate.ScanSettings(model="builtin", offline=True, cache=sample_cache))
