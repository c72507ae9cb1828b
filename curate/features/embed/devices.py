"""Where networks run: what this machine seems to have, told without PyTorch, and what PyTorch says of it."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import sys
from pathlib import Path

from curate.errors import ModelError
from curate.features.embed.network import import_torch

_NAMES = re.compile(r"cpu|mps|cuda(:\d+)?")
_BUILT_FOR = re.compile(r"^(?:cuda|hip)\b[^=]*=\s*'", re.MULTILINE)  # in torch/version.py: a version, not None


def check_name(device: str, model: str) -> None:
    """Raises ModelError for what is no device."""
    if device != "auto" and not _NAMES.fullmatch(device):
        raise ModelError(model, f"no device is called {device!r}", "Choose one of: auto, cpu, cuda, cuda:N, mps")


def guess() -> str:
    """cuda, mps or cpu, by the machine and by the files of PyTorch: importing it costs 1.3 s."""
    if sys.platform == "darwin":
        return "mps" if platform.machine() == "arm64" else "cpu"
    driver = shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists() or Path("/dev/kfd").exists()
    return "cuda" if driver and _is_built_for_gpu() else "cpu"


def confirm(device: str) -> str:
    """`device` if PyTorch can use it, else cpu."""
    torch = import_torch(device)
    usable = torch.backends.mps.is_available() if device == "mps" else torch.cuda.is_available()
    return device if usable else "cpu"


def _is_built_for_gpu() -> bool:
    found = importlib.util.find_spec("torch")
    for folder in (found.submodule_search_locations or ()) if found else ():
        version = Path(folder, "version.py")
        return not version.exists() or bool(_BUILT_FOR.search(version.read_text(encoding="utf-8")))
    return False
