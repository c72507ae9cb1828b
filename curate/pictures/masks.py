"""Masks: they say where in another picture the loss counts, belong to that picture, and are no pictures themselves.

`<stem>-masklabel.png` beside the picture is OneTrainer's way; a folder of same-stem files is that of ai-toolkit,
diffusion-pipe and kohya's conditioning folder.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from curate.records import LeftOut

MASK_FOLDERS = frozenset(("mask", "masks"))
_MASK_END, _CONDITION_END = "-masklabel", "-condlabel"  # OneTrainer's
_SHARE = 0.5  # of a mask folder's stems that must have a picture; a subject may be called "mask" as well


@dataclass(frozen=True, slots=True)
class Masks:
    """Which pictures are masks of others."""

    of: Mapping[str, str]  # picture -> its mask
    ignored: tuple[LeftOut, ...]

    @property
    def paths(self) -> frozenset[str]:
        """All that is not a picture of its own."""
        return frozenset(self.of.values()) | {left.path for left in self.ignored}


def find(pictures: Iterable[str]) -> Masks:
    """Tells masks from pictures, among files that are all pictures by their content."""
    rest = sorted(pictures)
    labels = [path for path in rest if _stem(path).endswith((_MASK_END, _CONDITION_END))]
    unlabelled = set(rest).difference(labels)
    folders: dict[str, list[str]] = {}  # mask folder -> files
    for path in sorted(unlabelled):
        if (folder := _mask_folder(path)) is not None:
            folders.setdefault(folder, []).append(path)
    inside = {path for paths in folders.values() for path in paths}
    proper = sorted(unlabelled - inside)
    of: dict[str, str] = {}
    ignored: list[LeftOut] = []
    for folder, paths in folders.items():
        _from_folder(folder, paths, proper, of, ignored)
    taken = set(of.values()) | {left.path for left in ignored}
    _from_labels(labels, sorted(unlabelled - taken), of, ignored)
    return Masks(of, tuple(ignored))


def _from_labels(labels: list[str], pictures: list[str], of: dict[str, str], ignored: list[LeftOut]) -> None:
    by_stem = _grouped(pictures, _whole_stem)
    for label in labels:
        whole = posixpath.splitext(label)[0]
        if whole.endswith(_CONDITION_END):
            ignored.append(LeftOut(path=label, reason="conditioning picture of OneTrainer: not used"))
            continue
        owners = by_stem.get(whole.removesuffix(_MASK_END), [])
        _give(label, owners, of, ignored)


def _from_folder(
    folder: str, masks: list[str], pictures: list[str], of: dict[str, str], ignored: list[LeftOut]
) -> None:
    """Takes `folder` for a mask folder where at least half of its files have a picture outside it."""
    parent = folder.rpartition("/")[0]
    near = [path for path in pictures if not parent or path.startswith(parent + "/")]
    by_stem = _grouped(near, _whole_stem)
    by_name = _grouped(near, _stem)
    owners = {mask: _owners(mask, folder, by_stem, by_name) for mask in masks}
    if sum(bool(found) for found in owners.values()) < _SHARE * len(masks):
        return
    for mask, found in owners.items():
        _give(mask, found, of, ignored)


def _owners(mask: str, folder: str, by_stem: Mapping[str, list[str]], by_name: Mapping[str, list[str]]) -> list[str]:
    """The pictures of a mask: those at the same place beside the mask folder, else all of that name near it."""
    parent = folder.rpartition("/")[0]
    place = posixpath.splitext(mask)[0][len(folder) + 1 :]
    return by_stem.get(f"{parent}/{place}" if parent else place) or by_name.get(_stem(mask), [])


def _give(mask: str, owners: list[str], of: dict[str, str], ignored: list[LeftOut]) -> None:
    if len({owner.rpartition("/")[0] for owner in owners}) > 1:
        ignored.append(LeftOut(path=mask, reason="mask that fits pictures in several folders"))
        return
    free = [owner for owner in owners if owner not in of]
    of.update(dict.fromkeys(free, mask))
    if not owners:
        ignored.append(LeftOut(path=mask, reason="mask without a picture"))
    elif not free:
        ignored.append(LeftOut(path=mask, reason=f"mask not used: {of[owners[0]]} comes first"))


def _mask_folder(path: str) -> str | None:
    """The topmost folder of that name that `path` lies in."""
    parts = path.split("/")[:-1]
    depth = next((at for at, part in enumerate(parts, start=1) if part.lower() in MASK_FOLDERS), None)
    return None if depth is None else "/".join(parts[:depth])


def _whole_stem(path: str) -> str:
    return posixpath.splitext(path)[0]


def _stem(path: str) -> str:
    return posixpath.splitext(path.rpartition("/")[2])[0]


def _grouped(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for path in paths:
        groups.setdefault(key(path), []).append(path)
    return groups
