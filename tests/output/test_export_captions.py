"""Captions come out in the trainer's shape, and nothing is lost or left empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from output_sets import Exporter, draw, without

from curate import output
from curate.errors import ExportError
from curate.records import CaptionProblem


def text_of(written: output.Written, stem: str) -> str:
    (path,) = Path(written.destination).rglob(f"{stem}.txt")
    raw = path.read_bytes()
    assert raw
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\0" not in raw
    assert b"\r" not in raw
    return raw.decode("utf-8").removesuffix("\n")


@pytest.mark.parametrize(
    ("raw", "kohya", "onetrainer", "musubi"),
    [
        (b"a man", "a man", "a man", "a man"),
        (b"\xef\xbb\xbfa man\r\n", "a man", "a man", "a man"),
        (b"a\0 man", "a man", "a man", "a man"),
        (b"caf\xe9", "caf\xe9", "caf\xe9", "caf\xe9"),
        (b"\xff\xfea\0 \0m\0a\0n\0", "a man", "a man", "a man"),
        (b"a man\nin rain", "a man, in rain", "a man\nin rain", "a man\nin rain"),
        (b"A man.\r\n\r\nHe runs.", "A man. He runs.", "A man.\nHe runs.", "A man.\n\nHe runs."),
        (b"\n\na man", "a man", "a man", "a man"),
        ("a\u2028b".encode(), "a, b", "a\nb", "a\nb"),
    ],
)
def test_a_caption_has_the_trainers_shape(
    export: Exporter, source: Path, raw: bytes, kohya: str, onetrainer: str, musubi: str
) -> None:
    draw(source / "a.png", caption=None)
    (source / "a.txt").write_bytes(raw)
    for trainer, expected in (("kohya", kohya), ("onetrainer", onetrainer), ("musubi", musubi)):
        assert text_of(export(trainer, trainer=trainer), "a") == expected


@pytest.mark.parametrize("raw", [b"", b" \r\n", b"\xef\xbb\xbf", None])
def test_a_picture_without_caption_takes_the_sets_name_and_is_listed(
    export: Exporter, source: Path, raw: bytes | None
) -> None:
    draw(source / "a.png", caption=None)
    if raw is not None:
        (source / "a.txt").write_bytes(raw)
    written = export(trainer="kohya")
    assert text_of(written, "a") == "nora set"
    assert "  a.png: there was none: 'nora set' is written" in written.lines


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"class_word": "woman"}, "woman"),
        ({"trigger": "sks"}, "sks"),
        ({"trigger": "sks", "class_word": "woman"}, "sks, woman"),
        ({"no_caption": "name", "class_word": "woman"}, "nora set"),
        ({"no_caption": "class:red car"}, "red car"),
    ],
)
def test_the_policy_decides_what_a_picture_without_caption_gets(
    export: Exporter, source: Path, settings: dict[str, Any], expected: str
) -> None:
    draw(source / "a.png", caption=None)
    assert text_of(export(trainer="kohya", **settings), "a") == expected


def test_the_class_in_a_kohya_folder_is_the_caption_there(export: Exporter, source: Path) -> None:
    draw(source / "10_sks man" / "a.png", caption=None)
    assert text_of(export(trainer="kohya"), "a") == "sks man"


def test_skip_leaves_out_and_error_refuses(export: Exporter, source: Path) -> None:
    draw(source / "a.png")
    draw(source / "b.png", seed=1, caption=None)
    written = export("skip", trainer="kohya", no_caption="skip")
    assert written.pictures == 1
    assert written.left_out == {"no caption": 1}
    with pytest.raises(ExportError, match=r"b\.png has no caption"):
        export("error", trainer="kohya", no_caption="error")
    for wrong in ("both", "class", "class:", "name:x"):
        with pytest.raises(ExportError, match="name, class:WORD, skip or error"):
            export("wrong", trainer="kohya", no_caption=wrong)


def test_the_trigger_is_added_only_where_it_is_missing(export: Exporter, source: Path) -> None:
    draw(source / "a.png", caption="photo of SKS man")
    draw(source / "b.png", seed=1, caption="masks and flasks")
    draw(source / "c.png", seed=2, caption="sks first\nsecond")
    written = export(trainer="onetrainer", trigger="sks")
    assert text_of(written, "a") == "photo of SKS man"
    assert text_of(written, "b") == "sks, masks and flasks"
    assert text_of(written, "c") == "sks first\nsks, second"


def test_regularisation_pictures_get_their_class_and_never_the_trigger(export: Exporter, source: Path) -> None:
    draw(source / "10_sks man" / "a.png")
    draw(source / "reg" / "1_man" / "r.png", seed=1, caption=None)
    draw(source / "reg" / "1_man" / "s.png", seed=2, caption="a man in rain")
    written = export(trainer="kohya", trigger="sks")
    assert text_of(written, "r") == "man"
    assert text_of(written, "s") == "a man in rain"


@pytest.mark.parametrize(
    ("how", "own", "expected"),
    [
        ("keep", None, "a long one, of a copy"),
        ("keep", "mine", "mine"),
        ("longest", "mine", "a long one, of a copy"),
        ("merge-tags", "mine, of a copy", "mine, of a copy, a long one"),
    ],
)
def test_captions_of_copies_are_used_as_told(
    export: Exporter, source: Path, how: str, own: str | None, expected: str
) -> None:
    draw(source / "a.png", caption=own)
    draw(source / "b.png", seed=1, caption="a long one, of a copy")
    evidence = output.Evidence(keeper="a.png", kind="copy", edit="mirrored", correlation=0.98)
    written = export(
        trainer="kohya",
        copy_captions=how,
        change=lambda found: without(found, "b.png", kept=False, evidence=evidence),
    )
    assert text_of(written, "a") == expected
    assert "  b.png: copy of a.png: mirrored, correlation 0.98" in written.lines


def test_a_list_of_captions_stays_alternatives(export: Exporter, source: Path) -> None:
    draw(source / "a.png", caption=None)
    (source / "captions.json").write_text('{"a.png": ["a man", "photo of a man"]}', encoding="utf-8")
    assert text_of(export("k", trainer="kohya"), "a") == "a man"
    assert text_of(export("o", trainer="onetrainer"), "a") == "a man\nphoto of a man"


def test_what_was_changed_is_told(export: Exporter, source: Path) -> None:
    draw(source / "a.png", caption=None)
    (source / "a.txt").write_bytes(b"caf\xe9\nau lait")
    problem: CaptionProblem = "not_utf8"
    written = export(trainer="kohya")
    (placed,) = written.draft.parts[0].pictures
    assert placed.item.picture.caption_problem == problem
    assert placed.caption.changes == ("was not UTF-8", "2 lines joined, since only the first is read")
