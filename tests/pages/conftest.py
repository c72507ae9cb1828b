"""The drawn set, measured once a session; every test gets a session of its own with no decisions."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from review_server import browser_path
from review_sets import ORIGIN, Page, draw, measure, reviewed

from curate.pages.review import Keys, Session, app
from curate.stages.measured import Measured


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("review") / "drawn")


@pytest.fixture(scope="session")
def drawn_measured(drawn: Path, sample_cache: Path) -> Measured:
    return measure(drawn, sample_cache)


@pytest.fixture
def page(drawn_measured: Measured, drawn: Path, tmp_path: Path) -> Iterator[Page]:
    from starlette.testclient import TestClient

    session = Session(reviewed(drawn_measured, drawn, tmp_path / "cache", tmp_path / "exports"))
    keys, stopped = Keys(), []
    served = app(session, keys, lambda: stopped.append(True))
    with TestClient(served, base_url=ORIGIN, follow_redirects=False) as client:
        client.get(f"/?token={keys.token}")
        yield Page(client, session, keys, stopped)
    session.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = browser_path()
    if path is None:
        pytest.skip("no Chromium or Chrome is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def own(drawn: Path, tmp_path: Path, sample_cache: Path) -> tuple[Path, Path]:
    """A copy of the drawn set, and a cache that knows its features."""
    folder = tmp_path / "set"
    shutil.copytree(drawn, folder)
    cache = tmp_path / "cache"
    shutil.copytree(sample_cache, cache, ignore=shutil.ignore_patterns("decisions", "thumbnails*"))
    return folder, cache
