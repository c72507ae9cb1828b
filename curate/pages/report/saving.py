"""Puts a page where the user wants it: whole or not at all, never in the folder that was scanned."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from curate import addresses
from curate.errors import DestinationError


def check_place(destination: Path, folder: str | Path | None) -> Path:
    """The whole path of a page that can be written there. Raises DestinationError, before anything is measured.

    `folder`: the one that is only read, where there is one; an address is in no page's way.
    """
    read = None if folder is None else addresses.local(folder)
    try:
        whole = destination.expanduser().resolve()
        inside = read is not None and whole.is_relative_to(read.expanduser().resolve())
    except (OSError, RuntimeError, ValueError) as error:
        raise DestinationError(destination, f"no place for a file: {error}", "Choose another one with -o") from None
    if inside:
        raise DestinationError(whole, "lies in the folder that is only read", "Choose a place outside it with -o")
    if whole.is_dir():
        raise DestinationError(whole, "is a folder", "Name a file in it with -o")
    if not whole.parent.is_dir():
        raise DestinationError(whole, "lies in a folder that is not there", "Make it first, or choose another with -o")
    return whole


def save(text: str, destination: Path, folder: str | Path | None) -> Path:
    """Writes a page, UTF-8, over an older one; gives the whole path. Raises DestinationError."""
    whole = check_place(destination, folder)
    beside = whole.with_name(f".{whole.name[:40]}.{secrets.token_hex(4)}.part")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, whole)  # noqa: PTH105  (atomic, and named so)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise DestinationError(
            whole, f"cannot be written: {error.strerror or error}", "Choose another place with -o"
        ) from None
    return whole
