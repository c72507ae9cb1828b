"""What is really in a LoRA training set, and how to train on it.

The names below are loaded when they are first used, so that `import curate` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

