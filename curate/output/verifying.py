"""Whether an exported set still is what curate wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import ManifestError
from curate.output import tree
from curate.output.recorded import FILE, read

SCHEMA = 1  # of the JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What became of the files that a manifest names; paths below the set."""

    destination: str
    written_by: str
    files: int  # that the manifest names
    missing: tuple[str, ...]
    changed: tuple[str, ...]  # other content, or none that can be read
    added: tuple[str, ...]  # in the folder, and not in the manifest

    @property
    def sound(self) -> bool:
        return not (self.missing or self.changed or self.added)

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "destination": self.destination,
            "written_by": self.written_by,
            "sound": self.sound,
            "files": self.files,
            "missing": list(self.missing),
            "changed": list(self.changed),
            "added": list(self.added),
        }


def verify(destination: Path, progress: Callable[[int, int], None] | None = None) -> Verified:
    """Reads every file of an exported set again and compares its SHA-256 with the manifest's. Writes nothing.

    Raises ManifestError where the manifest is missing, unreadable, changed, foreign or of a newer curate.
    """
    record = read(destination)
    folder = record.folder
    missing, changed = [], []
    for done, (path, written) in enumerate(record.files.items(), start=1):
        try:
            if tree.digest_of(folder / path) != written.digest:
                changed.append(path)
        except (FileNotFoundError, NotADirectoryError):
            missing.append(path)
        except OSError:
            changed.append(path)
        if progress:
            progress(done, len(record.files))
    known = {tree.composed(path) for path in (*record.files, FILE)}
    try:
        added = [one.path for one in tree.walk(folder) if not one.is_folder and tree.composed(one.path) not in known]
    except OSError as error:
        raise ManifestError(folder, f"cannot be read: {error.strerror}", "Check its permissions") from None
    return Verified(
        destination=str(folder),
        written_by=record.written_by,
        files=len(record.files),
        missing=tuple(sorted(missing)),
        changed=tuple(sorted(changed)),
        added=tuple(sorted(added)),
    )


def lines(found: Verified) -> tuple[str, ...]:
    """The result in words, each file named."""
    told = [
        f"{title}: {path}"
        for title, paths in (("missing", found.missing), ("changed", found.changed), ("added", found.added))
        for path in paths
    ]
    if found.sound:
        return (f"{found.destination}: all {found.files:,} files are as {found.written_by} wrote them",)
    counts = f"{len(found.missing):,} missing, {len(found.changed):,} changed, {len(found.added):,} added"
    return (*told, f"{found.destination}: {counts}, of {found.files:,} files")
