"""The JSON of a scan, schema 1: more keys may join, these stay."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from curate.diversity import coverage
from curate.records import Analysis, Check, Group, LeftOut, Region, View

SCHEMA = 1
DIGITS = 4  # of every number that is measured: the rest is noise


def as_json(analysis: Analysis) -> str:
    """One object, ASCII with escapes, so that any file name survives; the same analysis gives the same bytes."""
    return json.dumps(as_object(analysis), indent=1, ensure_ascii=True, allow_nan=False)


def as_object(analysis: Analysis) -> dict[str, Any]:
    """The same as plain Python values."""
    catalog, diversity, model = analysis.catalog, analysis.diversity, analysis.model
    return {
        "schema": SCHEMA,
        "folder": catalog.folder,
        "model": {
            "name": model.name,
            "device": model.device,
            "half_similarity": _number(model.half_similarity) if diversity.measured else None,
            "calibrated": model.calibrated,
        },
        "pictures": [_picture(analysis, row) for row in range(len(catalog.pictures))],
        "broken": [_left_out(file) for file in catalog.broken],
        "ignored": [_left_out(file) for file in catalog.ignored],
        "groups": [_group(analysis, group) for group in analysis.groups],
        "diversity": {
            "measured": diversity.measured,
            "effective_images": _number(diversity.effective_images) if diversity.measured else None,
            "low": _number(diversity.low) if diversity.measured else None,
            "high": _number(diversity.high) if diversity.measured else None,
            "files": diversity.files,
            "photographs": diversity.photographs,
            "evenness": _number(diversity.evenness) if diversity.measured else None,
            "kernel_limited": diversity.kernel_limited,
            "at_least": diversity.at_least,
        },
        "coverage": None if analysis.coverage is None else coverage.as_json(analysis.coverage),
        "decisions": analysis.decisions,
        "notes": list(analysis.notes),
        "shared_with_regularisation": [asdict(one) for one in analysis.shared],
        "search_recall": _number(analysis.recall),
    }


def _picture(analysis: Analysis, row: int) -> dict[str, Any]:
    picture, facts = analysis.catalog.pictures[row], analysis.features.facts[row]
    return {
        "path": picture.path,
        "digest": picture.digest,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "caption": picture.caption,
        "caption_path": picture.caption_path,
        "mask": picture.mask_path,
        "subset": picture.subset,
        "repeats": picture.repeats,
        "role": picture.role,
        "kept": analysis.kept[row],
        "weight": _number(float(analysis.diversity.weights[row])) if analysis.diversity.measured else None,
        "checks": {name: _check(check) for name, check in analysis.checks[row].items()},
        "views": _view(analysis.views[row]) if analysis.views else None,
        "decided": list(analysis.decided[row]) if analysis.decided else [],
    }


def _view(view: View) -> dict[str, Any] | None:
    """None where no source says anything of it."""
    if not view.sources and not view.notes:
        return None
    return {
        "yaw_deg": _number(view.yaw_deg),
        "pitch_deg": _number(view.pitch_deg),
        "roll_deg": _number(view.roll_deg),
        "confidence": _number(view.confidence),
        "framing": view.framing,
        "framing_confidence": _number(view.framing_confidence),
        "sources": list(view.sources),
        "notes": list(view.notes),
    }


def _group(analysis: Analysis, group: Group) -> dict[str, Any]:
    pictures = analysis.catalog.pictures
    return {
        "kind": group.kind,
        "keeper": pictures[group.keeper].path,
        "reason": group.reason,
        "members": [
            {
                "path": pictures[member.row].path,
                "kind": member.kind,
                "edit": member.edit,
                "correlation": _number(member.correlation),
                "similarity": _number(member.similarity),
                "changed": _region(member.changed),
                "map": None if member.map is None else list(member.map),
                "kept": analysis.kept[member.row],
            }
            for member in group.members
        ],
    }


def _check(check: Check) -> dict[str, Any]:
    return {"value": _number(check.value), "unit": check.unit, "finding": check.finding}


def _left_out(file: LeftOut) -> dict[str, str]:
    return {"path": file.path, "reason": file.reason}


def _region(region: Region | None) -> dict[str, float | None] | None:
    return None if region is None else {name: _number(value) for name, value in asdict(region).items()}


def _number(value: float | None) -> float | None:
    return None if value is None else round(float(value), DIGITS)
