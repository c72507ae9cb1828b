"""Sets for tests of the report, put together without a scan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from curate.pages.report import Thumbnail
from curate.records import Analysis, Catalog, Check, Diversity, Facts, Features, Group, LeftOut, Member, Model, Picture

SIZE = (768, 1024)  # px


def digest_of(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def made_up(
    names: Sequence[str],
    captions: Sequence[str | None] | None = None,
    groups: tuple[Group, ...] = (),
    findings: Sequence[str | None] | None = None,
    **changes: object,
) -> Analysis:
    """An analysis of pictures that nobody took: random embeddings, the groups and findings that are given."""
    count = len(names)
    out = {one.row for group in groups if group.kind != "lookalike" for one in group.members}
    vectors = np.random.default_rng(5).normal(size=(count, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    fields: dict[str, object] = {
        "catalog": Catalog(
            folder="/home/somebody/secret place/nora",
            pictures=tuple(
                Picture(path=name, digest=digest_of(name), size_bytes=1, caption=captions[row] if captions else None)
                for row, name in enumerate(names)
            ),
        ),
        "features": Features(
            facts=tuple(_facts(name) for name in names),
            hashes=np.zeros((count, 8), np.uint64),
            embeddings=vectors,
            checks=({},) * count,
        ),
        "model": Model(name="a model", device="cpu", half_similarity=0.95, calibrated=True),
        "checks": tuple(
            {"blur": Check(value=0.5, unit="%", finding=findings[row] if findings else None)} for row in range(count)
        ),
        "groups": groups,
        "diversity": Diversity(
            effective_images=(count - len(out)) * 0.9,
            low=(count - len(out)) * 0.8,
            high=(count - len(out)) * 0.95,
            files=count,
            photographs=count - len(out),
            evenness=0.9,
            weights=np.array([0.0 if row in out else 0.9 for row in range(count)]),
        ),
        "kept": tuple(row not in out for row in range(count)),
    }
    return Analysis(**{**fields, **changes})  # type: ignore[arg-type]


def copy_of(keeper: int, *rows: int, **changes: object) -> Group:
    """A star of proved copies, each cropped to the middle half of its keeper's width and height."""
    fields: dict[str, object] = {
        "kind": "copy", "edit": "cropped to 50 %", "correlation": 0.987, "map": (2.0, 0.0, -0.5, 0.0, 2.0, -0.5)
    }  # fmt: skip
    members = tuple(Member(row=row, **{**fields, **changes}) for row in rows)  # type: ignore[arg-type]
    return Group(kind="copy", keeper=keeper, reason="the highest resolution", members=members)


def thumbs(analysis: Analysis, bytes_each: int = 100) -> dict[str, Thumbnail]:
    """Thumbnails of exactly so many bytes, which no browser could decode."""
    rng = np.random.default_rng(7)
    return {
        picture.digest: Thumbnail(webp=rng.bytes(bytes_each), width=240, height=320)
        for picture in analysis.catalog.pictures
    }


def broken(*names: str) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(path=name, reason="truncated") for name in names)


def _facts(name: str) -> Facts:
    return Facts(
        width=SIZE[0],
        height=SIZE[1],
        format="JPEG",
        mode="RGB",
        orientation=1,
        has_alpha=False,
        frames=1,
        profile="",
        bits=8,
        pixel_digest=digest_of(name),
    )
