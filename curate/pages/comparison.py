"""Two sets side by side: what each holds, and which pictures left and came, by their bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curate.errors import ManifestError
from curate.pages.as_json import as_object
from curate.records import Analysis

_ADVICE = "Give a folder, a curate-manifest.json or what `curate scan --json` printed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two: the pictures of the subject that are trained on, and what they are worth."""

    name: str
    kind: str  # scan, scan of before (JSON), export (manifest)
    pictures: Mapping[str, tuple[str, ...]]  # digest -> paths, of those that are kept
    left_out: Mapping[str, str]  # digest -> why, of those that are there and not kept
    effective_images: float | None  # None: not measured
    effective_range: tuple[float, float] | None = None
    views: tuple[int, int] | None = None  # seen, wanted; None: not measured
    model: str = ""  # the embedder; "" where it is not told
    coverage: str = ""  # its headline
    matrix: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    # view -> framing -> effective images; {} where views were not measured
    folder: str = ""  # where the files of its pictures lie; "" where that is not told

    @property
    def files(self) -> int:
        return sum(len(paths) for paths in self.pictures.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How often pictures are seen in a run, drawn evenly."""

    per_file: float
    per_effective_image: float | None  # None: not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A picture that only one of the two has."""

    digest: str
    path: str
    why: str  # what is known of it on the other side; "" where its bytes are not there


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A and B, before and after: `left` is in A alone, `came` in B alone."""

    a: Side
    b: Side
    samples: int  # pictures drawn in the run that `exposures` are for: steps times batch size
    exposures: tuple[Exposure, Exposure]
    left: tuple[Moved, ...]  # by path
    came: tuple[Moved, ...]
    stayed: int  # pictures that both have
    notes: tuple[str, ...] = ()  # why the two may not be comparable, one line each


def compare(a: Side, b: Side, samples: int) -> Comparison:
    """What changed from A to B; `samples` pictures are drawn from either, evenly: optimizer steps times batch size."""
    return Comparison(
        a=a,
        b=b,
        samples=samples,
        exposures=(_exposure(a, samples), _exposure(b, samples)),
        left=_only(a, b),
        came=_only(b, a),
        stayed=len(a.pictures.keys() & b.pictures.keys()),
        notes=tuple(_notes(a, b)),
    )


def side_of(analysis: Analysis, name: str) -> Side:
    """An analysis as one side."""
    return _of_scan(as_object(analysis), name, "scan")


def side_from_file(path: Path) -> Side:
    """A manifest, or the JSON of a scan, as one side. Raises ManifestError for anything else."""
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(path, error.strerror or "cannot be read", _ADVICE) from None
    except (ValueError, RecursionError):
        raise ManifestError(path, "it is not JSON", _ADVICE) from None
    try:
        if "parts" in values:
            return _of_manifest(values, str(path))
        return _of_scan(values, str(path), "scan of before")
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ManifestError(path, f"neither a manifest nor a scan ({type(error).__name__}: {error})", _ADVICE) from None


def _of_scan(values: Mapping[str, Any], name: str, kind: str) -> Side:
    subject = [one for one in values["pictures"] if one["role"] == "subject"]
    why = {
        member["path"]: f"{member['kind']} of {group['keeper']}: {member['edit']}"
        for group in values["groups"]
        for member in group["members"]
        if group["kind"] != "lookalike"
    }
    diversity, coverage = values["diversity"], values.get("coverage") or {"measured": False, "headline": ""}
    unmeasured = diversity["effective_images"] is None
    kept = _by_digest((str(one["digest"]), str(one["path"])) for one in subject if one["kept"])
    return Side(
        name=name,
        kind=kind,
        pictures=kept,
        left_out={
            str(one["digest"]): why.get(one["path"], "left out by you")
            for one in subject
            if not one["kept"] and one["digest"] not in kept
        },
        effective_images=None if unmeasured else float(diversity["effective_images"]),
        effective_range=None if unmeasured else (float(diversity["low"]), float(diversity["high"])),
        views=(int(coverage["views_seen"]), int(coverage["views_wanted"])) if coverage["measured"] else None,
        model=str(values["model"]["name"]),
        coverage=str(coverage["headline"]),
        matrix={
            str(view): {str(framing): float(mass) for framing, mass in masses.items()}
            for view, masses in (coverage.get("matrix") or {}).items()
        },
        folder=str(values.get("folder") or ""),
    )


def _of_manifest(values: Mapping[str, Any], name: str) -> Side:
    subject = [one for one in values["pictures"] if one["role"] == "subject" and not one.get("held_out")]
    weights = [one["weight"] for one in subject]
    kept = _by_digest((str(one["digest"]), str(one["path"])) for one in subject)
    return Side(
        name=name,
        kind="export",
        pictures=kept,
        left_out={
            str(one["digest"]): str(one["reason"])
            for one in values["left_out"]
            if one["digest"] and one["digest"] not in kept
        },
        effective_images=None if None in weights else float(sum(weights)),
        folder=str(values.get("source") or ""),
    )


def _by_digest(pairs: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for digest, path in pairs:
        found[digest] = (*found.get(digest, ()), path)
    return found


def _exposure(side: Side, samples: int) -> Exposure:
    worth = side.effective_images
    return Exposure(
        per_file=samples / side.files if side.files else 0.0, per_effective_image=samples / worth if worth else None
    )


def _only(here: Side, there: Side) -> tuple[Moved, ...]:
    """The pictures that are only here, with what the other side knows of them."""
    found = [
        Moved(digest=digest, path=paths[0], why=there.left_out.get(digest, ""))
        for digest, paths in here.pictures.items()
        if digest not in there.pictures
    ]
    return tuple(sorted(found, key=lambda one: (one.path, one.digest)))


def _notes(a: Side, b: Side) -> Sequence[str]:
    notes = []
    if a.model and b.model and a.model != b.model:
        notes.append(f"they were seen by different models ({a.model}, {b.model}): effective images do not compare")
    if a.pictures and b.pictures and not a.pictures.keys() & b.pictures.keys():
        notes.append("they share no file byte for byte; pictures that were written anew count as others")
    return notes
