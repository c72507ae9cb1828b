"""What the inputs are put into. A target takes bytes of any kind; whatever it raises is a finding.

Errors that the package declares for bad input are no findings: a target swallows exactly those that its door declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from fuzzing import pictures as drawn


class Target(Protocol):
    """One door, opened in a process of its own."""

    def seeds(self) -> list[bytes]:
        """Sound inputs to begin with."""

    def run(self, data: bytes) -> None:
        """Puts one input in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How a target is made, and how it is fuzzed."""

    make: Callable[[Path], Target]  # in a folder of its own
    share: int  # of 1000 inputs
    text: bool = False  # inputs are text
    traced: bool = True  # whether new lines are looked for: not where other threads run them, nor where few are ours


def _decoder(name: str, folder: Path) -> Target:
    from fuzzing.decoders import Decoder

    return Decoder(name)


def _captions(folder: Path) -> Target:
    from fuzzing.texts import CaptionFiles

    return CaptionFiles()


def _words(folder: Path) -> Target:
    from fuzzing.texts import Words

    return Words()


def _configs(folder: Path) -> Target:
    from fuzzing.texts import Configs

    return Configs(folder)


def _manifest(folder: Path) -> Target:
    from fuzzing.state import Manifest

    return Manifest(folder)


def _decisions(folder: Path) -> Target:
    from fuzzing.state import DecisionFiles

    return DecisionFiles(folder)


def _rows(folder: Path) -> Target:
    from fuzzing.state import CacheRows

    return CacheRows(folder)


def _cache(folder: Path) -> Target:
    from fuzzing.state import CacheFile

    return CacheFile(folder)


def _requests(folder: Path) -> Target:
    from fuzzing.requests import Requests

    return Requests(folder)


TARGETS: Mapping[str, Kind] = {
    **{f"decode {name}": Kind(make=partial(_decoder, name), share=60) for name in drawn.FORMATS},
    "captions": Kind(make=_captions, share=150, text=True),
    "words in configs": Kind(make=_words, share=80, text=True, traced=False),
    "trainers' configs": Kind(make=_configs, share=70, text=True),
    "manifest": Kind(make=_manifest, share=70, text=True),
    "decisions": Kind(make=_decisions, share=70, text=True),
    "cache rows": Kind(make=_rows, share=10),
    "cache file": Kind(make=_cache, share=10),
    "requests": Kind(make=_requests, share=60, text=True, traced=False),
}
