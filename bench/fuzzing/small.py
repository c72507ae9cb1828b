"""A small set, and an embedder that needs no weights: what the targets that want a whole scan begin with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curate.settings import ScanSettings

SIDE = 8  # px of the squares that stand for a picture's vector


class Squares:
    """A picture shrunk to 8 x 8 px is its vector: enough for a scan that only has to run."""

    key = "efficientnet-lite0-57934424.pth 18826032 squash224-2"  # the built-in embedder's: its scale is shipped, and
    # finding one takes seconds; no cache outlives a run of these targets
    name, device, side, concurrent = "squares", "cpu", SIDE, True

    def prepare(self, rgb: Any) -> Any:
        from curate.features.shrink import squash

        return squash(rgb, SIDE)

    def embed(self, batch: Any) -> Any:
        import numpy as np

        rows = batch.reshape(len(batch), -1).astype(np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def draw(folder: Path, number: int = 5) -> Path:
    """Pictures with captions, one of them twice."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(number):
        pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((96, 72)).save(folder / f"p{seed}.png")
        (folder / f"p{seed}.txt").write_text(f"nora, picture {seed}", encoding="utf-8")
    (folder / "twin.png").write_bytes((folder / "p0.png").read_bytes())
    return folder


def settings(cache: Path) -> ScanSettings:
    from curate.settings import ScanSettings

    return ScanSettings(model="builtin", offline=True, cache=cache, views="off", workers=1)
