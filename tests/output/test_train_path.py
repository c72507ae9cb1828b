"""--train-path: what is written into configurations for another machine, and how it is quoted."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from output_sets import Exporter, draw
from trainer_loaders import command_of, toml

from curate import output, trainers
from curate.output.layouts.base import quoted, shell

TRAINED = [name for name in output.LAYOUTS if name != "folder"]


def exported(export: Exporter, source: Path, trainer: str, train_path: str) -> Path:
    draw(source / "a.png")
    length: dict[str, Any] = {"epochs": 4} if trainers.get(trainer).budget == "epochs" else {"max_steps": 60}
    values = {"base": "qwen" if trainer == "musubi" else "sdxl", "batch_size": 1, **length}
    return Path(export(trainer=trainer, values=values, train_path=train_path, name='it\'s "x"').destination)


def folder_in(root: Path, trainer: str) -> str:
    """The folder of the pictures, as the trainer's configuration names it."""
    if trainer == "diffusers":
        words = command_of(root)[0]
        return words[words.index("--dataset_name") + 1] + "/train"
    if trainer == "kohya":
        return str(toml(root / "dataset.toml")["datasets"][0]["subsets"][0]["image_dir"])
    if trainer == "musubi":
        return str(toml(root / "dataset.toml")["datasets"][0]["image_directory"])
    if trainer == "diffusion-pipe":
        return str(toml(root / "dataset.toml")["directory"][0]["path"])
    if trainer == "ai-toolkit":
        config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
        return str(config["config"]["process"][0]["datasets"][0]["folder_path"])
    file, key = {
        "onetrainer": ("concepts.json", "path"),
        "simpletuner": ("multidatabackend.json", "instance_data_dir"),
    }[trainer]
    return str(json.loads((root / file).read_text(encoding="utf-8"))[0][key])


@pytest.mark.parametrize("trainer", TRAINED)
@pytest.mark.parametrize(
    ("given", "start"),
    [
        ("/workspace/set", "/workspace/set/"),
        ('/work space/it\'s "x" \\ #1 \u00e9/', '/work space/it\'s "x" \\ #1 \u00e9/'),
        ("C:\\sets\\new user\\nora", "C:/sets/new user/nora/"),
        ("D:/sets/", "D:/sets/"),
        ("\\\\server\\share\\nora\\", "//server/share/nora/"),
    ],
)
def test_every_configuration_names_the_folder_as_it_will_lie(
    export: Exporter, source: Path, trainer: str, given: str, start: str
) -> None:
    root = exported(export, source, trainer, given)
    found = folder_in(root, trainer)
    assert found.startswith(start)
    assert (root / found[len(start) :] / ("0001.png" if trainer == "diffusers" else "a.png")).is_file()


def test_a_command_for_a_windows_path_is_one_line_in_double_quotes() -> None:
    made = shell("accelerate launch x.py", [("--dataset_config", "C:/new sets/a.toml"), ("--sdpa", None), ("--n", 4)])
    assert made == 'accelerate launch x.py --dataset_config "C:/new sets/a.toml" --sdpa --n 4'
    assert shlex.split(made)[-4:] == ["C:/new sets/a.toml", "--sdpa", "--n", "4"]
    assert quoted("C:/sets/a.toml") == "C:/sets/a.toml"


def test_other_commands_are_quoted_for_a_posix_shell_one_option_a_line() -> None:
    made = shell("x", [("--a", "it's $HOME"), ("--rate", 0.0001)])
    assert shlex.split(made.replace("\\\n", " ")) == ["x", "--a", "it's $HOME", "--rate", "0.0001"]
    assert made.count("\n") == 2
