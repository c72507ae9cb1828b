"""How each trainer wants its data set on disk, and its configuration.

The trainers' step rules fill their files in `curate.trainers`; a layout changes for other reasons (folders, captions,
schemas) and needs what is known only when exporting, so each has a file of its own here.
"""

from __future__ import annotations

from importlib import import_module

from curate.errors import TrainerError
from curate.output.layouts.base import Layout

LAYOUTS = {
    "folder": "curate.output.layouts.folder",
    "kohya": "curate.output.layouts.kohya",
    "onetrainer": "curate.output.layouts.onetrainer",
    "ai-toolkit": "curate.output.layouts.ai_toolkit",
    "simpletuner": "curate.output.layouts.simpletuner",
    "diffusion-pipe": "curate.output.layouts.diffusion_pipe",
    "musubi": "curate.output.layouts.musubi",
    "diffusers": "curate.output.layouts.diffusers",
}


def layout(name: str) -> Layout:
    """The layout for the trainer of that name. Raises TrainerError for an unknown one."""
    if name not in LAYOUTS:
        raise TrainerError.unknown(name, LAYOUTS)
    found: Layout = import_module(LAYOUTS[name]).LAYOUT
    return found


__all__ = ["LAYOUTS", "Layout", "layout"]
