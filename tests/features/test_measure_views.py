"""Views are measured in the same pass as all else: once a picture, only where they are missing, and never a must."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curate import pictures
from curate.errors import ModelError
from curate.features import SqliteStore, Store, measure
from curate.features.views import LateViewer
from curate.records import Features
from curate.settings import ScanSettings


class Grey:
    """The quickest embedder."""

    key, name, device, side, concurrent = "grey 1", "grey", "cpu", 1, True

    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        return rgb[:1, :1]

    def embed(self, batch: np.ndarray) -> np.ndarray:
        rows = batch.reshape(len(batch), 3).astype(np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Counting:
    """Eyes that see how red the first pixel is, and count how often they are asked."""

    def __init__(self) -> None:
        self.looked = 0
        self._lock = threading.Lock()

    def measure(self, rgb: np.ndarray) -> dict[str, float]:
        with self._lock:
            self.looked += 1
        return {"red": float(rgb[0, 0, 0])}


class Late(LateViewer):
    """Opens to the eyes that it was given, or to what is wrong with them."""

    def __init__(self, eyes: Counting | ModelError) -> None:
        self.opened = 0

        def opener() -> Counting:
            self.opened += 1
            if isinstance(eyes, ModelError):
                raise eyes
            return eyes

        super().__init__(opener)  # type: ignore[arg-type]


SETTINGS = ScanSettings(workers=2, batch_size=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    (made / "reg").mkdir(parents=True)
    for red in range(10, 17):
        Image.fromarray(np.full((80, 80, 3), (red, 0, 0), np.uint8)).save(made / f"{red}.png")
    Image.fromarray(np.full((80, 80, 3), (99, 0, 0), np.uint8)).save(made / "reg" / "99.png")
    (made / "again.png").write_bytes((made / "10.png").read_bytes())
    return made


def look(folder: Path, store: Store, late: LateViewer | None, settings: ScanSettings = SETTINGS) -> Features:
    return measure(pictures.scan(folder), Grey(), store, settings, viewer=late)[1]


def by_path(folder: Path, found: Features) -> dict[str, float | None]:
    catalog = pictures.scan(folder)
    return {
        one.path: None if seen is None else seen["red"]
        for one, seen in zip(catalog.pictures, found.sightings, strict=True)
    }


def test_each_row_has_what_was_seen_in_its_own_picture_and_regularisation_pictures_are_not_looked_at(
    folder: Path,
) -> None:
    eyes = Counting()
    seen = by_path(folder, look(folder, Store(), Late(eyes)))
    assert seen == {**{f"{red}.png": float(red) for red in range(10, 17)}, "again.png": 10.0, "reg/99.png": None}
    assert eyes.looked == 7  # equal bytes once


def test_what_was_seen_is_kept_and_the_viewer_is_not_even_opened(folder: Path, tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "cache")
    first = look(folder, store, Late(Counting()))
    late = Late(Counting())
    assert look(folder, store, late).sightings == first.sightings
    assert late.opened == 0
    store.close()


def test_only_views_that_are_missing_are_measured_when_all_else_is_known(folder: Path, tmp_path: Path) -> None:
    store, eyes = SqliteStore.open(tmp_path / "cache"), Counting()
    without = look(folder, store, None)
    assert set(without.sightings) == {None}
    told: list[tuple[int, int]] = []
    catalog = pictures.scan(folder)
    _, found, _ = measure(catalog, Grey(), store, SETTINGS, viewer=Late(eyes), progress=lambda *now: told.append(now))
    assert eyes.looked == 7
    assert told[-1] == (7, 7)
    assert np.array_equal(found.embeddings, without.embeddings)
    Image.fromarray(np.full((80, 80, 3), (40, 0, 0), np.uint8)).save(folder / "40.png")
    assert by_path(folder, look(folder, store, Late(eyes)))["40.png"] == 40.0
    assert eyes.looked == 8
    store.close()


@pytest.mark.parametrize("change", ["networks", "background"])
def test_other_networks_or_another_background_measure_anew(folder: Path, tmp_path: Path, change: str) -> None:
    store, eyes = SqliteStore.open(tmp_path / "cache"), Counting()
    look(folder, store, Late(eyes))
    late, settings = Late(eyes), SETTINGS
    if change == "networks":
        late.key = "views of other networks"
    else:
        settings = ScanSettings(workers=2, batch_size=3, background=(0, 0, 0))
    look(folder, store, late, settings)
    assert eyes.looked == 14
    store.close()


def test_a_viewer_that_cannot_be_opened_costs_no_measurement_and_says_why_in_one_line(folder: Path) -> None:
    late = Late(ModelError("views", "the files are gone", "Run something"))
    found = look(folder, Store(), late)
    assert len(found.facts) == 9
    assert set(found.sightings) == {None}
    assert late.problem == "views not measured: the files are gone. Run something"
    assert late.open() is None
    assert late.opened == 1  # and it is not tried again


def test_a_viewer_that_cannot_be_opened_does_not_hide_what_was_seen_before(folder: Path, tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "cache")
    look(folder, store, Late(Counting()))
    Image.fromarray(np.full((80, 80, 3), (40, 0, 0), np.uint8)).save(folder / "40.png")
    seen = by_path(folder, look(folder, store, Late(ModelError("views", "gone", "Mend it"))))
    assert (seen["10.png"], seen["40.png"]) == (10.0, None)
    store.close()


def test_what_was_stored_and_damaged_is_looked_at_again(folder: Path, tmp_path: Path) -> None:
    store, eyes = SqliteStore.open(tmp_path / "cache"), Counting()
    first = look(folder, store, Late(eyes))
    digest = pictures.scan(folder).pictures[0].digest
    store.put({f"{LateViewer.key} {SETTINGS.background}": {digest: b"\xff["}})
    assert look(folder, store, Late(eyes)).sightings == first.sightings
    assert eyes.looked == 8
    store.close()


def test_a_picture_that_breaks_has_no_view(folder: Path) -> None:
    whole = (folder / "12.png").read_bytes()
    (folder / "12.png").write_bytes(whole[:60])
    catalog, found, _ = measure(pictures.scan(folder), Grey(), Store(), SETTINGS, viewer=Late(Counting()))
    assert "12.png" in {one.path for one in catalog.broken}
    assert len(found.sightings) == len(catalog.pictures) == 8
