"""Fetching weights with the hub's own client, from a hub of our own on this machine."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WEIGHTS = bytes(range(256)) * 400
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODE = """
from curate.errors import ModelError
from curate.features.embed import hub
origin = hub.Origin(repository="maker/model", files=("missing.safetensors", "weights.bin"))
told = []
print(hub.find(origin), hub.is_reachable(origin))
print(hub.fetch(origin, "CLIP", lambda *said: told.append(said)).name)
print(told[-1])
print(hub.find(origin).read_bytes() == bytes(range(256)) * 400)
try:
    hub.fetch(hub.Origin(repository="maker/model", files=("absent.bin",)), "CLIP", None)
except ModelError as error:
    print(error)
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """The little of the hub that its client asks for when it fetches one file."""

    def do_HEAD(self):
        if not self.path.endswith("/weights.bin"):
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            return False
        self.send_response(200)
        self.send_header("Content-Length", str(len(WEIGHTS)))
        self.send_header("ETag", f'"{hashlib.sha256(WEIGHTS).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        return True

    def do_GET(self):
        if self.do_HEAD():
            self.wfile.write(getattr(self.server, "sent", WEIGHTS))

    def log_message(self, *args):
        pass


@pytest.fixture
def address():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def lying_address():
    """A hub whose file is not the one whose SHA-256 it tells, of the same size."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        server.sent = WEIGHTS[:-1] + b"!"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_weights_are_fetched_with_progress_found_again_and_nothing_is_printed(address, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "0"}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, env=environment, timeout=60)
    first, name, progress, whole, refused = done.stdout.splitlines()
    assert first == "None True"
    assert name == "weights.bin"
    assert progress == f"('fetching CLIP', {len(WEIGHTS)}, {len(WEIGHTS)})"
    assert whole == "True"
    assert refused.startswith("Model 'CLIP': its weights could not be fetched (")
    assert done.stderr == ""


LIED = """
from curate.errors import ModelError
from curate.features.embed import hub
origin = hub.Origin(repository="maker/model", files=("weights.bin",))
try:
    hub.fetch(origin, "CLIP", None)
except ModelError as error:
    print(error)
print(hub.find(origin))
"""


def test_weights_that_are_not_what_the_hub_tells_are_refused_and_not_kept(lying_address, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"HF_ENDPOINT": lying_address, "HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment |= {"HF_HUB_OFFLINE": "0"}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run([sys.executable, "-c", LIED], capture_output=True, text=True, env=environment, timeout=60)
    refused, found = done.stdout.splitlines()
    assert "SHA-256 differs" in refused, done.stderr
    assert found == "None"
