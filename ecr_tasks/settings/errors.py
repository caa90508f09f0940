"""The errors of settings: Malformed for one value, and SettingsProblems, which reports all problems together."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.errors import SettingsError
from ecr_tasks.settings.setting import Origin


class Malformed(Exception):
    """A text is no valid value of its setting; each message continues a sentence after the name ("must be …")."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = messages


class SettingsProblems(SettingsError):
    """One or more settings are wrong; ``problems`` has a sentence for each, which begins with the setting's place.

    No sentence contains a build argument's value.
    """

    def __init__(self, problems: Sequence[str], remedy: str = "") -> None:
        self.problems = tuple(problems)
        if len(problems) == 1:
            super().__init__(problems[0], remedy or "Correct it there and run the task again.")
        else:
            remedy = " ".join(filter(None, ("Correct each where it stands and run the task again.", remedy)))
            super().__init__(f"{len(problems)} settings are wrong:", remedy, problems)


class Problems:
    """Collects the problems of all settings, so that one error can report them together."""

    def __init__(self) -> None:
        self._sentences: dict[str, str] = {}

    def add(self, sentence: str, remedy: str = "") -> None:
        """Add a sentence that already contains the place; a sentence that was added before is ignored.

        ``remedy`` replaces the usual one where this is the only problem, else it is told after that.
        """
        self._sentences.setdefault(sentence, remedy)

    def add_at(self, origin: Origin, name: str, message: str, remedy: str = "") -> None:
        """Add a sentence about the setting ``name`` at ``origin``; ``message`` is the part after the name."""
        if origin.file is not None:
            shown = f"ecr.{origin.name}" if origin.kind == "config" else name
            self.add(f"{origin}: {shown} {message}", remedy)
            return
        place = {"default": name, "override": f"{name} of the {origin}"}.get(origin.kind, str(origin))
        self.add(f"{place[0].upper()}{place[1:]} {message}", remedy)

    def __bool__(self) -> bool:
        return bool(self._sentences)

    def raise_if_any(self) -> None:
        """Raise :class:`SettingsProblems` if anything was added."""
        if self._sentences:
            remedies = dict.fromkeys(filter(None, self._sentences.values()))
            raise SettingsProblems(tuple(self._sentences), " ".join(remedies))
