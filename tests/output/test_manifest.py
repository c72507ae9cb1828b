"""The manifest accounts for every file of the source."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from output_sets import Exporter, draw, without

from curate import output


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_every_source_file_is_where_it_went_or_why_not(export: Exporter, source: Path) -> None:
    draw(source / "a.png")
    draw(source / "copy.png", seed=1)
    draw(source / "mine.png", seed=2)
    draw(source / "small.png", size=(40, 40))
    draw(source / "none.png", seed=4, caption=None)
    (source / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no")
    (source / "notes.pdf").write_bytes(b"%PDF-1.7")
    evidence = output.Evidence(keeper="a.png", kind="copy", edit="cropped to 81 %", correlation=0.97)

    def decide(found: output.Export) -> output.Export:
        found = without(found, "copy.png", kept=False, evidence=evidence)
        return without(found, "mine.png", kept=False, reason="decided by you")

    written = export(trainer="kohya", change=decide)
    told = json.loads((Path(written.destination) / output.MANIFEST).read_text(encoding="ascii"))
    assert told["schema"] == 1
    left = {one["path"]: one for one in told["left_out"]}
    assert {path: one["cause"] for path, one in left.items()} == {
        "copy.png": "copy",
        "mine.png": "decided",
        "small.png": "small",
        "broken.jpg": "broken",
        "notes.pdf": "ignored",
    }
    assert left["copy.png"]["evidence"] == {
        "keeper": "a.png", "kind": "copy", "edit": "cropped to 81 %", "correlation": 0.97,
    }  # fmt: skip
    went = {one["path"]: one for one in told["pictures"]}
    assert set(went) == {"a.png", "none.png"}
    assert went["a.png"]["to"] == "1_nora set/a.png"
    assert went["a.png"]["pixels"] == {"encoded_as": None, "because": []}
    caption = {"text": "a picture", "from": "a.txt", "changes": []}
    assert went["a.png"]["caption"] == {**caption, "digest": sha256(source / "a.txt")}
    assert {path: one["digest"] for path, one in left.items()} == {path: sha256(source / path) for path in left}
    assert went["none.png"]["caption"]["changes"] == ["there was none: 'nora set' is written"]
    digest = sha256(source / "a.png")
    assert went["a.png"]["digest"] == digest
    assert {one["path"]: one["digest"] for one in told["files"]}["1_nora set/a.png"] == digest
    counts = "copies 1, decided by you 1, too small 1, broken 1, ignored 1"
    assert f"2 pictures written, 5 files left out ({counts})" in written.lines


def test_a_caption_has_the_digest_of_the_file_that_was_read(export: Exporter, source: Path) -> None:
    draw(source / "a.png")
    draw(source / "b.png", seed=1, caption=None)
    table = {"file_name": "b.png", "text": "from a table"}
    (source / "metadata.jsonl").write_text(json.dumps(table), encoding="utf-8")
    before = sha256(source / "a.txt")

    def change(found: output.Export) -> output.Export:
        (source / "a.txt").write_text("another caption, after the scan", encoding="utf-8")
        return found

    written = export(trainer="kohya", change=change)
    told = json.loads((Path(written.destination) / output.MANIFEST).read_text(encoding="ascii"))
    went = {one["path"]: one["caption"] for one in told["pictures"]}
    assert (went["a.png"]["text"], went["a.png"]["digest"]) == ("a picture", before)
    assert (went["b.png"]["from"], went["b.png"]["digest"]) == ("metadata.jsonl", sha256(source / "metadata.jsonl"))


def test_each_record_has_a_line_of_its_own(export: Exporter, source: Path) -> None:
    for name in ("a.png", "b.png", 'c}, {"path": .png'):
        draw(source / name, seed=len(name))
    written = export(trainer="kohya")
    text = (Path(written.destination) / output.MANIFEST).read_text(encoding="ascii")
    told = json.loads(text)
    lines = text.splitlines()
    for key in ("pictures", "items", "files"):
        start = lines.index(f'"{key}": [') + 1
        rows = [json.loads(line.rstrip(",")) for line in lines[start : start + len(told[key])]]
        assert rows == told[key]


def test_names_that_are_no_text_survive_in_the_manifest(export: Exporter, source: Path) -> None:
    draw(source / "a\u202egnp.png")
    draw(source / "na\u00efve \U0001f600.png", seed=1)
    written = export(trainer="kohya")
    raw = (Path(written.destination) / output.MANIFEST).read_bytes()
    assert raw.isascii()
    told = json.loads(raw)
    assert {one["path"] for one in told["pictures"]} == {"a\u202egnp.png", "na\u00efve \U0001f600.png"}
    assert {one["to"] for one in told["pictures"]} == {"1_nora set/agnp.png", "1_nora set/na\u00efve \U0001f600.png"}
