"""Runs the git binary: finds it, prepares its environment, and turns its messages into errors."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path

from ecr_tasks.errors import SettingsError
from ecr_tasks.files import read_bytes
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.child_environment import git_environment
from ecr_tasks.signals import held_back

PATIENCE_SECONDS = 10
"""After how long we look for a reason why git doesn't end; in a large repository there may be none."""

_PIPE_BYTES = 4096
"""How much any system's pipe takes at once, whether or not it is read."""

_READ_FILES = (".gitignore", ".gitattributes", ".gitmodules", ".mailmap")

FORCED = {
    "LC_ALL": "C",  # errors are recognized by phrases of their messages
    "GIT_OPTIONAL_LOCKS": "0",  # reading must not block a commit that runs at the same time
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
    "GIT_NO_REPLACE_OBJECTS": "1",  # no clone gets the replacements of `git replace`
}

CONFIGURATION = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "status.showUntrackedFiles=all", "-c", "diff.ignoreSubmodules=none"),
)
"""Options of every git command: a file-system monitor would run longer than git and keep our pipes open, and the
settings of who runs it would hide changes from the status that git starts in each submodule."""

_NO_WORK_TREE = (
    "not a git repository (or any",  # the message without "(or any" means a broken .git file
    "must be run in a work tree",
    "cannot use bare repository",  # safe.bareRepository=explicit
)


_HEAD = rb"ref:\s*refs/|[0-9a-f]{40}"


class NoRepositoryError(Exception):
    """The folder is in no work tree: in no repository, or in a bare one, or in a ``.git`` folder."""


@dataclass(frozen=True)
class Git:
    """The git binary, run in one folder with one environment."""

    program: str
    folder: Path
    environ: Mapping[str, str]

    @classmethod
    def find(cls, folder: Path, environ: Mapping[str, str]) -> Git:
        """Return the git binary that is on ``environ``'s PATH, for a folder.

        If git is not installed, raises SettingsError for a folder in a repository, else NoRepositoryError.
        """
        program = shutil.which("git", path=environ.get("PATH", os.defpath))
        if program is not None:
            # The path must be absolute, because git is started in another folder than the current one.
            return cls(str(Path(program).absolute()), folder, git_environment(environ) | FORCED)
        for parent in (folder, *folder.absolute().parents):
            if (parent / ".git").exists():
                raise SettingsError(
                    f"{parent} is a git repository and git is not installed, so its revision is unknown.",
                    "Install git, or put it on PATH.",
                )
        raise NoRepositoryError

    def run(self, *arguments: str, exit_codes: tuple[int, ...] = (0,), stdin: bytes = b"") -> bytes:
        """Run git and return its output.

        For an exit code that is not in ``exit_codes``, raises NoRepositoryError if there is no repository, else
        SettingsError with git's message.
        """
        return self._completed(arguments, exit_codes, stdin).stdout

    def run_all(self, *commands: tuple[str, ...], may_find_none: tuple[tuple[str, ...], ...] = ()) -> list[bytes]:
        """Run several git commands at the same time and return their outputs, in their order.

        Those that ``may_find_none`` end with 1 then. Raises the errors of :meth:`run`.
        """
        children = []
        try:
            for arguments in commands:
                children.append(self._start(arguments))
            return [
                self._result(child, arguments, (0, 1) if arguments in may_find_none else (0,)).stdout
                for child, arguments in zip(children, commands, strict=True)
            ]
        except BaseException:
            for child in children:
                child.kill()
                child.wait()
                for pipe in (child.stdin, child.stdout, child.stderr):
                    if pipe is not None:
                        pipe.close()
            raise

    def test(self, *arguments: str, exit_codes: tuple[int, ...] = (0, 1), stdin: bytes = b"") -> bool:
        """Run git and return True for exit code 0, False for the others. Raises the errors of :meth:`run`."""
        return self._completed(arguments, exit_codes, stdin).returncode == 0

    def _completed(
        self, arguments: tuple[str, ...], exit_codes: tuple[int, ...], stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return self._result(self._start(arguments), arguments, exit_codes, stdin)

    def _start(self, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
        # The program is a resolved path, the arguments are this package's own and there is no shell.
        with held_back():
            return subprocess.Popen(  # noqa: S603
                [self.program, *CONFIGURATION, *arguments],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    def _result(
        self,
        child: subprocess.Popen[bytes],
        arguments: tuple[str, ...],
        exit_codes: tuple[int, ...],
        stdin: bytes = b"",
    ) -> subprocess.CompletedProcess[bytes]:
        with child:
            try:
                output = self._output(child, stdin)
            except BaseException:
                child.kill()
                raise
        process = subprocess.CompletedProcess(arguments, child.returncode, *output)
        if process.returncode not in exit_codes:
            raise _error(text(process.stderr).strip() or f"it ended with {process.returncode}", self.folder)
        return process

    def _output(self, child: subprocess.Popen[bytes], stdin: bytes) -> tuple[bytes, bytes]:
        """Return what git prints. Raises SettingsError where it waits for a pipe."""
        if len(stdin) <= _PIPE_BYTES:
            try:
                return child.communicate(stdin, timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                refuse_pipes(self.folder)
                return child.communicate()
        # After a timeout `communicate` writes nothing more, and git would wait for it for ever.
        refused: list[SettingsError] = []

        def look() -> None:
            try:
                refuse_pipes(self.folder)
            except SettingsError as error:
                refused.append(error)
                child.kill()

        timer = threading.Timer(PATIENCE_SECONDS, look)
        timer.daemon = True
        timer.start()
        try:
            output = child.communicate(stdin)
        finally:
            timer.cancel()
        if refused:
            raise refused[0]
        return output


def refuse_pipes(folder: Path) -> None:
    """Raise SettingsError for a named pipe in the place of a file that git reads: git would wait for ever."""
    parents = (folder, *folder.absolute().parents)
    top = next((parent for parent in parents if (parent / ".git").exists()), folder)
    inside = (Path(path, name) for path, _, names in os.walk(top / ".git") for name in names)
    found = (Path(path, name) for path, _, names in os.walk(top) for name in _READ_FILES if name in names)
    for file in (*inside, *found):
        if file.is_fifo():
            raise SettingsError(f"git waits for {file}: it is a named pipe and not a file.", "Remove it.")


def text(output: bytes) -> str:
    """Decode git's output for messages and JSON: bytes that are not UTF-8 are written like ``\\xff``."""
    return output.decode("utf-8", "backslashreplace")


def lines(output: bytes, separator: bytes = b"\n") -> list[bytes]:
    """Split git's output into its records, each of which ends with ``separator``."""
    return output.split(separator)[:-1]


def _damaged_head(folder: Path) -> Path | None:
    """Return the HEAD of the nearest repository if git can't read it: then it looks for a repository further up."""
    for parent in (folder, *folder.absolute().parents):
        head = parent / ".git" / "HEAD"
        if head.is_file():
            try:
                content = read_bytes(head, limit=64 * 1024)
            except OSError:
                return None
            return None if re.match(_HEAD, content) else head
    return None


def _error(stderr: str, folder: Path) -> Exception:
    """Return the error for git's message; the phrases are those of its setup.c in every version since 2.35."""
    in_submodule = "failed in submodule" in stderr  # which may be damaged, and the repository around it is not
    if not in_submodule and any(phrase in stderr for phrase in _NO_WORK_TREE):
        damaged = _damaged_head(folder)
        if damaged is None:
            return NoRepositoryError()
        return SettingsError(
            f"git takes {damaged.parent} for no repository, because its file HEAD is damaged.",
            f"Mend it, such as by `echo 'ref: refs/heads/main' > {shlex.quote(str(damaged))}`, or remove the folder.",
        )
    if "dubious ownership" in stderr or "unsafe repository" in stderr:
        advice = re.search(r"git config --global --add safe\.directory .+", stderr)  # git's advice has the right path
        command = advice.group() if advice else f"git config --global --add safe.directory {shlex.quote(str(folder))}"
        return SettingsError(
            f"git refuses to read the repository of {folder}, because it belongs to another user.",
            f"If you trust it: {command}",
        )
    return SettingsError(
        f"git can't read the repository of {folder}: {' '.join(stderr.removeprefix('fatal: ').split())}.",
        f"See what `git -C {shlex.quote(str(folder))} status` says and mend the repository.",
    )
