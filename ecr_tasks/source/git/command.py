"""Runs the git binary: which one, in what environment, and what its refusals mean in our words."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ecr_tasks.errors import SettingsError

KEPT = frozenset(
    {
        # where its own programs and its configuration are: the machine's choice, not a repository's
        "GIT_EXEC_PATH",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_COUNT",
        # how far up it looks for a repository
        "GIT_CEILING_DIRECTORIES",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        # a partial clone may have to fetch what it is asked about
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSL_CAINFO",
        "GIT_SSL_NO_VERIFY",
        "GIT_HTTP_PROXY_AUTHMETHOD",
        "GIT_ALLOW_PROTOCOL",
    }
)
"""The ``GIT_`` variables that point at no repository (pre-commit's list, and the machine's configuration)."""

KEPT_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")

WITHHELD_PREFIXES = ("GIT_", "AWS_", "ECR_")
"""``GIT_`` redirects git to another repository in a hook; the others hold credentials and build arguments,
and a repository's own configuration can make git start other programs."""

FORCED = {
    "LC_ALL": "C",  # refusals are told apart by their words
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
        """The git of ``environ``'s PATH.

        Without git, NoRepositoryError; SettingsError when there is a repository that it would be needed for.
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

    def run(self, *arguments: str, answers: tuple[int, ...] = (0,), given: bytes = b"") -> bytes:
        """What git prints, having read ``given``; ``answers`` are the exit codes by which it answers, not refuses.

        NoRepositoryError where there is none; SettingsError, with git's words, for any other refusal.
        """
        return self._done(arguments, answers, given).stdout

    def says(self, *arguments: str) -> bool:
        """Whether git's answer is yes (0) and not no (1); refusals are those of :meth:`run`."""
        return self._done(arguments, (0, 1)).returncode == 0

    def _done(
        self, arguments: Sequence[str], answers: tuple[int, ...], given: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        # The program is a resolved path, the arguments are this package's own and there is no shell.
        done = subprocess.run(  # noqa: S603
            [self.program, *CONFIGURATION, *arguments],
            cwd=self.folder,
            env=self.environ,
            input=given,
            capture_output=True,
            check=False,
        )
        if done.returncode not in answers:
            raise _refusal(text(done.stderr).strip() or f"it ended with {done.returncode}", self.folder)
        return done


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for git: without what points it elsewhere, without secrets, and never asking.

    A git hook exports GIT_DIR, GIT_INDEX_FILE and more for its own repository
    (https://github.com/pre-commit/pre-commit/issues/300).
    """
    passed = {
        name: value
        for name, value in environ.items()
        if not name.startswith(WITHHELD_PREFIXES) or name in KEPT or name.startswith(KEPT_PREFIXES)
    }
    return {**passed, **FORCED}


def text(output: bytes) -> str:
    """Git's bytes for people and for JSON: what is no UTF-8 shows as ``\\xff``."""
    return output.decode("utf-8", "backslashreplace")


def lines(output: bytes, separator: bytes = b"\n") -> Sequence[bytes]:
    """The records of an output whose every record ends with ``separator``."""
    return output.split(separator)[:-1] if output else ()


def _refusal(words: str, folder: Path) -> Exception:
    """What git means; its words are its source's (setup.c) and the same in every version since 2.35."""
    if any(phrase in words for phrase in _NO_WORK_TREE):
        return NoRepositoryError()
    if "dubious ownership" in words or "unsafe repository" in words:
        return _foreign(words, folder)
    return SettingsError(
        f"git can't read the repository of {folder}: {' '.join(words.removeprefix('fatal: ').split())}.",
        f"See what `git -C {shlex.quote(str(folder))} status` says and mend the repository.",
    )


def _foreign(words: str, folder: Path) -> SettingsError:
    """It is git's configuration that has to change, hence settings; git's own advice holds the right path."""
    advice = re.search(r"git config --global --add safe\.directory .+", words)
    command = advice.group() if advice else f"git config --global --add safe.directory {shlex.quote(str(folder))}"
    return SettingsError(
        f"git refuses to read the repository of {folder}, because it belongs to another user.",
        f"If you trust it: {command}",
    )
