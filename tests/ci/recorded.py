"""Environments of CI systems, from their documentation: tests/data/ci, one file a system."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ecr_tasks.ci.context import CiContext
from ecr_tasks.ci.detect import detect

DATA = Path(__file__).parents[1] / "data" / "ci"

PROVIDERS = [
    "github",
    "gitlab",
    "jenkins",
    "circleci",
    "buildkite",
    "azure",
    "bitbucket",
    "codebuild",
    "drone",
    "woodpecker",
    "teamcity",
    "travis",
]


@dataclass(frozen=True)
class Recorded:
    """One run: its variables, the files that they name, and the expected fields; all other fields are unknown."""

    provider: str
    name: str
    environ: Mapping[str, str]
    files: Mapping[str, str]
    expected: Mapping[str, str | bool]

    def detect(self) -> CiContext:
        return detect(self.environ, reader(self.files))


def reader(files: Mapping[str, str]) -> Callable[[Path], str]:
    """Return a function that reads these files, and raises FileNotFoundError for others."""

    def read(path: Path) -> str:
        try:
            return files[path.as_posix()]
        except KeyError:
            raise FileNotFoundError(path) from None

    return read


def runs(provider: str) -> list[Recorded]:
    """Return the recorded runs of one system."""
    documents = json.loads((DATA / f"{provider}.json").read_text(encoding="utf-8"))
    return [
        Recorded(
            provider,
            run["name"],
            run["environ"],
            {
                path: content if isinstance(content, str) else json.dumps(content)
                for path, content in run.get("files", {}).items()
            },
            run["expected"],
        )
        for run in documents
    ]


RUNS = [run for provider in PROVIDERS for run in runs(provider)]


def recorded(provider: str, name: str) -> Recorded:
    """Return the run of that name."""
    return next(run for run in runs(provider) if run.name == name)
