"""What the folders of a set mean: subsets, repeats, regularisation.

kohya's rule (sd-scripts, library/config_util.py): a folder `N_name` is a subset that is repeated N times, N >= 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from curate import addresses
from curate.errors import FolderError
from curate.records import Role

REGULARISATION_FOLDERS = frozenset(("reg", "regularisation", "regularization", "reg_images", "class", "class_images"))
_REPEATED = re.compile(r"([0-9]+)(?:_.*)?\Z", re.DOTALL)
_IMAGE_FOLDERS = frozenset(("", "img"))  # kohya's GUI lays its subsets out below img/


def subset_of(path: str) -> tuple[str, int]:
    """The folder that the picture at `path` is laid out in, and that folder's repeats."""
    folder = path.rpartition("/")[0]
    parent, _, name = folder.rpartition("/")
    match = _REPEATED.match(name)
    if match and (parent in _IMAGE_FOLDERS or parent.lower() in REGULARISATION_FOLDERS):
        return folder, max(1, int(match[1]))
    return folder, 1


def is_laid_out(subset: str) -> bool:
    """Whether a folder's name gives it repeats of its own, so that its pictures are a subset of their own."""
    return _REPEATED.match(subset.rpartition("/")[2]) is not None


def role_of(path: str, named: frozenset[str]) -> Role:
    """Regularisation below a folder of that name, or below one of those `named`; else subject."""
    first, slash, _ = path.partition("/")
    if slash and first.lower() in REGULARISATION_FOLDERS:
        return "regularisation"
    if not named:
        return "subject"
    parts = path.split("/")[:-1]
    above = {"/".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
    return "regularisation" if above & named else "subject"


def outside_of(root: str, names: Sequence[str], folders: set[str]) -> dict[str, tuple[str, str]]:
    """Of the folders that the user named those that lie elsewhere: name -> (start of their files' paths, whole path).

    Their files are told as `reg/...`, or by the next of the usual names that the set itself does not have. A folder
    whose own name gives repeats, such as 2_man, keeps it. Raises FolderError for one that holds the set.
    """
    taken = {folder.partition("/")[0].lower() for folder in folders}
    free = [name for name in ("reg", *sorted(REGULARISATION_FOLDERS - {"reg"})) if name not in taken]
    real_root = os.path.realpath(root)
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        whole = addresses.whole(name) if addresses.is_address(name) else os.path.realpath(Path(name).expanduser())
        if addresses.is_address(name):
            if addresses.same_or_above(root, whole):
                continue
        elif _is_below(name, folders) or not Path(whole).is_dir() or _holds(real_root, whole):
            continue
        if _holds(whole, real_root) or addresses.same_or_above(whole, root):
            raise FolderError(whole, "holds the set itself", "Give regularisation pictures a folder of their own")
        if not free:
            raise FolderError(whole, "one regularisation folder too many", "Put them together in one folder")
        start, own = free.pop(0), whole.replace(os.sep, "/").rpartition("/")[2]
        found[name] = f"{start}/{own}" if _REPEATED.match(own) else start, whole
    return found


def _is_below(name: str, folders: set[str]) -> bool:
    """Whether the set has a folder of that path or bare name, which then is meant; a bare dot means none at all."""
    path = os.path.normpath(name).replace(os.sep, "/")
    if path in (".", ".."):
        return True
    return path in folders or any(folder.rpartition("/")[2] == name for folder in folders)


def _holds(above: str, folder: str) -> bool:
    return folder == above or folder.startswith(above.rstrip(os.sep) + os.sep)


def find_named(root: str, names: Sequence[str], folders: set[str]) -> frozenset[str]:
    """The folders that the user named, by path or by bare name. Raises FolderError for one that is not there."""
    found: set[str] = set()
    for name in names:
        path = os.path.relpath(name, root) if Path(name).is_absolute() else os.path.normpath(name)
        if addresses.is_address(name):
            path = addresses.whole(name)[len(root) + 1 :] or "."
        path = path.replace(os.sep, "/")
        matches = {path} & folders or {folder for folder in folders if folder.rpartition("/")[2] == name}
        if not matches or path == ".":
            advice = "Name a sub-folder, or any folder by its path, with --regularisation"
            raise FolderError(root, f"no folder {name!r} below it", advice)
        found |= matches
    return frozenset(found)
