"""What passes through a GPU: overlap, sizes found by trying, memory that runs out. The device is played by the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from curate.errors import ModelError
from curate.features.embed.base import Batches
from curate.features.embed.lanes import TorchLane, flow
from curate.features.embed.network import GPU_FIRST, GPU_MOST, TorchEmbedder

OUT_OF_MEMORY = {
    "CUDA": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "MPS": RuntimeError("MPS backend out of memory (MPS allocated: 9.06 GB, max allowed: 9.07 GB)"),
}


class Narrow:
    """A device that takes no more than `room` pictures at once, and notes what it is asked for."""

    def __init__(self, room: int, error: Exception, fails: str = "compute") -> None:
        self.room, self.error, self.fails = room, error, fails
        self.asked: list[str] = []
        self.sizes: list[int] = []
        self.released = 0

    def _step(self, name: str, part: np.ndarray) -> np.ndarray:
        self.asked.append(name)
        if name == self.fails and len(part) > self.room:
            raise self.error
        return part

    def upload(self, part: np.ndarray) -> np.ndarray:
        self.sizes.append(len(part))
        return self._step("upload", part)

    def compute(self, part: np.ndarray) -> np.ndarray:
        return self._step("compute", part)

    def download(self, part: np.ndarray) -> np.ndarray:
        return self._step("download", part)[:, 0, 0].astype(np.float32)

    def release(self) -> None:
        self.released += 1


def squares(count: int, side: int = 4) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def through(lane: Narrow, batches: Batches, batch: np.ndarray) -> np.ndarray:
    return batches.stream(lambda parts: flow(lane, parts), batch, lane.release)


def test_the_next_part_is_on_its_way_before_the_last_is_waited_for():
    lane = Narrow(99, OUT_OF_MEMORY["CUDA"])
    through(lane, Batches(4), squares(12))
    first = ["upload", "compute", "upload", "compute"]
    assert lane.asked == [*first, "download", "upload", "compute", "download", "download"]


def test_the_size_doubles_until_the_most_and_then_stays():
    lane, batches = Narrow(999, OUT_OF_MEMORY["CUDA"]), Batches(4, 16)
    for _ in range(4):
        through(lane, batches, squares(32))
    assert lane.sizes == [4] * 8 + [8] * 4 + [16] * 2 + [16] * 2


def test_a_batch_smaller_than_a_part_tells_nothing_about_larger_parts():
    batches = Batches(8, 64)
    through(Narrow(999, OUT_OF_MEMORY["CUDA"]), batches, squares(7))
    assert batches.size == 8


@pytest.mark.parametrize("fails", ["upload", "compute", "download"])
@pytest.mark.parametrize("device", OUT_OF_MEMORY)
def test_out_of_memory_halves_the_parts_for_good_and_loses_and_doubles_no_row(device, fails):
    lane, batches = Narrow(5, OUT_OF_MEMORY[device], fails), Batches(4, 64)
    for count in (16, 16, 16, 11):
        batch = squares(count)
        assert np.array_equal(through(lane, batches, batch), batch[:, 0, 0])
    assert batches.size == 4
    assert max(lane.sizes) == 8
    assert lane.sizes[-7:] == [4, 4, 4, 4, 4, 4, 3]
    assert lane.released == 1


def test_rows_that_were_done_before_memory_ran_out_are_kept():
    class Later(Narrow):
        def compute(self, part: np.ndarray) -> np.ndarray:
            self.room = 99 if self.asked.count("compute") != 3 else 1
            return super().compute(part)

    lane, batch = Later(99, OUT_OF_MEMORY["CUDA"]), squares(24)
    assert np.array_equal(through(lane, Batches(4), batch), batch[:, 0, 0])
    assert lane.sizes == [4, 4, 4, 4] + [2] * 8  # two parts of four were done, the two under way are run again


@pytest.mark.parametrize("device", OUT_OF_MEMORY)
def test_one_picture_that_does_not_fit_ends_it(device):
    with pytest.raises(RuntimeError, match="out of memory"):
        through(Narrow(0, OUT_OF_MEMORY[device]), Batches(8), squares(5))


def test_another_failure_is_raised_at_once():
    lane = Narrow(0, RuntimeError("CUDA error: an illegal memory access was encountered"))
    with pytest.raises(RuntimeError, match="illegal memory access"):
        through(lane, Batches(8), squares(5))
    assert lane.sizes == [5]
    assert lane.released == 0


class Channels(TorchEmbedder):
    """A network of three means, which takes no more than `room` pictures at once; on a CPU that passes for a GPU."""

    def __init__(self, room: int) -> None:
        super().__init__(key="channels", name="channels", device="cpu:0")
        self.room, self.seen = room, []

    @property
    def side(self) -> int:
        return 4

    def build(self) -> torch.nn.Module:
        room, seen = self.room, self.seen

        class Means(torch.nn.Module):
            def forward(self, levels: torch.Tensor) -> torch.Tensor:
                seen.append(len(levels))
                if len(levels) > room:
                    raise OUT_OF_MEMORY["CUDA"]
                assert levels.dtype == torch.float16
                return levels.float().mean(dim=(2, 3)) + 1

        return Means()


def test_an_embedder_on_another_device_gives_the_rows_of_plain_numpy_in_half_precision():
    embedder, batch = Channels(room=40), squares(300)
    means = batch.mean(axis=(1, 2)) + 1
    wanted = means / np.linalg.norm(means, axis=1, keepdims=True)
    for _ in range(3):
        assert np.allclose(embedder.embed(batch), wanted, atol=1e-3)
    assert embedder.key == "channels half"
    assert max(embedder.seen) == 2 * GPU_FIRST  # it was tried once, did not fit, and was never tried again
    assert embedder.seen.count(2 * GPU_FIRST) == 1
    assert embedder.at_once == 2 * GPU_FIRST


def test_the_size_that_is_asked_for_grows_with_what_fits():
    embedder = Channels(room=10_000)
    asked = []
    for _ in range(6):
        asked.append(embedder.at_once)
        embedder.embed(squares(embedder.at_once))
    assert asked == [2 * GPU_FIRST * 2**step for step in range(4)] + [2 * GPU_MOST] * 2


def test_no_room_for_one_picture_names_the_device_and_what_to_do():
    with pytest.raises(ModelError, match=r"cpu:0 has not enough memory for one picture\. Use --device cpu"):
        Channels(room=0).embed(squares(3))


def test_a_lane_gives_rows_that_do_not_change_when_the_next_part_passes():
    lane = TorchLane(lambda levels: levels.mean(dim=(2, 3)), "cpu")
    parts: Iterator[np.ndarray] = iter([squares(3), squares(5)])
    first, second = flow(lane, parts)
    assert np.allclose(first, squares(3).mean(axis=(1, 2)), atol=0.2)
    assert np.allclose(second, squares(5).mean(axis=(1, 2)), atol=0.2)
    lane.release()


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_gpu_gives_what_the_cpu_gives(device):
    there = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
    if not there:
        pytest.skip(f"this machine has no {device}")
    from curate.features.embed.builtin import Builtin

    batch = squares(70, side=224)
    assert np.allclose(Builtin(device).embed(batch), Builtin("cpu").embed(batch), atol=5e-3)
