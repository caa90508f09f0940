"""What `inv build push` asks the registry, and which programs it starts for one image and for many: no times."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.conftest import docker
from tests.engine.project import Project, project
from tests.support.inv import AT_ONCE

GROUPS = ("image", "container", "history", "system", "bake --print")
WRAPPER = """#!/bin/sh
echo "{name} $*" >> "{log}"
exec "{program}" "$@"
"""


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    # Of steps that are nobody else's: BuildKit tells the layers of one that another build needs at that moment to one
    # of them alone, and the other's manifest takes a program more.
    dockerfile = f"FROM {tiny_base}\nWORKDIR /{secrets.token_hex(4)}\nCOPY hello.txt /hello.txt\n"
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, dockerfile)
    app.name = f"programs/{secrets.token_hex(4)}"  # nobody else's: tests share the engine
    app.environ |= {"ECR_CREATE_REPOSITORY": "true", **AT_ONCE}
    return app


ALWAYS = Counter({"bake": 1})
CONNECTIONS = "system dial-stdio"
"""What tells and does all else, whatever the number of images, where docker is a script: what was built, the names
that are given, the pushes, older names that go meanwhile, those of the run. One for each thing done at a time."""


class Programs:
    """Stands before the programs that a project's runs start, and notes their command lines."""

    def __init__(self, app: Project, folder: Path) -> None:
        self._log = folder / "programs"
        own, config = folder / "wrappers", folder / "config"
        (config / "cli-plugins").mkdir(parents=True)
        own.mkdir()
        plugin = Path(app.environ["DOCKER_CONFIG"], "cli-plugins", "docker-buildx")
        found = {name: shutil.which(name, path=app.environ["PATH"]) for name in ("docker", "git")}
        for wrapper, program in (
            *((own / name, path) for name, path in found.items()),
            (config / "cli-plugins" / "docker-buildx", plugin),
        ):
            text = WRAPPER.format(name=wrapper.name, log=self._log, program=program)
            wrapper.write_text(text, encoding="utf-8")
            wrapper.chmod(0o755)
        app.environ |= {"PATH": f"{own}:{app.environ['PATH']}", "DOCKER_CONFIG": str(config)}

    def started(self) -> list[str]:
        """Return the command lines since the last look."""
        lines = self._log.read_text(encoding="utf-8").splitlines()
        self._log.unlink()
        return lines

    @staticmethod
    def kinds(lines: list[str]) -> Counter[str]:
        """Return how often each command of docker and buildx is among the command lines.

        But for the look at containers, which is there only where another test has one on the engine.
        """
        words = [re.sub(r"^docker(-buildx)? (--config \S+ )?", "", line).split() for line in lines if line[0] == "d"]
        kinds = Counter(" ".join(found[: 1 + (" ".join(found).startswith(GROUPS))]) for found in words)
        del kinds["container inspect"]
        return kinds


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
    assert api == Counter({**look, **ahead})  # ECR locks the fixed tag: it is not looked at once more
    after = asked[len(asked) - asked[::-1].index("PUT manifest") :]
    assert after == ["DescribeImages", "PutImage"]  # both tags in one call


def test_a_repository_that_locks_no_tag_needs_one_round_trip_more(app: Project, local_ecr: LocalEcr) -> None:
    app.environ["ECR_MUTABILITY"] = "mutable"
    app.ok("build", "push")
    app.write("hello.txt", "changed\n")
    app.commit()
    asked = requests_of(app, local_ecr, "build", "push")
    before = asked[: asked.index("HEAD blob")]
    # Whether a tag can be taken away again is asked while the build runs.
    assert before.count("BatchDeleteImage") == before.count("DescribeRegistry") == 1
    # The turn is looked for and taken beside the upload.
    turn = asked.index("PutImage")
    assert Counter(asked[:turn])["DescribeImages"] == 3 + 1
    after = asked[max(turn + 1, len(asked) - asked[::-1].index("PUT manifest")) :]
    # At the same time: the fixed tag and the turn; the fixed tag is set, and the branch's looked at; that is set,
    # turn and upload's tag are removed, the fixed tag looked at once more. A look that takes long is made again.
    assert Counter(after) in ({"DescribeImages": looks, "PutImage": 2, "BatchDeleteImage": 2} for looks in (4, 5))
    assert {*after[:2]} == {"DescribeImages"}
    assert "PutImage" in after[-4:]


def test_nothing_changed_is_one_round_trip(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("build", "push")
    assert requests_of(app, local_ecr, "build", "push") == ["DescribeImages"]
    shutil.rmtree(app.folder / ".ecr-tasks")  # as on a new machine, in one round trip too
    assert Counter(requests_of(app, local_ecr, "build", "push")) == {"DescribeImages": 3, "DescribeRepositories": 1}
    app.environ["ECR_CACHE"] = "registry"  # of which a run that builds nothing needs to know nothing
    assert requests_of(app, local_ecr, "build", "push") == ["DescribeImages"]


def test_what_a_copy_to_another_registry_asks_after_the_copy(app: Project, local_ecr: LocalEcr) -> None:
    app.ok("build", "push")
    asked = requests_of(app, local_ecr, "promote", "main", "--to", "222233334444/eu-west-1/team/copy")
    after = asked[len(asked) - asked[::-1].index("HEAD manifest") :]
    # At the same time: whether all is there, and what the tag is; then the tag is set, and the record's manifest put.
    assert after == ["DescribeImages", "DescribeImages", "PutImage", "PutImage"]
    # What the record consists of was uploaded meanwhile.
    assert asked.index("CompleteLayerUpload") < asked.index("PUT manifest")


def test_programs_that_a_changed_image_and_a_published_one_start(app: Project, tmp_path: Path) -> None:
    app.ok("build", "push")
    programs = Programs(app, tmp_path)
    app.ok("build", "push")
    assert Counter(line.split()[0] for line in programs.started()) == {"git": 7}
    app.write("hello.txt", "changed\n")
    app.commit()
    programs.started()
    app.ok("build", "push", ECR_KEEP_LOCAL="1")
    lines = programs.started()
    kinds = programs.kinds(lines)
    # The build begins before the plan, without the image's names: in the store two, and that of the push.
    assert 1 <= kinds.pop(CONNECTIONS) <= 4
    assert kinds == ALWAYS
    assert sum(line.startswith("git") for line in lines) <= 20
    assert not any("is-inside-work-tree" in line for line in lines)  # which buildx asks for provenance alone


def test_an_engine_at_a_socket_is_asked_without_docker_s_own_program(app: Project, tmp_path: Path) -> None:
    app.ok("build", "push")
    app.write("hello.txt", "changed\n")
    app.commit()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "docker").symlink_to("/bin/false")  # a program, and no script that leads elsewhere
    said = app.ok("build", "push", PATH=f"{tmp_path / 'own'}:{app.environ['PATH']}", ECR_KEEP_LOCAL="1").stderr
    assert re.search(r": digest: sha256:[0-9a-f]{64} size: \d+\n", said), said
    assert "removed 2 older local names (ECR_KEEP_LOCAL=1)" in said, said


def test_many_images_start_few_programs_more_than_one(app: Project, tmp_path: Path) -> None:
    names = [f"image-{number}" for number in range(6)]
    target = {name: {"context": ".", "args": {"NAME": name}} for name in names}
    app.write("docker-bake.json", json.dumps({"group": {"default": {"targets": names}}, "target": target}))
    app.commit()
    app.environ |= {"ECR_REPOSITORY_PREFIX": f"{app.name}/", "ECR_KEEP_LOCAL": "1"}
    app.name = ""
    app.ok("build", "push")
    app.write("hello.txt", "changed\n")
    app.commit()
    programs = Programs(app, tmp_path)
    said = app.ok("build", "push").stderr
    assert "removed 2 older local names (ECR_KEEP_LOCAL=1)" in said, said
    kinds = programs.kinds(programs.started())
    assert 1 <= kinds.pop(CONNECTIONS) <= 6 + 4  # six pushes at once
    assert kinds == ALWAYS + Counter({"bake --print": 1})


CREDENTIALS = """#!/bin/sh
tries=0
until grep -qs 'bake --file .*metadata-file' '{log}'; do
  tries=$((tries + 1))
  [ $tries -lt {tries} ] || break
  sleep 0.1
done
grep -cs 'bake --file .*metadata-file' '{log}' >'{begun}'
echo '{{"Version": 1, "AccessKeyId": "{key}", "SecretAccessKey": "{secret}"}}'
"""
"""Gives credentials, and notes how many builds had begun by then; it waits for the first one so many tenths."""


@pytest.mark.parametrize(
    ("names", "changed", "tries", "begun"),
    [
        (["web"], ["web"], 300, 1),
        (["web", "api", "job"], ["web"], 300, 1),
        (["web", "api", "job"], ["web", "job"], 1, 0),
    ],
)
def test_the_build_of_the_only_changed_image_begins_before_anybody_is_asked(
    app: Project, tmp_path: Path, names: list[str], changed: list[str], tries: int, begun: int
) -> None:
    for name in names:
        app.write(f"{name}/Dockerfile", (app.folder / "Dockerfile").read_text("utf-8"))
        app.write(f"{name}/hello.txt", name)
    target = {name: {"context": name} for name in names}
    app.write("docker-bake.json", json.dumps({"group": {"default": {"targets": names}}, "target": target}))
    app.commit()
    app.environ |= {"ECR_REPOSITORY_PREFIX": f"{app.name}/"}
    app.name = ""
    app.ok("build", "push")
    for name in changed:
        app.write(f"{name}/hello.txt", "changed")
    app.commit()
    programs = Programs(app, tmp_path)
    key, secret = (app.environ.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    script, note = tmp_path / "credentials", tmp_path / "begun"
    values = {"log": tmp_path / "programs", "begun": note, "tries": tries, "key": key, "secret": secret}
    script.write_text(CREDENTIALS.format(**values), encoding="utf-8")
    script.chmod(0o755)
    (tmp_path / "aws").write_text(f"[default]\ncredential_process = {script}\n", encoding="utf-8")
    app.environ |= {"AWS_CONFIG_FILE": str(tmp_path / "aws")}
    app.ok("build", "push")
    assert int(note.read_text("utf-8")) == begun
    assert programs.kinds(programs.started())["bake"] == 1
    assert [image["outcome"] for image in app.receipt["images"]] == ["published"] * len(names)


def test_the_names_of_a_published_image_that_a_container_uses_stay(app: Project) -> None:
    app.environ["ECR_KEEP_LOCAL"] = "1"
    app.ok("build", "push")
    first = f"{app.name}:sha-{app.git('rev-parse', 'HEAD')[:7]}"
    container = docker(app.environ, "create", first).stdout.strip()
    try:
        for text in ("second", "third"):
            app.write("hello.txt", text)
            app.commit()
            said = app.ok("build", "push").stderr
        assert "removed 2 older local names" in said  # the second one's, here and in the registry
        assert docker(app.environ, "image", "inspect", first).returncode == 0
    finally:
        docker(app.environ, "rm", container)
