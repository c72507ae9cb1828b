"""open_clip's own loading code, with a small network of random weights."""

import json

import numpy as np
import open_clip
import pytest
import torch

from curate.errors import ModelError
from curate.features import SqliteStore, choose, embed_checked
from curate.features.embed import clip, hub
from curate.features.embed.base import Wish
from curate.settings import ScanSettings

TINY = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """(file of weights, the model that they were saved from)."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny-for-tests.json").write_text(json.dumps(TINY), encoding="utf-8")
    open_clip.add_model_config(folder / "tiny-for-tests.json")
    torch.manual_seed(0)
    model = open_clip.create_model("tiny-for-tests").eval()
    torch.save(model.state_dict(), folder / "weights.pt")
    return folder / "weights.pt", model


def squares(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_a_file_of_weights_gives_what_open_clip_gives(tiny):
    file, model = tiny
    embedder, why = choose(ScanSettings(model=f"tiny-for-tests/{file}", device="cpu"))
    batch = squares(5)
    levels = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
    mean, spread = (
        torch.tensor(three).reshape(1, 3, 1, 1)
        for three in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    with torch.inference_mode():
        expected = model.encode_image((levels - mean) / spread, normalize=True).numpy()
    rows = embed_checked(embedder, batch)
    assert rows.shape == (5, 24)
    assert np.abs(rows - expected).max() < 1e-5
    assert embedder.side == 32
    assert embedder.prepare(np.zeros((50, 90, 3), np.uint8)).shape == (32, 32, 3)
    assert "tiny-for-tests" in why


def test_a_picture_has_the_same_vector_in_any_batch(tiny):
    embedder = clip.named(f"tiny-for-tests/{tiny[0]}", Wish())
    batch = squares(9)
    rows = embedder.embed(batch)
    alone = np.concatenate([embedder.embed(batch[row : row + 1]) for row in range(9)])
    assert np.abs(alone - rows).max() < 1e-6


def test_the_key_is_that_of_the_bytes_whatever_the_file_is_called(tiny, tmp_path):
    data = tiny[0].read_bytes()
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "c.pt").write_bytes(data + b"x")
    store = SqliteStore.open(tmp_path / "cache")
    keys = [clip.named(f"tiny-for-tests/{tmp_path / name}", Wish(store=store)).key for name in ("a.pt", "b.pt", "c.pt")]
    assert keys[0] == keys[1] != keys[2]
    assert clip.named(f"tiny-for-tests/{tmp_path / 'a.pt'}", Wish(store=store)).key == keys[0]
    store.close()


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("tiny-for-tests/absent.pt", "no file absent.pt"),
        ("ViT-B-23/laion2b_s34b_b79k", "no model 'ViT-B-23'.*ViT-B-32"),
        ("ViT-B-32/laion2b_s34b_b97k", "no weights 'laion2b_s34b_b97k'.*laion2b_s34b_b79k"),
    ],
)
def test_what_open_clip_does_not_have_is_named_with_what_is_near(model, says):
    with pytest.raises(ModelError, match=says):
        choose(ScanSettings(model=model, device="cpu", offline=True))


def test_weights_of_another_architecture_are_refused_in_one_line(tiny, tmp_path):
    (tmp_path / "text.pt").write_text("not weights", encoding="utf-8")
    for model in (f"RN50/{tiny[0]}", f"tiny-for-tests/{tmp_path / 'text.pt'}"):
        with pytest.raises(ModelError, match="does not hold weights of") as caught:
            choose(ScanSettings(model=model, device="cpu"))
        assert "\n" not in str(caught.value)


def test_the_default_is_where_open_clip_says_it_is():
    config = open_clip.get_pretrained_cfg(clip.ARCHITECTURE, clip.TAG)
    assert clip.origin_of(config) == clip.ORIGIN
    assert clip.origin_of({"hf_hub": "apple/DFN/weights.bin"}).files == ("weights.safetensors", "weights.bin")
    assert clip.origin_of({"url": "https://example.org/a.pt"}) == hub.Origin(address="https://example.org/a.pt")
