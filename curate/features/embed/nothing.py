"""No embedder: `--model none`, for those in a hurry. Copies are found by their hashes and proved; nothing is embedded.

What needs vectors (effective images, look-alikes, subjects, scenes) is then not measured, and every page says so.
PyTorch is never imported. Views are left out too: their networks take longer than everything else that is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from curate.features.embed.base import NOTHING

if TYPE_CHECKING:
    from curate.features.embed.base import Pixels, Vectors

WHY = "no model, as asked for: copies are found by their hashes alone"


class Nothing:
    """Stands where an embedder is expected; its vectors have no dimensions."""

    key = name = NOTHING
    device = "cpu"
    side = 1  # px; nobody looks at it
    concurrent = True

    def prepare(self, rgb: Pixels) -> Pixels:
        return self.preparer(rgb)

    @staticmethod
    def preparer(rgb: Pixels) -> Pixels:
        import numpy as np

        return np.zeros((1, 1, 3), np.uint8)

    def embed(self, batch: Pixels) -> Vectors:
        """float32 [B, 0]."""
        import numpy as np

        return np.zeros((len(batch), 0), np.float32)
