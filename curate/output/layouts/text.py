"""TOML, YAML and JSON, written by hand: few shapes, every string escaped, comments where they are allowed.

TOML 1.0 (https://toml.io/en/v1.0.0); YAML 1.2 flow scalars, which hold JSON's strings, and read the same by YAML 1.1.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal


def toml_value(value: object) -> str:
    """A TOML value: text, number, truth value, list or table of them, on one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _toml_string(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml_value(one) for one in value)}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(toml_lines(value))}}}"
    raise TypeError(f"no TOML for {type(value).__name__}")


def toml_lines(values: Mapping[str, object], indent: str = "") -> list[str]:
    """`key = value` lines of a table with bare keys."""
    return [f"{indent}{key} = {toml_value(value)}" for key, value in values.items()]


def comments(lines: Iterable[str], indent: str = "") -> list[str]:
    """The lines as comments of TOML or YAML; what is not printable is taken out, so that none can end early."""
    return [f"{indent}# {''.join(letter for letter in line if letter.isprintable())}" for line in lines]


def yaml_value(value: object) -> str:
    """A YAML value on one line."""
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, float):
        return plain_number(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(yaml_value(one) for one in value)}]"
    raise TypeError(f"no YAML for {type(value).__name__}")


def yaml_lines(values: Mapping[str, object], indent: str = "") -> list[str]:
    """`key: value` lines with plain keys."""
    return [f"{indent}{key}: {yaml_value(value)}" for key, value in values.items()]


def json_text(value: object) -> str:
    """JSON in ASCII, so that it is read the same whatever the encoding is taken for."""
    return json.dumps(value, indent=2, ensure_ascii=True) + "\n"


def plain_number(value: float) -> str:
    """A float without exponent, which YAML 1.1 would read as text (1e-4)."""
    text = format(Decimal(repr(float(value))), "f")
    return text if "." in text else f"{text}.0"


def _toml_string(text: str) -> str:
    """Literal, without escapes, where that can be: toml 0.10.2, which the trainers read with, misreads some of them."""
    if ("\\" in text or '"' in text) and "'" not in text and text.isprintable():
        return f"'{text}'"
    return _string(text)


def _string(text: str) -> str:
    """A string in double quotes that TOML and YAML read alike: JSON's escapes, with everything unprintable escaped."""
    letters = []
    for letter in text:
        if letter in '"\\':
            letters.append(f"\\{letter}")
        elif letter.isprintable():
            letters.append(letter)
        elif ord(letter) > 0xFFFF:
            letters.append(f"\\U{ord(letter):08X}")
        else:
            letters.append(f"\\u{ord(letter):04X}")
    return f'"{"".join(letters)}"'
