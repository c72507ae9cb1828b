"""How pictures pass through a GPU: copied there from pinned memory while those before them are computed.

CUDA copies on a stream of its own. On MPS processor and GPU share their memory, so a copy costs little, and copies that
do not block are not safe there: each waits, the computing does not. The same steps run on a CPU, which tests use. No
GPU was at hand when this was written: its rate is unmeasured.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from curate.features.embed.base import Pixels, Vectors

UNDER_WAY = 2  # parts: one is computed while the next is copied


class Lane(Protocol):
    """A device that may work while nobody waits for it. What `upload` and `compute` give only the lane understands."""

    def upload(self, part: Pixels) -> Any:
        """Begins to bring pictures, uint8 [B, side, side, 3], to the device."""

    def compute(self, uploaded: Any) -> Any:
        """Begins to run the network on them, and to bring the result back."""

    def download(self, computed: Any) -> Vectors:
        """Waits for the result: float32 [B, D]."""

    def release(self) -> None:
        """Gives back memory that is held without need, after it ran out."""


def flow(lane: Lane, parts: Iterator[Pixels]) -> Iterator[Vectors]:
    """The rows of each part, in order; the next part is on its way before those of the last are waited for."""
    under_way: deque[Any] = deque()
    for part in parts:
        under_way.append(lane.compute(lane.upload(part)))
        if len(under_way) == UNDER_WAY:
            yield lane.download(under_way.popleft())
    while under_way:
        yield lane.download(under_way.popleft())


class TorchLane:
    """A network in half precision on a device of PyTorch."""

    def __init__(self, network: Any, device: str) -> None:
        """`network`: a module on that device that turns half levels [B, 3, side, side], 0-255, into features [B, D]."""
        import torch

        self._torch: Any = torch
        self._network, self._device = network, torch.device(device)
        self._is_cuda = self._device.type == "cuda"
        self._copies: Any = self._torch.cuda.Stream(self._device) if self._is_cuda else None

    def upload(self, part: Pixels) -> tuple[Any, Any]:
        torch = self._torch
        with torch.inference_mode():
            pixels = torch.from_numpy(part)
            if not self._is_cuda:
                return pixels.to(self._device), None
            with torch.cuda.stream(self._copies):
                there = pixels.pin_memory().to(self._device, non_blocking=True)
                return there, self._copies.record_event()

    def compute(self, uploaded: tuple[Any, Any]) -> tuple[Any, Any]:
        torch, (pixels, there) = self._torch, uploaded
        with torch.inference_mode():
            if there is not None:
                stream = torch.cuda.current_stream(self._device)
                stream.wait_event(there)
                pixels.record_stream(stream)  # else its memory could be used again before the network has read it
            rows = self._network(pixels.permute(0, 3, 1, 2).half()).float()
            if not self._is_cuda:
                return rows, None
            back = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
            back.copy_(rows, non_blocking=True)
            return back, torch.cuda.current_stream(self._device).record_event()

    def download(self, computed: tuple[Any, Any]) -> Vectors:
        rows, done = computed
        if done is not None:
            done.synchronize()
        vectors: Vectors = rows.cpu().numpy().copy()  # pinned memory is scarce
        return vectors

    def release(self) -> None:
        if self._is_cuda:
            self._torch.cuda.empty_cache()
        elif self._device.type == "mps":
            self._torch.mps.empty_cache()
