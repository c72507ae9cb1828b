"""Pictures -> vectors: the Embedder protocol, the embedders there are, and the choice of one."""

from curate.features.embed.base import NOTHING, Embedder, Progress, embed_checked, part_of
from curate.features.embed.choose import EMBEDDERS, choose

__all__ = ["EMBEDDERS", "NOTHING", "Embedder", "Progress", "choose", "embed_checked", "part_of"]
