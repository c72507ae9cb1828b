"""What an embedder is, and what every one is held to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from curate.errors import ModelError
from curate.features.memory import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Vectors = NDArray[np.float32]

Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much (0: unknown)
NOTHING = "none"  # key of the embedder that embeds nothing: its vectors have no dimensions
NORM_ERROR = 1e-3  # of a row's length; half precision is good to 5e-4


class Embedder(Protocol):
    """Pictures -> vectors. Any object with these members will do.

    Optional is `concurrent: bool`: True if several threads may call `embed` at once and each call keeps to one
    core; else calls come one after another, not always from the same thread. Optional for these is `at_once: int`:
    pictures that `embed` is best given at once; it may grow from one call to the next. Optional is `preparer`: a
    function that does what `prepare` does and can be pickled: pictures are then decoded in child processes, so that one
    that crashes its decoder ends no scan; else in threads of this process.
    """

    @property
    def key(self) -> str:
        """Identity of network, weights and preprocessing: what is stored under it is never measured again.

        To be known at little cost: where everything was measured before, nothing else is asked of the embedder.
        """

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def device(self) -> str:
        """Where it runs: cpu, cuda, cuda:1, mps, ..."""

    @property
    def side(self) -> int:
        """px, of the square pictures that `embed` takes."""

    def prepare(self, rgb: Pixels) -> Pixels:
        """The whole picture, uint8 RGB [H, W, 3], squashed to [side, side, 3]; cheap, called from several threads."""

    def embed(self, batch: Pixels) -> Vectors:
        """A row [D] of length 1, float32, for each picture of uint8 [B, side, side, 3], whatever its neighbours are."""


def embed_checked(embedder: Embedder, batch: Pixels) -> Vectors:
    """`embedder.embed(batch)`; raises ModelError if that is not what the protocol says."""
    import numpy as np

    rows = np.asarray(embedder.embed(batch))
    if rows.dtype != np.float32 or rows.ndim != 2 or len(rows) != len(batch):
        problem = f"gave {rows.dtype} {list(rows.shape)} for {len(batch)} pictures"
        raise ModelError(embedder.name, problem, f"An embedder must give float32 [{len(batch)}, D]")
    if embedder.key == NOTHING:
        return rows
    lengths = np.linalg.norm(rows, axis=1)
    if not np.all(np.abs(lengths - 1.0) < NORM_ERROR):  # also where they are not numbers
        problem = f"gave vectors of length {lengths.min():g} to {lengths.max():g}"
        raise ModelError(embedder.name, problem, "An embedder must give vectors of length 1; try --device cpu")
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How an embedder is to be made."""

    device: str = "cpu"
    offline: bool = False  # fetch nothing
    store: Store = field(default_factory=Store)  # knows the digests of files of weights
    progress: Progress | None = None  # told of what is fetched


def part_of(key: str) -> str:
    """The part of the store that holds an embedder's vectors."""
    return f"embedding {key}"


class Batches:
    """Runs a network on parts of a batch, as large as memory allows. Not a record: it remembers what did not fit.

    The size is found by trying: after each batch that held a full part it doubles, up to `most`, until memory runs out;
    then it is halved, as often as it takes, and never grows again.
    """

    def __init__(self, size: int, most: int | None = None) -> None:
        self.size = size  # pictures that are run at once, at most
        self._most = size if most is None else most

    def run(self, network: Callable[[Pixels], Vectors], batch: Pixels) -> Vectors:
        """The rows of `network`, in order. Raises what it raises, but for memory only where one picture is too much."""
        return self.stream(lambda parts: map(network, parts), batch)

    def stream(
        self,
        flow: Callable[[Iterator[Pixels]], Iterator[Vectors]],
        batch: Pixels,
        release: Callable[[], object] = lambda: None,
    ) -> Vectors:
        """The same by a flow, which may draw parts before it gives the rows of those before. `release` is called after
        memory ran out; parts that were under way are then run again."""
        import numpy as np

        done: list[Vectors] = []
        first, drawn = 0, [0]
        while True:
            try:
                for rows in flow(self._parts(batch[first:], drawn)):
                    done.append(rows)
                    first += len(rows)
                break
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error) or drawn[0] == 1:
                    raise
                self.size = self._most = max(1, min(self.size, drawn[0]) // 2)
            release()  # not while the error is handled: its traceback holds what the network had made
        if len(batch) >= self.size:
            self.size = min(2 * self.size, self._most)
        return np.concatenate(done)

    def _parts(self, batch: Pixels, drawn: list[int]) -> Iterator[Pixels]:
        """`drawn`: of the largest part that was handed out, which is the first."""
        size = self.size
        drawn[0] = min(size, len(batch))
        return (batch[start : start + size] for start in range(0, len(batch), size))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch says that memory ran out: torch.OutOfMemoryError, or a RuntimeError on MPS and older releases."""
    return isinstance(error, MemoryError) or "out of memory" in str(error).lower()
