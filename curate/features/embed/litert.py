"""The built-in embedder by the TFLite runtime: on a CPU, in two thirds of the time that PyTorch takes.

EfficientNet-Lite0 took 8.4 ms of a core a picture, PyTorch 12.7 ms, oneDNN's fused graph 10.9, ONNX Runtime 8.6 and
OpenVINO 7.1 (a Xeon at work on other things too); and importing PyTorch takes 2 s of every scan. The runtime is there
for the views in any case. Its vectors differ from PyTorch's by 6e-7 at most, and so have a key of their own.
"""

from __future__ import annotations

import importlib.util
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from curate.engine import quiet
from curate.errors import ModelError
from curate.features.embed import builtin
from curate.features.embed.flatbuffer import Layer, Writer
from curate.features.embed.tensors import read_tensors
from curate.features.shrink import Squash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from curate.features.embed.base import Pixels, Vectors

RUNTIME = "ai_edge_litert"


def is_there() -> bool:
    """Whether the runtime is installed. It is only looked for, not loaded."""
    return importlib.util.find_spec(RUNTIME) is not None


class BuiltinLite:
    """See the module, and `builtin` for the network. Each picture's vector is the same bits whatever its batch."""

    name, device, side, concurrent = builtin.NAME, "cpu", builtin.SIDE, True
    preparer = Squash(builtin.SIDE)

    def __init__(self) -> None:
        self.weights = builtin.find_weights()
        self.key = f"{builtin.key_of(self.weights)} litert"
        self._lock = threading.Lock()
        self._own = threading.local()  # a runner for each thread
        self._content = b""

    def load(self) -> None:
        """Builds the network and makes this thread's runner. Raises ModelError."""
        self._runner()

    def prepare(self, rgb: Pixels) -> Pixels:
        return self.preparer(rgb)

    def embed(self, batch: Pixels) -> Vectors:
        run = self._runner()
        rows = np.stack([run(picture) for picture in batch])
        rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
        return rows

    def _runner(self) -> _Runner:
        if not hasattr(self._own, "runner"):
            with self._lock:
                self._content = self._content or self._build()
                self._own.runner = _Runner(self._content)
        runner: _Runner = self._own.runner
        return runner

    def _build(self) -> bytes:
        try:
            return network(read_tensors(self.weights))
        except (OSError, ValueError) as error:
            raise builtin.damaged(self.weights, error) from error


class _Runner:
    """The network on one core, for one thread."""

    def __init__(self, content: bytes) -> None:
        try:
            with quiet():
                from ai_edge_litert.interpreter import Interpreter

                self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
                self._interpreter.allocate_tensors()
        except (ImportError, RuntimeError, ValueError) as error:
            problem = f"ai-edge-litert cannot run it ({str(error).strip().partition(chr(10))[0]})"
            advice = "Install ai-edge-litert again, or remove it: PyTorch takes its place"
            raise ModelError(builtin.NAME, problem, advice) from error
        (given,), (gives,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._given, self._gives = given["index"], gives["index"]
        self._levels = np.empty(given["shape"], np.float32)  # used again: fresh memory costs more than the subtraction

    def __call__(self, picture: Pixels) -> Vectors:
        """The features [1280], not yet of length 1, of uint8 [224, 224, 3]."""
        np.subtract(picture, np.float32(builtin.MEAN), out=self._levels[0], dtype=np.float32)
        self._interpreter.set_tensor(self._given, self._levels)
        self._interpreter.invoke()
        features: Vectors = self._interpreter.get_tensor(self._gives)[0]
        return features


def network(tensors: Sequence[NDArray[Any]]) -> bytes:
    """A file for the runtime: levels less MEAN, float32 [1, 224, 224, 3] -> [1, 1280]. Raises ValueError for weights of
    another network."""
    stem, *middle, head = (
        _folded(one, 1.0 / builtin.SPREAD if first == 0 else 1.0) for first, one in enumerate(builtin.layers(tensors))
    )
    writer = Writer(builtin.SIDE, 3)
    at = writer.convolve(0, Layer(kernel=stem[0], bias=stem[1], stride=2))
    waiting = iter(middle)
    for block in builtin.blocks():
        before = at
        for number in range(block.layers):
            kernel, bias = next(waiting)
            stride = block.stride if number == block.layers - 2 else 1  # the one before the last moves
            last = number == block.layers - 1
            at = writer.convolve(at, Layer(kernel=kernel, bias=bias, stride=stride, relu6=not last))
        if block.residual:
            at = writer.add(before, at)
    at = writer.convolve(at, Layer(kernel=head[0], bias=head[1]))
    return writer.finish(writer.average(at))


def _folded(layer: Sequence[NDArray[Any]], scale: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel and bias of a convolution with its batch norm; `scale`: of what it is given."""
    kernel, weight, bias, mean, variance, _ = layer
    gain = weight / np.sqrt(variance + builtin.EPSILON)
    scaled = kernel * (gain * scale)[:, None, None, None]
    return scaled.astype(np.float32), (bias - mean * gain).astype(np.float32)
