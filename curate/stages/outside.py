"""Nothing is written into a folder of pictures, whatever place for it was named."""

from __future__ import annotations

from pathlib import Path

from curate import addresses
from curate.errors import FolderError
from curate.settings import ScanSettings


def check_outside(folder: str | Path, settings: ScanSettings) -> None:
    """Raises FolderError where a cache or a place for measured features was named that lies in the folder."""
    root = addresses.local(folder)
    named = {"--cache": settings.cache if settings.use_cache else None, "--features": settings.features}
    for option, given in named.items():
        place = addresses.local(given) if given else None
        if root is None or place is None:
            continue
        whole, held = root.expanduser().resolve(), place.expanduser().resolve()
        if whole == held or whole in held.parents:
            problem = f"{option} {held} lies in it, and a folder of pictures is never written to"
            raise FolderError(whole, problem, "Name a place outside it")
