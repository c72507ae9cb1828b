"""What several rooms' tests share: the sample pictures, scanned once a session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from stores import memory as memory
from stores import s3 as s3

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
    """The analysis of sample_images with the built-in embedder, without views: they need files that a test machine may
    not have."""
    import curate

    settings = curate.ScanSettings(model="builtin", offline=True, cache=sample_cache, views="off")
    return curate.scan(sample_folder, settings)


@pytest.fixture(scope="session")
def seen_samples(samples, sample_folder: Path, sample_cache: Path):  # type: ignore[no-untyped-def]
    """The same with views; skips where the networks for them cannot be had."""
    import curate
    from curate.errors import ModelError
    from curate.features import weights

    try:
        weights.contents(sample_cache)
    except ModelError as error:
        pytest.skip(str(error))
    analysis = curate.scan(sample_folder, curate.ScanSettings(model="builtin", offline=True, cache=sample_cache))
    if analysis.notes:
        pytest.skip("; ".join(analysis.notes))
    return analysis
