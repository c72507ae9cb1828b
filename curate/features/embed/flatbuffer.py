"""Writes a network as the file that the TFLite runtime reads: tensors, and operators that turn one into the next.

The runtime's own schema (`schema_py_generated`, which its package brings) makes the bytes; see
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/schema/schema.fbs. Pictures are [1, H, W, C].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

SCHEMA_VERSION = 3
OLD_CODES = 127  # an operator's number is written twice, in the older field no higher than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A convolution, as PyTorch stores it: zeros round the picture, half a kernel wide, then steps of `stride`."""

    kernel: Floats  # [outputs, inputs, size, size]; inputs 1: each channel by itself
    bias: Floats  # [outputs]
    stride: int = 1  # px
    relu6: bool = True  # the result is kept within 0 to 6


class Writer:
    """Takes one operator after the other; tensors are named by numbers, in the order in which they are made."""

    def __init__(self, side: int, channels: int) -> None:
        """Tensor 0 is the input, float32 [1, side, side, channels]."""
        from ai_edge_litert import schema_py_generated as schema

        self._schema: Any = schema
        self._model = schema.ModelT()
        self._model.version, self._model.operatorCodes, self._model.buffers = SCHEMA_VERSION, [], [schema.BufferT()]
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._codes: dict[str, int] = {}
        self._model.subgraphs = [self._graph]
        self._tensor((1, side, side, channels))

    def convolve(self, given: int, layer: Layer) -> int:
        """A convolution with its bias and limits."""
        outputs, inputs, size, _ = layer.kernel.shape
        _, height, width, _ = self._shape(given)
        around = size // 2
        if layer.stride > 1 and around:  # the runtime's own padding would be on two sides only
            given = self._pad(given, around)
        each = inputs == 1 and outputs > 1
        kernel = layer.kernel[:, 0].transpose(1, 2, 0)[None] if each else layer.kernel.transpose(0, 2, 3, 1)
        options = self._options("DepthwiseConv2DOptions" if each else "Conv2DOptions")
        if each:
            options.depthMultiplier = 1
        padding, limits = self._schema.Padding, self._schema.ActivationFunctionType
        options.padding = padding.SAME if layer.stride == 1 else padding.VALID
        options.strideH = options.strideW = layer.stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = limits.RELU6 if layer.relu6 else limits.NONE
        made = [(side + 2 * around - size) // layer.stride + 1 for side in (height, width)]
        operands = (given, self._constant(kernel), self._constant(layer.bias))
        name = "DEPTHWISE_CONV_2D" if each else "CONV_2D"
        return self._operate(name, operands, (1, *made, outputs), options)

    def add(self, one: int, other: int) -> int:
        """The sum of two tensors of one shape."""
        return self._operate("ADD", (one, other), self._shape(one), self._options("AddOptions"))

    def average(self, given: int) -> int:
        """The mean of each channel [1, C]."""
        axes = self._constant(np.array([1, 2], np.int32))
        return self._operate("MEAN", (given, axes), (1, self._shape(given)[3]), self._options("ReducerOptions"))

    def finish(self, output: int) -> bytes:
        """The file, whose result is tensor `output`."""
        from flatbuffers import Builder

        self._graph.inputs, self._graph.outputs = np.array([0], np.int32), np.array([output], np.int32)
        builder = Builder()
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _pad(self, given: int, around: int) -> int:
        _, height, width, channels = self._shape(given)
        sides = self._constant(np.array([[0, 0], [around] * 2, [around] * 2, [0, 0]], np.int32))
        shape = (1, height + 2 * around, width + 2 * around, channels)
        return self._operate("PAD", (given, sides), shape, self._options("PadOptions"))

    def _operate(self, name: str, operands: Sequence[int], shape: Sequence[int], options: Any) -> int:
        schema = self._schema
        if name not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.version = getattr(schema.BuiltinOperator, name), 1
            code.deprecatedBuiltinCode = min(code.builtinCode, OLD_CODES)
            self._codes[name] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        made = self._tensor(shape)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes[name]
        operator.inputs, operator.outputs = np.array(operands, np.int32), np.array([made], np.int32)
        operator.builtinOptions = options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self._graph.operators.append(operator)
        return made

    def _options(self, name: str) -> Any:
        return getattr(self._schema, f"{name}T")()

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(int(side) for side in self._graph.tensors[tensor].shape)

    def _tensor(self, shape: Sequence[int], values: NDArray[Any] | None = None) -> int:
        schema = self._schema
        tensor = schema.TensorT()
        tensor.shape, tensor.buffer = np.array(shape, np.int32), 0  # buffer 0 is empty: filled while it runs
        tensor.name = f"{len(self._graph.tensors)}"
        kinds = schema.TensorType
        tensor.type = kinds.INT32 if values is not None and values.dtype == np.int32 else kinds.FLOAT32
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _constant(self, values: NDArray[Any]) -> int:
        return self._tensor(values.shape, values)
