"""The review page after a scan without embeddings (`--model none`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from review_sets import ORIGIN, Page, reviewed
from starlette.testclient import TestClient

from curate.pages.review import Keys, Session, app
from curate.settings import ScanSettings
from curate.stages.measured import measured


@pytest.fixture
def bare(drawn: Path, tmp_path: Path) -> Iterator[Page]:
    found = measured(drawn, ScanSettings(model="none", cache=tmp_path / "measured"))
    session = Session(reviewed(found, drawn, tmp_path / "cache", tmp_path / "exports"))
    keys, stopped = Keys(), []
    with TestClient(app(session, keys, lambda: stopped.append(True)), base_url=ORIGIN, follow_redirects=False) as it:
        it.get(f"/?token={keys.token}")
        yield Page(it, session, keys, stopped)
    session.close()


def test_the_page_is_told_that_nothing_was_measured(bare: Page) -> None:
    state: dict[str, Any] = bare.state()
    assert state["diversity"]["measured"] is False
    assert state["diversity"]["effective_images"] is None
    assert {picture["weight"] for picture in state["pictures"]} == {None}
    assert any("--model none" in note for note in state["notes"])
    assert state["plan"]["effective_images"] is None
    assert any("not measured" in text for text in state["plan"]["warnings"])


def test_leaving_out_has_no_price_and_is_honoured(bare: Page) -> None:
    one = bare.id_of("scene2.png")
    price = bare.post("/api/whatif", {"ids": [one]}).json()
    assert price == {"effective_images": None, "without": None, "cost": None}
    before = bare.state()["diversity"]["photographs"]
    bare.post("/api/decide", {"decisions": [{"kind": "leave_out", "id": one}]})
    assert bare.state()["diversity"]["photographs"] == before - 1
