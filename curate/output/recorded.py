"""Reads back a manifest: what an export was made from, what it wrote, and whether that record is sound.

A sound manifest holds a seal, the SHA-256 of all that stands before it. It proves no author; it tells an edited or
truncated record from a whole one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from curate.errors import ManifestError
from curate.output.plain import restored
from curate.output.records import Export, Item, Link, WrittenFile
from curate.records import LeftOut

SCHEMA = 1  # raised where a key changes its meaning or goes
FILE = "curate-manifest.json"
SEAL = '"seal": "'
_ANEW = "Export the set anew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a manifest tells."""

    path: Path
    written_by: str  # "curate 0.1.0"
    name: str  # of the set
    root: str  # its path as its configuration names it
    link: Link
    export: Export  # what it was made from: pictures and decisions, settings, values
    mask_digests: Mapping[str, str]  # SHA-256 of the mask files that were read, by path
    files: Mapping[str, WrittenFile]  # all that was written but the manifest, by path below the set
    folders: tuple[str, ...]  # of the parts, below the set

    @property
    def folder(self) -> Path:
        """The set's own."""
        return self.path.parent


def read(path: Path) -> Recorded:
    """The manifest of an exported folder, or that file itself. Raises ManifestError, in one line, for any other."""
    whole = path / FILE if path.is_dir() else path
    values = _values(whole, _content(path, whole))
    try:
        return _recorded(whole, values)
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(whole, f"it was not written by this curate ({error})", _ANEW) from None


def sealed(text: str) -> str:
    """A manifest's text, an object without its last line, closed with its seal."""
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    return f'{text}{SEAL}{digest}"\n}}\n'


def _content(path: Path, whole: Path) -> bytes:
    try:
        return whole.read_bytes()
    except FileNotFoundError:
        if path.is_dir():
            raise ManifestError(
                path, f"no set of curate's, it holds no {FILE}", "Name one that curate export wrote"
            ) from None
        raise ManifestError(path, "no such file or folder", f"Name an exported folder or its {FILE}") from None
    except OSError as error:
        raise ManifestError(whole, f"cannot be read: {error.strerror}", "Check its permissions") from None


def _values(whole: Path, content: bytes) -> dict[str, Any]:
    try:
        values = json.loads(content)
    except (ValueError, RecursionError):
        raise ManifestError(whole, "damaged or no manifest: it is not JSON", _ANEW) from None
    if not isinstance(values, dict) or not str(values.get("written_by", "")).startswith("curate "):
        raise ManifestError(whole, "not a manifest of curate", f"Name an exported folder or its {FILE}")
    if type(values.get("schema")) is not int or values["schema"] > SCHEMA:
        problem = f"written by {str(values['written_by'])[:40]}, in a newer form (schema {values.get('schema')!r})"
        raise ManifestError(whole, problem, "Update curate")
    before, seal, digest = content.rpartition(SEAL.encode())
    if not seal or digest.split(b'"')[0].decode("ascii", "replace") != hashlib.sha256(before).hexdigest():
        raise ManifestError(whole, "changed after curate wrote it, so it proves nothing", "Restore it, or export anew")
    return values


def _recorded(whole: Path, values: dict[str, Any]) -> Recorded:
    broken, ignored = (
        tuple(LeftOut(path=one["path"], reason=one["reason"]) for one in values["left_out"] if one["cause"] == cause)
        for cause in ("broken", "ignored")
    )
    export = replace(
        restored(Export, values["made_from"]),
        items=tuple(restored(Item, one) for one in values["items"]),
        broken=broken,
        ignored=ignored,
    )
    files = [restored(WrittenFile, one) for one in values["files"]]
    for one in files:
        _checked(one.path)
    masks = [one["mask"] for one in values["pictures"] if one["mask"] and one["mask"]["from"] and one["mask"]["digest"]]
    return Recorded(
        path=whole,
        written_by=str(values["written_by"]),
        name=str(values["name"]),
        root=str(values["root"]),
        link=values["settings"]["link"],
        export=export,
        mask_digests={one["from"]: one["digest"] for one in masks},
        files={one.path: one for one in files},
        folders=tuple(str(one["folder"]) for one in values["parts"]),
    )


def _checked(path: str) -> None:
    """A path below the set, whatever system reads it."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or ":" in parts[0]:
        raise ValueError(f"it names a path outside the set, {path[:40]!r}")
