"""Records -> plain values and back, so that a manifest holds all that an export was made from.

Fields that hold their default are left out, and a field that joins a record later is written and read without a change
here.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")
_SIMPLE = frozenset((str, int, float, bool, type(None)))


def plain(value: Any) -> Any:
    """The value as JSON has it: objects without their defaults, lists, texts and numbers."""
    kind = type(value)
    if kind in _SIMPLE:
        return value
    if is_dataclass(kind) or isinstance(value, Mapping):
        return {name: plain(content) for name, content in _shallow(value).items()}
    if isinstance(value, (tuple, list)):
        return [plain(content) for content in value]
    return value


def as_json(value: Any) -> str:
    """`json.dumps(plain(value))`, mostly in C: ten thousand records are most of a manifest's time."""
    return json.dumps(value, default=_shallow, check_circular=False)


def _shallow(value: Any) -> dict[str, Any]:
    """One level of `plain`, for what JSON's own encoder does not know."""
    kind = type(value)
    if is_dataclass(kind):
        return {
            name: content
            for (name, default), content in zip(_defaults(kind), _contents(kind)(value), strict=True)
            if content is not default and (type(content) is not type(default) or content != default)
        }
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{kind.__name__} is not for JSON")


def restored(record: type[Record], value: Any) -> Record:
    """The record that `plain` wrote. Raises ValueError for anything else, naming the field."""
    found: Record = _restored(record, value, record.__name__)
    return found


@cache
def _defaults(record: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Each field's name and default; one that it must be given has itself none, and MISSING stands for it."""
    return tuple(
        (one.name, one.default if one.default_factory is MISSING else one.default_factory()) for one in fields(record)
    )


@cache
def _contents(record: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Gives all fields of a record at once: ten thousand records are a third of the time of a manifest."""
    names = [one.name for one in fields(record)]
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def _restored(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if hint is Any or hint is object:
        return _frozen(value)
    if is_dataclass(hint):
        return _record(hint, value, where)
    if origin in (Union, types.UnionType):
        return _first_that_fits(get_args(hint), value, where)
    if origin is Literal and value in get_args(hint):
        return value
    if origin is tuple and isinstance(value, list):
        return _tuple(get_args(hint), value, where)
    if origin is not None and issubclass(_class(origin), Mapping) and isinstance(value, dict):
        return {key: _restored(get_args(hint)[1], content, where) for key, content in value.items()}
    if origin is None and type(value) is (type(None) if hint is None else hint):
        return value
    if hint is float and type(value) is int:
        return value
    raise ValueError(f"{where} holds {str(value)[:40]!r}")


def _class(origin: Any) -> type:
    return origin if isinstance(origin, type) else object


def _record(hint: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} holds {str(value)[:40]!r}")
    hints = _hints(hint)
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise ValueError(f"{where} has an unknown field {unknown[0][:40]!r}")
    try:
        return hint(**{name: _restored(hints[name], content, f"{where}.{name}") for name, content in value.items()})
    except TypeError:
        raise ValueError(f"{where} lacks a field") from None


@cache
def _hints(record: Any) -> dict[str, Any]:
    return get_type_hints(record)


def _first_that_fits(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    for hint in hints:
        try:
            return _restored(hint, value, where)
        except ValueError:  # noqa: PERF203
            continue
    raise ValueError(f"{where} holds {str(value)[:40]!r}")


def _tuple(hints: tuple[Any, ...], value: list[Any], where: str) -> tuple[Any, ...]:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_restored(hints[0], content, where) for content in value)
    if len(hints) != len(value):
        raise ValueError(f"{where} holds {len(value)} values")
    return tuple(_restored(hint, content, where) for hint, content in zip(hints, value, strict=True))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(content) for content in value) if isinstance(value, list) else value
