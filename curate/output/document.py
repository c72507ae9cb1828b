"""What an export did, as plain values, for --json."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from curate.output.layouts import layout
from curate.output.records import Written
from curate.output.repeating import Compared

SCHEMA = 1  # more keys may join, these stay


def as_json(written: Written, compared: Compared | None = None) -> dict[str, Any]:
    """`compared`: the result beside the manifest that it repeats."""
    draft = written.draft
    made = sum(one.caption.made for _, one in draft.pictures())
    return {
        "schema": SCHEMA,
        "source": draft.export.folder,
        "destination": written.destination,
        "trainer": draft.settings.trainer,
        "dry_run": written.dry_run,
        "pictures": written.pictures,
        "left_out": dict(written.left_out),
        "captions": {"yours": written.pictures - made, "written_by_curate": made},
        "location": {
            "taken_out": sum(one.location == "taken out" for _, one in draft.pictures()),
            "kept": sum(one.location == "kept" for _, one in draft.pictures()),
        },
        "parts": [
            {
                "folder": one.folder,
                "pictures": len(one.pictures),
                "repeats": one.repeats,
                "role": one.role,
                "held_out": one.held_out,
            }
            for one in draft.every()
        ],
        "selection": asdict(draft.export.selection),
        "config": written.config,
        "steps": draft.steps,
        "epochs": draft.epochs,
        "command": layout(draft.settings.trainer).command(draft) or None,
        "notes": [*draft.notes, *written.notes],
        "update": asdict(written.changes) if written.changes else None,
        "like": {**asdict(compared), "identical": compared.identical} if compared else None,
        "listing": list(written.lines),
    }
