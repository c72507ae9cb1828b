"""Texts: captions, metadata files, trainers' configurations, and words that are written into configurations."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

from fuzzing import small

PICTURES = ("a.png", "b/c.webp", "b/c d.jpg")


class CaptionFiles:
    """One content as a sidecar and as metadata files of every kind."""

    def seeds(self) -> list[bytes]:
        rows = [{"file_name": name, "text": f"caption of {name}"} for name in PICTURES]
        return [
            b"nora, a woman in a park\nsecond line",
            "Größe, 日本語, \U0001f600".encode(),
            "nora in UTF-16".encode("utf-16"),
            "caf\xe9".encode("cp1252"),
            "\n".join(json.dumps(row) for row in rows).encode(),
            json.dumps({name: {"caption": "one", "tags": "two, three"} for name in PICTURES}).encode(),
            json.dumps({name: ["one", "two"] for name in PICTURES}).encode(),
            json.dumps({"C:\\sets\\a.png": "x", "./b/c.webp": "y"}).encode(),
        ]

    def run(self, data: bytes) -> None:
        from curate.pictures import captions

        tables = {"metadata.jsonl": data, "b/metadata.json": data, "captions.json": data}
        for texts, others in (({"a.txt": data, "b/c.caption": data}, {}), ({}, tables)):
            found = captions.attach(PICTURES, texts, others)
            for caption in found.of.values():
                if "\0" in caption.text or "\r" in caption.text or caption.text != caption.text.strip():
                    raise AssertionError(f"not clean: {caption.text[:60]!r}")
                caption.text.encode("utf-8")
            for left in found.ignored:
                if not left.reason:
                    raise AssertionError(f"no reason for {left.path}")


class Words:
    """One text as a value and as a comment of TOML, YAML and JSON, as a file's name, and as a line of a terminal."""

    def seeds(self) -> list[bytes]:
        words = ("nora", 'a "quoted" name', "it's", "back\\slash", "{a: b}", "- x", "# y", "1e-4", "yes", "\u202eevil")
        more = (
            "'''",
            '"""',
            "\\u0041",
            "line\nbreak",
            "\x1b]0;title\x07",
            "<b>&amp;",
            "con.txt",
            "\udcff\udcfe",
            "\x85",
        )
        return [word.encode("utf-8", "surrogateescape") for word in (*words, *more)]

    def run(self, data: bytes) -> None:
        from curate.output import names
        from curate.output.layouts import text as written

        given = data.decode("utf-8", "surrogateescape")
        word = given.encode("utf-8", "replace").decode(
            "utf-8"
        )  # what the layouts are given: captions.clean, names.safe
        tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
        yaml = import_module("yaml")
        head = "\n".join(written.comments([word, word], "  "))
        toml = tomllib.loads("\n".join([head, *written.toml_lines({"a": word, "b": [word, 1], "c": {"d": word}})]))
        _same(toml, {"a": word, "b": [word, 1], "c": {"d": word}}, "TOML")
        found = yaml.safe_load("\n".join([head, *written.yaml_lines({"a": word, "b": [word, 1.5]})]))
        _same(found, {"a": word, "b": [word, 1.5]}, "YAML")
        _same(json.loads(written.json_text({"a": word})), {"a": word}, "JSON")
        for name in (names.safe(given), names.safe_stem(given)):
            _check_name(name)


def _same(found: object, wanted: object, where: str) -> None:
    if found != wanted:
        raise AssertionError(f"{where} reads {str(found)[:200]!r} instead of {str(wanted)[:200]!r}")


def _check_name(name: str) -> None:
    """What Windows, macOS and Linux ask of a name."""
    bad = set('<>:"/\\|?*') & set(name)
    if bad or not name or name[-1] in ". " or name[0] == "." or any(ord(letter) < 32 for letter in name):
        raise AssertionError(f"no name for every system: {name!r}")
    if len(name.encode("utf-8")) > 200 or name.partition(".")[0].strip().lower() in (
        "con",
        "nul",
        "aux",
        "prn",
        "com1",
    ):
        raise AssertionError(f"no name for every system: {name!r}")


class Configs:
    """A trainer's own configuration, read, and a plan made with it. The first line says which trainer's it is."""

    def __init__(self, folder: Path) -> None:
        import curate

        self._folder = folder
        pictures = small.draw(folder / "set")
        self._analysis = curate.scan(pictures, small.settings(folder / "cache"), model=small.Squares())

    def seeds(self) -> list[bytes]:
        return [text.encode() for text in CONFIGS]

    def run(self, data: bytes) -> None:
        from curate import pipeline, plan
        from curate.errors import PlanError, TrainerError
        from curate.trainers import TRAINERS

        head, _, body = data.partition(b"\n")
        trainer, _, suffix = head.decode("latin-1").partition(" ")
        trainer = trainer if trainer in TRAINERS else "kohya"
        path = self._folder / f"config.{suffix if suffix in ('toml', 'yaml', 'json') else 'toml'}"
        path.write_bytes(body)
        try:
            config = plan.read_config(path, trainer)
            settings = plan.with_config(plan.PlanSettings(trainer=trainer), config)
            made = pipeline.recommend(self._analysis, settings)
            json.dumps(plan.as_json(made), allow_nan=False)
        except (PlanError, TrainerError) as error:
            if not str(error):
                raise AssertionError("an error without a line") from error


CONFIGS = (
    """kohya toml
[general]
caption_extension = ".txt"
[[datasets]]
resolution = [1024, 768]
batch_size = 2
enable_bucket = true
min_bucket_reso = 256
max_bucket_reso = 2048
bucket_reso_steps = 64
  [[datasets.subsets]]
  image_dir = 'set/10_nora'
  num_repeats = 10
  flip_aug = true
  [[datasets.subsets]]
  image_dir = "reg/1_woman"
  is_reg = true
""",
    """kohya toml
[training_arguments]
max_train_epochs = 10
train_batch_size = 2
learning_rate = 1e-4
optimizer_type = "AdamW8bit"
network_dim = 16
network_alpha = 8
resolution = "1024,1024"
gradient_accumulation_steps = 2
""",
    """musubi toml
[general]
resolution = [960, 544]
batch_size = 1
[[datasets]]
image_directory = "set"
num_repeats = 3
""",
    """onetrainer json
{"batch_size": 2, "epochs": 10, "learning_rate": 0.0003, "resolution": "512,768", "lora_rank": 16,
 "optimizer": {"optimizer": "ADAMW"}, "concepts": [{"path": "set", "balancing": 2.5, "type": "STANDARD",
 "image": {"enable_random_flip": true}}]}
""",
    """onetrainer json
[{"path": "set", "balancing": 2, "balancing_strategy": "REPEATS", "enabled": true}]
""",
    """ai-toolkit yaml
job: extension
config:
  name: nora
  process:
  - type: sd_trainer
    network: {type: lora, linear: 16, linear_alpha: 16}
    train: {batch_size: 1, steps: 2000, lr: 1e-4, gradient_accumulation: 1, optimizer: adamw8bit}
    datasets:
    - folder_path: set
      resolution: [512, 768, 1024]
      num_repeats: 2
      flip_x: true
""",
    """simpletuner json
[{"id": "nora", "type": "local", "instance_data_dir": "set", "repeats": 4, "resolution": 1024,
  "resolution_type": "pixel_area", "crop": false, "dataset_type": "image", "is_regularisation_data": false}]
""",
    """simpletuner json
{"--max_train_steps": 1000, "--train_batch_size": 2, "--learning_rate": "1e-4", "--lora_rank": 16}
""",
    """diffusion-pipe toml
epochs = 100
micro_batch_size_per_gpu = [[512, 4], [1024, 1]]
gradient_accumulation_steps = 1
[adapter]
type = 'lora'
rank = 32
[optimizer]
type = 'adamw_optimi'
lr = 2e-5
""",
    """diffusion-pipe toml
resolutions = [512, 1024]
enable_ar_bucket = true
min_ar = 0.5
max_ar = 2.0
num_ar_buckets = 7
[[directory]]
path = 'set'
num_repeats = 5
""",
)
