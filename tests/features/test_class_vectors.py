"""What a CLIP that reads text says of views, with a small network of random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from curate.features import SqliteStore, Store, choose
from curate.features.views import class_vectors, clip
from curate.settings import ScanSettings

SMALL = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """(embedder, open_clip's own model of the same weights)."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "small-that-reads.json").write_text(json.dumps(SMALL), encoding="utf-8")
    open_clip.add_model_config(folder / "small-that-reads.json")
    torch.manual_seed(1)
    model = open_clip.create_model("small-that-reads").eval()
    torch.save(model.state_dict(), folder / "weights.pt")
    embedder, _ = choose(ScanSettings(model=f"small-that-reads/{folder / 'weights.pt'}", device="cpu"))
    return embedder, model


def test_sentences_get_the_vectors_that_open_clip_gives_them(small) -> None:  # type: ignore[no-untyped-def]
    embedder, model = small
    sentences = ["seen from behind", "a photo of a person, front view", "seen from behind"]
    with torch.inference_mode():
        tokens = open_clip.get_tokenizer("small-that-reads")(sentences)
        expected = model.encode_text(tokens, normalize=True).numpy()
    rows = embedder.embed_text(sentences)
    assert rows.dtype == np.float32
    assert np.abs(rows - expected).max() < 1e-5
    assert np.array_equal(rows[0], rows[2])


def test_classes_are_made_once_and_kept(small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    embedder, _ = small
    store = SqliteStore.open(tmp_path)
    first = class_vectors(embedder, store)
    assert set(first) == {
        "aspect front", "aspect side", "aspect back", "framing close_up", "framing upper_body", "framing full_body"
    }  # fmt: skip
    assert all(np.linalg.norm(one) == pytest.approx(1.0, abs=1e-5) for one in first.values())
    monkeypatch.setattr(clip, "classes", lambda reader: pytest.fail("asked again"))
    again = class_vectors(embedder, store)
    assert all(np.array_equal(again[name], first[name]) for name in first)
    store.close()


def test_other_sentences_are_other_classes(small, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    embedder, _ = small
    store = Store()
    first = class_vectors(embedder, store)
    monkeypatch.setattr(clip, "SENTENCES", ("nothing like it: {}",))
    assert not np.array_equal(class_vectors(embedder, store)["aspect back"], first["aspect back"])


def test_an_embedder_that_reads_no_text_has_no_classes() -> None:
    class Blind:
        key = name = "blind"

    assert class_vectors(Blind(), Store()) == {}  # type: ignore[arg-type]
