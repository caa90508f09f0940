"""What `inv build push` of one image asks the registry, and which programs it starts: counts, not times."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project

WRAPPER = '#!/bin/sh\necho "{name} $*" >> "{log}"\nexec "{program}" "$@"\n'


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    dockerfile = f"FROM {tiny_base}\nCOPY hello.txt /hello.txt\n"
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    app.environ["ECR_CREATE_REPOSITORY"] = "true"
    return app


def requests_of(app: Project, ecr: LocalEcr, *tasks: str) -> list[str]:
    """Return what a command line asks, in order: API operations, and methods and kinds of the registry's requests."""
    log = ecr.root / "access.jsonl"
    begin = len(log.read_bytes())
    app.ok(*tasks)
    lines: list[dict[str, Any]] = [json.loads(line) for line in log.read_bytes()[begin:].splitlines()]
    return [line["operation"] or f"{line['method']} {line['kind']}" for line in lines]


def test_the_first_look_is_one_round_trip_and_the_push_needs_few_more(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("build", "push")
    app.write("hello.txt", "changed\n")
    app.commit()
    asked = requests_of(app, local_ecr, "build", "push")
    first = asked.index("HEAD blob")
    api = Counter(asked[:first])
    # The repository, the fixed tag with its next revision, and the branch's: all at the same time.
    look = {"DescribeRepositories": 1, "DescribeImages": 3}
    names = ("GetAuthorizationToken", "GetSigningConfiguration", "GetCallerIdentity")
    ahead = dict.fromkeys(names, 1)  # at the same time, while the build runs
    # After a build of more than a moment the fixed tag is looked at once more.
    assert api in (Counter({**look, **ahead}), Counter({**look, **ahead, "DescribeImages": 4}))
    after = asked[len(asked) - asked[::-1].index("PUT manifest") :]
    assert Counter(after) == {"DescribeImages": 2, "PutImage": 1}  # the fixed tag's and the branch's at the same time
    assert after[-1] == "PutImage"


def test_nothing_changed_is_one_round_trip(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("build", "push")
    assert requests_of(app, local_ecr, "build", "push") == ["DescribeImages"] * 2
    shutil.rmtree(app.folder / ".ecr-tasks")  # as on a new machine, in one round trip too
    assert Counter(requests_of(app, local_ecr, "build", "push")) == {"DescribeImages": 3, "DescribeRepositories": 1}
    app.environ["ECR_CACHE"] = "registry"  # of which a run that builds nothing needs to know nothing
    assert requests_of(app, local_ecr, "build", "push") == ["DescribeImages"] * 2


def test_programs_that_a_changed_image_and_a_published_one_start(app: Project, tmp_path: Path) -> None:
    log, folder = tmp_path / "programs", tmp_path / "wrappers"
    folder.mkdir()
    for name in ("docker", "git"):
        program = shutil.which(name, path=app.environ.get("PATH"))
        wrapper = folder / name
        wrapper.write_text(WRAPPER.format(name=name, log=log, program=program), encoding="utf-8")
        wrapper.chmod(0o755)
    app.ok("build", "push")
    app.environ["PATH"] = f"{folder}:{app.environ['PATH']}"
    app.ok("build", "push")
    published = Counter(line.split()[0] for line in log.read_text(encoding="utf-8").splitlines())
    assert published == {"git": 7}
    app.write("hello.txt", "changed\n")
    app.commit()
    log.write_text("", encoding="utf-8")
    app.ok("build", "push")
    lines = log.read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line.startswith("docker")]  # buildx itself is started without docker
    assert sum(" push " in line for line in commands) == 1
    assert len(commands) <= 9  # with those that look for older local names
    assert sum(line.startswith("git") for line in lines) <= 20
    assert not any("is-inside-work-tree" in line for line in lines)  # which buildx asks for provenance alone
