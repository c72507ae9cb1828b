"""Runs tasks on a Ray cluster, through Ray Data: the only door to Ray.

Items are rows of a data set, workers the actors of a pool: which machine gets what, how much waits where, and what
becomes of the work of a machine that died is decided by Ray (Moritz et al. 2018, "Ray: a distributed framework for
emerging AI applications"; https://docs.ray.io/en/latest/data/transforming-data.html, stateful transforms).
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from curate.engine import Item, Lost, Result, quiet
from curate.engine.child import become_worker
from curate.errors import CurateError, EngineError

TRIES = 4  # of an item whose worker dies, the first included: machines are taken away, and memory runs out
BLOCKS = 4_096  # rows are gathered into so many at most: each is an object that the head keeps account of
PATIENCE = 5.0  # s for an address to answer, as much as Ray itself gives a connection
OBJECTS = 200_000_000  # bytes of shared memory for rows where Ray is started here; they hold names and counts
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # RFC 9113, 3.4: and an empty SETTINGS frame
SETTINGS_FRAME = 4  # RFC 9113, 6.5: the first that a server of HTTP/2, as gRPC is, sends back
LOGGERS = ("ray", "ray.data")
INSTALL = "Install it here and on every machine of the cluster: pip install 'lora-curate[ray]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class RayEngine:
    """An `Engine` on the cluster that this process is connected to; see `connected`."""

    workers: int  # actors; 0: as many as the cluster has room for
    gpu: bool = False  # each actor has one to itself

    def run(self, task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result | Lost]:
        """As `Engine.run`. All items are held while it runs.

        Raises EngineError where the cluster fails, and any CurateError that the task raises.
        """
        rows = [{"at": at, "item": pickle.dumps(item)} for at, item in enumerate(items)]
        held: dict[int, Result | Lost] = {}
        following = 0
        with _cluster_errors():
            for at, result in self._results(task, rows) if rows else ():
                if isinstance(result, _Raised):
                    raise result.error
                held[at] = result
                while following in held:
                    yield held.pop(following)
                    following += 1

    @property
    def most(self) -> int:
        """How many actors there will be at most, as the cluster is now."""
        ray = _imported()
        return self.workers or max(1, int(ray.cluster_resources().get("GPU" if self.gpu else "CPU", 1)))

    @property
    def cores(self) -> int:
        """How many each actor has."""
        resources = _imported().cluster_resources() if self.gpu else {}
        return max(1, int(resources.get("CPU", 1) // max(1, resources.get("GPU", 1))))

    def _results(self, task: Callable[[Any], Any], rows: list[dict[str, Any]]) -> Iterator[tuple[int, Any]]:
        """(place among the items, result), as they come."""
        ray = _imported()
        _check_sendable(ray, task)
        tally = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Tally).remote()
        most = min(self.most, len(rows))
        rows_out = ray.data.from_items(rows, override_num_blocks=min(len(rows), BLOCKS)).map(
            _Worker,
            fn_constructor_args=(task, tally),
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=most, initial_size=most),
            num_cpus=self.cores,
            num_gpus=1 if self.gpu else 0,
        )
        for block in rows_out.iter_batches(batch_size=None, batch_format="pyarrow"):
            for row in block.to_pylist():
                yield row["at"], pickle.loads(row["result"])


class _Tally:
    """How often each item was begun and not ended. Ray begins the work of an actor that died anew without end."""

    def __init__(self) -> None:
        self._begun: Counter[int] = Counter()

    def begin(self, at: int) -> int:
        self._begun[at] += 1
        return self._begun[at]

    def end(self, at: int) -> None:
        del self._begun[at]  # a Counter forgives what it has not


class _Worker:
    """What each actor holds: the task, which keeps what it opened from one item to the next."""

    def __init__(self, task: Callable[[Any], Any], tally: Any) -> None:
        self._task, self._tally = task, tally
        become_worker()

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        import ray

        at = row["at"]
        if ray.get(self._tally.begin.remote(at)) > TRIES:
            result: Any = Lost(f"its worker died {TRIES} times")
        else:
            try:
                result = self._task(pickle.loads(row["item"]))
            except CurateError as error:  # raised on the head as it is, rather than as a failure of Ray
                result = _Raised(error)
        ray.get(self._tally.end.remote(at))
        return {"at": at, "result": pickle.dumps(result)}


@dataclass(frozen=True, slots=True)
class _Raised:
    error: CurateError


@contextmanager
def connected(address: str = "", workers: int = 0, *, gpu: bool = False) -> Iterator[RayEngine]:
    """An engine on the cluster at `address`: HOST:PORT, ray://HOST:PORT, auto, or local.

    Without an address that of $RAY_ADDRESS, which Ray sets for the jobs it runs, or what this process is connected to
    already; else Ray is started on this machine and ended afterwards. Nothing is started where an address was given.
    Raises EngineError, within seconds.
    """
    ray = _imported()
    address = address or os.environ.get("RAY_ADDRESS", "")
    own = not ray.is_initialized()
    if not own and address not in ("", "auto", ray.get_runtime_context().gcs_address):
        problem = f"this process is connected to {ray.get_runtime_context().gcs_address} already"
        raise EngineError("ray", problem, f"Call ray.shutdown() first, or leave the address {address!r} out")
    with _silence(ray):
        if own:
            _connect(ray, address, workers)
        try:
            yield RayEngine(workers=workers, gpu=gpu)
        finally:
            if own:
                ray.shutdown()


def _check_sendable(ray: Any, task: object) -> None:
    try:
        ray.cloudpickle.dumps(task)
    except Exception as error:  # a caller's object may raise anything
        problem = f"what is to be run cannot be sent to other machines ({_first_line(error)})"
        raise EngineError("ray", problem, "Use a model by its name, or --engine local") from error


def _imported() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # its own log, which would go to stderr
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise EngineError("ray", f"Ray Data is not installed ({error})", INSTALL) from error
    return ray


def _connect(ray: Any, address: str, workers: int) -> None:
    try:
        if address in ("", "local"):
            cores = max(workers, os.cpu_count() or 1)
            settings = {"num_cpus": cores, "include_dashboard": False, "object_store_memory": OBJECTS}
        else:
            _knock(address)
            settings = {}
        with quiet():  # it greets: its log level was set
            ray.init(address=address or "local", log_to_driver=False, logging_level=logging.CRITICAL, **settings)
    except (ConnectionError, ValueError, RuntimeError, OSError, TimeoutError) as error:
        problem = f"no cluster of Ray at {address}" if address else "Ray cannot be started here"
        advice = "Give --address HOST:PORT as `ray start --head` prints it" if address else "See Ray's own message"
        raise EngineError("ray", f"{problem} ({_first_line(error)})", advice) from error


def _knock(address: str) -> None:
    """Raises OSError or ValueError where nothing at the address speaks gRPC: Ray itself tries for minutes."""
    if address == "auto":
        return
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not (colon and host and port.isdecimal()):
        raise ValueError("not of the form HOST:PORT")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE) as line:
        if os.environ.get("RAY_USE_TLS", "0") != "0":
            return
        line.sendall(PREFACE)
        frame = line.recv(9)
    if len(frame) < 4 or frame[3] != SETTINGS_FRAME:
        raise ConnectionError("something else answers there")


@contextmanager
def _silence(ray: Any) -> Iterator[None]:
    """Ray's own messages and progress bars are off within. What it would print of a worker that died goes to stdout,
    where results are, and has no setting."""
    context, worker = ray.data.DataContext.get_current(), ray._private.worker
    said = getattr(worker, "print_to_stdstream", None)
    before = context.enable_progress_bars, context.print_on_execution_start
    levels = [(logging.getLogger(name), logging.getLogger(name).level) for name in LOGGERS]
    context.enable_progress_bars = context.print_on_execution_start = False
    worker.print_to_stdstream = lambda *_, **__: None
    for logger, _ in levels:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        context.enable_progress_bars, context.print_on_execution_start = before
        worker.print_to_stdstream = said
        for logger, level in levels:
            logger.setLevel(level)


@contextmanager
def _cluster_errors() -> Iterator[None]:
    """Turns failures of the cluster into EngineError; what a task raises otherwise is a bug and stays what it is."""
    import ray.exceptions

    try:
        yield
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ImportError):
            raise EngineError("ray", f"a worker lacks what it needs ({_first_line(error.cause)})", INSTALL) from error
        raise
    except ray.exceptions.RayError as error:
        advice = "What was measured is kept: start again to go on"
        raise EngineError("ray", f"the cluster failed ({_first_line(error)})", advice) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__
