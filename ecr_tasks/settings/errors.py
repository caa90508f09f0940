"""What is wrong with the settings: collected while reading, told at once."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.origin import Origin


class Malformed(Exception):
    """A value that can't be used; each message goes on from the setting's name ("must be …")."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = messages


class SettingsProblems(SettingsError):
    """One or more settings are wrong; ``problems`` has a sentence for each, beginning with its place.

    No sentence holds a secret or a build argument's value.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            cause = self.problems[0]
            remedy = "Correct it there and run the task again."
        else:
            cause = f"{len(self.problems)} settings are wrong:\n" + "\n".join(
                f"  {problem}" for problem in self.problems
            )
            remedy = "Correct each where it stands and run the task again."
        super().__init__(cause, remedy)

    def __str__(self) -> str:
        return f"{self.cause}{' ' if len(self.problems) == 1 else chr(10)}{self.remedy}"


class Problems:
    """A list of problems in the making."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, text: str) -> None:
        """Note one problem that names its place itself; the same sentence is noted once."""
        if text not in self.found:
            self.found.append(text)

    def at(self, origin: Origin, name: str, message: str) -> None:
        """Note what is wrong with the setting ``name`` that stands at ``origin``."""
        if origin.kind == "file":
            self.add(f"{origin}: {name} {message}")
        elif origin.kind == "default":
            self.add(f"{name} {message}")
        else:
            text = f"{origin} {message}" if origin.kind != "override" else f"{name} of the {origin} {message}"
            self.add(text[0].upper() + text[1:])

    def raise_if_any(self) -> None:
        """Raise :class:`SettingsProblems` with all that was noted."""
        if self.found:
            raise SettingsProblems(self.found)
