"""Captions, masks, subsets and regularisation, as trainers lay them out."""

from __future__ import annotations

import json
from pathlib import Path

import drawn_pictures as drawn
import pytest

from curate.errors import FolderError
from curate.pictures import Source, scan
from curate.pictures.captions import read_text

PNG = drawn.saved(drawn.quarters(), "PNG")


def lay(root: Path, *pictures: str, **_: bytes) -> Path:
    for name in pictures:
        write(root, name, PNG)
    return root


def write(root: Path, name: str, content: bytes | str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content.encode() if isinstance(content, str) else content)


def pictures(root: Path, **options):
    return {one.path: one for one in scan(root, **options).pictures}


def ignored(root: Path):
    return {left.path: left.reason for left in scan(root).ignored}


# ---- the text of captions


@pytest.mark.parametrize(
    ("raw", "text", "utf8"),
    [
        (b"sks man", "sks man", True),
        (b"\xef\xbb\xbfsks man\r\n", "sks man", True),
        (b"  one\r\ntwo\rthree\n\n", "one\ntwo\nthree", True),
        (b"sks\0 man\0", "sks man", True),
        ("Zoë, 日本".encode(), "Zoë, 日本", True),
        ("Zoë".encode("utf-16"), "Zoë", False),
        ("Zoë".encode("utf-16-le"), "Zoë", False),
        ("sks man".encode("utf-16-be"), "sks man", False),
        ("Zoë “x”".encode("cp1252"), "Zoë “x”", False),
        (b"a\x81b\xe9", "a\x81bé", False),
        (b"\xef\xbb\xbf \n\0", "", True),
    ],
)
def test_caption_text_is_read_whatever_wrote_it(raw, text, utf8):
    assert read_text(raw) == (text, utf8)


@pytest.mark.parametrize(
    ("raw", "problem"), [(None, "missing"), (b"", "empty"), (b" \n", "empty"), (b"Zo\xeb", "not_utf8"), (b"x", None)]
)
def test_a_caption_that_trainers_would_stumble_over_is_named(tmp_path, raw, problem):
    lay(tmp_path, "a.png")
    if raw is not None:
        write(tmp_path, "a.txt", raw)
    one = pictures(tmp_path)["a.png"]
    assert one.caption_problem == problem
    assert (one.caption is None) == (raw is None) == (one.caption_path is None)


# ---- which caption


def test_the_sidecar_txt_comes_first_then_caption_then_metadata(tmp_path):
    lay(tmp_path, "a.png", "b.png", "c.png", "d.png")
    rows = {name: {"caption": f"table {name}"} for name in "abcd"}
    write(tmp_path, "metadata.json", json.dumps(rows))
    for name in ("a.txt", "a.caption", "a.png.txt", "b.caption", "c.PNG.TXT", "d.TXT"):
        write(tmp_path, name, name)
    write(tmp_path, "c.png.txt", "c.png.txt")
    found = pictures(tmp_path)
    assert {path: one.caption for path, one in found.items()} == {
        "a.png": "a.txt",
        "b.png": "b.caption",
        "c.png": "c.png.txt",
        "d.png": "d.TXT",
    }
    assert ignored(tmp_path) == {
        "a.caption": "caption not used: a.txt comes first",
        "a.png.txt": "caption not used: a.txt comes first",
        "c.PNG.TXT": "caption without a picture",
        "metadata.json": "its captions are not used: others come first",
    }


def test_stems_are_told_apart_by_case_and_folder(tmp_path):
    lay(tmp_path, "a.png", "x/b.png")
    write(tmp_path, "A.txt", "x")
    write(tmp_path, "b.txt", "x")
    if not (tmp_path / "a.TXT").exists():  # a file system that tells case apart
        assert ignored(tmp_path) == dict.fromkeys(("A.txt", "b.txt"), "caption without a picture")


def test_two_pictures_of_one_stem_share_a_caption(tmp_path):
    lay(tmp_path, "a.png", "a.jpg")
    write(tmp_path, "a.txt", "both")
    assert [one.caption for one in pictures(tmp_path).values()] == ["both", "both"]


def test_kohya_metadata_joins_caption_and_tags_and_takes_any_kind_of_key(tmp_path):
    lay(tmp_path, "a.png", "b.png", "x/c.png", "x/d.png", "y/d.png", "e.png")
    rows = {
        "a": {"caption": "a man", "tags": "hat, coat", "train_resolution": [512, 512]},
        "b.png": {"tags": "boat"},
        "x/c": {"caption": "in a folder"},
        "C:\\old\\place\\e.png": {"caption": "from elsewhere"},
        "/old/place/d.png": {"caption": "two have this name"},
    }
    write(tmp_path, "metadata.json", json.dumps(rows))
    found = pictures(tmp_path)
    assert [found[name].caption for name in ("a.png", "b.png", "x/c.png", "e.png")] == [
        "a man, hat, coat",
        "boat",
        "in a folder",
        "from elsewhere",
    ]
    assert found["x/d.png"].caption is found["y/d.png"].caption is None
    assert found["a.png"].caption_path == "metadata.json"
    assert ignored(tmp_path) == {}


def test_hugging_face_metadata_is_read_line_by_line(tmp_path):
    lay(tmp_path, "train/0001.png", "train/0002.png", "train/0003.png")
    lines = ['{"file_name": "0001.png", "text": "one"}', "", '{"file_name": "0002.png", "text": " "}', '{"x": 1}']
    write(tmp_path, "train/metadata.jsonl", "\r\n".join(lines))
    found = list(pictures(tmp_path).values())
    assert [one.caption for one in found] == ["one", "", None]
    assert [one.caption_problem for one in found] == [None, "empty", "missing"]


def test_a_broken_line_is_named(tmp_path):
    lay(tmp_path, "a.png")
    write(tmp_path, "metadata.jsonl", '{"file_name": "a.png", "text": "one"}\n{"file_name": ')
    assert ignored(tmp_path)["metadata.jsonl"].startswith("not valid JSON")
    assert ignored(tmp_path)["metadata.jsonl"].endswith("in line 2")


def test_diffusion_pipe_captions_are_joined_by_lines(tmp_path):
    lay(tmp_path, "a.png", "b.png")
    write(tmp_path, "captions.json", json.dumps({"a.png": ["one", "two"], "b.png": "only", "c.png": [1]}))
    assert [one.caption for one in pictures(tmp_path).values()] == ["one\ntwo", "only"]


def test_the_nearest_metadata_file_counts(tmp_path):
    lay(tmp_path, "x/a.png", "b.png")
    write(tmp_path, "captions.json", json.dumps({"x/a.png": "far", "b.png": "far"}))
    write(tmp_path, "x/captions.json", json.dumps({"a.png": "near"}))
    found = pictures(tmp_path)
    assert (found["x/a.png"].caption, found["b.png"].caption) == ("near", "far")


@pytest.mark.parametrize("content", ['{"a.png": "x\\ud800y\\u0000"}', '{"a.png": "x?y"}'])
def test_half_characters_and_nuls_in_json_do_not_reach_captions(tmp_path, content):
    lay(tmp_path, "a.png")
    write(tmp_path, "captions.json", content)
    assert pictures(tmp_path)["a.png"].caption == "x?y"


def test_json_nested_without_end_is_refused(tmp_path):
    lay(tmp_path, "a.png")
    write(tmp_path, "captions.json", "[" * 200_000)
    assert ignored(tmp_path)["captions.json"].startswith("not valid JSON")


# ---- masks


def test_a_masklabel_beside_its_picture_is_its_mask(tmp_path):
    lay(tmp_path, "a.png", "a-masklabel.png", "b.png", "c-masklabel.png")
    found = pictures(tmp_path)
    assert {path: one.mask_path for path, one in found.items()} == {"a.png": "a-masklabel.png", "b.png": None}
    assert ignored(tmp_path) == {"c-masklabel.png": "mask without a picture"}


@pytest.mark.parametrize("folder", ["masks", "Mask"])
def test_a_folder_of_masks_below_or_beside_the_pictures(tmp_path, folder):
    lay(tmp_path, "a.png", "x/b.jpg", "img/c.png", f"{folder}/a.png", f"x/{folder}/b.png", f"{folder}/c.png")
    found = pictures(tmp_path)
    assert {path: one.mask_path for path, one in found.items()} == {
        "a.png": f"{folder}/a.png",
        "x/b.jpg": f"x/{folder}/b.png",
        "img/c.png": f"{folder}/c.png",
    }


def test_masks_laid_out_in_subsets_follow_their_subset(tmp_path):
    lay(tmp_path, "5_a/1.png", "9_b/1.png", "masks/5_a/1.png", "masks/9_b/1.png")
    assert [one.mask_path for one in pictures(tmp_path).values()] == ["masks/5_a/1.png", "masks/9_b/1.png"]


def test_a_mask_that_fits_several_folders_belongs_to_none(tmp_path):
    lay(tmp_path, "5_a/1.png", "9_b/1.png", "masks/1.png")
    assert ignored(tmp_path) == {"masks/1.png": "mask that fits pictures in several folders"}


def test_a_folder_of_pictures_of_masks_is_a_folder_of_pictures(tmp_path):
    lay(tmp_path, "a.png", "b.png", "masks/venice.png", "masks/carnival.png", "masks/a.png")
    assert len(pictures(tmp_path)) == 5
    lay(tmp_path, "masks/b.png")  # now half of them have a picture
    assert sorted(pictures(tmp_path)) == ["a.png", "b.png"]
    assert set(ignored(tmp_path).values()) == {"mask without a picture"}


# ---- subsets and regularisation


@pytest.mark.parametrize(
    ("path", "subset", "repeats"),
    [
        ("a.png", "", 1),
        ("10_sks man/a.png", "10_sks man", 10),
        ("2/a.png", "2", 2),
        ("3_/a.png", "3_", 3),
        ("img/4_x/a.png", "img/4_x", 4),
        ("0_x/a.png", "0_x", 1),
        ("-1_x/a.png", "-1_x", 1),
        ("10x/a.png", "10x", 1),
        ("plain/a.png", "plain", 1),
        ("10_x/deep/a.png", "10_x/deep", 1),
        ("plain/5_x/a.png", "plain/5_x", 1),
    ],
)
def test_folders_are_subsets_with_kohyas_repeats(tmp_path, path, subset, repeats):
    one = pictures(lay(tmp_path, path))[path]
    assert (one.subset, one.repeats, one.role) == (subset, repeats, "subject")


@pytest.mark.parametrize("name", ["reg", "Regularization", "regularisation", "reg_images", "class", "CLASS_images"])
def test_regularisation_folders_are_no_subject(tmp_path, name):
    lay(tmp_path, "10_x/a.png", f"{name}/3_man/b.png", f"{name}/c.png", f"10_x/{name}/d.png")
    found = pictures(tmp_path)
    assert {path for path, one in found.items() if one.role == "regularisation"} == {
        f"{name}/3_man/b.png",
        f"{name}/c.png",
    }
    assert found[f"{name}/3_man/b.png"].repeats == 3


def test_further_regularisation_folders_are_named_by_path_or_name(tmp_path):
    lay(tmp_path, "a.png", "x/people/b.png", "y/z/c.png")
    absolute = str(tmp_path / "y" / "z")
    for names in (["people", "y/z"], ["x/people/", absolute], ["./x/people", "y"]):
        found = pictures(tmp_path, regularisation=names)
        assert [one.role for one in found.values()] == ["subject", "regularisation", "regularisation"]


@pytest.mark.parametrize("name", ["absent", "..", ".", "a.png", ""])
def test_a_regularisation_folder_that_is_not_there_is_an_error(tmp_path, name):
    lay(tmp_path, "a.png")
    with pytest.raises(FolderError, match="no folder"):
        scan(tmp_path, regularisation=[name])


def test_a_regularisation_folder_may_lie_elsewhere(tmp_path):
    lay(tmp_path / "set", "a.png", "x/b.png")
    lay(tmp_path / "people", "3_man/c.png", "d.png")
    (tmp_path / "people" / "3_man" / "c.txt").write_text("a man", encoding="utf-8")
    found = scan(tmp_path / "set", regularisation=[str(tmp_path / "people")])
    roles = {one.path: (one.role, one.repeats) for one in found.pictures}
    assert roles == {
        "a.png": ("subject", 1),
        "x/b.png": ("subject", 1),
        "reg/3_man/c.png": ("regularisation", 3),
        "reg/d.png": ("regularisation", 1),
    }
    assert found.outside == (("reg", str((tmp_path / "people").resolve())),)
    assert [one.caption for one in found.pictures if one.role == "regularisation"] == ["a man", None]
    source = Source(found.folder, found.outside)
    assert source.whole_path("reg/d.png") == (tmp_path / "people" / "d.png").resolve()
    assert source.whole_path("a.png") == tmp_path / "set" / "a.png"
    assert [source.named(path) for path in ("a.png", "reg/d.png")] == [
        str(source.whole_path(path)) for path in ("a.png", "reg/d.png")
    ]


def test_a_folder_elsewhere_never_hides_one_of_the_set(tmp_path):
    lay(tmp_path / "set", "a.png", "reg/b.png")
    lay(tmp_path / "4_man", "b.png")
    found = scan(tmp_path / "set", regularisation=[str(tmp_path / "4_man")])
    assert {one.path: one.repeats for one in found.pictures} == {"a.png": 1, "reg/b.png": 1, "class/4_man/b.png": 4}


def test_a_regularisation_folder_that_holds_the_set_is_refused(tmp_path):
    lay(tmp_path / "set", "a.png")
    with pytest.raises(FolderError, match="holds the set itself"):
        scan(tmp_path / "set", regularisation=[str(tmp_path)])
