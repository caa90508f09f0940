"""The git binary: which one is started, in what environment, and the errors that its messages become."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ecr_tasks.errors import SettingsError

KEPT = (
    # where its own programs and its configuration are: the machine sets them, not a repository
    *("GIT_EXEC_PATH", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT"),
    # how far up git searches for a repository
    *("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"),
    # a partial clone may have to fetch objects
    *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_NO_VERIFY", "GIT_HTTP_PROXY_AUTHMETHOD"),
    "GIT_ALLOW_PROTOCOL",
)
"""The ``GIT_`` variables that point at no repository (pre-commit's list, and the machine's configuration)."""

KEPT_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")

WITHHELD_PREFIXES = ("GIT_", "AWS_", "ECR_")
"""``GIT_`` redirects git to another repository in a hook; the others hold credentials and build arguments,
and a repository's own configuration can make git start other programs."""

FORCED = {
    "LC_ALL": "C",  # errors are told apart by phrases of their messages
    "GIT_OPTIONAL_LOCKS": "0",  # reading must not get in the way of a commit that is being made
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_PAGER": "cat",
}

CONFIGURATION = ("-c", "core.fsmonitor=false")
"""A file-system monitor that git starts would outlive it and hold our pipes open."""

_NO_WORK_TREE = (
    "not a git repository (or any",  # without the parenthesis it is one whose .git leads nowhere
    "must be run in a work tree",
    "cannot use bare repository",  # safe.bareRepository=explicit
)


class NoRepositoryError(Exception):
    """The folder is in no work tree: in no repository, or in a bare one, or in a ``.git`` folder."""


@dataclass(frozen=True)
class Git:
    """The git binary as seen from one folder."""

    program: str
    folder: Path
    environ: Mapping[str, str]

    @classmethod
    def find(cls, folder: Path, environ: Mapping[str, str]) -> Git:
        """Return the git of ``environ``'s PATH, for a folder.

        Without git, raises SettingsError where the folder is in a repository, else NoRepositoryError.
        """
        program = shutil.which("git", path=environ.get("PATH", os.defpath))
        if program is not None:
            # absolute, since it is started from another folder than PATH was searched from
            return cls(str(Path(program).absolute()), folder, child_environment(environ))
        for parent in (folder, *folder.absolute().parents):
            if (parent / ".git").exists():
                raise SettingsError(
                    f"{parent} is a git repository and git is not installed, so its revision is unknown.",
                    "Install git, or put it on PATH.",
                )
        raise NoRepositoryError

    def run(self, *arguments: str, exit_codes: tuple[int, ...] = (0,), stdin: bytes = b"") -> bytes:
        """Run git and return its output.

        With an exit code that is not in ``exit_codes``, raises NoRepositoryError where there is no repository, else
        SettingsError with git's message.
        """
        return self._completed(arguments, exit_codes, stdin).stdout

    def test(self, *arguments: str) -> bool:
        """Run git and tell whether it exits with 0 and not with 1. Raises what :meth:`run` does."""
        return self._completed(arguments, (0, 1)).returncode == 0

    def _completed(
        self, arguments: tuple[str, ...], exit_codes: tuple[int, ...], stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        # The program is a resolved path, the arguments are this package's own and there is no shell.
        process = subprocess.run(  # noqa: S603
            [self.program, *CONFIGURATION, *arguments],
            cwd=self.folder,
            env=self.environ,
            input=stdin,
            capture_output=True,
            check=False,
        )
        if process.returncode not in exit_codes:
            raise _error(text(process.stderr).strip() or f"it ended with {process.returncode}", self.folder)
        return process


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return git's environment: without variables that point it elsewhere, without secrets, and without prompts.

    A git hook exports GIT_DIR, GIT_INDEX_FILE and more for its own repository
    (https://github.com/pre-commit/pre-commit/issues/300).
    """
    passed = {
        name: value
        for name, value in environ.items()
        if not name.startswith(WITHHELD_PREFIXES) or name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    return passed | FORCED


def text(output: bytes) -> str:
    """Decode git's output for people and for JSON: bytes that are no UTF-8 become ``\\xff``."""
    return output.decode("utf-8", "backslashreplace")


def lines(output: bytes, separator: bytes = b"\n") -> list[bytes]:
    """Split an output whose every record ends with ``separator`` into its records."""
    return output.split(separator)[:-1]


def _error(stderr: str, folder: Path) -> Exception:
    """Return the error for git's message; the phrases are those of its setup.c in every version since 2.35."""
    if any(phrase in stderr for phrase in _NO_WORK_TREE):
        return NoRepositoryError()
    if "dubious ownership" in stderr or "unsafe repository" in stderr:
        advice = re.search(r"git config --global --add safe\.directory .+", stderr)  # it has the right path in it
        command = advice.group() if advice else f"git config --global --add safe.directory {shlex.quote(str(folder))}"
        return SettingsError(
            f"git refuses to read the repository of {folder}, because it belongs to another user.",
            f"If you trust it: {command}",
        )
    return SettingsError(
        f"git can't read the repository of {folder}: {' '.join(stderr.removeprefix('fatal: ').split())}.",
        f"See what `git -C {shlex.quote(str(folder))} status` says and mend the repository.",
    )
