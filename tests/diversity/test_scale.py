"""Every embedder finds its own scale; those that cannot tell a new view from a copy are refused the word calibrated."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from curate.diversity import edits, scale
from curate.diversity.scale import bundled_pictures, effective_at, find_scale, scale_of
from curate.errors import ModelError
from curate.features import embed
from curate.settings import ScanSettings

SAMPLES = Path(__file__).parents[2] / "sample_images"


@pytest.fixture(scope="module")
def builtin():
    embedder, _ = embed.choose(ScanSettings(model="builtin", device="cpu", offline=True))
    return find_scale(lambda batch: embedder.embed(np.stack([embedder.prepare(picture) for picture in batch])))


def histogram(batch):
    """How often each of 16 x 16 x 16 colours occurs: blind to what a picture shows."""
    rows = []
    for picture in batch:
        red, green, blue = np.moveaxis(picture.astype(np.intp) // 16, 2, 0)
        rows.append(np.bincount((red * 256 + green * 16 + blue).ravel(), minlength=4096) ** 0.5)
    return np.array(rows, dtype=np.float32)


def random_network(batch):
    """Three layers of random weights: it sees something, but was taught nothing."""
    import torch

    torch.manual_seed(1)
    layers = []
    for inwards, outwards, side, stride in ((3, 32, 7, 4), (32, 64, 3, 2), (64, 128, 3, 2)):
        layers += [torch.nn.Conv2d(inwards, outwards, side, stride), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    squares = np.stack([edits._pixels(edits._resized(edits._image(picture), 128, 128)) for picture in batch])
    with torch.inference_mode():
        return network(torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255).numpy()


def test_the_bundled_pictures_are_the_samples_byte_for_byte():
    folder = files("curate.diversity") / "pictures"
    names = [f"nora_{number:02}.jpg" for number in range(1, 19)]
    assert sorted(item.name for item in folder.iterdir()) == names
    for name in names:
        assert (folder / name).read_bytes() == (SAMPLES / name).read_bytes()


def test_the_built_in_model_is_calibrated_near_95(builtin):
    assert builtin.calibrated
    assert builtin.half_similarity == pytest.approx(0.953, abs=0.005)  # .951 to .954 by the way of resizing
    assert builtin.u == pytest.approx(1 - builtin.half_similarity)
    assert builtin.burst_effective < 1.6
    assert min(builtin.edit_auc.values()) > 0.99


def test_the_least_cosine_of_an_edit_is_below_every_family(builtin):
    assert set(builtin.edit_least) == {*edits.FAMILIES, *edits.HARSH}
    assert builtin.edit_floor == min(builtin.edit_least.values()) == builtin.edit_quantiles[0]
    assert builtin.edit_quantiles == tuple(sorted(builtin.edit_quantiles))
    assert 0.4 < builtin.edit_floor < builtin.half_similarity


@pytest.mark.parametrize("blind", [histogram, random_network])
def test_what_sees_no_content_is_not_calibrated(blind):
    found = find_scale(blind)
    assert not found.calibrated
    assert found.edit_auc["brightened"] < 0.9


def test_an_embedder_for_which_all_pictures_are_equal_is_not_calibrated():
    found = find_scale(lambda batch: np.ones((len(batch), 4), dtype=np.float32))
    assert not found.calibrated
    assert set(found.edit_auc.values()) == {0.5}


def test_numbers_that_are_not_finite_are_refused_by_name():
    with pytest.raises(ModelError, match="not finite"):
        find_scale(lambda batch: np.full((len(batch), 4), np.nan, dtype=np.float32), "odd")
    with pytest.raises(ModelError, match="'odd'"):
        find_scale(lambda batch: np.ones((1, 4), dtype=np.float32), "odd")


def test_at_the_scale_found_the_set_counts_as_asked():
    random = np.random.default_rng(0)
    vectors = random.normal(size=12) + 0.5 * random.normal(size=(15, 12))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    u = scale_of(vectors @ vectors.T, scale.TARGET)
    assert effective_at(vectors @ vectors.T, u) == pytest.approx(scale.TARGET * 15, rel=1e-6)


@pytest.mark.parametrize("name", [*edits.FAMILIES, *edits.HARSH])
def test_an_edit_depends_on_nothing_but_picture_and_seed(name):
    edit = (edits.FAMILIES | edits.HARSH)[name]
    picture = edits.shrink(bundled_pictures()[0], 160)
    before = picture.copy()
    one, other = (edit(picture, np.random.default_rng((0, 1))) for _ in range(2))
    assert one.dtype == np.uint8
    assert one.shape[2] == 3
    assert np.array_equal(one, other)
    assert np.array_equal(picture, before)
    assert one.shape != picture.shape or not np.array_equal(one, picture) or name == "thumbnail"


@pytest.mark.parametrize("name", ["perspective", "crop", "rotation", "mix", "photo"])
def test_no_family_shows_a_border(name):
    white = np.full((120, 200, 3), 200, dtype=np.uint8)
    for draw in range(5):
        edited = edits.FAMILIES[name](white, np.random.default_rng(draw))
        assert edited.min() > 150  # outside a picture it would be black


def test_the_shipped_scale_is_the_one_that_is_found(builtin):
    embedder, _ = embed.choose(ScanSettings(model="builtin", device="cpu", offline=True))
    shipped = scale.shipped_scale(embedder.key)
    assert shipped is not None
    assert shipped.calibrated == builtin.calibrated
    assert shipped.u == pytest.approx(builtin.u, rel=1e-3)
    assert shipped.edit_floor == pytest.approx(builtin.edit_floor, abs=1e-3)
    assert shipped.edit_auc == pytest.approx(builtin.edit_auc, abs=0.005)
    assert scale.shipped_scale("another model") is None
