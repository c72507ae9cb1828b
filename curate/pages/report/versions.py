"""The versions of the libraries whose code decides something of a scan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata

LIBRARIES = (
    "ai-edge-litert",
    "faiss-cpu",
    "imagehash",
    "numpy",
    "open_clip_torch",
    "opencv-python-headless",
    "pillow",
    "scipy",
    "torch",
)


def versions() -> dict[str, str]:
    """By name, of those that are installed; none of them is imported."""
    return {name: version for name in LIBRARIES for version in _installed(name)}


def _installed(name: str) -> Iterator[str]:
    with suppress(metadata.PackageNotFoundError):
        yield metadata.version(name)
