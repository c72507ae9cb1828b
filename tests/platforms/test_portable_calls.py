"""What only POSIX has is used where it is there, and nowhere else: Windows could not even import the rest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "curate"
FILES = sorted(PACKAGE.rglob("*.py"))


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# https://docs.python.org/3/library/os.html and its neighbours: "Availability: Unix" or "not Windows"
LACKING = {
    "os": words(
        "fork forkpty getuid geteuid getgid getegid setuid setsid killpg chown lchown fchown chroot mkfifo mknod"
    )
    | words("sync fdatasync posix_fadvise posix_fallocate sendfile sched_getaffinity sched_setaffinity getloadavg")
    | words("statvfs fstatvfs uname nice wait wait3 wait4 waitpid sysconf pread pwrite openpty memfd_create")
    | words(
        "getxattr setxattr listxattr removexattr O_NOFOLLOW O_DIRECTORY O_NONBLOCK O_CLOEXEC O_SYNC O_NOATIME O_PATH"
    ),
    "signal": words("SIGKILL SIGHUP SIGALRM SIGUSR1 SIGUSR2 SIGCHLD SIGPIPE SIGSTOP alarm setitimer pause"),
    "time": words("tzset"),
    "socket": words("AF_UNIX SO_REUSEPORT"),
    "shutil": words("chown"),
    "select": words("poll epoll kqueue"),
}
MODULES = words("fcntl resource pwd grp termios tty pty posix syslog crypt readline curses")
WAYS = frozenset(("dir_fd", "src_dir_fd", "dst_dir_fd", "effective_ids"))  # arguments that Windows refuses
FORKS = frozenset(("fork", "forkserver"))


def parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}


def is_guarded(node: ast.AST, above: dict[ast.AST, ast.AST], name: str) -> bool:
    """Whether it stands below a `try` that catches its absence, or an `if` that asks for it or for the system."""
    child = node
    while child in above:
        parent = above[child]
        if isinstance(parent, ast.Try) and child in parent.body:
            caught = {one.id for handler in parent.handlers for one in ast.walk(handler) if isinstance(one, ast.Name)}
            if caught & {"ImportError", "AttributeError", "ModuleNotFoundError"}:
                return True
        if isinstance(parent, (ast.If, ast.IfExp, ast.BoolOp, ast.While)):
            words = ast.unparse(parent.test if not isinstance(parent, ast.BoolOp) else parent)
            if any(word in words for word in (f'"{name}"', f"'{name}'", "sys.platform", "os.name", "os.supports_")):
                return True
        if isinstance(parent, ast.FunctionDef):
            asked = [ast.unparse(one.test) for one in ast.walk(parent) if isinstance(one, ast.If)]
            if any("sys.platform" in words or "os.name" in words or f"'{name}'" in words for words in asked):
                return True
        child = parent
    return False


def found(tree: ast.AST) -> Iterator[tuple[int, str]]:
    above = parents(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in LACKING.get(node.value.id, ()) and not is_guarded(node, above, node.attr):
                yield node.lineno, f"{node.value.id}.{node.attr}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            for name in names:
                if name.split(".")[0] in MODULES and not is_guarded(node, above, name):
                    yield node.lineno, f"import {name}"
        elif isinstance(node, ast.keyword) and node.arg in WAYS and not is_guarded(node, above, node.arg or ""):
            yield node.value.lineno, f"{node.arg}="
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith(("get_context", "set_start_method"))
            and FORKS & {one.value for one in node.args if isinstance(one, ast.Constant)}
        ):
            yield node.lineno, "a start method that forks"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_nothing_that_windows_lacks_is_used_unasked(path: Path) -> None:
    assert not list(found(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("import os\nos.fork()", 1),
        ("import os\nif hasattr(os, 'sync'):\n    os.sync()", 0),
        ("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None", 0),
        ("import fcntl", 1),
        ("import os\nos.stat('x', dir_fd=3)", 1),
        ("import os\nflags = getattr(os, 'O_NOFOLLOW', 0)", 0),
        ("import multiprocessing\nmultiprocessing.get_context('fork')", 1),
    ],
)
def test_the_reading_finds_what_it_looks_for(code: str, number: int) -> None:
    assert len(list(found(ast.parse(code)))) == number


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_texts_are_opened_with_their_encoding(path: Path) -> None:
    """Windows' own is still a code page."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func).rpartition(".")[2]
        keys = {key.arg for key in node.keywords}
        if (name == "read_text" and not node.args) or (name == "write_text" and len(node.args) < 2):
            assert "encoding" in keys, f"line {node.lineno}"
        elif name == "open" and not any(isinstance(one, ast.Constant) and "b" in str(one.value) for one in node.args):
            modes = [one.value for one in node.args if isinstance(one, ast.Constant)]
            assert not modes or "encoding" in keys or ast.unparse(node.func).startswith("os."), f"line {node.lineno}"
