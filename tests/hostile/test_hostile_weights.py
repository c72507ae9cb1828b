"""A file of weights that would run code is refused, whichever way it is handed in."""

from __future__ import annotations

import io
import json
import pickle
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curate.errors import ModelError
from curate.features.embed import builtin, choose, clip
from curate.features.embed.base import Wish
from curate.features.embed.tensors import read_tensors
from curate.settings import ScanSettings

TINY = "tiny-hostile"


class Evil:
    """Writes a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._code = f"__import__('pathlib').Path({str(mark)!r}).write_text('owned')"

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (self._code,)


class Stumbling(Evil):
    """The same, behind a tensor that cannot be rebuilt: a loader that tries again without care runs it."""

    def __reduce__(self) -> tuple[Any, ...]:
        from torch._utils import _rebuild_tensor_v2

        return _rebuild_tensor_v2, (1, Evil.__reduce__(self))


def plain(evil: object) -> bytes:
    return pickle.dumps({"state_dict": evil}, protocol=2)


def zipped(evil: object) -> bytes:
    """As torch.save writes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": evil}, protocol=2))
        archive.writestr("archive/version", "3\n")
        archive.writestr("archive/byteorder", sys.byteorder)
    return file.getvalue()


def legacy(evil: object) -> bytes:
    """As torch.save wrote before 1.6: a row of pickles."""
    rows = (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}, {"a": evil}, [])
    return b"".join(pickle.dumps(row, protocol=2) for row in rows)


def tarred(evil: object) -> bytes:
    """As torch.save wrote at its beginning: what CVE-2025-32434 is about."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            data = pickle.dumps(evil, protocol=2)
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


FORMS = (plain, zipped, legacy, tarred)


def test_the_files_would_run_code(tmp_path: Path) -> None:
    """Else the tests below prove nothing."""
    mark = tmp_path / "mark"
    for data in (plain(Evil(mark)), zipfile.ZipFile(io.BytesIO(zipped(Evil(mark)))).read("archive/data.pkl")):
        pickle.loads(data)
        assert mark.read_text() == "owned"
        mark.unlink()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The smallest model that open_clip builds."""
    open_clip = pytest.importorskip("open_clip")
    folder = tmp_path_factory.mktemp("tiny")
    tower = {"layers": 1, "width": 64, "head_width": 32}
    text = {"context_length": 8, "vocab_size": 100, "width": 64, "heads": 2, "layers": 1}
    config = {"embed_dim": 16, "vision_cfg": {**tower, "image_size": 32, "patch_size": 16}, "text_cfg": text}
    (folder / f"{TINY}.json").write_text(json.dumps(config), encoding="utf-8")
    open_clip.add_model_config(folder)
    return TINY


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [Evil, Stumbling])
@pytest.mark.parametrize("suffix", [".pt", ".bin", ".safetensors", ".npz", ".npy"])
def test_a_model_file_of_the_user_runs_nothing(
    tiny: str, tmp_path: Path, form: Callable[[object], bytes], kind: type[Evil], suffix: str
) -> None:
    mark, file = tmp_path / "mark", tmp_path / f"evil{suffix}"
    file.write_bytes(form(kind(mark)))
    with pytest.raises(ModelError):
        choose(ScanSettings(model=f"{tiny}/{file}", device="cpu", offline=True))
    assert not mark.exists()


def test_an_old_pytorch_is_given_no_pickle(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    file = tmp_path / "any.pt"
    file.write_bytes(b"")
    with pytest.raises(ModelError, match="CVE-2025-32434"):
        clip.named(f"{tiny}/{file}", Wish()).load()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [Evil, Stumbling])
def test_built_in_weights_that_were_exchanged_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Callable[[object], bytes], kind: type[Evil]
) -> None:
    mark, file = tmp_path / "mark", tmp_path / "efficientnet-lite0-57934424.pth"
    file.write_bytes(form(kind(mark)))
    with pytest.raises(ValueError):  # noqa: PT011  (of which each kind of damage is one)
        read_tensors(file)
    monkeypatch.setattr(builtin, "find_weights", lambda: file)
    with pytest.raises(ModelError):
        builtin.Builtin("cpu").load()
    assert not mark.exists()


def test_no_file_of_the_package_unpickles_or_evaluates() -> None:
    """Weights and caches are read by what cannot run code; the one unpickler refuses all names but those of tensors."""
    import ast

    package = Path(clip.__file__).parents[2]
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in ("eval", "exec", "compile", "yaml.load", "pickle.load", "pickle.loads", "marshal.loads"):
                    found.add((path.relative_to(package).as_posix(), name))
                keys = {key.arg: ast.unparse(key.value) for key in node.keywords}
                if name == "torch.load" and keys.get("weights_only") != "True":
                    found.add((path.relative_to(package).as_posix(), name))
                if name == "np.load" and keys.get("allow_pickle", "False") != "False":
                    found.add((path.relative_to(package).as_posix(), name))
    elsewhere = {one for one in found if not one[0].startswith("engine/")}  # processes of ours, that talk to each other
    assert not elsewhere
