"""curate-manifest.json: every file of the source, where it went and what was done to it, or why it was left out.

Nothing in it depends on the time or the machine's load: the same export writes the same manifest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from curate import __version__
from curate.output.records import Draft, Left, Link, Part, Placed, WrittenFile

SCHEMA = 1  # raised where a key changes its meaning or goes
FILE = "curate-manifest.json"


def manifest(draft: Draft, files: Sequence[WrittenFile], link: Link = "") -> str:
    """The manifest as text: JSON in ASCII, whatever the names of the files."""
    values = {
        "schema": SCHEMA,
        "written_by": f"curate {__version__}",
        "source": draft.export.folder,
        "name": draft.name,
        "settings": {**asdict(draft.settings), "link": link},
        "training": {**_training(draft), "steps": draft.steps, "epochs_counted": draft.epochs},
        "parts": [_part(part) for part in draft.parts],
        "pictures": [_picture(part, placed) for part in draft.parts for placed in part.pictures],
        "left_out": [_left(left) for left in draft.left_out],
        "files": [{"path": one.path, "digest": one.digest, "size_bytes": one.size_bytes} for one in files],
    }
    return json.dumps(values, indent=1, ensure_ascii=True) + "\n"


def _training(draft: Draft) -> dict[str, Any]:
    values = asdict(draft.values)
    values["options"] = dict(draft.values.options)
    values["subset_repeats"] = dict(draft.values.subset_repeats)
    return values


def _part(part: Part) -> dict[str, Any]:
    return {
        "folder": part.folder,
        "label": part.label,
        "repeats": part.repeats,
        "role": part.role,
        "pictures": len(part.pictures),
    }


def _picture(part: Part, placed: Placed) -> dict[str, Any]:
    picture = placed.item.picture
    prefix = f"{part.folder}/" if part.folder else ""
    return {
        "path": picture.path,
        "digest": picture.digest,
        "to": prefix + placed.file,
        "role": part.role,
        "weight": placed.item.weight,
        "pixels": {"encoded_as": placed.encoding, "because": list(placed.fixes)},
        "caption": {
            "text": placed.caption.text,
            "from": placed.caption.source,
            "changes": list(placed.caption.changes),
        },
        "mask": _mask(placed),
    }


def _mask(placed: Placed) -> dict[str, Any] | None:
    if placed.mask is None:
        return None
    return {"from": placed.mask.source or None, "transparency": placed.mask.alpha_of_source}


def _left(left: Left) -> dict[str, Any]:
    evidence = asdict(left.evidence) if left.evidence else None
    return {
        "path": left.path,
        "digest": left.digest or None,
        "cause": left.cause,
        "reason": left.reason,
        "evidence": evidence,
    }
