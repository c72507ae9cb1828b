"""Decisions as a file: whole there and back, by bytes, and nothing foreign is taken for one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.decisions import Decision, known_to, read, written
from curate.errors import DecisionError
from curate.records import Picture, View

TEXT = st.text(st.characters(codec=None), max_size=20)
DIGEST = st.text("0123456789abcdef", min_size=1, max_size=8)
VIEWS = st.builds(
    View,
    yaw_deg=st.none() | st.floats(-180, 180),
    pitch_deg=st.none() | st.floats(-90, 90),
    framing=st.none() | st.sampled_from(["close_up", "full_body"]),
    sources=st.just(("user",)),
    confidence=st.just(1.0),
)
DECISIONS = st.one_of(
    st.builds(Decision, kind=st.sampled_from(["keep", "leave_out", "keeper"]), digest=DIGEST, path=TEXT, at=TEXT),
    st.builds(Decision, kind=st.just("caption"), digest=DIGEST, path=TEXT, text=TEXT),
    st.builds(Decision, kind=st.just("not_a_copy"), digest=DIGEST, other=st.just("other")),
    st.builds(Decision, kind=st.just("view"), digest=DIGEST, view=VIEWS),
)


@given(st.lists(DECISIONS, max_size=5))
def test_what_is_written_is_read_back_whole(decisions: list[Decision]) -> None:
    assert read(written(decisions, "/a/folder")) == tuple(decisions)


def picture(digest: str, path: str) -> Picture:
    return Picture(path=path, digest=digest, size_bytes=1)


def test_decisions_follow_the_bytes_to_another_folder() -> None:
    here = [picture("a", "new/a.png"), picture("b", "b.png")]
    moved = Decision(kind="keep", digest="a", path="old/a.png")
    same = Decision(kind="keep", digest="b", path="b.png")
    gone = Decision(kind="keep", digest="c")
    half = Decision(kind="not_a_copy", digest="a", other="c")
    known, unknown = known_to(here, [moved, same, gone, half])
    assert [(one.digest, one.path) for one in known] == [("a", ""), ("b", "b.png")]
    assert unknown == (gone, half)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "damaged"),
        ("[1, 2]", "no export"),
        ('{"tags": []}', "no export"),
        (json.dumps({"curate": "decisions", "version": 2, "decisions": []}), "version 2, newer"),
        (json.dumps({"curate": "decisions", "version": 1}), "damaged"),
        (json.dumps({"curate": "decisions", "version": 1, "decisions": [{"kind": "keep"}]}), "damaged"),
        (json.dumps({"curate": "decisions", "version": 1, "decisions": [{"kind": "eat", "digest": "a"}]}), "damaged"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, problem: str) -> None:
    with pytest.raises(DecisionError, match=problem):
        read(text, "mine.json")
