"""The review page's server under load for an hour: does it answer to the end, and does it hold no more than at first?

    python bench/soak.py [--minutes 60] [--pictures 40] [--pause 0.01]

A real `curate review` in a process of its own. One client has the cookie and does what the page does: pictures of every
size, decisions, undo, what-if questions, plans, questions for news that wait. Strangers meanwhile send nonsense, guess
tokens and hold connections open. Prints one table: requests, answers that were not as they should be, and the resident
memory of the server at the start (after a warm-up of a tenth of the time), in the middle and at the end.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from fuzzing import small  # noqa: E402
from fuzzing.mutations import mutated_text  # noqa: E402

HELD = 200  # connections that a stranger holds open, more than the server keeps
PAUSE = 0.01  # s between two requests: some sixty a second, as a person who scrolls makes; this fills a core
PATIENCE = 40.0  # s for an answer, of which a question for news may wait 20
SIZES = ("thumb", "screen", "full")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="how long, in minutes")
    parser.add_argument("--pause", type=float, default=PAUSE, help="between two requests, in s")
    parser.add_argument("--pictures", type=int, default=40, help="pictures in the set")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curate-soak-", ignore_cleanup_errors=True) as folder:
        process, address = started(Path(folder), chosen.pictures)
        try:
            soak = Soak(process, address, chosen.pause)
            soak.run(chosen.minutes * 60)
        finally:
            process.terminate()
            _, said = process.communicate(timeout=60)
    soak.table(said)


def started(folder: Path, pictures: int) -> tuple[subprocess.Popen[str], str]:
    """The server and the link that opens its page once."""
    small.draw(folder / "set", pictures)
    command = [sys.executable, "-m", "curate", "review", str(folder / "set"), "--no-open", "--model", "builtin"]
    command += ["--offline", "--views", "off", "--cache", str(folder / "cache"), "--export-to", str(folder / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    errors = subprocess.PIPE
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    if "http://" not in line:
        raise SystemExit(f"the server did not start: {process.communicate(timeout=60)[1]}")
    threading.Thread(target=process.stdout.read, daemon=True).start()  # the links that follow
    return process, line.split()[-1]


class Soak:
    """One run, and what is counted in it."""

    def __init__(self, process: subprocess.Popen[str], link: str, pause: float = PAUSE) -> None:
        self._process, self._pause = process, pause
        self._port = int(link.split(":")[2].split("/")[0])
        self._host = f"127.0.0.1:{self._port}"
        self.asked: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.unexpected: Counter[str] = Counter()  # what came instead
        self.memory: list[tuple[float, float]] = []  # s, MiB
        self._counting = threading.Lock()
        self._cookie = ""
        _, head, _ = self._get("/?token=" + link.split("token=")[1])
        self._cookie = head["set-cookie"].split(";")[0]
        values = json.loads(self._get("/api/set")[2])
        self._ids = [picture["id"] for picture in values["pictures"]]

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        begin = time.monotonic()
        work: tuple[Callable[[Random], None], ...] = (self._look, self._decide, self._wait, self._nonsense, self._hold)
        threads = [threading.Thread(target=self._until, args=(end, one, Random(at))) for at, one in enumerate(work)]
        for thread in threads:
            thread.start()
        while time.monotonic() < end:
            self.memory.append((time.monotonic() - begin, resident_mb(self._process.pid)))
            time.sleep(min(5.0, max(0.1, end - time.monotonic())))
        for thread in threads:
            thread.join(PATIENCE + 30)
        self.memory.append((time.monotonic() - begin, resident_mb(self._process.pid)))
        self._expect("the last answer", self._get("/api/set")[0], 200)

    def table(self, said: str) -> None:
        whole = self.memory[-1][0]
        at = [min(self.memory, key=lambda one: abs(one[0] - whole * share)) for share in (0.1, 0.5, 1.0)]
        print(f"{'what':<28}{'requests':>10}{'wrong':>8}")
        for name, count in self.asked.items():
            print(f"{name:<28}{count:>10,}{self.wrong[name]:>8}")
        print(f"{'all':<28}{self.asked.total():>10,}{self.wrong.total():>8}   in {whole / 60:.1f} minutes")
        print("resident memory, MiB: " + ", ".join(f"{mb:.0f} at {s / 60:.1f} min" for s, mb in at))
        for what, count in self.unexpected.most_common(10):
            print(f"  {count} x {what}")
        print(f"lines on the server's error stream: {len(said.splitlines())}")
        for line in said.splitlines()[:5]:
            print(f"  {line}")

    def _until(self, end: float, work: Callable[[Random], None], random: Random) -> None:
        while time.monotonic() < end:
            try:
                work(random)
            except (OSError, http.client.HTTPException) as error:
                self._expect(work.__name__.strip("_"), type(error).__name__, 200)
            time.sleep(self._pause)

    def _look(self, random: Random) -> None:
        place = f"/picture/{random.choice(SIZES)}/{random.choice(self._ids).partition('~')[0]}"
        self._expect("pictures", self._get(place)[0], 200)
        self._expect("files of the page", self._get(random.choice(("/", "/static/main.js")))[0], 200)

    def _decide(self, random: Random) -> None:
        some = random.sample(self._ids, 3)
        kind = random.choice(("keep", "leave_out", "keeper"))
        self._change("decide", {"decisions": [{"kind": kind, "id": one} for one in some]})
        self._change("undo", {})
        self._change(random.choice(("redo", "undo")), {})
        self._change("undecide", {"ids": some})
        self._change("whatif", {"ids": some[:1]})
        self._change("plan", {"settings": {"target_steps": random.randrange(100, 2000)}})
        words = {"find": "picture", "put": "p", "unit": "word", "ids": some, "dry_run": True}
        self._change("replace", words)
        self._expect("states", self._get("/api/set")[0], 200)

    def _wait(self, random: Random) -> None:
        since = json.loads(self._get("/api/set")[2])["version"]
        self._expect("questions for news", self._get(f"/api/set?since={since}&wait")[0], 200)

    def _nonsense(self, random: Random) -> None:
        guess = f"GET /?token={random.getrandbits(256):x} HTTP/1.1\r\nHost: {self._host}\r\n"
        sent = guess.encode() + b"Connection: close\r\n\r\n"
        if random.random() < 0.7:
            sent = mutated_text(sent, sent, random)
        answer = b""
        with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE) as line, suppress(ConnectionError):
            line.sendall(sent)
            line.shutdown(socket.SHUT_WR)
            while part := line.recv(65536):
                answer += part
        good = answer[9:10] in (b"4", b"")
        self._expect("strangers' nonsense", 200 if good else answer[:60], 200)

    def _hold(self, random: Random) -> None:
        """Connections that are opened and held, while the others go on."""
        with ExitStack() as stack:
            for _ in range(HELD):
                line = stack.enter_context(socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE))
                with suppress(ConnectionError):
                    line.sendall(random.choice((b"", b"GET / HTTP/1.1\r\nX-Slow: ")))
            time.sleep(1)
        self._expect("held connections", 200, 200)

    def _get(self, place: str) -> tuple[int, dict[str, str], bytes]:
        return self._ask("GET", place, None)

    def _change(self, name: str, body: dict[str, Any]) -> None:
        self._expect("changes", self._ask("POST", f"/api/{name}", json.dumps(body))[0], 200)

    def _ask(self, method: str, place: str, body: str | None) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        try:
            own = {"Cookie": self._cookie, "Origin": f"http://{self._host}", "Content-Type": "application/json"}
            line.request(method, place, body, own)
            answer = line.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            line.close()

    def _expect(self, name: str, found: object, wanted: object) -> None:
        with self._counting:
            self.asked[name] += 1
            if found != wanted:
                self.wrong[name] += 1
                self.unexpected[f"{name}: {found}"] += 1


def resident_mb(process: int) -> float:
    """MiB of a process that are in memory; 0 where the system does not tell."""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(process)], capture_output=True, text=True, check=False)
    return int(told.stdout or 0) / 1024


if __name__ == "__main__":
    main()
