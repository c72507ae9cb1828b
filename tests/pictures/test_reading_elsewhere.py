"""Files that other machines read: played by an engine that sends everything through pickle."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from stores import BUCKET, fill

from curate import pictures
from curate.features import Store
from curate.pictures import reading


@dataclass
class Sent:
    """An engine whose worker is this process, but gets nothing except by pickle. The first share is lost."""

    most: int = 2
    shares: list[int] = field(default_factory=list)

    def run(self, task: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        theirs = pickle.loads(pickle.dumps(task))
        for at, item in enumerate(items):
            self.shares.append(len(item))
            yield pickle.loads(pickle.dumps(theirs(pickle.loads(pickle.dumps(item))))) if at else "lost"


class Kept(Store):
    """Remembers digests in memory."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[str, bytes]] = {}

    def get(self, part: str, keys: Any) -> dict[str, bytes]:
        return {key: value for key, value in self.parts.get(part, {}).items() if key in keys}

    def put_later(self, part: str, key: str, value: bytes) -> None:
        self.parts.setdefault(part, {})[key] = value


@pytest.fixture(autouse=True)
def all_files_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FEW", 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures, captions, what is broken, and what is no file."""
    place = tmp_path / "set"
    place.mkdir()
    for at in range(7):
        Image.new("RGB", (40, 30), (at, 60, 90)).save(place / f"{at}.png")
        (place / f"{at}.txt").write_text(f"caption {at}", encoding="utf-8")
    (place / "no picture.jpg").write_text("text", encoding="utf-8")
    (place / "empty.png").touch()
    (place / "notes.pdf").write_bytes(b"%PDF-1.7")
    if hasattr(os, "mkfifo"):
        os.mkfifo(place / "pipe.png")
    return place


def test_a_folder_gives_the_same_catalog(folder: Path) -> None:
    engine = Sent()
    assert pictures.scan(folder, engine=engine) == pictures.scan(folder)
    assert len(engine.shares) > 2


def test_a_bucket_gives_the_same_catalog(folder: Path, s3: object) -> None:
    (folder / "pipe.png").unlink(missing_ok=True)
    fill(s3, f"{BUCKET}/spread", folder)
    place = f"s3://{BUCKET}/spread"
    assert pictures.scan(place, engine=Sent()) == pictures.scan(place)


def test_what_was_read_elsewhere_is_known_the_next_time(folder: Path) -> None:
    for file in folder.iterdir():
        if file.is_file():
            os.utime(file, (1_700_000_000.5, 1_700_000_000.5))  # long settled
    known = Kept()
    first = pictures.scan(folder, engine=Sent(), digests=known)
    again = Sent()
    assert pictures.scan(folder, engine=again, digests=known) == first
    assert sum(again.shares) == sum(1 for file in folder.iterdir() if file.is_file()) - len(first.pictures)


def test_a_few_files_are_read_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FEW", 100)
    engine = Sent()
    assert pictures.scan(folder, engine=engine) == pictures.scan(folder)
    assert engine.shares == []
