"""Writes a network as the file that the TFLite runtime reads: tensors, and operators that turn one into the next.

The runtime's own schema (`schema_py_generated`, which its package brings) makes the bytes; see
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/schema/schema.fbs. Pictures are [1, H, W, C].

All is counted in whole numbers of 8 bits (Jacob et al. 2018, "Quantization and training of neural networks for
efficient integer-arithmetic-only inference", CVPR): kernels with a step for each output, as
https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec asks for them.
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
LOWEST, HIGHEST = -128, 127  # whole numbers of 8 bits; kernels use -127 to 127, as their zero is 0
MOST_BIAS = 2**24  # steps: far from the 2^31 of its type
VERSIONS = {"CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "PAD": 2, "ADD": 2, "DEQUANTIZE": 2, "MEAN": 1}
# of the runtime's operators: the first that take 8 bits; MEAN is given floats


@dataclass(frozen=True, slots=True)
class Steps:
    """What whole numbers stand for: `size` times their distance from `zero`."""

    size: float
    zero: int  # -128 to 127

    @classmethod
    def over(cls, low: float, high: float) -> Steps:
        """Those that reach from `low` to `high` and have 0 among them. Raises ValueError where that is all."""
        low, high = min(low, 0.0), max(high, 0.0)
        if high == low:
            raise ValueError("a layer gives nothing but zeros")
        size = (high - low) / (HIGHEST - LOWEST)
        return cls(size, round(LOWEST - low / size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A convolution, as PyTorch stores it: zeros round the picture, half a kernel wide, then steps of `stride`."""

    kernel: Floats  # [outputs, inputs, size, size]; inputs 1: each channel by itself
    bias: Floats  # [outputs]
    gives: Steps  # of the result; what lies beyond them is cut off
    stride: int = 1  # px
    relu6: bool = True  # the result is kept within 0 to 6


class Writer:
    """Takes one operator after the other; tensors are named by numbers, in the order in which they are made."""

    def __init__(self, side: int, channels: int, given: Steps) -> None:
        """Tensor 0 is the input, int8 [1, side, side, channels]."""
        from ai_edge_litert import schema_py_generated as schema

        self._schema: Any = schema
        self._model = schema.ModelT()
        self._model.version, self._model.operatorCodes, self._model.buffers = SCHEMA_VERSION, [], [schema.BufferT()]
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._codes: dict[str, int] = {}
        self._steps: dict[int, Steps] = {}
        self._model.subgraphs = [self._graph]
        self._tensor((1, side, side, channels), given)

    def convolve(self, given: int, layer: Layer) -> int:
        """A convolution with its bias and limits."""
        outputs, inputs, size, _ = layer.kernel.shape
        _, height, width, _ = self._shape(given)
        around = size // 2
        if layer.stride > 1 and around:  # the runtime's own padding would be on two sides only
            given = self._pad(given, around)
        each = inputs == 1 and outputs > 1
        options = self._options("DepthwiseConv2DOptions" if each else "Conv2DOptions")
        if each:
            options.depthMultiplier = 1
        padding, limits = self._schema.Padding, self._schema.ActivationFunctionType
        options.padding = padding.SAME if layer.stride == 1 else padding.VALID
        options.strideH = options.strideW = layer.stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = limits.RELU6 if layer.relu6 else limits.NONE
        made = [(side + 2 * around - size) // layer.stride + 1 for side in (height, width)]
        operands = (given, *self._weights(layer, self._steps[given].size, each=each))
        name = "DEPTHWISE_CONV_2D" if each else "CONV_2D"
        return self._operate(name, operands, ((1, *made, outputs), layer.gives), options)

    def add(self, one: int, other: int, gives: Steps) -> int:
        """The sum of two tensors of one shape."""
        return self._operate("ADD", (one, other), (self._shape(one), gives), self._options("AddOptions"))

    def average(self, given: int) -> int:
        """The mean of each channel, float32 [1, C]."""
        floats = self._operate("DEQUANTIZE", (given,), (self._shape(given), None), self._options("DequantizeOptions"))
        axes = self._constant(np.array([1, 2], np.int32))
        shape = (1, self._shape(given)[3])
        return self._operate("MEAN", (floats, axes), (shape, None), self._options("ReducerOptions"))

    def finish(self, output: int) -> bytes:
        """The file, whose result is tensor `output`."""
        from flatbuffers import Builder

        self._graph.inputs, self._graph.outputs = np.array([0], np.int32), np.array([output], np.int32)
        builder = Builder()
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    def _weights(self, layer: Layer, given: float, *, each: bool) -> tuple[int, int]:
        """The layer's kernel and bias; `given`: size of the steps of what it is given."""
        outputs = len(layer.kernel)
        sizes = np.abs(layer.kernel).reshape(outputs, -1).max(axis=1) / HIGHEST
        sizes = np.maximum(sizes, np.abs(layer.bias) / given / MOST_BIAS)  # of an output that nothing goes into
        sizes[sizes == 0.0] = 1.0
        kernel = np.rint(layer.kernel / sizes[:, None, None, None]).astype(np.int8)
        kernel = kernel[:, 0].transpose(1, 2, 0)[None] if each else kernel.transpose(0, 2, 3, 1)
        bias = np.rint(layer.bias / (sizes * given)).astype(np.int32)
        return self._constant(kernel, sizes, 3 if each else 0), self._constant(bias, sizes * given)

    def _pad(self, given: int, around: int) -> int:
        _, height, width, channels = self._shape(given)
        sides = self._constant(np.array([[0, 0], [around] * 2, [around] * 2, [0, 0]], np.int32))
        shape = (1, height + 2 * around, width + 2 * around, channels)
        return self._operate("PAD", (given, sides), (shape, self._steps[given]), self._options("PadOptions"))

    def _operate(
        self, name: str, operands: Sequence[int], gives: tuple[Sequence[int], Steps | None], options: Any
    ) -> int:
        """`gives`: shape and steps of the result; no steps: floats."""
        schema = self._schema
        if name not in self._codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.version = getattr(schema.BuiltinOperator, name), VERSIONS[name]
            code.deprecatedBuiltinCode = min(code.builtinCode, OLD_CODES)
            self._codes[name] = len(self._model.operatorCodes)
            self._model.operatorCodes.append(code)
        made = self._tensor(*gives)
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

    def _tensor(self, shape: Sequence[int], steps: Steps | None) -> int:
        """One that is filled while the network runs."""
        kinds = self._schema.TensorType
        number = self._add(shape, kinds.FLOAT32 if steps is None else kinds.INT8)
        if steps is not None:
            self._steps[number] = steps
            self._quantise(number, np.array([steps.size]), steps.zero, 0)
        return number

    def _constant(self, values: NDArray[Any], sizes: NDArray[Any] | None = None, axis: int = 0) -> int:
        """`sizes`: of the steps of each place along `axis`; their zero is 0. None: plain numbers."""
        kinds = self._schema.TensorType
        number = self._add(values.shape, kinds.INT8 if values.dtype == np.int8 else kinds.INT32)
        buffer = self._schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._graph.tensors[number].buffer = len(self._model.buffers)
        self._model.buffers.append(buffer)
        if sizes is not None:
            self._quantise(number, sizes, 0, axis)
        return number

    def _add(self, shape: Sequence[int], kind: int) -> int:
        tensor = self._schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = np.array(shape, np.int32), kind, 0  # buffer 0 is empty
        tensor.name = f"{len(self._graph.tensors)}"
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _quantise(self, number: int, sizes: NDArray[Any], zero: int, axis: int) -> None:
        found = self._schema.QuantizationParametersT()
        found.scale, found.zeroPoint = sizes.astype(np.float32), np.full(len(sizes), zero, np.int64)
        found.quantizedDimension = axis
        self._graph.tensors[number].quantization = found
