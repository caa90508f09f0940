"""`promote` records what it set, `history` shows it, `rollback` puts an earlier image back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from ecr_tasks.errors import AwsError, Interrupted
from ecr_tasks.model.artifact import Artifact
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.inventory import RELEASE
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.release import DOCUMENT
from ecr_tasks.model.scan import ScanResult
from ecr_tasks.tasks.collection import ns
from tests.support.build import ACCOUNT, REVISION_B, manifest, repository
from tests.tasks.conftest import CHANGING_CALLS, Project

FIRST, SECOND, THIRD = manifest("first"), manifest("second", REVISION_B), manifest("third")
VERSIONS = (("v1", FIRST), ("v2", SECOND), ("v3", THIRD))
CALLER = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ada"
CI = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "team/app",
    "GITHUB_RUN_ID": "77",
}


@pytest.fixture
def app(project: Project) -> Project:
    """Return a project with three images in the repository."""
    for name, image in VERSIONS:
        project.registry.put("team/app", image, name)
    return project


def promote(project: Project, *words: str, **environ: str) -> None:
    result = project.inv("promote", *words, **environ)
    assert (result.code, "Warning" in result.stderr) == (0, False), result.stderr


def records(project: Project, name: str = "team/app") -> list[Any]:
    """Return the documents of the records in a repository, in the order in which they were attached."""
    documents = [image.document for image in project.registry.stored[name].values()]
    return [
        json.loads(document["annotations"][DOCUMENT])
        for document in documents
        if document.get("artifactType") == RELEASE
    ]


def history(project: Project, *words: str) -> list[Any]:
    (image,) = project.inv("history", *words, "--json").document["images"]
    return list(image["history"])


def test_a_record_says_what_from_where_by_whom_and_through_which_gates(app: Project) -> None:
    app.git("config", "user.name", "Ada")
    app.git("config", "user.email", "ada@example.org")
    app.registry.scans = {FIRST.digest: [ScanResult("COMPLETE", "", {"LOW": 2})]}
    promote(app, "v1", "--tag", "prod", "--tag", "stage")
    promote(app, "v2", "--tag", "prod", **CI, GITHUB_ACTOR="ada", GITHUB_TRIGGERING_ACTOR="grace")
    promote(app, "v1", "--tag", "prod", "--require-scan=high")
    first, second, third = records(app)
    place = {"account": ACCOUNT, "region": "eu-central-1", "repository": "team/app"}
    assert {name: first[name] for name in place} == place
    assert (first["schema"], first["task"], first["digest"]) == (1, "promote", FIRST.digest)
    assert first["tags"] == [{"tag": "prod", "was": None}, {"tag": "stage", "was": None}]
    assert first["source"] == {"reference": "v1"}
    of_ci: dict[str, str | None] = {"ci": None, "ci_run": None, "ci_actor": None}
    assert first["by"] == {"caller": CALLER, "git_user": "Ada <ada@example.org>", **of_ci}
    assert first["gates"] == []
    assert second["tags"] == [{"tag": "prod", "was": FIRST.digest}]
    run = "https://github.com/team/app/actions/runs/77"
    of_ci = {"ci": "github", "ci_run": run, "ci_actor": "grace"}
    assert second["by"] == {"caller": CALLER, "git_user": None, **of_ci}
    assert "grace" in app.inv("history", "prod").stdout
    (gate,) = third["gates"]
    assert (gate["gate"], gate["level"], gate["passed"]) == ("require-scan", "high", True)
    assert len({record["run"] for record in (first, second, third)}) == 3
    subjects = [
        image.document["subject"]["digest"]
        for image in app.registry.stored["team/app"].values()
        if "subject" in image.document
    ]
    assert subjects == [FIRST.digest, SECOND.digest, FIRST.digest]


def test_what_changes_nothing_is_not_recorded_and_a_dry_run_neither(app: Project) -> None:
    promote(app, "v1", "--tag", "v1")
    promote(app, "v1", "--tag", "prod", "--dry")
    assert records(app) == []


@pytest.mark.parametrize("error", [AwsError("No right to ecr:PutImage.", "Ask for it."), KeyError("layers")])
def test_a_promotion_that_cant_be_recorded_stands(app: Project, error: Exception) -> None:
    app.registry.attach_error = error
    result = app.inv("promote", "v1", "--tag", "prod")
    assert (result.code, app.tags["prod"]) == (0, FIRST.digest)
    assert result.stdout.endswith(f"team/app@{FIRST.digest}\n")
    assert "Warning: The promotion to team/app stands, and is not recorded" in result.stderr
    assert str(error.args[0]) in result.stderr


def test_without_sts_the_record_doesnt_say_who(app: Project) -> None:
    app.registry.caller_error = AwsError("STS can't be reached.", "Try again.")
    result = app.inv("promote", "v1", "--tag", "prod")
    assert result.code == 0
    assert "Warning: The record doesn't say who promotes: STS can't be reached." in result.stderr
    (record,) = records(app)
    assert record["by"]["caller"] is None


def test_an_sts_that_hangs_delays_nothing_for_long(app: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a closed network without an endpoint for STS."""
    ended = threading.Event()
    monkeypatch.setattr("ecr_tasks.execute.record_release.CALLER_SECONDS", 0.2)
    monkeypatch.setattr(app.registry, "caller", lambda: ended.wait(60))
    result = app.inv("promote", "v1", "--tag", "prod")
    ended.set()
    assert result.code == 0
    assert "no answer" in result.stderr
    assert records(app)[0]["by"]["caller"] is None


def test_a_tag_that_was_set_before_the_next_one_failed_is_recorded(
    app: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = app.registry.set_tag

    def set_tag(place: Repository, image: StoredImage, tag: str, again: Callable[[], object]) -> None:
        if tag == "b":
            raise AwsError("Throttled.", "Run it again.")
        original(place, image, tag, again)

    monkeypatch.setattr(app.registry, "set_tag", set_tag)
    assert "a set, but: Throttled" in app.inv("promote", "v1", "--tag", "a", "--tag", "b").stderr
    (record,) = records(app)
    assert record["tags"] == [{"tag": "a", "was": None}]


def interrupt() -> None:
    raise Interrupted("Interrupted.", "Run it again.")


def fail() -> None:
    raise AwsError("No answer.", "Run it again.")


@pytest.mark.parametrize("failing", [interrupt, fail])
def test_a_tag_that_was_set_although_its_answer_is_missing_is_recorded(
    app: Project, failing: Callable[[], None]
) -> None:
    promote(app, "v1", "--tag", "prod")
    app.calls.after["set_tag"] = failing
    assert app.inv("promote", "v2", "--tag", "prod").code != 0
    assert records(app)[-1]["tags"] == [{"tag": "prod", "was": FIRST.digest}]


def test_a_failed_tag_that_is_not_there_is_not_recorded(app: Project) -> None:
    app.calls.before["set_tag"] = interrupt
    app.inv("promote", "v1", "--tag", "prod").failed(130)
    assert records(app) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupted_record_is_made_and_there_is_one(app: Project, when: str) -> None:
    getattr(app.calls, when)["attach"] = interrupt
    app.inv("promote", "v1", "--tag", "prod").failed(130)
    (record,) = records(app)
    assert record["tags"] == [{"tag": "prod", "was": None}]


def kill_before_record(project: Project, *words: str) -> None:
    """Promote as a run does that is killed when its tags are set."""
    project.registry.attach_error = AwsError("Killed.", "Run it again.")
    assert project.inv("promote", *words).code == 0
    project.registry.attach_error = None


def test_what_a_killed_run_set_is_recorded_by_the_next_one(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    kill_before_record(app, "v2", "--tag", "prod")
    again = app.inv("promote", "v2", "--tag", "prod")
    assert (again.code, "team/app:prod: there already, without a record until now" in again.stderr) == (0, True)
    record = records(app)[-1]
    assert record["tags"] == [{"tag": "prod", "was": FIRST.digest}]
    assert record["together"] == {"team/app": {"prod": {"was": FIRST.digest, "to": SECOND.digest}}}
    assert record["by"]["caller"] == CALLER
    assert [item["digest"] for item in history(app, "prod")] == [SECOND.digest, FIRST.digest]
    promote(app, "v2", "--tag", "prod")
    assert len(records(app)) == 2  # once


def test_without_the_right_to_read_records_a_tag_that_is_there_is_a_warning(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    app.calls.before["details"] = fail
    result = app.inv("promote", "v1", "--tag", "prod")
    assert result.code == 0
    assert "Warning: Whether team/app:prod, there already, was recorded isn't known: No answer." in result.stderr


def test_history_lists_the_newest_first_and_whether_images_are_still_there(app: Project) -> None:
    for source in ("v1", "v2", "v3"):
        promote(app, source, "--tag", "prod")
    del app.registry.stored["team/app"][FIRST.digest]
    entries = history(app, "prod")
    assert [(item["number"], item["digest"], item["status"]) for item in entries] == [
        (0, THIRD.digest, "active"),
        (1, SECOND.digest, "active"),
        (2, FIRST.digest, "gone"),
    ]
    assert entries[0]["tags"] == ["prod", "v3"]
    assert entries[0]["record"]["by"]["caller"] == CALLER
    assert [item["number"] for item in history(app, "prod", "--limit", "2")] == [0, 1]
    table = app.inv("history", "prod")
    assert table.code == 0
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["#", "0", "1", "2"]
    assert "gone" in table.stdout
    app.registry.tags["team/app"].pop("prod")
    assert [item["number"] for item in history(app, "prod")] == [1, 2, 3]


def test_what_push_set_is_shown_as_not_recorded(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    app.registry.put("team/app", SECOND, "prod")
    promote(app, "v3", "--tag", "prod")
    entries = history(app, "prod")
    assert [(item["digest"], item["record"] is not None) for item in entries] == [
        (THIRD.digest, True),
        (SECOND.digest, False),
        (FIRST.digest, True),
    ]
    result = app.inv("history", "v1")
    assert "not recorded" in result.stdout
    assert "Not recorded: set by `push` or another tool" in result.stderr


def attach(app: Project, document: object, subject: StoredImage = FIRST) -> str:
    """Attach an artifact with the type of a record and this document, and return its digest."""
    text = document if isinstance(document, str) else json.dumps(document)
    artifact = Artifact(RELEASE, (), {DOCUMENT: text})
    return app.registry.artifacts.attach(repository(), subject, artifact)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"tags": []},
        {"tags": [{"tag": "prod", "was": "v1"}]},
        {"digest": SECOND.digest},
        {"seconds": True, "by": None},
        {"gates": ["x"]},
        {"run": None},
        {"task": "\x1b[31m"},
    ],
)
def test_a_broken_record_is_left_out_with_a_warning(app: Project, change: dict[str, Any]) -> None:
    promote(app, "v1", "--tag", "prod")
    broken = attach(app, {**records(app)[0], **change})
    text = attach(app, "no JSON {")
    result = app.inv("history", "prod", "--json")
    assert result.code == 0
    for digest in (broken, text):
        assert f"Warning: The release record {digest} of team/app is left out: " in result.stderr
    (image,) = result.document["images"]
    assert [item["digest"] for item in image["history"]] == [FIRST.digest]
    assert {item["digest"] for item in image["unreadable"]} == {broken, text}


def test_records_of_other_registries_came_with_a_copy_and_dont_count(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    attach(app, {**records(app)[0], "region": "us-east-1", "tags": [{"tag": "prod", "was": SECOND.digest}]})
    result = app.inv("history", "prod")
    assert "1 records of a tag prod elsewhere" in result.stderr
    assert f"{ACCOUNT}/us-east-1/team/app" in result.stderr
    assert len(history(app, "prod")) == 1


def test_a_copy_is_recorded_where_its_tag_is_with_where_it_came_from(app: Project) -> None:
    app.registry.repositories["prod/app"] = repository(name="prod/app")
    app.registry.stored["prod/app"], app.registry.tags["prod/app"] = {}, {}
    promote(app, "v1", "--tag", "prod")
    promote(app, "prod", "--to", "210987654321/us-east-1/prod/app", "--tag", "live")
    copied, own = records(app, "prod/app")
    assert (copied["repository"], own["repository"]) == ("team/app", "prod/app")
    assert own["tags"] == [{"tag": "live", "was": None}]
    assert own["source"] == {
        "reference": "prod",
        "account": ACCOUNT,
        "region": "eu-central-1",
        "repository": "team/app",
    }
    assert len(records(app)) == 1


def test_a_rollback_puts_the_image_before_back_and_is_recorded(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    promote(app, "v2", "--tag", "prod")
    result = app.inv("rollback", "prod")
    assert (result.code, app.tags["prod"]) == (0, FIRST.digest)
    assert result.stdout.endswith(f"team/app@{FIRST.digest}\n")
    assert [call[0] for call in app.calls.log if call[0] in ("find", *CHANGING_CALLS)] == ["find", "set_tag"]
    assert (records(app)[-1]["task"], records(app)[-1]["tags"]) == (
        "rollback",
        [{"tag": "prod", "was": SECOND.digest}],
    )
    assert app.inv("rollback", "prod").code == 0
    assert app.tags["prod"] == SECOND.digest  # a second one undoes the first
    promote(app, "v3", "--tag", "prod")
    assert app.inv("rollback", "prod", "--to", FIRST.digest[:19]).code == 0
    assert app.tags["prod"] == FIRST.digest
    before = app.tags
    dry = app.inv("rollback", "prod", "--dry")
    assert (dry.code, "would move" in dry.stderr, app.tags) == (0, True, before)
    assert app.inv("rollback", "prod", "--json").document["images"][0]["tags"] == [
        {"tag": "prod", "state": "moves", "was": FIRST.digest}
    ]


def test_a_rollback_goes_through_the_gates(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    promote(app, "v2", "--tag", "prod")
    app.registry.scans = {FIRST.digest: [ScanResult("COMPLETE", "", {"CRITICAL": 1})]}
    assert FIRST.digest in app.inv("rollback", "prod", "--require-scan").failed(6)
    assert app.tags["prod"] == SECOND.digest


def test_rollback_has_each_gate_of_promote() -> None:
    gates = {argument.name for argument in ns["promote"].get_arguments()} - {"source", "tag", "to", "image", "json"}
    assert "require_scan" in gates
    assert {argument.name for argument in ns["rollback"].get_arguments()} == gates | {"tag", "to", "image", "json"}


def test_a_fixed_and_a_locked_tag_are_not_rolled_back(app: Project) -> None:
    promote(app, "v1", "--tag", "1.2.3", "--tag", "prod")
    app.registry.put("team/app", SECOND, "1.2.3", "prod")
    assert "never moves" in app.inv("rollback", "1.2.3").failed(6)
    app.registry.repositories["team/app"] = repository("IMMUTABLE")
    assert "immutable" in app.inv("rollback", "prod").failed(6)
    assert (app.tags["prod"], app.tags["1.2.3"]) == (SECOND.digest, SECOND.digest)


def test_a_tag_that_somebody_moves_meanwhile_is_left_alone(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    promote(app, "v2", "--tag", "prod")
    app.calls.before["find"] = lambda: app.registry.put("team/app", THIRD, "prod")
    assert "somebody else moved it" in app.inv("rollback", "prod").failed(6)
    assert app.tags["prod"] == THIRD.digest


def test_a_tag_that_somebody_deletes_meanwhile_is_not_set_again(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    promote(app, "v2", "--tag", "prod")

    def delete() -> None:
        app.registry.tags["team/app"].pop("prod", None)

    app.calls.before["find"] = delete
    assert "somebody else" in app.inv("rollback", "prod").failed(6)
    assert "prod" not in app.tags


def test_a_digest_and_an_unknown_tag_have_no_history(app: Project) -> None:
    app.inv("history", FIRST.digest).failed(2)
    app.inv("history", "none").failed(5)
    app.inv("rollback", "none").failed(5)
    app.inv("history", "prod", "--limit", "0").failed(2)
    assert "is gone" not in app.inv("history", "team/app:v1").stderr


@pytest.fixture
def two(project: Project) -> Project:
    """Return a project with two images, each with three versions."""
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=x/\n")
    project.write("docker-bake.hcl", "")
    project.docker.bake_targets = {"web": BuildDefinition("."), "worker": BuildDefinition(".")}
    for name in ("x/web", "x/worker"):
        project.registry.repositories[name] = repository(name=name)
        project.registry.stored[name], project.registry.tags[name] = {}, {}
        for tag, image in VERSIONS:
            project.registry.put(name, image, tag)
    return project


def test_of_several_images_those_go_back_that_the_last_promotion_set(two: Project) -> None:
    promote(two, "v1", "--tag", "prod")
    assert two.inv("promote", "v2", "--tag", "prod", "--image", "web").code == 0
    assert records(two, "x/web")[0]["run"] == records(two, "x/worker")[0]["run"]
    result = two.inv("rollback", "prod")
    assert result.code == 0, result.stderr
    assert "x/worker:prod stays" in result.stderr
    assert two.registry.tags["x/web"]["prod"] == two.registry.tags["x/worker"]["prod"] == FIRST.digest
    assert "one image" in two.inv("rollback", "prod", "--to", "1").failed(2)
    listed = two.inv("history", "prod", "--json").document["images"]
    assert [(item["name"], len(item["history"])) for item in listed] == [("web", 3), ("worker", 1)]
    two.registry.tags["x/worker"].pop("v2")
    partly = two.inv("history", "v2", "--json")
    assert [item["name"] for item in partly.document["images"]] == ["web"]
    assert "x/worker: no tag v2" in partly.stderr


def test_several_images_of_a_killed_promotion_go_back_together_once_it_was_run_again(two: Project) -> None:
    promote(two, "v1", "--tag", "prod")
    kill_before_record(two, "v2", "--tag", "prod")
    assert "or promote them once more" in two.inv("rollback", "prod").failed(2)
    assert two.inv("promote", "v2", "--tag", "prod").code == 0
    assert two.inv("rollback", "prod").code == 0
    assert two.registry.tags["x/web"]["prod"] == two.registry.tags["x/worker"]["prod"] == FIRST.digest


@pytest.mark.parametrize("is_set", [True, False])
def test_a_promotion_that_the_next_run_completes_goes_back_as_a_whole(
    two: Project, monkeypatch: pytest.MonkeyPatch, is_set: bool
) -> None:
    """One image was set and recorded, of the other at most its tag."""
    promote(two, "v1", "--tag", "prod")
    original, attach = two.registry.set_tag, type(two.registry.artifacts).attach

    def set_tag(place: Repository, image: StoredImage, tag: str, again: Callable[[], object]) -> None:
        if place.name == "x/worker" and not is_set:
            raise AwsError("Throttled.", "Run it again.")
        original(place, image, tag, again)

    def attach_one(self: object, place: Repository, *arguments: Any) -> str:
        if place.name == "x/worker":
            raise AwsError("Killed.", "Run it again.")
        return str(attach(self, place, *arguments))  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(two.registry, "set_tag", set_tag)
        patch.setattr(type(two.registry.artifacts), "attach", attach_one)
        two.inv("promote", "v2", "--tag", "prod")
    assert (len(records(two, "x/web")), len(records(two, "x/worker"))) == (2, 1)
    assert two.inv("promote", "v2", "--tag", "prod").code == 0
    result = two.inv("rollback", "prod")
    assert (result.code, "stays" in result.stderr) == (0, False)
    assert two.registry.tags["x/web"]["prod"] == two.registry.tags["x/worker"]["prod"] == FIRST.digest


@pytest.mark.parametrize("choice", [[], ["--image", "worker"]])
def test_a_later_promotion_from_the_same_tag_is_one_of_its_own(two: Project, choice: list[str]) -> None:
    """Of both or one of the images before; of both images now, one of which has the same image as before."""
    promote(two, "v1", "--tag", "prod")
    two.registry.put("x/web", FIRST, "main")
    two.registry.put("x/worker", SECOND, "main")
    assert two.inv("promote", "main", "--tag", "prod", *choice).code == 0
    two.registry.put("x/web", SECOND, "main")
    assert two.inv("promote", "main", "--tag", "prod").code == 0
    result = two.inv("rollback", "prod")
    assert "x/worker:prod stays: the last promotion did not set it" in result.stderr
    assert two.registry.tags["x/web"]["prod"] == FIRST.digest
    assert two.registry.tags["x/worker"]["prod"] == SECOND.digest


def test_an_image_that_a_release_had_set_and_that_moves_again_is_of_another_release(two: Project) -> None:
    for name in ("x/web", "x/worker"):
        two.registry.put(name, FIRST, "main")
    promote(two, "main", "--tag", "prod")
    two.registry.put("x/web", SECOND, "main")
    assert two.inv("promote", "main", "--tag", "prod").code == 0
    result = two.inv("rollback", "prod")
    assert "x/worker:prod stays: the last promotion did not set it" in result.stderr
    assert two.registry.tags["x/web"]["prod"] == FIRST.digest


@contextmanager
def denied(project: Project, name: str) -> Iterator[None]:
    """Let nobody set a tag in one of the repositories."""
    original = project.registry.set_tag

    def set_tag(place: Repository, image: StoredImage, tag: str, again: Callable[[], object]) -> None:
        if place.name == name:
            time.sleep(0.1)  # the others have begun: none does after an error
            raise AwsError("No right to ecr:PutImage.", "Ask for it.")
        original(place, image, tag, again)

    project.registry.set_tag = set_tag  # type: ignore[method-assign,assignment]
    yield
    project.registry.set_tag = original  # type: ignore[method-assign]


def prod(project: Project) -> tuple[str, str]:
    """Return the digests that prod has in the two repositories."""
    return project.registry.tags["x/web"]["prod"], project.registry.tags["x/worker"]["prod"]


@pytest.mark.parametrize("words", [["v2", "--image", "worker"], [SECOND.digest]])
def test_a_promotion_is_completed_for_one_image_or_by_another_name(two: Project, words: list[str]) -> None:
    promote(two, "v1", "--tag", "prod")
    with denied(two, "x/worker"):
        two.inv("promote", "v2", "--tag", "prod").failed(4)
    assert prod(two) == (SECOND.digest, FIRST.digest)
    assert two.inv("promote", *words, "--tag", "prod").code == 0
    assert two.inv("rollback", "prod").code == 0
    assert prod(two) == (FIRST.digest, FIRST.digest)


def test_a_rollback_that_ended_half_way_is_completed_and_not_undone(two: Project) -> None:
    promote(two, "v1", "--tag", "prod")
    promote(two, "v2", "--tag", "prod")
    with denied(two, "x/worker"):
        two.inv("rollback", "prod").failed(4)
    assert prod(two) == (FIRST.digest, SECOND.digest)
    result = two.inv("rollback", "prod")
    assert (result.code, "x/web:prod stays: it is back already" in result.stderr) == (0, True)
    assert prod(two) == (FIRST.digest, FIRST.digest)
    assert two.inv("rollback", "prod").code == 0  # which undoes the whole of it
    assert prod(two) == (SECOND.digest, SECOND.digest)


DIGITS = {FIRST.digest: "1", SECOND.digest: "2", THIRD.digest: "3"}


@pytest.fixture
def three(project: Project) -> Project:
    """Return a project with three images, each with three versions and the first one as prod."""
    project.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=x/\n")
    project.write("docker-bake.hcl", "")
    project.docker.bake_targets = dict.fromkeys("abc", BuildDefinition("."))
    for name in ("x/a", "x/b", "x/c"):
        project.registry.repositories[name] = repository(name=name)
        project.registry.stored[name], project.registry.tags[name] = {}, {}
        for tag, image in VERSIONS:
            project.registry.put(name, image, tag)
    promote(project, "v1", "--tag", "prod")
    return project


UNDONE = [("rollback", "", "111"), ("rollback", "", "222")]


@pytest.mark.parametrize(
    "steps",
    [
        # What is typed, the images whose tag can't be set, and the versions of all three afterwards.
        [("v2", "bc", "211"), ("v2 --image b", "", "221"), ("v2 --image c", "", "222"), ("rollback", "", "111")],
        [("v2", "bc", "211"), ("v3 --image c", "", "213"), ("v2", "", "222"), ("rollback", "", "113")],
        [("v2", "bc", "211"), ("v3 --image b", "", "231"), ("v2", "", "222"), ("rollback", "", "131")],
        [("v2", "c", "221"), ("v3 --image c", "", "223"), ("rollback", "", "221")],
        [("v2", "", "222"), ("rollback", "c", "112"), ("v3 --image c", "", "113"), ("rollback", "", "112")],
        [("v2", "", "222"), ("rollback", "bc", "122"), ("rollback --image b", "", "112"), ("rollback", "", "111")],
        [("v2", "", "222"), ("rollback", "bc", "122"), ("v1 --image b", "", "112"), ("rollback", "", "111")],
        [("v2", "", "222"), ("rollback", "bc", "122"), ("rollback", "c", "112"), *UNDONE],
    ],
)
def test_what_was_set_in_several_runs_goes_back_as_what_it_was(three: Project, steps: list[Any]) -> None:
    for words, denied_names, expected in steps:
        task, *more = words.split()
        typed = ["rollback", "prod", *more] if task == "rollback" else ["promote", task, "--tag", "prod", *more]
        with ExitStack() as stack:
            for name in denied_names:
                stack.enter_context(denied(three, f"x/{name}"))
            assert (three.inv(*typed).code == 0) is not bool(denied_names)
        tags = [three.registry.tags[f"x/{name}"]["prod"] for name in "abc"]
        assert "".join(map(DIGITS.__getitem__, tags)) == expected, words


def test_a_rollback_that_was_killed_before_its_record_is_completed(two: Project) -> None:
    promote(two, "v1", "--tag", "prod")
    promote(two, "v2", "--tag", "prod")
    two.registry.put("x/web", FIRST, "prod")
    result = two.inv("rollback", "prod")
    assert "x/web:prod stays: it is on what it was before the last promotion" in result.stderr
    assert prod(two) == (FIRST.digest, FIRST.digest)


def test_an_image_whose_record_of_a_whole_release_is_gone_is_of_its_own_release(two: Project) -> None:
    """With its image, or it could not be written: the other image of that release stays."""
    promote(two, "v1", "--tag", "prod")
    promote(two, "v2", "--tag", "prod")
    stored = two.registry.stored["x/web"]
    (record,) = [
        digest for digest, image in stored.items() if image.document.get("subject", {}).get("digest") == SECOND.digest
    ]
    del stored[record]
    assert two.inv("promote", "v3", "--tag", "prod", "--image", "web").code == 0
    assert two.inv("rollback", "prod").code == 0
    assert prod(two) == (SECOND.digest, SECOND.digest)


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_an_image_that_went_back_alone_and_on_again_is_of_its_own_release(two: Project, version: str) -> None:
    promote(two, "v1", "--tag", "prod")
    promote(two, "v2", "--tag", "prod")
    assert two.inv("rollback", "prod", "--image", "web").code == 0
    assert two.inv("promote", version, "--tag", "prod", "--image", "web").code == 0
    assert two.inv("rollback", "prod").code == 0
    assert prod(two) == (FIRST.digest, SECOND.digest)


def test_an_image_that_is_new_in_a_release_stays_and_the_others_go_back(two: Project) -> None:
    assert two.inv("promote", "v1", "--tag", "prod", "--image", "web").code == 0
    promote(two, "v2", "--tag", "prod")
    result = two.inv("rollback", "prod")
    assert (result.code, prod(two)) == (0, (FIRST.digest, SECOND.digest))
    assert "x/worker:prod stays: nothing is recorded of what it was before" in result.stderr


def test_a_tag_that_somebody_moves_while_its_records_are_read_is_not_recorded(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    kill_before_record(app, "v2", "--tag", "prod")
    app.calls.before["details"] = lambda: app.registry.put("team/app", THIRD, "prod")
    assert app.inv("promote", "v2", "--tag", "prod").code == 0
    assert len(records(app)) == 1


def test_an_image_without_a_record_stays_and_it_is_said_how_it_goes_back(two: Project) -> None:
    promote(two, "v1", "--tag", "prod")
    assert two.inv("promote", "v2", "--tag", "prod", "--image", "web").code == 0
    kill_before_record(two, "v2", "--tag", "prod", "--image", "worker")
    result = two.inv("rollback", "prod")
    assert result.code == 0
    assert "x/worker:prod stays: no record says how it got the image" in result.stderr
    assert "`inv rollback prod --image worker`" in result.stderr


def test_a_tag_of_a_record_with_control_characters_cant_reach_a_terminal(app: Project) -> None:
    promote(app, "v1", "--tag", "prod")
    document = records(app)[0]
    attach(app, {**document, "source": {"reference": "\x1b[2J::add-mask::x\n::error::y"}, "task": "promote"})
    shown = app.inv("history", "prod")
    assert "\x1b" not in shown.stdout
    assert "\n::" not in shown.stdout


def test_no_secret_is_recorded(app: Project) -> None:
    app.git("config", "user.name", "ghp_0123456789abcdefghij0123456789abcdef")
    promote(app, "v1", "--tag", "prod")
    assert "0123456789abcdefghij" not in json.dumps(records(app))
    assert records(app)[0]["digest"] == FIRST.digest
