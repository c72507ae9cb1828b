"""Nothing is sent anywhere: no command reaches for the network where all that it needs is there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ALL = """
import sys
sys.path.insert(0, {here!r})
import promise_world as promise
from pathlib import Path
world = promise.drawn.made(Path(sys.argv[1]), pictures=6)
place = promise.Place(world, world.set, tuple(sys.argv[2:]))
if "auto" not in sys.argv and "builtin" not in sys.argv:
    promise.drawn.install()
for name, runs in promise.COMMANDS.items():
    for arguments in runs(place):
        result = promise.ran(arguments)
        if result.exit_code and name != "models get":
            raise SystemExit(f"curate {{' '.join(arguments)}}: {{result.output}}")
promise.reviewed(place)
print("all commands ran")
"""


@dataclass
class Proxy:
    """A proxy that only counts who comes."""

    address: str
    visits: list[bytes] = field(default_factory=list)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Proxy(f"http://127.0.0.1:{listening.getsockname()[1]}")

        def count() -> None:
            with suppress(OSError):  # it is closed at the end
                while True:
                    line, _ = listening.accept()
                    with line:
                        line.settimeout(5)
                        found.visits.append(line.recv(200))

        counting = threading.Thread(target=count, daemon=True)
        counting.start()
        yield found
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def environment(tmp_path: Path, proxy: Proxy) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    home = tmp_path / "home"
    home.mkdir()
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    return {
        **kept,
        **dict.fromkeys(names, proxy.address),
        "NO_PROXY": "",
        "no_proxy": "",
        "HF_HOME": str(home / "hub"),
        "CUT_NETWORK_LOG": str(tmp_path / "attempts"),
        "PYTHONPATH": os.pathsep.join((str(HERE / "cut_network"), str(ROOT))),
        "PYTHONIOENCODING": "utf-8",
    }


def all_commands(tmp_path: Path, proxy: Proxy, *options: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ALL.format(here=str(HERE)), str(tmp_path / "world"), *options],
        env=environment(tmp_path, proxy),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all commands ran" in done.stdout


def attempts(tmp_path: Path) -> list[str]:
    log = tmp_path / "attempts"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def test_no_command_reaches_for_the_network_where_nothing_is_missing(tmp_path: Path, proxy: Proxy) -> None:
    all_commands(tmp_path, proxy, "--views", "off")
    assert attempts(tmp_path) == []
    assert proxy.visits == []


def test_no_command_reaches_for_the_network_when_offline(tmp_path: Path, proxy: Proxy) -> None:
    """Nor for models that are missing: the folder of Hugging Face's hub is empty, and views are wanted."""
    all_commands(tmp_path, proxy, "--offline", "--model", "auto")
    assert attempts(tmp_path) == []
    assert proxy.visits == []


def test_an_attempt_would_be_seen(tmp_path: Path, proxy: Proxy) -> None:
    """The two tests above can fail: a request is counted by the proxy, and one past it is refused and written down."""
    ask = "import urllib.request; urllib.request.urlopen('http://example.invalid/', timeout=5)"
    known = environment(tmp_path, proxy)
    subprocess.run([sys.executable, "-c", ask], env=known, capture_output=True, check=False)
    assert len(proxy.visits) == 1
    without = {name: value for name, value in known.items() if not name.lower().endswith("_proxy")}
    subprocess.run([sys.executable, "-c", ask], env=without, capture_output=True, check=False)
    assert attempts(tmp_path) == ["socket.getaddrinfo example.invalid"]


@pytest.mark.skipif(not shutil.which("unshare"), reason="a network can only be taken away by unshare, on Linux")
def test_a_scan_and_an_export_work_with_the_network_taken_away(tmp_path: Path, sample_folder: Path) -> None:
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make networks")
    options = ["--model", "builtin", "--views", "off", "--cache", str(tmp_path / "cache")]
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(sample_folder.glob("*.jpg"))[:4]:
        shutil.copy(path, few)
    for arguments in (["scan", str(few)], ["export", str(tmp_path / "out"), str(few)]):
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-m", "curate", *arguments, *options],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "out").is_dir()
