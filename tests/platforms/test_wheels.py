"""The dependencies resolve to wheels for each system and each supported Python, from metadata alone.

Markers and wheel tags are weighed for the target, not for the machine that this runs on, which pip cannot do: uv does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYSTEMS = ("windows", "aarch64-apple-darwin", "x86_64-manylinux_2_28")
PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")  # from requires-python to the newest release
PATIENCE = 120  # s for a registry to answer, of which usually 15 are needed
UNREACHABLE = (
    "error sending request",
    "dns error",
    "Connection",
    "timed out",
    "operation timed out",
    "Failed to fetch",
)

pytestmark = pytest.mark.network


def uv() -> list[str]:
    """The command. Skips where there is none."""
    if found := os.environ.get("UV") or shutil.which("uv"):
        return [found]
    done = subprocess.run([sys.executable, "-m", "uv", "--version"], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("uv is not installed: pip install uv")
    return [sys.executable, "-m", "uv"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """uv's cache of this run."""
    return tmp_path_factory.mktemp("uv")


@pytest.mark.parametrize("system", SYSTEMS)
def test_there_is_a_wheel_of_every_dependency_for_every_python(kept: Path, system: str) -> None:
    command = uv()
    with ThreadPoolExecutor(len(PYTHONS)) as pool:  # they wait for the registry, mostly
        answers = list(pool.map(lambda python: resolved(command, kept, system, python), PYTHONS))
    for python, done in zip(PYTHONS, answers, strict=True):
        if done.returncode and any(words in done.stderr for words in UNREACHABLE):
            pytest.skip(f"no registry can be reached: {done.stderr.strip().splitlines()[-1][:120]}")
        assert done.returncode == 0, f"{python}: {done.stderr}"
        found = dict(line.split("==") for line in done.stdout.splitlines() if "==" in line)
        names = {name.lower().replace("_", "-") for name in found}
        wanted = {re.split(r"[>=<;\[ ]", one)[0].lower().replace("_", "-") for one in dependencies()}
        assert wanted - names <= ({"tomli"} if python != "3.10" else set()), python
    size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    assert size < 60 << 20, "whole wheels were fetched"


def resolved(uv: list[str], kept: Path, system: str, python: str) -> subprocess.CompletedProcess[str]:
    command = [*uv, "pip", "compile", str(ROOT / "pyproject.toml"), "--python-platform", system]
    command += ["--python-version", python, "--only-binary", ":all:", "--no-header", "--no-annotate", "--quiet"]
    environment = {**os.environ, "UV_CACHE_DIR": str(kept), "MACOSX_DEPLOYMENT_TARGET": "14.0"}  # as faiss-cpu's
    try:
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "timed out")


def dependencies() -> list[str]:
    """Those that pyproject.toml names."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("\ndependencies = [", 1)[1].split("\n]", 1)[0]
    return re.findall(r'^\s*"([^"]+)"', block, re.MULTILINE)


def test_every_supported_python_is_asked_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    least = re.search(r'requires-python = ">=(3\.\d+)"', text)
    assert least is not None
    assert PYTHONS[0] == least[1]
    assert len(PYTHONS) == int(PYTHONS[-1].split(".")[1]) - int(least[1].split(".")[1]) + 1
