"""Which embedder a scan uses, and why."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from curate.errors import ModelError
from curate.features.embed import builtin, clip, devices, hub, nothing
from curate.features.embed.base import NOTHING, Embedder, Progress, Wish, part_of
from curate.features.memory import Store
from curate.settings import ScanSettings

EMBEDDERS: Mapping[str, Callable[[Wish], Embedder]] = {
    "builtin": builtin.make,
    "clip": clip.make,
}
_HOW = f"--model clip fetches CLIP ({clip.SIZE}, once)"
_Made = TypeVar("_Made", bound=Embedder)


def choose(
    settings: ScanSettings, *, store: Store | None = None, progress: Progress | None = None
) -> tuple[Embedder, str]:
    """The embedder that `settings` ask for, and one line that says which, why, and how to have CLIP.

    One that the store has no vectors of is loaded at once, so that what is wrong with it shows before any picture is
    read; else nothing heavy is imported. Raises ModelError for a model or a device that is unknown or cannot be used.
    """
    wish = Wish(offline=settings.offline, store=store or Store(), progress=progress)
    model = settings.model
    devices.check_name(settings.device, model)
    if model == NOTHING:
        return nothing.Nothing(), nothing.WHY
    if model == "auto":
        return _automatic(settings, wish)
    if model in EMBEDDERS:
        embedder = _on_device(EMBEDDERS[model], settings, wish)
    elif "/" in model:
        embedder = _on_device(lambda at: clip.named(model, at), settings, wish)
    else:
        near = difflib.get_close_matches(model.lower(), ["auto", *EMBEDDERS, NOTHING], n=1)
        choices = ", ".join(("auto", *EMBEDDERS, NOTHING))
        advice = f"Choose one of: {choices}, or NAME/TAG or NAME/file.pt of open_clip"
        raise ModelError(model, "no embedder of that name" + (f" (meant: {near[0]}?)" if near else ""), advice)
    _load_unless_known(embedder, wish)
    hint = f"; {_HOW}" if model == "builtin" else ""
    return embedder, f"{embedder.name} on {embedder.device}, as asked for{hint}"


def _automatic(settings: ScanSettings, wish: Wish) -> tuple[Embedder, str]:
    """CLIP where it is at hand, or where there is a GPU and it can be fetched; else the built-in embedder."""
    reason = _why_no_clip(settings)
    if reason is None:
        try:
            embedder = _on_device(clip.make, settings, wish)
            if hub.find(clip.ORIGIN) is None and embedder.device == "cpu":
                reason = "PyTorch cannot use the GPU"
            else:
                _load_unless_known(embedder, wish)
                return embedder, f"{embedder.name} on {embedder.device}; --model builtin is the quick one"
        except ModelError as error:
            reason = error.problem
    fallback = _on_device(builtin.make, settings, wish)
    _load_unless_known(fallback, wish)
    how = "without --offline, --model clip fetches it" if settings.offline else _HOW
    return fallback, f"{fallback.name} on {fallback.device}, not CLIP: {reason}; {how}"


def _why_no_clip(settings: ScanSettings) -> str | None:
    """What speaks against CLIP, told without PyTorch; None if nothing does."""
    if hub.find(clip.ORIGIN) is not None:
        return None
    missing = "its weights are not on this machine"
    if settings.offline:
        return missing
    device = devices.guess() if settings.device == "auto" else settings.device
    if device == "cpu":
        return f"{missing}, which has no GPU" if settings.device == "auto" else missing
    return None if hub.is_reachable(clip.ORIGIN) else f"{missing} and their server does not answer"


def _on_device(make: Callable[[Wish], _Made], settings: ScanSettings, wish: Wish) -> _Made:
    """The embedder on the device that was asked for; for auto on CUDA, MPS or CPU, the first that there is.

    PyTorch is asked only if there seems to be a GPU that this embedder was not yet used on.
    """
    if settings.device != "auto":
        return make(replace(wish, device=settings.device))
    device = devices.guess()
    embedder = make(replace(wish, device=device))
    if device == "cpu" or wish.store.has(part_of(embedder.key)) or devices.confirm(device) == device:
        return embedder
    return make(replace(wish, device="cpu"))


def _load_unless_known(embedder: Embedder, wish: Wish) -> None:
    load = getattr(embedder, "load", None)  # of the embedders here; not a member of the protocol
    if load is not None and not wish.store.has(part_of(embedder.key)):
        load()
