"""The door to the TFLite runtime: networks, detectors, and the parts of a picture that they are given.

How boxes and points are coded is that of MediaPipe's detectors (Bazarevsky et al. 2019, "BlazeFace", arXiv 1907.05047;
2020, "BlazePose", arXiv 2006.10204): one score and offsets for each anchor of a few grids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from curate.errors import ModelError
from curate.features.shrink import fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Pixels = NDArray[np.uint8]

RUNTIME = "ai-edge-litert"
WORKING_SIDE = 1024  # px, long side that parts are cut from: a face of 1/16 of it still has 64 px
HEARD = 0.1  # score from which an anchor has a say in the place of what a better one found
SAME = 0.3  # share of overlap from which two boxes are one thing (MediaPipe's own)


class Network:
    """One network on one core. Not to be used by two threads at once."""

    def __init__(self, content: bytes) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            advice = f"Install it: pip install {RUNTIME} (there is none for Macs with Intel processors)"
            raise ModelError("views", f"{RUNTIME} cannot be used ({error})", advice) from error
        try:
            self._run: Any = Interpreter(model_content=content, num_threads=1)
            self._run.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            first = str(error).partition("\n")[0]
            raise ModelError("views", f"a network cannot be loaded ({first})", "Run: curate models get") from error
        (given,) = self._run.get_input_details()
        self.side = int(given["shape"][1])  # px
        self._input = given["index"]
        self._outputs = {int(np.prod(one["shape"])): one["index"] for one in self._run.get_output_details()}

    def __call__(self, levels: NDArray[np.float32], wanted: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The outputs of the wanted lengths for one picture [side, side, 3], each flat, by its length."""
        self._run.set_tensor(self._input, levels[np.newaxis])
        self._run.invoke()
        return {size: self._run.get_tensor(self._outputs[size]).ravel() for size in wanted}


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a detector found, in px of the picture."""

    score: float  # 0-1
    box: Floats  # left, top, right, bottom
    points: Floats  # [P, 2]

    @property
    def height(self) -> float:
        return float(self.box[3] - self.box[1])

    @property
    def size(self) -> float:
        """px, the longer side of the box."""
        return float(max(self.box[2:] - self.box[:2]))

    @property
    def middle(self) -> Floats:
        middle: Floats = (self.box[:2] + self.box[2:]) / 2
        return middle


class Detector:
    """A network that tells where things are. `strides`: px between the anchors of each layer, two anchors a place."""

    def __init__(self, content: bytes, strides: Sequence[int], points: int) -> None:
        self.network = Network(content)
        self.anchors = anchors(self.network.side, strides)
        self.points = points

    def find(self, view: Working, least: float) -> list[Found]:
        """All that scores at least `least`, the best first; what overlaps is joined, weighted by score."""
        side = self.network.side
        square, corner, scale = letterboxed(view, side)
        count, width = len(self.anchors), 4 + 2 * self.points
        levels = square.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
        outputs = self.network(levels, (count, count * width))
        scores = sigmoid(outputs[count])
        rows = np.flatnonzero(scores >= HEARD)
        rows = rows[np.argsort(-scores[rows], kind="stable")]
        raw = outputs[count * width].reshape(count, width)[rows].astype(np.float64) / side
        middle, size = raw[:, :2] + self.anchors[rows], raw[:, 2:4]
        places = raw[:, 4:].reshape(len(rows), self.points, 2) + self.anchors[rows][:, None]
        shares = np.concatenate([(middle - size / 2)[:, None], (middle + size / 2)[:, None], places], axis=1)
        found = _joined(scores[rows].astype(np.float64), (shares * side - corner) / scale)
        return [one for one in found if one.score >= least]


class Working:
    """A picture [H, W, 3] at working size, and its halves for large parts."""

    def __init__(self, rgb: Pixels) -> None:
        self.pixels = fit(rgb, WORKING_SIDE)
        self.height, self.width = self.pixels.shape[:2]
        self.shrunk = self.height / rgb.shape[0]  # px here to px of the picture itself
        self._halves = [self.pixels]

    def mirrored(self) -> Working:
        return Working(np.ascontiguousarray(self.pixels[:, ::-1]))

    def part(self, middle: Floats, size: float, angle: float, side: int) -> tuple[NDArray[np.float32], Floats]:
        """(levels 0-1 [side, side, 3], map [2, 3]) of a turned square of `size` px; black beyond the picture.

        `angle` in radians turns its x axis clockwise as seen. The map takes px of the part to px of the picture.
        """
        import cv2

        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * (size / side)
        whole: Floats = np.column_stack([turn, middle - turn @ np.full(2, side / 2)])
        source = self.halved(size / side)
        shrink = np.array([[source.shape[1] / self.width], [source.shape[0] / self.height]])
        part = cv2.warpAffine(source, whole * shrink, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        return part.astype(np.float32) / np.float32(255.0), whole

    def halved(self, factor: float) -> Pixels:
        """The picture, halved as often as it can be before it is shrunk by `factor`: nothing aliases then."""
        import cv2

        level = int(np.log2(max(factor, 1.0)))
        while len(self._halves) <= level:
            last = self._halves[-1]
            size = (max(1, last.shape[1] // 2), max(1, last.shape[0] // 2))
            self._halves.append(cast("Pixels", cv2.resize(last, size, interpolation=cv2.INTER_AREA)))
        return self._halves[level]


def letterboxed(view: Working, side: int) -> tuple[Pixels, Floats, Floats]:
    """(the whole picture in the middle of a black square, its corner there in px, its scale in x and y)."""
    import cv2

    factor = side / max(view.height, view.width)
    height, width = max(1, round(view.height * factor)), max(1, round(view.width * factor))
    small = cv2.resize(view.halved(1.0 / factor), (width, height), interpolation=cv2.INTER_LINEAR)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.zeros((side, side, 3), dtype=np.uint8)
    square[top : top + height, left : left + width] = small
    return square, np.array([left, top], float), np.array([width / view.width, height / view.height])


def anchors(side: int, strides: Sequence[int]) -> Floats:
    """Middles of the anchors [N, 2] in shares of the side; layers of equal stride lie together at each place."""
    layers = []
    for stride in dict.fromkeys(strides):
        count = -(-side // stride)
        y, x = np.mgrid[:count, :count]
        places = np.stack([(x + 0.5) / count, (y + 0.5) / count], axis=-1).reshape(-1, 2)
        layers.append(np.repeat(places, 2 * list(strides).count(stride), axis=0))
    return np.concatenate(layers)


def mapped(points: NDArray[np.floating], whole: Floats) -> Floats:
    """Points [N, 2] of a part as points of the picture."""
    moved: Floats = np.asarray(points, dtype=np.float64) @ whole[:, :2].T + whole[:, 2]
    return moved


def sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -80.0, 80.0))), dtype=np.float32)


def _joined(scores: Floats, places: Floats) -> list[Found]:
    """Places [N, 2 + P, 2] (corners, points), best first, as things that do not overlap."""
    left = list(range(len(scores)))
    found = []
    while left:
        best = left[0]
        same = [row for row in left if row == best or _overlap(places[best, :2], places[row, :2]) > SAME]
        left = [row for row in left if row not in same]
        mean = np.average(places[same], axis=0, weights=scores[same])
        found.append(Found(float(scores[best]), mean[:2].ravel(), mean[2:]))
    return found


def _overlap(one: Floats, other: Floats) -> float:
    """Intersection over union of two boxes [2, 2]."""
    shared = np.clip(np.minimum(one[1], other[1]) - np.maximum(one[0], other[0]), 0.0, None).prod()
    both = (one[1] - one[0]).prod() + (other[1] - other[0]).prod() - shared
    return float(shared / max(both, 1e-9))


def largest(found: Iterable[Found]) -> Found | None:
    """The one with the longest side; None of none."""
    return max(found, key=lambda one: one.size, default=None)
