"""curate-manifest.json: every file of the source, where it went and what was done to it, or why it was left out.

It holds all that the export was made from too, so that the export can be repeated without a scan. Nothing in it depends
on the time or the machine's load: the same export writes the same manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from curate import __version__
from curate.output.plain import as_json, plain
from curate.output.recorded import FILE, SCHEMA, sealed
from curate.output.records import Draft, Left, Link, Part, Placed, WrittenFile

__all__ = ["FILE", "SCHEMA", "manifest"]


def manifest(
    draft: Draft, files: Sequence[WrittenFile], link: Link = "", digests: Mapping[str, str] | None = None
) -> str:
    """The manifest as text: JSON in ASCII, whatever the names of the files; a line for each of them.

    `digests`: SHA-256 of the source's files that are no pictures of the set, by path: captions, masks, broken files.
    """
    read = digests or {}
    values = {
        "schema": SCHEMA,
        "written_by": f"curate {__version__}",
        "source": draft.export.folder,
        "name": draft.name,
        "root": draft.root,
        "settings": {**asdict(draft.settings), "link": link},
        "training": {**_training(draft), "steps": draft.steps, "epochs_counted": draft.epochs},
        "notes": list(draft.notes),
        "parts": [_part(part) for part in draft.every()],
        "pictures": [_picture(part, one, read) for part in draft.every() for one in part.pictures],
        "left_out": [_left(left, read) for left in draft.left_out],
        "made_from": plain(replace(draft.export, items=(), broken=(), ignored=())),
        "items": sorted(draft.export.items, key=lambda item: item.picture.path),
        "files": list(files),
    }
    return sealed("{\n" + "".join(_lines(values)))


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    """An entry a line, and each record of a list on a line of its own: short to read, and quick to write."""
    for key, value in values.items():
        if isinstance(value, list) and value:
            yield f'"{key}": [\n  {_rows(value)}\n],\n'
        elif isinstance(value, dict) and value:
            rows = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(content)}" for name, content in value.items())
            yield f'"{key}": {{\n  {rows}\n}},\n'
        else:
            yield f'"{key}": {json.dumps(value)},\n'


def _rows(records: Sequence[Any]) -> str:
    """JSON of the records, with a line for each, encoded in one go: one by one takes twice as long.

    A record ends where the next begins with the same key. No text can look like that, since its quotes are escaped.
    """
    text = as_json(records)[1:-1]
    start = text[: text.find(": ")]  # {"path", or the start of a text in a list of texts
    return text.replace(f"}}, {start}: ", f"}},\n  {start}: ") if start.startswith("{") else text


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
        "held_out": part.held_out,
        "pictures": len(part.pictures),
    }


def _picture(part: Part, placed: Placed, digests: Mapping[str, str]) -> dict[str, Any]:
    picture = placed.item.picture
    prefix = f"{part.folder}/" if part.folder else ""
    return {
        "path": picture.path,
        "digest": picture.digest,
        "to": prefix + placed.file,
        "role": part.role,
        "part": part.folder,
        "repeats": part.repeats,
        "held_out": part.held_out,
        "weight": placed.item.weight,
        "pixels": {"encoded_as": placed.encoding, "because": list(placed.fixes)},
        "location": placed.location or None,
        "caption": {
            "text": placed.caption.text,
            "from": placed.caption.source,
            "digest": digests.get(placed.caption.source or ""),
            "changes": list(placed.caption.changes),
        },
        "mask": _mask(placed, digests),
    }


def _mask(placed: Placed, digests: Mapping[str, str]) -> dict[str, Any] | None:
    mask = placed.mask
    if mask is None:
        return None
    digest = placed.item.picture.digest if mask.alpha_of_source else digests.get(mask.source)
    return {"from": mask.source or None, "digest": digest, "transparency": mask.alpha_of_source}


def _left(left: Left, digests: Mapping[str, str]) -> dict[str, Any]:
    evidence = asdict(left.evidence) if left.evidence else None
    return {
        "path": left.path,
        "digest": left.digest or digests.get(left.path),
        "cause": left.cause,
        "reason": left.reason,
        "evidence": evidence,
    }
