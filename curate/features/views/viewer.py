"""What measures views while pictures are decoded, from several threads at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from curate.engine import quiet
from curate.errors import ModelError
from curate.features import weights
from curate.features.views.body import Bodies
from curate.features.views.face import Faces
from curate.features.views.networks import RUNTIME, Working

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

VERSION = 2  # of the raw numbers: raise it when any of them changes, so that kept ones are measured again


class Viewer:
    """Measures pictures. Any number of threads may call it: each has networks of its own, made at its first picture."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """`files`: the content of each of weights.FILES by name. Raises ModelError if the runtime cannot run them."""
        self._files = files
        self._mine = threading.local()
        with quiet():
            self._networks()  # so that what is wrong shows before any picture is read

    def __reduce__(self) -> tuple[object, ...]:
        return Viewer, (self._files,)  # another machine makes its own networks

    def measure(self, rgb: NDArray[np.uint8]) -> dict[str, float]:
        """What face and body say of a decoded picture, uint8 RGB [H, W, 3]: finite numbers, to be kept as JSON."""
        faces, bodies = self._networks()
        view = Working(rgb)
        seen = faces.measure(view)
        return seen | bodies.measure(view, seen)

    def _networks(self) -> tuple[Faces, Bodies]:
        made: tuple[Faces, Bodies] | None = getattr(self._mine, "made", None)
        if made is None:
            detector, mesh, person, landmarks = (self._files[name] for name in weights.FILES)
            made = Faces(detector, mesh), Bodies(person, landmarks)
            self._mine.made = made
        return made


class LateViewer:
    """A viewer that is opened when the first picture needs it, so that a scan of known pictures waits for nothing."""

    key = f"views {VERSION} {' '.join(one.sha256[:8] for one in weights.FILES.values())}"
    """The part of the store for the raw numbers: networks and method."""

    def __init__(self, opener: Callable[[], Viewer]) -> None:
        self._opener = opener
        self._viewer: Viewer | None = None
        self.problem = ""  # why there is none, and how to have one: a line

    def open(self) -> Viewer | None:
        """The viewer; None where it cannot be had, which `problem` then tells."""
        if self._viewer is None and not self.problem:
            try:
                self._viewer = self._opener()
            except ModelError as error:
                self.problem = f"views not measured: {error.problem}. {error.advice}"
        return self._viewer


def open_viewer(
    cache: Path | None = None,
    *,
    offline: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Viewer:
    """A viewer with the model files of this machine, fetched if they are missing and `offline` is not set.

    Raises ModelError where they cannot be had or run: views are then not measured, and its advice says how to get them.
    """
    import importlib.util

    if importlib.util.find_spec("ai_edge_litert") is None:
        advice = f"Install it: pip install {RUNTIME} (there is none for Macs with Intel processors), or use --views off"
        raise ModelError("views", f"{RUNTIME} is not installed", advice)
    return Viewer(weights.contents(cache, offline=offline, progress=progress))
