"""No answer is silently partial: each file is in exactly one place of a scan, and of an export's manifest."""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import curate
from curate import output, pipeline
from curate.errors import FolderError
from curate.output import captions
from curate.records import Analysis


def picture(seed: int, format: str) -> bytes:
    rng = np.random.default_rng(seed)
    rough = Image.fromarray(rng.integers(0, 255, (5, 5, 3), dtype=np.uint8)).resize((72, 66), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    rough.save(file, format)
    return file.getvalue()


WHOLE = {f"{format} {seed}": picture(seed, format) for seed in range(3) for format in ("JPEG", "PNG", "WEBP", "GIF")}
CONTENTS = {
    **WHOLE,
    "cut": picture(1, "JPEG")[:600],
    "damaged": picture(2, "PNG")[:300] + b"\0" * 500,
    "small": b"\xff\xd8\xff",
    "nothing": b"",
    "zeros": b"\0" * 100,
    "text": b"a woman, red coat",
    "latin": "ein M\u00e4dchen".encode("latin-1"),
    "table": b'{"file_name": "a.jpg", "text": "from the table"}\n',
    "html": b"<html>404</html>",
    "archive": b"PK\x03\x04" + b"\0" * 50,
}
NAMES = [
    *("a.jpg", "b.png", "c.webp", "d.gif", "a.png", "A.JPG", "a.jpg.txt", "a.txt", "b.caption", "c.txt", "lone.txt"),
    *("b-masklabel.png", "a-masklabel.png", "metadata.jsonl", "captions.json", "no suffix", "e.mp4", "f.zip", "g.toml"),
    *(
        ".hidden.png",
        "Thumbs.db",
        "curate-manifest.json",
        "h.safetensors",
        "i.heic",
        "\u00fcber.jpg",
        "k\nl.png",
        "m.dng",
    ),
]
FOLDERS = ["", "10_sks man", "reg", "masks", ".git", "sub/deep", "_latent_cache", "3_x/4_y", "_controls"]
FILE = st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES), st.sampled_from(sorted(CONTENTS)))
SPECIAL = st.lists(st.sampled_from(["link", "lost link", "link out", "link to folder", "loop", "pipe"]), max_size=3)


def build(root: Path, files: list[tuple[str, str, str]], special: list[str]) -> None:
    for folder, name, content in files:
        place = root / folder
        place.mkdir(parents=True, exist_ok=True)
        if os.name != "nt" or "\n" not in name:
            (place / name).write_bytes(CONTENTS[content])
    if os.name == "nt":
        return
    for number, kind in enumerate(special):
        path = root / f"{kind} {number}.png"
        if kind == "pipe":
            os.mkfifo(path)
        else:
            targets = {"link": "a.jpg", "lost link": "nowhere", "link out": "/etc/hostname", "link to folder": "sub"}
            path.symlink_to(targets.get(kind, path.name))


def files_below(root: Path) -> set[str]:
    """All that is no folder and no link to one."""
    found = set()
    for folder, _, names in os.walk(root):
        found |= {(Path(folder) / name).relative_to(root).as_posix() for name in names}
    return {path for path in found if not (root / path).is_dir()}


def places(analysis: Analysis) -> Counter[str]:
    """How often a file is named, and as what does not matter."""
    catalog = analysis.catalog
    found = Counter(one.path for one in (*catalog.pictures, *catalog.broken, *catalog.ignored))
    found.update({one.caption_path for one in catalog.pictures if one.caption_path})
    found.update({one.mask_path for one in catalog.pictures if one.mask_path})
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(files=st.lists(FILE, min_size=1, max_size=14), special=SPECIAL)
def test_every_file_is_in_exactly_one_place(files: list[tuple[str, str, str]], special: list[str]) -> None:
    with tempfile.TemporaryDirectory() as home:
        root = Path(home, "set")
        root.mkdir()
        build(root, [("", "first.jpg", "JPEG 0"), *files], special)
        wanted = curate.ScanSettings(
            model="none", views="off", use_cache=False, workers=1, decisions=Path(home, "decisions")
        )
        analysis = pipeline.scan(root, wanted)  # of at least the first picture
        found = places(analysis)
        assert {path for path, times in found.items() if times > 1} == set()
        assert files_below(root) - set(found) == set()
        beyond = {path for path in found if path not in files_below(root)}
        assert all((root / path).is_dir() for path in beyond)  # links to folders, and folders that cannot be read
        _check_manifest(analysis, Path(home, "out"))


@pytest.mark.parametrize(
    "file", [("", "a.txt", "text"), ("", "a-masklabel.png", "GIF 0"), ("", "metadata.jsonl", "table")]
)
def test_what_lies_beside_a_broken_picture_is_named_too(file: tuple[str, str, str], tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    build(root, [("", "first.jpg", "JPEG 0"), ("", "a.jpg", "small"), file], [])
    settings = curate.ScanSettings(
        model="none", views="off", use_cache=False, workers=1, decisions=tmp_path / "decisions"
    )
    analysis = pipeline.scan(root, settings)
    assert [one.path for one in analysis.catalog.broken] == ["a.jpg"]
    what = "mask" if "mask" in file[1] else "caption"
    assert [(one.path, one.reason) for one in analysis.catalog.ignored] == [(file[1], f"{what} of a broken picture")]
    _check_manifest(analysis, tmp_path / "out")


def test_a_caption_of_a_broken_picture_and_of_a_sound_one_is_the_latter_ones(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    build(root, [("", "a.png", "PNG 0"), ("", "a.jpg", "small"), ("", "a.txt", "text")], [])
    settings = curate.ScanSettings(
        model="none", views="off", use_cache=False, workers=1, decisions=tmp_path / "decisions"
    )
    catalog = pipeline.scan(root, settings).catalog
    assert [(one.path, one.caption_path) for one in catalog.pictures] == [("a.png", "a.txt")]
    assert [one.path for one in catalog.broken] == ["a.jpg"]
    assert catalog.ignored == ()


def _check_manifest(analysis: Analysis, out: Path) -> None:
    """Every picture and every file that is none is written or left out, with a reason. A caption is told where any of
    it can be used. Only a mask that cannot be decoded ends an export: it is named, and nothing is written."""
    refused = ""
    try:
        pipeline.export(analysis, out)
    except FolderError as error:
        refused = str(error)
    if refused:
        masks = [f"the mask {one.mask_path} cannot be decoded" for one in analysis.catalog.pictures if one.mask_path]
        assert any(mask in refused for mask in masks), refused
        assert not out.exists()
        return
    manifest = json.loads((out / output.MANIFEST).read_text(encoding="utf-8"))
    told = Counter(one["path"] for one in (*manifest["pictures"], *manifest["left_out"]))
    catalog = analysis.catalog
    assert told == Counter(one.path for one in (*catalog.pictures, *catalog.broken, *catalog.ignored))
    assert all(one["reason"] for one in manifest["left_out"])
    beside = {one["caption"]["from"] for one in manifest["pictures"]} | {
        one["mask"]["from"] for one in manifest["pictures"] if one["mask"]
    }
    kept = {one["path"] for one in manifest["pictures"]}
    for one in catalog.pictures:
        if one.path in kept and one.role == "subject":
            caption = one.caption_path if captions._clean(one.caption or "") else None
            assert {caption, one.mask_path} - {None} <= beside
