"""Runs a PyTorch network as an embedder: device, precision, threads, batches, memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from curate.errors import ModelError
from curate.features.embed.base import Batches, is_out_of_memory
from curate.features.embed.lanes import UNDER_WAY, TorchLane, flow
from curate.features.shrink import Squash

if TYPE_CHECKING:
    from curate.features.embed.base import Pixels, Vectors

CPU_PART = 2  # pictures run at once on one core: two cores at work gave 178 pictures/s of EfficientNet-Lite0, 148 in
# parts of 4 and 144 in parts of 8, where the layers' results no longer fit the cache (Xeon, 2 MiB a core)
GPU_FIRST, GPU_MOST = 32, 256  # pictures run at once on a GPU, at first and at most: 5 and 39 MB of squares of 224 px;
# between them the size is found by trying. Our own choice: no GPU was at hand to measure it on


class TorchEmbedder:
    """A network that turns levels [B, 3, side, side], 0-255, into features [B, D]. See `Embedder`.

    On a CPU each call keeps to one core, so that several threads can each decode and embed pictures of their own: no
    core waits for another, and a busy machine does not stall them all. On a GPU the network runs in half precision,
    which gives other last digits: such vectors have a key of their own. See lanes.py for what passes through a GPU.
    """

    def __init__(self, *, key: str, name: str, device: str) -> None:
        self.concurrent = device == "cpu"
        self.key = key if self.concurrent else f"{key} half"
        self.name, self.device = name, device
        self._batches = Batches(CPU_PART) if self.concurrent else Batches(GPU_FIRST, GPU_MOST)
        self._lane: TorchLane | None = None
        self._lock = threading.Lock()
        self._network: Any = None
        self._threads = 1

    @property
    def at_once(self) -> int:
        """Pictures that `embed` is best given: enough for parts to overlap, and for the next size to be tried."""
        return UNDER_WAY * self._batches.size

    @property
    def side(self) -> int:
        """px; may have to load the network."""
        raise NotImplementedError

    def build(self) -> Any:
        """The network as a torch module in float32 on the CPU. Raises ModelError."""
        raise NotImplementedError

    def load(self) -> None:
        """Builds the network and moves it to its device, once. Raises ModelError."""
        with self._lock:
            if self._network is None:
                torch = import_torch(self.name)
                self._threads = torch.get_num_threads()
                network = self.build().eval().requires_grad_(False)
                try:
                    network = network.to(self.device) if self.concurrent else network.to(self.device).half()
                    self._network = network.to(memory_format=torch.channels_last)
                    if not self.concurrent:
                        self._lane = TorchLane(self._network, self.device)
                except (RuntimeError, AssertionError) as error:  # AssertionError: a PyTorch without CUDA
                    raise _refused(self.name, self.device, error) from error

    @property
    def preparer(self) -> Squash:
        return Squash(self.side)

    def prepare(self, rgb: Pixels) -> Pixels:
        return self.preparer(rgb)

    def embed(self, batch: Pixels) -> Vectors:
        import numpy as np

        self.load()
        try:
            if self._lane is None:
                rows = self._batches.run(self._run, batch)
            else:
                lane = self._lane
                rows = self._batches.stream(lambda parts: flow(lane, parts), batch, lane.release)
        except (MemoryError, RuntimeError) as error:
            raise _refused(self.name, self.device, error) from error
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
        return rows

    def _run(self, part: Pixels) -> Vectors:
        import torch

        with torch.inference_mode(), self._one_core(torch):
            rows: Vectors = self._network(torch.from_numpy(part).permute(0, 3, 1, 2).float()).numpy()
        return rows

    @contextmanager
    def _one_core(self, torch: Any) -> Iterator[None]:
        torch.set_num_threads(1)  # of this thread, and of threads that begin meanwhile
        try:
            yield
        finally:
            torch.set_num_threads(self._threads)


def import_torch(model: str) -> Any:
    """torch. Raises ModelError where it cannot be imported."""
    return importing(model, lambda: __import__("torch"))


def importing(model: str, imports: Callable[[], Any]) -> Any:
    """What `imports` imports. Raises ModelError for what commonly is wrong with an installation of PyTorch."""
    try:
        return imports()
    except ImportError as error:
        raise ModelError(
            model, f"cannot be loaded: {error}", "Install lora-curate again in a new environment"
        ) from error
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        raise ModelError(
            model,
            f"torch and torchvision do not fit each other ({error})",
            "Install both from the same index, or use --model builtin, which needs no torchvision",
        ) from error


def _refused(name: str, device: str, error: BaseException) -> ModelError:
    if is_out_of_memory(error):
        return ModelError(
            name, f"{device} has not enough memory for one picture", "Use --device cpu, or a smaller model"
        )
    first = str(error).strip().partition("\n")[0]
    return ModelError(name, f"failed on {device}: {first}", "Use --device cpu, or another model")
