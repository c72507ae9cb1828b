"""Which embedder is chosen, with and without weights, network and GPU."""

import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from curate.errors import ModelError
from curate.features import SqliteStore, choose, part_of
from curate.features.embed import clip, devices, hub
from curate.features.embed.builtin import Builtin
from curate.features.embed.clip import OpenClip
from curate.features.embed.litert import BuiltinLite
from curate.settings import ScanSettings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch):
    """No weights of CLIP, no GPU, no network; each test gives what it needs."""
    monkeypatch.setattr(hub, "find", lambda origin: None)
    monkeypatch.setattr(hub, "is_reachable", lambda origin: pytest.fail("asked the network"))
    monkeypatch.setattr(devices, "guess", lambda: "cpu")
    monkeypatch.setattr(devices, "confirm", lambda device: device)


@pytest.fixture
def loaded(monkeypatch):
    """Names of the embedders that were loaded, none of them really."""
    names: list[str] = []
    monkeypatch.setattr(OpenClip, "load", lambda self: names.append(self.name))
    for kind in (Builtin, BuiltinLite):
        monkeypatch.setattr(kind, "load", lambda self: names.append(self.name))
    return names


def test_without_weights_and_gpu_it_is_the_built_in_one_and_the_line_says_how_to_have_clip(loaded):
    embedder, why = choose(ScanSettings())
    assert isinstance(embedder, Builtin | BuiltinLite)
    assert embedder.device == "cpu"
    assert "no GPU" in why
    assert "--model clip" in why
    assert "\n" not in why


def test_weights_on_this_machine_make_it_clip_even_offline(loaded, monkeypatch):
    monkeypatch.setattr(hub, "find", lambda origin: Path("weights"))
    for offline in (False, True):
        embedder, why = choose(ScanSettings(offline=offline))
        assert isinstance(embedder, OpenClip)
        assert "ViT-B-32" in why


def test_with_a_gpu_clip_is_fetched_where_its_server_answers(loaded, monkeypatch):
    monkeypatch.setattr(devices, "guess", lambda: "cuda")
    monkeypatch.setattr(hub, "is_reachable", lambda origin: origin == clip.ORIGIN)
    embedder, _ = choose(ScanSettings())
    assert isinstance(embedder, OpenClip)
    assert embedder.device == "cuda"
    assert loaded == [embedder.name]


def test_a_gpu_that_torch_cannot_use_fetches_nothing(loaded, monkeypatch):
    monkeypatch.setattr(devices, "guess", lambda: "cuda")
    monkeypatch.setattr(devices, "confirm", lambda device: "cpu")
    monkeypatch.setattr(hub, "is_reachable", lambda origin: True)
    embedder, why = choose(ScanSettings())
    assert isinstance(embedder, Builtin | BuiltinLite)
    assert embedder.device == "cpu"
    assert "cannot use the GPU" in why
    assert loaded == [embedder.name]


def test_offline_never_asks_the_network(loaded, monkeypatch):
    monkeypatch.setattr(devices, "guess", lambda: "cuda")
    embedder, why = choose(ScanSettings(offline=True))
    assert isinstance(embedder, Builtin | BuiltinLite)
    assert "without --offline" in why
    with pytest.raises(ModelError, match=r"not on this machine.*--model builtin"):
        OpenClip.build(clip.make(clip_wish(offline=True)))


def clip_wish(*, offline: bool):
    from curate.features.embed.base import Wish

    return Wish(offline=offline)


def test_clip_that_cannot_be_loaded_gives_way_to_the_built_in_one(loaded, monkeypatch):
    def load(self):
        raise ModelError(self.name, "torch and torchvision do not fit each other", "Install both")

    monkeypatch.setattr(hub, "find", lambda origin: Path("weights"))
    monkeypatch.setattr(OpenClip, "load", load)
    embedder, why = choose(ScanSettings())
    assert isinstance(embedder, Builtin | BuiltinLite)
    assert "do not fit each other" in why


def test_clip_asked_for_by_name_without_a_network_is_an_error_not_another_model(monkeypatch):
    monkeypatch.setattr(hub, "is_reachable", lambda origin: False)
    with pytest.raises(ModelError, match="server does not answer"):
        choose(ScanSettings(model="clip"))


@pytest.mark.parametrize(
    ("model", "says"), [("resnet", "Choose one of: auto, builtin, clip"), ("Clipp", "meant: clip")]
)
def test_an_unknown_name_is_an_error_with_the_choices(model, says):
    with pytest.raises(ModelError, match=says):
        choose(ScanSettings(model=model))


def test_an_unknown_device_is_an_error_with_the_choices():
    with pytest.raises(ModelError, match=r"no device is called 'gpu'.*cuda:N"):
        choose(ScanSettings(device="gpu"))


def test_an_embedder_that_the_store_knows_is_not_loaded_again(loaded, tmp_path):
    store = SqliteStore.open(tmp_path)
    first, _ = choose(ScanSettings(), store=store)
    assert loaded == [first.name]
    store.put({part_of(first.key): {"digest": b"row"}})
    choose(ScanSettings(), store=store)
    assert loaded == [first.name]
    store.close()


def test_a_second_choice_imports_neither_torch_nor_open_clip(tmp_path):
    code = f"""
import sys
from pathlib import Path
from curate.features import SqliteStore, choose, part_of
from curate.features.embed import builtin
from curate.features.embed.base import Wish
from curate.settings import ScanSettings
store = SqliteStore.open(Path({str(tmp_path)!r}))
store.put({{part_of(builtin.make(Wish()).key): {{"digest": b"row"}}}})
for settings in (ScanSettings(), ScanSettings(model="builtin"), ScanSettings(offline=True)):
    choose(settings, store=store)
print(*sorted({{"torch", "open_clip", "timm", "torchvision"}} & set(sys.modules)))
"""
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == ""


class TestReachable:
    """The real probe, against servers of our own."""

    @pytest.fixture(autouse=True)
    def real(self, monkeypatch, bare_machine):
        monkeypatch.undo()
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)

    @staticmethod
    def answer(address: str) -> tuple[bool, float]:
        start = time.monotonic()
        reachable = hub.is_reachable(hub.Origin(address=address))
        return reachable, time.monotonic() - start

    def test_a_server_that_answers_is_reachable(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.send_response(200 if self.path == "/weights.pt" else 404)
                self.end_headers()

            def log_message(self, *args):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            base = f"http://127.0.0.1:{server.server_port}"
            assert self.answer(f"{base}/weights.pt")[0]
            assert not self.answer(f"{base}/absent.pt")[0]
            server.shutdown()

    def test_a_server_that_accepts_and_says_nothing_is_given_up_within_three_seconds(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            reachable, seconds = self.answer(f"http://127.0.0.1:{silent.getsockname()[1]}/weights.pt")
        assert not reachable
        assert seconds < 3

    def test_a_name_server_that_does_not_answer_is_given_up_within_three_seconds(self, monkeypatch):
        given_up = threading.Event()

        def never(*args, **kwargs):
            given_up.wait()
            raise OSError("no such name")

        monkeypatch.setattr(socket, "getaddrinfo", never)
        reachable, seconds = self.answer("https://example.org/weights.pt")
        given_up.set()
        assert not reachable
        assert seconds < 3


@pytest.mark.parametrize(
    ("version", "built"),
    [
        ("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", True),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.2'\n", True),
        ("cuda = None\nhip = None\n__version__ = '2.5+cpu'\n", False),
    ],
)
def test_what_torch_was_built_for_is_read_without_importing_it(version, built, tmp_path, monkeypatch):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError", encoding="utf-8")
    (tmp_path / "torch" / "version.py").write_text(version, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.syspath_prepend(tmp_path)
    assert devices._is_built_for_gpu() is built
