"""Everything that is wrong with the settings, told at once."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.errors import SettingsError


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
            remedy = "\nCorrect each where it stands and run the task again."
        super().__init__(cause, remedy)
