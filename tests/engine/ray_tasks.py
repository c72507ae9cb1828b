"""What the tests have Ray's workers do; they import this module, as a task is sent by its name."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.errors import ModelError


def square(item: int) -> int:
    return item * item


def missing_model(item: int) -> int:
    raise ModelError("m", "is missing", "Fetch it")


def divide_by_zero(item: int) -> float:
    return item / 0


@dataclass(frozen=True)
class Deadly:
    item: int

    def __call__(self, item: int) -> int:
        if item == self.item:
            os._exit(1)
        return item


@dataclass(frozen=True)
class Trap:
    """An embedder of small grey pictures. The first process that embeds writes its number into the file and waits to be
    killed; None: no trap."""

    file: Path | None
    key = name = "grey 8"
    device = "cpu"
    side = 8

    def prepare(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        rows = np.linspace(0, rgb.shape[0] - 1, self.side).astype(int)
        columns = np.linspace(0, rgb.shape[1] - 1, self.side).astype(int)
        return np.ascontiguousarray(rgb[rows][:, columns])

    def embed(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self.file is not None and not self.file.exists():
            try:
                with self.file.open("x", encoding="utf-8") as file:
                    file.write(str(os.getpid()))
            except FileExistsError:  # another process was first
                pass
            else:
                time.sleep(120)
        rows = batch.reshape(len(batch), -1).astype(np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
