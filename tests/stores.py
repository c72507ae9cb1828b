"""Stores for tests: a bucket served on this machine, and the same pictures in every kind of place."""

from __future__ import annotations

import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

BUCKET = "pictures"


@pytest.fixture(scope="module")
def s3() -> Iterator[object]:
    """fsspec's file system of a bucket that moto serves on this machine, with the environment that leads to it."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'lora-curate[s3]'")
    server = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'lora-curate[dev]'")
    import s3fs

    served = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    reset = urllib.request.Request(f"http://{host}:{port}/moto-api/reset", method="POST")  # what earlier tests left
    urllib.request.urlopen(reset, timeout=30).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        s3fs.S3FileSystem.clear_instance_cache()
        system = s3fs.S3FileSystem()
        system.mkdir(BUCKET)
        yield system
        s3fs.S3FileSystem.clear_instance_cache()
    served.stop()


@pytest.fixture
def memory() -> Iterator[object]:
    """fsspec's file system in memory, empty."""
    import fsspec

    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def fill(system: object, root: str, folder: Path) -> None:
    """Puts the files of a folder into a store."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            system.pipe_file(f"{root}/{file.relative_to(folder).as_posix()}", file.read_bytes())  # type: ignore[attr-defined]


def pack(archive: Path, folder: Path, names: list[str] | None = None) -> Path:
    """A tar archive of a folder's files."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w") as packed:
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if file.is_file() and (names is None or name in names):
                packed.add(file, name)
    return archive
