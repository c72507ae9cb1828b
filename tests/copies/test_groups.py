"""Groups are stars round the best file: on made-up proofs, so that every shape of relation can be drawn."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curate.copies.align import Proof
from curate.copies.edits import File
from curate.copies.groups import Evidence, natural, stars
from curate.copies.overlap import Extent, Overlap
from curate.copies.prove import turned
from curate.records import Facts, Group, Picture, Region

WHOLE = Extent(width=1, height=1, area=1, edge=0)
GOOD = Overlap(blocks=100, fine=0.99, coarse=0.99, matching=1, low=0.95, detail=0.95)


def proof(**changes: object) -> Proof:
    affine = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    values = {"same": True, "mirrored": False, "affine": affine, "inliers": 99, "overlap": GOOD}
    return Proof(**{**values, "extent_a": WHOLE, "extent_b": WHOLE, "detail": 0.95, **changes})  # type: ignore[arg-type]


def facts(name: str, width: int = 1000, pixels: str | None = None) -> Facts:
    return Facts(
        width=width, height=width, format="JPEG", mode="RGB", orientation=1, has_alpha=False, frames=1, profile="",
        bits=8, pixel_digest=pixels or name,
    )  # fmt: skip


def picture(name: str, caption: str | None = "a caption", subset: str = "") -> Picture:
    problem = None if caption else "missing"
    return Picture(
        path=name, digest=f"digest of {name}", size_bytes=10**5, caption=caption, caption_problem=problem, subset=subset
    )


def grouped(
    names: list[str],
    proofs: Mapping[tuple[str, str], Proof],
    widths: Mapping[str, int] | None = None,
    captions: Mapping[str, str | None] | None = None,
    pixels: Mapping[str, str] | None = None,
    alike: Mapping[str, list[str]] | None = None,
) -> tuple[list[str], tuple[Group, ...]]:
    row = {name: at for at, name in enumerate(names)}
    known = {}
    for (a, b), found in proofs.items():
        known[row[a], row[b]] = found
        known[row[b], row[a]] = turned(found)
    evidence = Evidence(
        rows=range(len(names)),
        pictures=[picture(name, (captions or {}).get(name, "a caption")) for name in names],
        files=[
            File(facts=facts(n, (widths or {}).get(n, 1000), (pixels or {}).get(n)), checks={}, bytes_per_pixel=0.3)
            for n in names
        ],
        proofs={(min(pair), max(pair)): found for pair, found in known.items() if pair[0] < pair[1]},
        prove=lambda a, b: known.get((a, b)),
        similarity=lambda a, b: 0.9,
        alike={row[a]: [row[b] for b in others] for a, others in (alike or {}).items()},
    )
    return names, stars(evidence)


def as_names(names: list[str], groups: tuple[Group, ...], kind: str = "copy") -> list[tuple[str, set[str]]]:
    return [(names[g.keeper], {names[m.row] for m in g.members}) for g in groups if g.kind == kind]


def test_a_chain_does_not_swallow_what_is_no_direct_copy() -> None:
    found = grouped(["a", "b", "c"], {("a", "b"): proof(), ("b", "c"): proof()})
    assert as_names(*found) == [("a", {"b"})]


def test_the_larger_picture_is_kept_with_its_reason() -> None:
    names, groups = grouped(["a", "b"], {("a", "b"): proof()}, widths={"a": 500, "b": 1000})
    assert as_names(names, groups) == [("b", {"a"})]
    assert groups[0].reason == "the highest resolution"


def test_a_crop_gives_way_to_the_whole_picture() -> None:
    part = Extent(width=0.8, height=0.8, area=0.64, edge=0.1)
    names, groups = grouped(["crop", "whole"], {("whole", "crop"): proof(extent_a=part)})
    assert as_names(names, groups) == [("whole", {"crop"})]
    assert "cropped to 80 %" in groups[0].members[0].edit


def test_a_framed_picture_gives_way_even_if_it_is_larger() -> None:
    inside = Extent(width=0.8, height=0.8, area=0.64, edge=0.9)
    found = grouped(
        ["framed", "plain"], {("plain", "framed"): proof(extent_b=inside)}, widths={"framed": 1250, "plain": 1000}
    )
    assert as_names(*found) == [("plain", {"framed"})]


def test_equal_pixels_are_identical_and_the_captioned_one_is_kept() -> None:
    names, groups = grouped(
        ["a", "b", "c"], {}, captions={"a": None, "b": "words", "c": None}, pixels=dict.fromkeys("abc", "same")
    )
    assert as_names(names, groups, "identical") == [("b", {"a", "c"})]
    assert {member.kind for member in groups[0].members} == {"identical"}
    assert groups[0].reason == "has a caption"


REGION = Region(left=0.1, top=0.1, right=0.3, bottom=0.3, share=0.04)


def test_one_changed_region_with_another_caption_is_a_look_alike() -> None:
    changed = proof(changed=REGION, changed_share=0.04, remade_share=0.04)
    _, groups = grouped(["a", "b"], {("a", "b"): changed}, captions={"a": "she smiles", "b": "she frowns"})
    assert [group.kind for group in groups] == ["lookalike"]
    assert "upper left" in groups[0].members[0].edit


def test_one_changed_region_with_the_same_or_no_caption_is_a_copy_that_names_it() -> None:
    changed = proof(changed=REGION, changed_share=0.04, remade_share=0.04)
    for captions in ({"a": "words", "b": " Words "}, {"a": "words", "b": None}):
        _, groups = grouped(["a", "b"], {("a", "b"): changed}, captions=captions)
        assert [group.kind for group in groups] == ["copy"]
        assert "one region differs (upper left, 4.0 % of the picture)" in groups[0].members[0].edit


def test_a_deep_crop_is_a_look_alike() -> None:
    head = Extent(width=0.4, height=0.4, area=0.16, edge=0.1)
    _, groups = grouped(["figure", "head"], {("figure", "head"): proof(extent_a=head)})
    assert [group.kind for group in groups] == ["lookalike"]
    assert "another framing of the same photograph" in groups[0].members[0].edit


def test_look_alikes_are_keepers_only() -> None:
    names, groups = grouped(
        ["a", "b", "c"], {("a", "b"): proof()}, alike={"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"]}
    )
    assert as_names(names, groups, "copy") == [("a", {"b"})]
    assert as_names(names, groups, "lookalike") == [("a", {"c"})]


def test_names_sort_as_people_count() -> None:
    assert sorted(["img10", "img2", "IMG1"], key=natural) == ["IMG1", "img2", "img10"]


@st.composite
def relations(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]], dict[str, int]]:
    names = [f"p{n}" for n in range(draw(st.integers(2, 7)))]
    pairs = draw(st.lists(st.sampled_from(list(itertools.combinations(names, 2))), unique=True))
    widths = {name: draw(st.sampled_from([400, 1000, 2000])) for name in names}
    return names, pairs, widths


@given(relations(), st.randoms(use_true_random=False))
def test_every_member_is_a_direct_copy_and_the_order_of_files_does_not_matter(drawn, random) -> None:  # type: ignore[no-untyped-def]
    names, pairs, widths = drawn
    proofs = {pair: proof() for pair in pairs}
    first = as_names(*grouped(names, proofs, widths))
    for keeper, members in first:
        for member in members:
            assert (keeper, member) in proofs or (member, keeper) in proofs
    placed = [name for keeper, members in first for name in (keeper, *members)]
    assert len(placed) == len(set(placed))
    shuffled = names[:]
    random.shuffle(shuffled)
    again = as_names(*grouped(shuffled, proofs, widths))
    assert sorted(map(str, ((k, sorted(m)) for k, m in first))) == sorted(map(str, ((k, sorted(m)) for k, m in again)))
