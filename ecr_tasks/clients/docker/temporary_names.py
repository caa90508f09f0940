"""Local image names that exist only during a run: a run's builds keep one when another run takes their usual names.

containerd's image store drops an image that loses its last name, and runs that share an engine need not share a
folder for temporary files, so that no lock keeps their builds apart. The names are also written to the run's folder:
what a killed run has left is removed by the run that sweeps its folder.
"""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from ecr_tasks.clients.docker import errors
from ecr_tasks.clients.docker.own_folder import RunFolder
from ecr_tasks.model.image import BuildInput

BUILD = "ecr-tasks-build"
"""The local repository of the names that builds have during the run."""

NAMES = "names"
"""The file in the run's folder, which stays there for the next run when no engine was there to remove them."""

_NAME = r"(?a)[\w\[][\w.:/\[\]-]*"
"""What is a name in that file; anything else, as a machine that loses its power leaves it, is none of ours."""

SECONDS = 30
"""How long the engine may take to remove the names, also when a signal has ended the run."""


class TemporaryNames:
    """The temporary names of a run, and those that killed runs have left."""

    def __init__(self, run_folder: RunFolder) -> None:
        self._run_folder = run_folder
        run_folder.before_sweep = self._take_over
        self._names: list[str] = []
        self.left: list[str] = []
        """The names of killed runs, whose folders this run has removed."""

    @property
    def own(self) -> Sequence[str]:
        """The names of this run."""
        return self._names

    @property
    def all(self) -> Sequence[str]:
        """The names of this run and those of killed ones."""
        return list(dict.fromkeys([*self._names, *self.left]))

    def add(self, *references: str) -> None:
        """Record names before they are given to images. Raises OSError when the run's folder can't be written."""
        _record(self._run_folder.create(), references)
        self._names += references

    def for_builds(self, inputs: Sequence[BuildInput]) -> list[BuildInput]:
        """Return the inputs with one more name each, recorded, for those that go to an image store."""
        named = [item.keep == "run" or (item.keep == "store" and not item.push) for item in inputs]
        names = [f"{BUILD}:{secrets.token_hex(8)}" if is_named else "" for is_named in named]
        self.add(*filter(None, names))
        return [
            replace(item, references=(*item.references, name)) if name else item
            for item, name in zip(inputs, names, strict=True)
        ]

    def not_given(self, inputs: Sequence[BuildInput]) -> None:
        """Forget the names of builds that did not begin."""
        self.forget({name for item in inputs for name in item.references if name.startswith(f"{BUILD}:")})

    def remove(self, command: Sequence[str], environment: Mapping[str, str], seconds: float) -> bool:
        """Remove the names with ``command``, in so many seconds; return False where docker refuses one or knows none.

        They are known until the engine has answered: after an interruption they are removed once more, and those of
        an engine that is gone by the next run.
        """
        names = self.all
        with suppress(OSError, subprocess.TimeoutExpired):
            answer = subprocess.run(  # noqa: S603 - our own command line
                [*command, *names],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=seconds,
                text=True,
                errors="replace",
            )
            if answer.returncode == 0 or not errors.is_engine_away(answer.stderr.splitlines()):
                self.forget(names)
                return answer.returncode == 0
        return True

    def forget(self, names: Collection[str]) -> None:
        """Forget names that docker has answered about."""
        self._names = [name for name in self._names if name not in names]
        self.left = [name for name in self.left if name not in names]

    def __bool__(self) -> bool:
        """Return whether there is a name to remove."""
        return bool(self._names or self.left)

    def _take_over(self, folder: Path) -> None:
        """Take over a killed run's names, and record them: this run may be killed, too."""
        names = names_in(folder)
        if self._run_folder.path is not None:
            _record(self._run_folder.path, names)
        self.left += names


def _record(folder: Path, names: Collection[str]) -> None:
    """Write names to a run's folder. Raises OSError when it can't be written."""
    with (folder / NAMES).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in names)


def names_in(folder: Path) -> list[str]:
    """Return the names that a run has recorded in its folder; none where they can't be read."""
    try:
        words = (folder / NAMES).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        return []
    return [word for word in words if re.fullmatch(_NAME, word)]
