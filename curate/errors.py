"""Everything that can go wrong for a user, in one tree.

CurateError
├── FolderError        a folder that cannot be scanned
├── BrokenPicture      a picture that cannot be decoded (listed, never the end of a scan)
├── ModelError         an embedder that is unknown, missing, or cannot be loaded
├── TrainerError       a trainer that is unknown, or refuses a setting
├── PlanError          a budget that no setting meets
├── ExportError        a set that cannot be exported as asked
├── DestinationError   a place that an export cannot be written to
├── ManifestError      a manifest that cannot be read, repeated or relied on
├── DecisionError      a file of decisions that cannot be read or written
├── ServeError         an address that a page cannot be served on
├── EngineError        machines that cannot be reached, or that cannot do the work
├── FeaturesError      a place for measured features that cannot be used
└── CacheError         a cache that cannot be used (the pipeline goes on without it)

Each message says what, where and what to do, in one line. The command line prints it and exits 1.
"""

from __future__ import annotations

from collections.abc import Iterable


class CurateError(Exception):
    """Base of all errors that a user can cause or mend. Travels between processes as it is."""

    def __reduce__(self) -> tuple[object, ...]:
        return _as_it_was, (type(self), self.args, self.__dict__)


def _as_it_was(kind: type[CurateError], args: tuple[object, ...], fields: dict[str, object]) -> CurateError:
    """The error anew. Its class is not called: it takes fields, where pickle would give it the finished message."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class FolderError(CurateError):
    """A folder that cannot be scanned: missing, a file, empty, without pictures, unreadable."""

    def __init__(self, folder: object, problem: str, advice: str) -> None:
        self.folder, self.problem, self.advice = str(folder), problem, advice
        super().__init__(f"{self.folder}: {problem}. {advice}.")


class BrokenPicture(CurateError):  # noqa: N818  (it is what the list of broken files holds)
    """A picture that cannot be decoded: truncated, damaged, too large. `reason` is the line for that list."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"broken picture: {reason}. Mend or replace the file.")


class ModelError(CurateError):
    """An embedder that is unknown, missing on this machine, or cannot be loaded."""

    def __init__(self, name: str, problem: str, advice: str) -> None:
        self.name, self.problem, self.advice = name, problem, advice
        super().__init__(f"Model {name!r}: {problem}. {advice}.")


class TrainerError(CurateError):
    """A trainer that is unknown, or a setting that the trainer would refuse."""

    def __init__(self, trainer: str, problem: str, advice: str) -> None:
        self.trainer, self.problem, self.advice = trainer, problem, advice
        super().__init__(f"{trainer}: {problem}. {advice}.")

    @classmethod
    def unknown(cls, name: str, choices: Iterable[str]) -> TrainerError:
        return cls(name, "no trainer of that name", f"Choose one of: {', '.join(choices)}")


class PlanError(CurateError):
    """A training budget that cannot be met with these pictures and settings."""

    def __init__(self, problem: str, advice: str) -> None:
        self.problem, self.advice = problem, advice
        super().__init__(f"{problem}. {advice}.")


class ExportError(CurateError):
    """A set that cannot be exported as asked: nothing left of it, a caption that is demanded and missing."""

    def __init__(self, problem: str, advice: str) -> None:
        self.problem, self.advice = problem, advice
        super().__init__(f"{problem}. {advice}.")


class DestinationError(CurateError):
    """A place that an export cannot be written to."""

    def __init__(self, destination: object, problem: str, advice: str) -> None:
        self.destination, self.problem, self.advice = str(destination), problem, advice
        super().__init__(f"{self.destination}: {problem}. {advice}.")


class ManifestError(CurateError):
    """A manifest of an export that is missing, damaged, foreign, or of a set that is not there any more."""

    def __init__(self, path: object, problem: str, advice: str) -> None:
        self.path, self.problem, self.advice = str(path), problem, advice
        super().__init__(f"{self.path}: {problem}. {advice}.")


class DecisionError(CurateError):
    """A file of decisions that cannot be read or written: foreign, from a newer curate, locked, refused."""

    def __init__(self, file: object, problem: str, advice: str) -> None:
        self.file, self.problem, self.advice = str(file), problem, advice
        super().__init__(f"decisions {self.file}: {problem}. {advice}.")


class ServeError(CurateError):
    """An address that a page cannot be served on: a busy port, an interface that this machine has not."""

    def __init__(self, host: str, port: int, problem: str, advice: str) -> None:
        self.host, self.port, self.problem, self.advice = host, port, problem, advice
        super().__init__(f"{host}:{port} cannot be served on: {problem}. {advice}.")


class EngineError(CurateError):
    """Machines that cannot be reached or cannot do the work: no Ray, a wrong address, a worker that fails."""

    def __init__(self, engine: str, problem: str, advice: str) -> None:
        self.engine, self.problem, self.advice = engine, problem, advice
        super().__init__(f"Engine {engine!r}: {problem}. {advice}.")


class FeaturesError(CurateError):
    """A place for measured features that cannot be used: no such bucket, no permission, not seen by the workers."""

    def __init__(self, address: object, problem: str, advice: str) -> None:
        self.address, self.problem, self.advice = str(address), problem, advice
        super().__init__(f"features {self.address}: {problem}. {advice}.")


class CacheError(CurateError):
    """A cache that cannot be read or written. A scan goes on without it."""

    def __init__(self, path: object, problem: str) -> None:
        self.path, self.problem = str(path), problem
        super().__init__(f"cache {self.path}: {problem}. Going on without it; --cache DIR chooses another place.")
