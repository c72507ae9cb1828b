"""Every file below a folder, each once, with links followed only as far as is safe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from curate.records import LeftOut

_HIDDEN = frozenset(("__macosx", "thumbs.db", "desktop.ini"))  # of macOS and Windows; others begin with a dot
_CACHE_FOLDERS = frozenset(("cache", "_latent_cache", "_t_e_cache"))  # diffusion-pipe's; ai-toolkit's two
_CONTROL_FOLDER = "_controls"  # ai-toolkit's


@dataclass(slots=True)
class Listing:
    """What lies below a folder. Paths are relative to it, with forward slashes."""

    files: list[str] = field(default_factory=list)  # to be looked at
    folders: set[str] = field(default_factory=set)  # that were entered
    broken: list[LeftOut] = field(default_factory=list)
    ignored: list[LeftOut] = field(default_factory=list)

    def add(self, start: str, other: Listing) -> None:
        """Takes what lies in another folder in, as if that were at `start`."""
        self.files = sorted([*self.files, *(f"{start}/{path}" for path in other.files)])
        self.folders |= {start, *(f"{start}/{path}" for path in other.folders if path)}
        self.broken += [LeftOut(path=f"{start}/{one.path}", reason=one.reason) for one in other.broken]
        self.ignored += [LeftOut(path=f"{start}/{one.path}", reason=one.reason) for one in other.ignored]


def walk(root: str) -> Listing:
    """Lists `root`, files sorted by path. Raises OSError where `root` itself cannot be listed."""
    walker = _Walker(root)
    walker.enter("")
    walker.follow_links()
    walker.listing.files.sort()
    return walker.listing


class _Walker:
    def __init__(self, root: str) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.listing = Listing()
        self.links: list[str] = []  # to folders
        self.seen: set[tuple[int, int]] = set()  # device and inode of the folders that were entered

    def enter(self, start: str) -> None:
        """Lists one folder and what is below it; a folder that was entered already is left alone."""
        waiting: list[tuple[str, str]] = [(start, "")]  # folder, and why all in it is ignored
        while waiting:
            folder, why = waiting.pop()
            try:
                status = Path(self._whole(folder)).stat()
                if not why and (status.st_dev, status.st_ino) in self.seen:
                    continue  # reached by a mount or a junction
                with os.scandir(self._whole(folder)) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if not folder:
                    raise
                self.listing.broken.append(LeftOut(path=folder, reason=f"folder cannot be read: {error.strerror}"))
                continue
            if not why:
                self.seen.add((status.st_dev, status.st_ino))
                self.listing.folders.add(folder)
            waiting.extend(self._sort(folder, why, found))

    def _sort(self, folder: str, why: str, entries: list[os.DirEntry[str]]) -> Iterator[tuple[str, str]]:
        """Puts files where they belong, and gives the folders to enter."""
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _is_folder(entry):
                yield path, why or _why_folder(entry.name)
            elif reason := why or _why_file(entry.name):
                self.listing.ignored.append(LeftOut(path=path, reason=reason))
            elif _is_folder_link(entry):
                self.links.append(path)
            else:
                self.listing.files.append(path)

    def follow_links(self) -> None:
        """Enters links to folders inside the root that nothing else leads to."""
        while self.links:
            self.links.sort(reverse=True)
            path = self.links.pop()
            target = os.path.realpath(self._whole(path))
            if not _is_inside(target, self.real_root):
                self.listing.ignored.append(LeftOut(path=path, reason="link to a folder outside"))
                continue
            try:
                status = Path(target).stat()
            except OSError as error:
                self.listing.broken.append(LeftOut(path=path, reason=f"folder cannot be read: {error.strerror}"))
                continue
            if (status.st_dev, status.st_ino) in self.seen:
                self.listing.ignored.append(LeftOut(path=path, reason="link to a folder that is scanned already"))
            else:
                self.enter(path)

    def _whole(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root


def why_ignored(path: str) -> str:
    """Why a file is left alone by its path; "" for one to be looked at."""
    *folders, name = path.split("/")
    return next(filter(None, map(_why_folder, folders)), "") or _why_file(name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and not _is_junction(entry)
    except OSError:
        return False


def _is_folder_link(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and (entry.is_symlink() or _is_junction(entry))
    except OSError:
        return False


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Windows' other kind of link to a folder; Python can tell from 3.12 on."""
    tell = getattr(entry, "is_junction", None)
    return bool(tell and tell())


def _is_inside(target: str, root: str) -> bool:
    try:
        return os.path.commonpath((target, root)) == root
    except ValueError:  # another drive
        return False


def _why_file(name: str) -> str:
    if name.startswith(".") or name.lower() in _HIDDEN:
        return "hidden"
    return "manifest of an export by curate" if name == "curate-manifest.json" else ""


def _why_folder(name: str) -> str:
    lower = name.lower()
    if name.startswith(".") or lower in _HIDDEN:
        return "in a hidden folder"
    if lower in _CACHE_FOLDERS or lower.endswith("_cache"):
        return "in a trainer's cache folder"
    return "control picture of ai-toolkit" if lower == _CONTROL_FOLDER else ""
