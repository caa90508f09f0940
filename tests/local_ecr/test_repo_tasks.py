"""`inv repo.…` against the local ECR: created, reconciled, checked, shown, deleted."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.ecr.registry import EcrRegistry
from ecr_tasks.clients.ecr.repositories import EcrRepositories
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.local_ecr import lifecycle_policy
from ecr_tasks.local_ecr.errors import invalid
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.repository import DesiredRepository
from ecr_tasks.plan.repository.desired import desired_repository
from ecr_tasks.plan.repository.diff import differences
from ecr_tasks.plan.repository.lifecycle_policy import CACHE_DAYS, PART_DAYS, UNTAGGED_DAYS
from ecr_tasks.settings.load import load
from ecr_tasks.source.git.read import NO_REPOSITORY
from tests.engine.project import Project, project
from tests.local_ecr.http_client import HttpClient

DEFAULT_FILTERS = ["sha-*", "0.*.*", "1.*.*", "2.*.*", "3.*.*"]
SELECTION = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
OLD = {"rulePriority": 1, "selection": SELECTION}
LIFECYCLE = {
    "rules": [{**OLD, "description": "Keeps the newest image and nothing else", "action": {"type": "expire"}}]
}
UNUSED_SELECTION = {**SELECTION, "countType": "sinceImagePulled", "countUnit": "days"}
UNUSED = {"rules": [{**OLD, "selection": UNUSED_SELECTION, "action": {"type": "expire"}}]}
STATEMENT = {"Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage", "ecr:PutImage"]}
POLICY = {"Version": "2012-10-17", "Statement": [STATEMENT]}
REORDERED = {
    "Statement": {"Action": ["ecr:PutImage", "ecr:BatchGetImage"], "Principal": "*", "Effect": "Allow"},
    "Version": "2012-10-17",
}


@pytest.fixture
def app(ecr: LocalEcr, tmp_path: Path) -> Project:
    """A project whose settings lead to the local ECR."""
    ours = ("AWS_", "ECR_", "DOCKER_", "GIT_")
    environ = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    environ |= {**ecr.environment(), "HOME": str(tmp_path)}
    return project(tmp_path / "app", environ, "FROM scratch\n")


def shown(app: Project, **environ: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(app.ok("repo.show", "--json", **environ).stdout)
    return dict(found["repositories"][0])


def checked(app: Project, **environ: str) -> tuple[int, dict[str, Any], str]:
    done = app.inv("repo.ensure", "--check", "--json", **environ)
    return done.code, json.loads(done.stdout)["repositories"][0], done.stderr


def changes(ecr: LocalEcr) -> int:
    """How many requests would have changed something."""
    words = ("Create", "Put", "Set", "Delete", "Tag", "Untag", "BatchDelete")
    return sum(count for name, count in ecr.requests().items() if name.startswith(words))


def test_it_creates_what_is_missing_with_everything_set(ecr: LocalEcr, app: Project) -> None:
    app.write("policy.json", json.dumps(POLICY))
    more = {"ECR_REPOSITORY_POLICY": "policy.json", "ECR_KMS_KEY": "alias/ecr", "ECR_REPOSITORY_TAGS": "team=web,a=b"}
    code, found, err = checked(app, **more)
    assert (code, found["exists"]) == (6, False)
    assert "Not as the settings want it: team/app." in err
    assert changes(ecr) == 0
    done = app.ok("repo.ensure", **more)
    assert done.stdout == ""
    assert "repository created" in done.stderr
    made = shown(app, **more)
    assert (made["mutability"], made["exclusion_filters"]) == ("MUTABLE_WITH_EXCLUSION", DEFAULT_FILTERS)
    assert made["scan_on_push"] is True
    assert made["encryption"] == {"type": "KMS", "kms_key": "alias/ecr"}
    assert made["tags"] == {"team": "web", "a": "b"}
    assert made["repository_policy"] == POLICY
    assert [rule["selection"]["countNumber"] for rule in made["lifecycle_policy"]["rules"]] == [
        UNTAGGED_DAYS,
        CACHE_DAYS,
        PART_DAYS,
    ]
    before = changes(ecr)
    again = app.ok("repo.ensure", **more)
    assert "as the settings want it" in again.stderr
    assert checked(app, **more)[0] == 0
    assert changes(ecr) == before


def test_it_reconciles_what_is_there_and_shows_the_difference_first(
    ecr: LocalEcr, app: Project, api: Any, http: HttpClient
) -> None:
    for number in range(3):
        http.push_image("team/app", f"v{number}", b"%d" % number)
    app.write("lifecycle.json", json.dumps(LIFECYCLE))
    arn = api.describe_repositories()["repositories"][0]["repositoryArn"]
    api.tag_resource(resourceArn=arn, tags=[{"Key": "theirs", "Value": "1"}, {"Key": "team", "Value": "old"}])
    more = {"ECR_LIFECYCLE_POLICY": "lifecycle.json", "ECR_REPOSITORY_TAGS": "team=web"}
    before = changes(ecr)
    code, found, err = checked(app, **more)
    assert (code, found["would_expire"]) == (6, 2)
    aspects = [difference["aspect"] for difference in found["differences"]]
    assert aspects == ["mutability", "scan-on-push", "tags", "lifecycle-policy"]
    assert "    - every tag can move\n    + locked are sha-*, 0.*.*" in err
    assert "    - team=old\n    + team=web\n" in err
    assert "    - no policy\n    + 1: expire all images beyond the newest 1 (Keeps" in err
    assert "would expire 2 images now" in err
    assert "--dry" not in err
    app.ok("--dry", "repo.ensure", **more)
    assert changes(ecr) == before
    done = app.ok("repo.ensure", **more)
    assert "would expire 2 images now" in done.stderr
    assert checked(app, **more)[0] == 0
    assert shown(app)["tags"] == {"theirs": "1", "team": "web"}
    assert len(api.list_images(repositoryName="team/app")["imageIds"]) == 3


def test_the_default_policy_would_expire_no_tagged_image_and_no_child(
    app: Project, api: Any, http: HttpClient
) -> None:
    app.ok("repo.ensure", ECR_MUTABILITY="mutable")
    http.push_image("team/app", "1.2.3", b"release")
    code, found, _ = checked(app, ECR_LIFECYCLE_POLICY="off", ECR_MUTABILITY="mutable")
    assert (code, found["would_expire"]) == (0, None)
    api.delete_lifecycle_policy(repositoryName="team/app")
    assert checked(app, ECR_MUTABILITY="mutable")[1]["would_expire"] == 0


def test_a_policy_that_only_looks_otherwise_is_the_same(app: Project, api: Any) -> None:
    app.write("policy.json", json.dumps(POLICY))
    app.ok("repo.ensure", ECR_REPOSITORY_POLICY="policy.json")
    api.set_repository_policy(repositoryName="team/app", policyText=json.dumps(REORDERED))
    assert checked(app, ECR_REPOSITORY_POLICY="policy.json")[0] == 0
    app.write("policy.json", json.dumps({**POLICY, "Statement": [{**POLICY["Statement"][0], "Effect": "Deny"}]}))  # type: ignore[dict-item]
    code, _, err = checked(app, ECR_REPOSITORY_POLICY="policy.json")
    assert code == 6
    assert '+       "Effect": "Deny"' in err


def test_encryption_cannot_be_changed_and_the_rest_is(app: Project, api: Any) -> None:
    api.create_repository(repositoryName="team/app")
    code, found, err = checked(app, ECR_KMS_KEY="alias/ecr")
    assert code == 6
    assert found["differences"][-1]["changeable"] is False
    assert "encryption (can't be changed once a repository is created)" in err
    done = app.inv("repo.ensure", ECR_KMS_KEY="alias/ecr")
    assert done.code == 6
    assert "can't be changed once" in done.stderr
    left = checked(app, ECR_KMS_KEY="alias/ecr")[1]["differences"]
    assert [difference["aspect"] for difference in left] == ["encryption"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "ECR_LIFECYCLE_POLICY",
            '{"rules": [\n  {,}]}',
            "bad.json:2:4: this file of ECR_LIFECYCLE_POLICY is no JSON",
        ),
        ("ECR_LIFECYCLE_POLICY", '{"rules": []}', "1 to 50"),
        ("ECR_LIFECYCLE_POLICY", json.dumps({"rules": [{"rulePriority": 1}]}), "number 1"),
        ("ECR_LIFECYCLE_POLICY", json.dumps(UNUSED), "only an action of the type transition"),
        ("ECR_REPOSITORY_POLICY", json.dumps({"Statement": {**STATEMENT, "Resource": "*"}}), "the key 'Resource'"),
        ("ECR_REPOSITORY_POLICY", '{"Statement": [{"Effect": "allow"}]}', "Effect Allow or Deny"),
    ],
)
def test_a_bad_file_ends_before_anything_is_changed(
    ecr: LocalEcr, app: Project, name: str, text: str, says: str
) -> None:
    app.write("bad.json", text)
    done = app.inv("repo.ensure", **{name: "bad.json"})
    assert (done.code, done.stdout) == (2, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert changes(ecr) == 0


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the local ECR refuse every lifecycle policy, as ECR may refuse one for a reason that only it knows."""

    def refuse(text: str) -> None:
        raise invalid("LifecyclePolicyText", "Lifecycle policy validation failure: a reason of ECR's own")

    monkeypatch.setattr(lifecycle_policy, "parse", refuse)


@pytest.mark.usefixtures("refusing")
def test_what_only_ecr_objects_to_names_the_setting(app: Project, api: Any) -> None:
    api.create_repository(repositoryName="team/app")
    app.write("keep.json", json.dumps(LIFECYCLE))
    done = app.inv("repo.ensure", ECR_LIFECYCLE_POLICY="keep.json")
    assert done.code == 2
    assert "ECR does not take ECR_LIFECYCLE_POLICY: " in done.stderr
    assert shown(app)["mutability"] == "MUTABLE"


@pytest.mark.usefixtures("refusing")
def test_a_new_repository_whose_policy_ecr_refuses_is_an_error_of_ensure(
    app: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.write("policy.json", json.dumps(POLICY))
    app.write("keep.json", json.dumps(LIFECYCLE))
    more = {"ECR_LIFECYCLE_POLICY": "keep.json", "ECR_REPOSITORY_POLICY": "policy.json"}
    done = app.inv("repo.ensure", **more)
    assert done.code == 2
    assert "ECR does not take ECR_LIFECYCLE_POLICY: " in done.stderr
    monkeypatch.undo()
    app.ok("repo.ensure", ECR_REPOSITORY_POLICY="policy.json")
    assert checked(app, ECR_REPOSITORY_POLICY="policy.json")[0] == 0


def test_delete_asks_and_never_takes_images_unforced(app: Project, api: Any, http: HttpClient) -> None:
    http.push_image("team/app", "v1", b"1")
    refused = app.inv("repo.delete")
    assert refused.code == 6
    assert "nobody said yes" in refused.stderr
    assert "would delete" in app.ok("--dry", "repo.delete", "--yes", "--force").stderr
    full = app.inv("repo.delete", "--yes")
    assert full.code == 6
    assert "--force" in full.stderr
    assert len(api.describe_repositories()["repositories"]) == 1
    app.ok("repo.delete", "--yes", "--force")
    assert api.describe_repositories()["repositories"] == []
    assert "not there" in app.ok("repo.delete", "--yes").stderr
    missing = app.inv("repo.show")
    assert missing.code == 5
    assert "repo.ensure" in missing.stderr


@pytest.mark.parametrize(("answer", "left"), [(b"y\n", 0), (b"\n", 1)])
def test_on_a_terminal_delete_does_what_one_answers(app: Project, api: Any, answer: bytes, left: int) -> None:
    import pty
    import subprocess

    api.create_repository(repositoryName="team/app")
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    environ = {**app.environ, "ECR_REPOSITORY": app.name}
    command = [sys.executable, "-m", "invoke", "repo.delete"]
    done = subprocess.run(command, cwd=app.folder, env=environ, stdin=theirs, capture_output=True, check=False)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == (6 if left else 0)
    assert b"[y/N]" in done.stderr
    assert len(api.describe_repositories()["repositories"]) == left


def test_a_lifecycle_policy_that_ecr_would_refuse_creates_nothing(app: Project, ecr: LocalEcr) -> None:
    rules = [{**LIFECYCLE["rules"][0]}, {**LIFECYCLE["rules"][0], "rulePriority": 2}]
    app.write("lifecycle.json", json.dumps({"rules": rules}))
    for words in (["repo.ensure"], ["repo.ensure", "--check"]):
        done = app.inv(*words, ECR_LIFECYCLE_POLICY="lifecycle.json")
        assert done.code == 2
        assert "(number 2)" in done.stderr
    assert changes(ecr) == 0


def test_show_is_for_people_too(app: Project) -> None:
    app.write("policy.json", json.dumps(POLICY))
    app.ok("repo.ensure", ECR_REPOSITORY_POLICY="policy.json")
    done = app.ok("repo.show")
    assert '\n  policy        {\n  policy          "Version": "2012-10-17",\n' in done.stdout
    assert "locked are sha-*" in done.stdout
    assert "1: expire untagged images 14 days after they were pushed" in done.stdout


def test_an_uncommitted_trees_tag_makes_way_and_no_other(ecr: LocalEcr, tmp_path: Path, api: Any) -> None:
    settings = load(tmp_path, environ={}, overrides=ecr.environment())
    registry = EcrRegistry(settings)
    made = registry.admin.create("team/new", DesiredRepository("MUTABLE_WITH_EXCLUSION", ("sha-*",)))
    assert made is not None
    assert registry.admin.create("team/new", DesiredRepository()) is None
    http = HttpClient.logged_in(ecr)
    http.push_image("team/new", "sha-1-dirty", b"1")
    registry.untag(made, "sha-1-dirty")
    registry.untag(made, "sha-1-dirty")
    http.push_image("team/new", "sha-1-dirty", b"2")
    assert registry.image(made, "sha-1-dirty") is not None


class Denying:
    """An ECR client every call of which ends in one error."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __getattr__(self, name: str) -> Any:
        from botocore.exceptions import ClientError

        def call(**_: object) -> None:
            raise ClientError({"Error": {"Code": self.code, "Message": f"not authorized: {name}"}}, name)

        return call


@pytest.mark.parametrize(
    ("code", "exit_code", "says"),
    [("KmsException", 2, "ECR_KMS_KEY"), ("AccessDeniedException", 4, "create_repository"), ("LimitExceeded", 5, "")],
)
def test_errors_of_a_creation_have_a_cause_and_a_remedy(code: str, exit_code: int, says: str) -> None:
    from ecr_tasks.errors import EcrTasksError

    denying: Any = Denying(code)
    with pytest.raises(EcrTasksError) as caught:
        EcrRepositories(lambda: denying, {}).create("team/app", DesiredRepository(kms_key="alias/none"))
    assert caught.value.code == exit_code
    assert says in caught.value.cause
    assert caught.value.remedy.endswith(".")
    assert isinstance(caught.value, SettingsError) == (code == "KmsException")


def test_a_repository_with_images_is_refused_by_its_own_word() -> None:
    denying: Any = Denying("RepositoryNotEmptyException")
    with pytest.raises(Refused, match="--force"):
        EcrRepositories(lambda: denying, {}).delete("team/app", force=False)


def test_every_choice_of_mutability_is_one_that_ecr_takes(ecr: LocalEcr, tmp_path: Path) -> None:
    for text in ("rules", "mutable", "immutable", "immutable,exclude=latest;pr-*", "mutable,exclude=v*"):
        settings = load(tmp_path, environ={"ECR_MUTABILITY": text}, overrides=ecr.environment())
        admin = EcrRegistry(settings).admin
        state = admin.state("team/all")
        wanted = desired_repository(settings, NO_REPOSITORY)
        if state is None:
            assert admin.create("team/all", wanted) is not None
            continue
        (changed,) = (one for one in differences(state, wanted) if one.aspect == "mutability")
        admin.change(state, changed, wanted)
        after = admin.state("team/all")
        assert after is not None
        assert all(one.aspect != "mutability" for one in differences(after, wanted))
