"""Names that hold everywhere and never collide."""

from __future__ import annotations

import posixpath
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.output import names

LETTERS = st.text(
    alphabet=st.one_of(st.sampled_from("aAeE\u00e9e\u0301._- _K\u212a\u00df"), st.characters()), max_size=12
)
PATHS = st.lists(
    st.builds(
        lambda folder, stem, suffix: posixpath.join(folder, stem.replace("/", "") + suffix),
        st.sampled_from(["", "a", "A", "a/b"]),
        LETTERS,
        st.sampled_from([".png", ".PNG", ".jpg", ".jpeg", ""]),
    ),
    max_size=14,
    unique=True,
)


@given(PATHS)
def test_no_two_pictures_share_a_name_on_any_file_system(paths: list[str]) -> None:
    stems = names.unique_stems(paths)
    for form in ("NFC", "NFD"):
        assert len({unicodedata.normalize(form, stem) for stem in stems}) == len(paths)
    assert len({names.key(stem) for stem in stems}) == len(paths)
    assert len({stem.lower() for stem in stems}) == len(paths)
    assert len({stem.upper() for stem in stems}) == len(paths)


@given(st.text(max_size=300))
def test_a_safe_stem_holds_on_windows_and_for_every_trainer(text: str) -> None:
    stem = names.safe_stem(text)
    assert stem
    assert len(stem.encode("utf-8")) <= names.LONGEST + len("picture--picture")
    assert not set(stem) & set('<>:"/\\|?*\0\n\r\t')
    assert stem[0] not in ". "
    assert stem[-1] not in ". "
    assert len(stem.split("_")) < 5
    assert not stem.lower().endswith(("-masklabel", "-condlabel"))
    assert stem.split(".")[0].strip().upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
    assert names.safe_stem(stem) == stem


def test_a_good_name_stays_as_it_is() -> None:
    good = ["nora_01.jpg", "Mädchen am See.png", "IMG_2041.jpg", "写真.webp", "a.b.c.png"]
    assert names.unique_stems(good) == ["nora_01", "Mädchen am See", "IMG_2041", "写真", "a.b.c"]


@pytest.mark.parametrize(
    ("paths", "stems"),
    [
        (["a.jpg", "a.png"], ["a", "a-png"]),
        (["one/a.jpg", "two/a.jpg"], ["a", "two-a"]),
        (["A.jpg", "a.jpg"], ["A", "a-jpg"]),
        (["\u00e9.jpg", "e\u0301.jpg"], ["\u00e9", "\u00e9-jpg"]),
        (["a.jpg", "a.png", "a-png.jpg"], ["a", "a-png-2", "a-png"]),
    ],
)
def test_colliding_names_take_their_folder_or_suffix(paths: list[str], stems: list[str]) -> None:
    found = names.unique_stems(paths)
    assert len({names.key(stem) for stem in found}) == len(paths)
    assert found[0] == stems[0]
    assert found[-1] == stems[-1]


def test_names_that_windows_or_trainers_misread_are_changed() -> None:
    assert names.safe_stem("con") == "picture-con"
    assert names.safe_stem("nul.backup") == "picture-nul.backup"
    assert names.safe_stem("a_1_2_3_4") == "a-1-2-3-4"
    assert names.safe_stem("x-masklabel") == "x-masklabel-picture"
    assert names.safe_stem("..hidden. ") == "hidden"
    assert names.safe_stem("what?<now>") == "what--now-"
    assert names.safe_stem("\u202egnp") == "gnp"
