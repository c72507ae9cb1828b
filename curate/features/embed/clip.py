"""CLIP and its kin, by open_clip.

The default is ViT-B-32/laion2b_s34b_b79k: MIT-licensed, the least work a picture of the usual CLIP models (4.4 billion
multiplications; ViT-B-16 takes four times as many), 605 MB, and the one most fetched from the hub, so the likeliest to
lie on a machine already (https://huggingface.co/laion/CLIP-ViT-B-32-laion2B-s34B-b79K). How well it tells near views
apart was not measured when it was chosen; the self-check of its similarity scale judges that on every machine.
"""

from __future__ import annotations

import difflib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import ModelError
from curate.features.embed import hub
from curate.features.embed.hub import Origin
from curate.features.embed.network import TorchEmbedder, import_torch, importing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

    from curate.features.embed.base import Vectors, Wish

ARCHITECTURE, TAG = "ViT-B-32", "laion2b_s34b_b79k"
FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")  # names that open_clip's repositories give
ORIGIN = Origin(repository="laion/CLIP-ViT-B-32-laion2B-s34B-b79K", files=FILES)
SIZE = "605 MB"
LICENCE = "MIT"
SUFFIXES = frozenset((".pt", ".pth", ".bin", ".safetensors", ".npz", ".npy", ".ckpt"))
CHUNK = 1 << 20  # bytes read at once
NO_CODE = frozenset((".safetensors", ".npz", ".npy"))  # files that can hold nothing but numbers
SAFE_TORCH = (2, 6)  # below it a file can run code even where only weights are to be loaded: CVE-2025-32434


def make(wish: Wish) -> OpenClip:
    """The default CLIP."""
    return OpenClip(ARCHITECTURE, TAG, wish)


def named(model: str, wish: Wish) -> OpenClip:
    """NAME/TAG or NAME/file.pt. Raises ModelError for a file that is missing."""
    architecture, _, weights = model.partition("/")
    path = Path(weights).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        return OpenClip(architecture, weights, wish)
    if not path.is_file():
        raise ModelError(model, f"no file {path}", "Check the path; it follows the model's name and a slash")
    return OpenClip(architecture, path, wish)


class OpenClip(TorchEmbedder):
    """One model of open_clip, with the weights of a tag or of a file."""

    def __init__(self, architecture: str, weights: str | Path, wish: Wish) -> None:
        self.architecture, self.weights, self.wish = architecture, weights, wish
        shown = weights.name if isinstance(weights, Path) else weights
        identity = _digest(weights, wish) if isinstance(weights, Path) else weights
        self._side = 0
        super().__init__(
            key=f"open_clip {architecture}/{identity} squash-2",
            name=f"CLIP {architecture}/{shown}",
            device=wish.device,
        )

    @property
    def side(self) -> int:
        self.load()
        return self._side

    def load(self) -> None:
        if self._network is None and (self.architecture, self.weights) == (ARCHITECTURE, TAG):
            self._refuse_what_is_out_of_reach(ORIGIN)  # before seconds go into importing PyTorch and open_clip
        super().load()

    def embed_text(self, sentences: Sequence[str]) -> Vectors:
        """A row [D] of length 1, float32, for each sentence, comparable with the pictures' rows. Raises ModelError."""
        import torch

        self.load()
        open_clip = importing(self.name, lambda: __import__("open_clip"))
        tokens = open_clip.get_tokenizer(self.architecture)(list(sentences)).to(self.device)
        with torch.inference_mode():
            rows: Vectors = self._network.model.encode_text(tokens, normalize=True).float().cpu().numpy()
        return rows

    def build(self) -> Any:
        open_clip = importing(self.name, lambda: __import__("open_clip"))
        if self.architecture not in open_clip.list_models():
            raise ModelError(*_unknown(self.name, "model", self.architecture, open_clip.list_models()))
        config = self._config(open_clip)
        path = self.weights if isinstance(self.weights, Path) else self._at_hand(config)
        _refuse_code(self.name, path)
        gelu = {"force_quick_gelu": True} if config.get("quick_gelu") else {}
        try:
            model = open_clip.create_model(self.architecture, pretrained=str(path), **gelu)
        except Exception as error:  # whatever a damaged or foreign file makes torch's and open_clip's readers raise
            problem = f"{path} does not hold weights of {self.architecture} ({_first_line(error)})"
            raise ModelError(self.name, problem, "Check the file, or delete it to have it fetched again") from error
        size = model.visual.image_size
        height, width = (size, size) if isinstance(size, int) else size
        if height != width:
            raise ModelError(self.name, f"takes pictures of {width}x{height} px", "Choose a model with square input")
        self._side = int(height)
        return _network(model, *self._levels(open_clip, config))

    def _config(self, open_clip: Any) -> dict[str, Any]:
        """What open_clip says of the tag; {} for a file."""
        if isinstance(self.weights, Path):
            return {}
        tags = open_clip.list_pretrained_tags_by_model(self.architecture)
        if self.weights not in tags:
            raise ModelError(*_unknown(self.name, "weights", self.weights, tags))
        return dict(open_clip.get_pretrained_cfg(self.architecture, self.weights))

    def _at_hand(self, config: dict[str, Any]) -> Path:
        origin = origin_of(config)
        self._refuse_what_is_out_of_reach(origin)
        return hub.find(origin) or hub.fetch(origin, self.name, self.wish.progress)

    def _refuse_what_is_out_of_reach(self, origin: Origin) -> None:
        """Raises ModelError for weights that are not on this machine and may not, or cannot, be fetched."""
        if hub.find(origin) is not None:
            return
        if self.wish.offline:
            advice = "Run once without --offline, or use --model builtin"
            raise ModelError(self.name, "its weights are not on this machine", advice)
        if not hub.is_reachable(origin):
            problem = "its weights are not on this machine and their server does not answer"
            raise ModelError(self.name, problem, "Try again with a network, or use --model builtin")

    def _levels(self, open_clip: Any, config: dict[str, Any]) -> tuple[Any, Any]:
        """Mean and spread of the levels, of 1, that the model was trained with. A file says nothing of them: they are
        then those of all tags of its architecture if these agree, else CLIP's."""
        configs = (
            [config]
            if config
            else [
                open_clip.get_pretrained_cfg(self.architecture, tag)
                for tag in open_clip.list_pretrained_tags_by_model(self.architecture)
            ]
        )
        known = {(tuple(one["mean"]), tuple(one["std"])) for one in configs if one.get("mean") and one.get("std")}
        return known.pop() if len(known) == 1 else (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)


def _refuse_code(name: str, path: Path) -> None:
    """Raises ModelError for a file of weights that could run code while it is loaded.

    open_clip asks PyTorch for weights alone, but loads in the usual way where that raises TypeError, as a file can have
    it do; from 2.6 on the usual way is weights alone too, which refuses whatever else a pickle holds.
    """
    if path.suffix.lower() in NO_CODE:
        return
    torch = import_torch(name)
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < SAFE_TORCH:
        problem = f"{path.name} is a pickle, which could run code in PyTorch {torch.__version__} (CVE-2025-32434)"
        raise ModelError(name, problem, "Update PyTorch to 2.6 or later, or give weights as .safetensors")


def origin_of(config: dict[str, Any]) -> Origin:
    """Where open_clip has the weights of a tag from, by its own configuration of it."""
    repository, _, file = config.get("hf_hub", "").rpartition("/")
    if not repository:
        return Origin(address=config.get("url", ""))
    safe = (f"{file.rpartition('.')[0]}.safetensors", file)
    return Origin(repository=repository, files=safe if file else FILES)


def _network(model: Any, mean: Any, spread: Any) -> Any:
    """A module: levels [B, 3, side, side], 0-255 -> [B, D]."""
    import torch
    from torch import nn

    class Network(nn.Module):
        mean: Tensor
        spread: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1) * 255.0)
            self.register_buffer("spread", torch.tensor(spread).reshape(1, 3, 1, 1) * 255.0)

        def forward(self, levels: Tensor) -> Tensor:
            features: Tensor = self.model.encode_image((levels - self.mean) / self.spread)
            return features

    return Network()


def _digest(path: Path, wish: Wish) -> str:
    """SHA-256 (hex) of a file of weights, from the store if it is unchanged."""
    stat = path.stat()
    whole = path.resolve()
    known = wish.store.known(whole, stat)
    if known is not None:
        return known
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    wish.store.remember(whole, stat, digest.hexdigest())
    return digest.hexdigest()


def _unknown(name: str, kind: str, word: str, choices: Iterable[str]) -> tuple[str, str, str]:
    near = difflib.get_close_matches(word, list(choices), n=5, cutoff=0.4)
    advice = f"Choose another, e.g. {', '.join(near)}" if near else "See open_clip.list_pretrained() for all"
    return name, f"open_clip has no {kind} {word!r}", advice


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
