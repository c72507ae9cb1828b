"""How many pictures an embedder is handed at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from curate import pictures
from curate.features import Store, measure
from curate.settings import ScanSettings


class Growing:
    """Takes turns, and asks for twice as many from call to call, as a GPU does that has room."""

    key, name, device, side = "growing", "growing", "cpu", 2

    def __init__(self) -> None:
        self.at_once = 4
        self.given: list[int] = []

    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(rgb[:2, :2])

    def embed(self, batch: np.ndarray) -> np.ndarray:
        self.given.append(len(batch))
        self.at_once = min(2 * self.at_once, 16)
        return np.ones((len(batch), 1), np.float32)


def test_an_embedder_is_handed_as_many_as_it_asks_for(tmp_path: Path) -> None:
    for number in range(90):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number:02d}.png")
    embedder = Growing()
    settings = ScanSettings(use_cache=False, workers=1, batch_size=2)
    measure(pictures.scan(tmp_path), embedder, Store(), settings)
    assert sum(embedder.given) == 90
    assert embedder.given[0] == 4  # not the 2 of the settings
    assert max(embedder.given) > 4
    assert max(embedder.given) <= 16
