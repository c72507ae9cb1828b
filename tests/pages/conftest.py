"""The drawn set, measured once a session; every test gets a session of its own with no decisions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from review_sets import ORIGIN, Page, draw, measure, reviewed

from curate.pages.review import Keys, Session, app
from curate.stages import Measured


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
