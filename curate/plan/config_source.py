"""A trainer's configuration file: its text, its values, and what is refused of it, with the line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any

from curate.errors import TrainerError
from curate.plan.config_keys import KNOWN, READ

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WHOLE = ("batch_size", "epochs", "max_steps", "gradient_accumulation", "rank")  # of our settings
TEXTS = ("optimizer",)
UNSET_BY_0 = ("epochs", "max_steps")  # 0 stands for "not set" in several trainers' own examples
LIKE = 0.85  # share of letters in common from which an unknown key counts as misspelt


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    trainer: str
    path: Path
    text: str

    def parsed(self) -> Any:
        """The file's values. Raises TrainerError that names the line where it does not parse."""
        try:
            if self.path.suffix.lower() == ".toml":
                return tomllib.loads(self.text)
            if self.path.suffix.lower() in (".yaml", ".yml"):
                return import_module("yaml").safe_load(self.text)
            return json.loads(self.text)
        except RecursionError:
            raise self.refused("it is nested too deeply", "Mend it, or leave it out") from None
        except ValueError as error:  # TOML and JSON; both messages name the line
            raise self.refused(f"does not parse: {error}", "Mend it, or leave it out") from error
        except import_module("yaml").YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"line {mark.line + 1} " if mark else ""
            raise self.refused(f"{where}does not parse: {getattr(error, 'problem', error)}", "Mend it") from error

    def refused(self, problem: str, advice: str) -> TrainerError:
        return TrainerError(self.trainer, f"{self.path.name}: " + " ".join(problem.split()), advice)

    def line(self, key: str) -> int:
        """The line (from 1) on which a key stands first."""
        found = re.search(rf"""^[^#\n]*?["']?{re.escape(key)}["']?\s*[=:]""", self.text, re.MULTILINE)
        return self.text.count("\n", 0, found.end()) + 1 if found else 1

    def table(self, value: Any, section: str) -> dict[str, Any]:
        """A section's keys, after unknown or misspelt ones have been refused."""
        if not isinstance(value, dict):
            raise self.refused(f"{section} is no table of keys", "See the trainer's own example")
        known = KNOWN.get((self.trainer, section))
        for key in value:
            plain = key.lstrip("-")
            if known is not None and plain not in known:
                raise self._unknown(key, section, get_close_matches(plain, known, 1))
            read = READ[self.trainer]
            like = get_close_matches(plain, read, 1, LIKE)
            if known is None and like and plain not in read:
                raise self._unknown(key, section, like)
        return {key.lstrip("-"): one for key, one in value.items()}

    def _unknown(self, key: str, section: str, like: list[str]) -> TrainerError:
        advice = f"Did you mean {like[0]}" if like else "Remove it"
        return self.refused(f"line {self.line(key)}: no key called {key!r} in {section}", advice)

    def tables(self, value: Any, section: str) -> list[dict[str, Any]]:
        """A list of tables with at least one."""
        if not isinstance(value, list) or not value:
            raise self.refused(f"it has no {section}", "See the trainer's own example")
        return [self.table(one, section) for one in value]

    def picked(self, values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        """Values under our names, numbers as numbers; what is left empty, or 0 where that means unset, is left out.

        Raises TrainerError, with the line, for a value of the wrong kind.
        """
        found = {}
        for theirs, ours in names.items():
            value = values.get(theirs)
            if value in (None, "") or (ours in UNSET_BY_0 and value == 0):
                continue
            found[ours] = str(value) if ours in TEXTS else self.number(theirs, value, whole=ours in WHOLE)
            if ours in TEXTS and not isinstance(value, str):
                raise self.wrong(theirs, value, "a name")
        return found

    def number(self, key: str, value: Any, whole: bool = False) -> float:
        """A number, also one that is written as text: YAML takes 1e-4 for a word. Raises TrainerError for others."""
        kind = "a whole number of at least 1" if whole else "a number above 0"
        try:
            number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else 0.0
        except (ValueError, OverflowError):
            raise self.wrong(key, value, kind) from None
        if not 0 < number < inf or (whole and number != int(number)):
            raise self.wrong(key, value, kind)
        return int(number) if whole else number

    def wrong(self, key: str, value: Any, kind: str) -> TrainerError:
        return self.refused(f"line {self.line(key)}: {key} is {value!r}", f"Give {kind}")

    def first(self, value: Any, section: str) -> dict[str, Any]:
        """The first of a list of tables; the others are checked too."""
        return self.tables(value, section)[0]
