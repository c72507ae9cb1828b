"""Exports of sets that are drawn in code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from output_sets import Exporter, measured

from curate import output


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "nora set"
    folder.mkdir()
    return folder


@pytest.fixture
def export(source: Path, tmp_path: Path) -> Exporter:
    """Exports what lies in `source` to `tmp_path / to`; settings by name, values in `values`."""

    def run(
        to: str = "out", values: dict[str, Any] | None = None, change: Any = None, **settings: Any
    ) -> output.Written:
        found = measured(source, settings, values or {})
        if change:
            found = change(found)
        return output.write(output.draft(found, tmp_path / to), tmp_path / to)

    return run
