"""Captions are judged over the whole set: by photograph, not by file."""

from hypothesis import given
from hypothesis import strategies as st

from curate.features.checks import captions
from curate.records import Catalog, Group, Member, Picture


def catalog(*texts: str | None, problems: dict[int, str] | None = None, roles: dict[int, str] | None = None) -> Catalog:
    found = []
    for row, text in enumerate(texts):
        problem = (problems or {}).get(row, "missing" if text is None else None)
        role = (roles or {}).get(row, "subject")
        found.append(
            Picture(path=f"{row}.jpg", digest=str(row), size_bytes=1, caption=text, caption_problem=problem, role=role)
        )
    return Catalog(folder="/set", pictures=tuple(found))


def group(keeper: int, *rows: int, kind: str = "copy") -> Group:
    return Group(
        kind=kind, keeper=keeper, reason="", members=tuple(Member(row=row, kind=kind, edit="") for row in rows)
    )


def findings(found: Catalog, groups: tuple[Group, ...] = ()) -> list[set[str]]:
    return [{name for name, check in row.items() if check.finding is not None} for row in captions.judge(found, groups)]


def test_missing_empty_and_unreadable_captions_are_named():
    found = catalog("a cat", None, "", None, " \n", problems={2: "empty", 3: "not_utf8"})
    assert findings(found) == [set(), {"caption"}, {"caption"}, {"caption"}, {"caption"}]
    texts = [row["caption"].finding for row in captions.judge(found, ())]
    assert "no caption" in texts[1]
    assert "empty" in texts[2]
    assert "UTF-8" in texts[3]
    assert "empty" in texts[4]
    assert [row["caption"].value for row in captions.judge(found, ())] == [1, 0, 0, 0, 0]


def test_one_caption_on_two_photographs_is_named_on_both():
    found = catalog("a cat", "a dog", " a  cat\n")
    assert findings(found) == [{"caption_shared"}, set(), {"caption_shared"}]
    first = captions.judge(found, ())[0]["caption_shared"]
    assert first.value == 2
    assert "2.jpg" in first.finding


def test_copies_may_share_their_caption():
    found = catalog("a cat", "a cat", "a dog")
    assert findings(found, (group(0, 1),)) == [set(), set(), set()]
    assert findings(found, (group(0, 1, kind="identical"),)) == [set(), set(), set()]
    assert findings(found, (group(0, 1, kind="lookalike"),))[0] == {"caption_shared"}


def test_copies_count_once_among_the_photographs_that_share_a_caption():
    found = catalog("a cat", "a cat", "a cat")
    rows = captions.judge(found, (group(1, 2),))
    assert [row["caption_shared"].value for row in rows] == [2, 2, 2]


def test_missing_captions_are_not_the_same_caption():
    assert findings(catalog(None, None, "", problems={2: "empty"})) == [{"caption"}] * 3


def test_copies_whose_captions_disagree_are_named_but_look_alikes_are_not():
    found = catalog("a cat", "a dog", None, "a bird")
    assert findings(found, (group(0, 1, 2),)) == [
        {"caption_conflict"},
        {"caption_conflict"},
        {"caption", "caption_conflict"},
        set(),
    ]
    assert captions.caption_conflicts(found, (group(0, 1, 2),))[1] == ("a cat", "a dog")
    assert captions.caption_conflicts(found, (group(0, 1, kind="lookalike"),)) == {}


def test_a_copy_without_caption_does_not_disagree():
    assert captions.caption_conflicts(catalog("a cat", None), (group(0, 1),)) == {}


def test_regularisation_pictures_share_captions_only_among_themselves():
    found = catalog("a cat", "a cat", roles={1: "regularisation"})
    assert findings(found) == [set(), set()]


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b"]), st.integers(0, 9)), min_size=1, max_size=10))
def test_shared_captions_are_those_that_comparing_every_two_pictures_finds(drawn):
    found = catalog(*(text for text, _ in drawn))
    keeper = [min(wanted, row) for row, (_, wanted) in enumerate(drawn)]
    keeper = [wanted if keeper[wanted] == wanted else row for row, wanted in enumerate(keeper)]
    copies = [[row for row, one in enumerate(keeper) if one == head != row] for head in range(len(drawn))]
    groups = [group(head, *rows) for head, rows in enumerate(copies) if rows]
    wanted = {}
    for row, (text, _) in enumerate(drawn):
        others = {keeper[other] for other, (same, _) in enumerate(drawn) if text and same == text}
        others.discard(keeper[row])
        if others:
            first = min(at for at, (same, _) in enumerate(drawn) if same == text and keeper[at] in others)
            wanted[row] = first, len(others)
    assert captions.shared_captions(found, groups) == wanted
