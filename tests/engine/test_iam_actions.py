"""The table of IAM actions against real runs: what it requires is enough, nothing else is called, no row is idle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.clients.ecr.partition import partition_of
from ecr_tasks.errors import ExitCode
from ecr_tasks.iam.actions import needs
from ecr_tasks.iam.policy import identity_policy
from ecr_tasks.iam.scope import scope_of
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.account import Need
from ecr_tasks.settings.load import load
from tests.engine.guard import Guard, guard, without
from tests.engine.project import Project, project

__all__ = ["guard"]

COPIES = "eu-west-1"
PUBLIC = "public"
"""The region under which the local ECR counts the requests to ECR Public."""

REGISTRY_REQUESTS = {
    "HEAD manifest": {"BatchGetImage"},
    "GET manifest": {"BatchGetImage"},
    "GET blob": {"GetDownloadUrlForLayer"},
    "HEAD blob": {"BatchCheckLayerAvailability"},
    "POST upload": {"InitiateLayerUpload"},
    "PATCH upload": {"UploadLayerPart"},
    "PUT upload": {"UploadLayerPart", "CompleteLayerUpload"},
    "PUT manifest": {"PutImage"},
}
"""The actions that docker's requests stand for; the last part of a layer comes with the request that ends it."""

NO_RIGHT = {"GET base", "GET token", "POST token", "GetCallerIdentity"}
"""Requests that need no right: the greetings and tokens of the registry itself, and who one is."""

OPEN_TO_ALL = {"HEAD manifest", "GET manifest", "GET blob"}
"""Requests that ECR Public answers everybody."""

UNSEEN = {
    "GetServiceBearerToken": "AWS asks for it when ECR Public gives a token",
    "TagResource": "AWS asks for it when a repository is created with tags",
    "BatchImportUpstreamImage": "AWS asks for it when a pull-through cache is filled",
    "CreateGrant": "ECR itself calls KMS",
    "DescribeKey": "ECR itself calls KMS",
    "RetireGrant": "ECR itself calls KMS",
}
"""Actions that the local ECR can't see."""


IDLE = {
    "ec2.user-data": {("own", "BatchGetImage")},
    "images": {("own", "BatchGetImage"), ("own", "DescribeRepositories")},
    "pull": {("own", "GetDownloadUrlForLayer")},
    "push": {(COPIES, "GetDownloadUrlForLayer")},
    "rollback": {
        ("own", action)
        for action in (
            *("BatchGetImage", "BatchCheckLayerAvailability", "InitiateLayerUpload"),
            *("UploadLayerPart", "CompleteLayerUpload"),
        )
    },
    "scan": {
        *(("own", action) for action in ("BatchGetImage", "BatchGetRepositoryScanningConfiguration")),
        *(("own", action) for action in ("ListCoverage", "ListFindings", "StartImageScan")),
    },
    "plan": {(place, action) for place in ("own", COPIES) for action in ("BatchGetImage", "GetDownloadUrlForLayer")},
}
"""What these runs don't call: manifests are in the cache, the engine has the layers already that it would pull, the
commit is in annotations, so that labels, where the classic store has it alone, are not read; nobody opens a page; the
first record in a repository brings the layer that the others have. The image was
scanned when it was pushed, by a registry whose configuration may be read."""


OPTIONAL = {"GetSigningConfiguration", "DescribeImages", "ListImages"}
"""What plain settings ask for and do without."""

NEEDED_IN_TURN = ("DescribeRepositories", "GetAuthorizationToken", "InitiateLayerUpload", "PutImage")
"""Actions of a push in the order in which it asks: of the API's, and of docker's at the beginning and at the end."""


class Flows:
    """Runs tasks and notes which actions they called in which registry, and which ones the table has for them."""

    def __init__(self, app: Project, ecr: LocalEcr) -> None:
        self.app, self.ecr = app, ecr
        self.called: dict[str, set[tuple[str, str]]] = {}

    def places(self) -> dict[str, tuple[str, str]]:
        """Return account and region of the registries that are looked at, by the name that the test has for them."""
        return {
            "own": (self.ecr.account, self.ecr.region),
            COPIES: (self.ecr.account, COPIES),
            PUBLIC: (self.ecr.account, PUBLIC),
        }

    @contextmanager
    def watch(self, task: str) -> Iterator[None]:
        """Note the requests of a block as those of a task."""
        before = {name: self.ecr.requests(*place) for name, place in self.places().items()}
        yield
        for name, place in self.places().items():
            for request, count in self.ecr.requests(*place).items():
                needs_right = request not in (NO_RIGHT | OPEN_TO_ALL if name == PUBLIC else NO_RIGHT)
                if needs_right and count != before[name].get(request, 0):
                    actions = REGISTRY_REQUESTS.get(request, {request})
                    self.called.setdefault(task, set()).update((name, action) for action in actions)

    def run(self, task: str, *words: str, code: int = 0, **environ: str) -> None:
        """Run `inv WORDS` and note its requests as those of a task."""
        with self.watch(task):
            result = self.app.inv(*words, **environ)
        assert result.code == code, result.stderr

    def granted(self, task: str, **environ: str) -> dict[tuple[str, str], Need]:
        """Return what the table has for a task, by registry and action."""
        settings = load(self.app.folder, environ={**self.app.environ, "ECR_REPOSITORY": self.app.name, **environ})
        found: dict[tuple[str, str], Need] = {}
        scope = scope_of(
            [self.app.name], self.ecr.account, self.ecr.region, partition_of, destinations=settings.destinations
        )
        for need in needs(task, settings, scope):
            service, _, action = need.action.partition(":")
            if service == "ecr-public":
                found[PUBLIC, action] = need
            elif need.resource == "*" or f":{self.ecr.region}:" in need.resource:
                found["own", action] = need
            if service == "ecr" and (need.resource == "*" or f":{COPIES}:" in need.resource):
                found[COPIES, action] = need
        return found

    def policy(self, task: str) -> dict[str, Any]:
        """Return the document that lets a task do what it requires."""
        settings = load(self.app.folder, environ={**self.app.environ, "ECR_REPOSITORY": self.app.name})
        scope = scope_of([self.app.name], self.ecr.account, self.ecr.region, partition_of)
        return identity_policy(need for need in needs(task, settings, scope) if need.required)

    def idle(self, task: str) -> set[tuple[str, str]]:
        """Return what the table has for a task and its runs didn't call."""
        called, granted = self.called[task], self.granted(task)
        everywhere = {(name, action) for name in self.places() for _, action in called}
        seen = {key for key, need in granted.items() if key in (everywhere if need.resource == "*" else called)}
        return {key for key in {*granted} - seen if key[1] not in UNSEEN}


SIGNED = {"ECR_SIGNED_BY": "profile=arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"}
"""A signer whose signatures ECR itself tells of: no program is needed."""


@pytest.fixture
def flows(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Flows:
    app = project(tmp_path / "app", {**engine, **local_ecr.environment()}, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    return Flows(app, local_ecr)


def release(app: Project, version: str) -> None:
    """Commit a release."""
    app.write("hello.txt", f"{version}\n")
    app.commit()
    app.git("tag", version)


def test_with_plain_settings_the_required_actions_are_enough_and_each_is_needed(flows: Flows, guard: Guard) -> None:
    flows.app.ok("repo.ensure")
    release(flows.app, "v1.2.3")
    for task, *words in (["build"], ["plan"], ["commands"], ["push"], ["pull"], ["export", "env"]):
        guard.policy = flows.policy(task)
        flows.run(task, task, *words)
        assert {name.partition(":")[2] for name in guard.denied} <= OPTIONAL, task
        assert flows.called.get(task, set()) - {*flows.granted(task)} == set(), task
    assert "build" not in flows.called
    release(flows.app, "v1.2.4")
    flows.app.ok("build")
    for action in NEEDED_IN_TURN:
        guard.policy = without(flows.policy("push"), f"ecr:{action}")
        result = flows.app.inv("push")
        assert result.code == ExitCode.AWS, action
        assert f"not do ecr:{action} on" in result.stderr or f"to perform: ecr:{action} on" in result.stderr
        assert "`inv iam.policy --for push` prints the policy that allows it" in result.stderr


def test_what_joins_parts_takes_less_than_a_push(flows: Flows, guard: Guard) -> None:
    app, api = flows.app, client(flows.ecr)
    app.write("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY hello.txt /$TARGETARCH/\n")
    release(app, "v1.2.3")
    app.environ["ECR_PLATFORMS"] = "linux/amd64,linux/arm64"
    app.ok("repo.ensure")
    app.ok("push", "--only", "linux/amd64")
    (reference,) = app.ok("push", "--only", "linux/arm64").lines
    index = {"imageDigest": reference.partition("@")[2]}
    api.batch_delete_image(repositoryName=app.name, imageIds=[index])
    for action in ("DescribeRepositories", "PutImage"):
        guard.policy = without(flows.policy("merge"), f"ecr:{action}")
        result = app.inv("merge")
        assert result.code == ExitCode.AWS, action
        assert "`inv iam.policy --for merge` prints the policy that allows it" in result.stderr
    guard.policy, guard.denied = flows.policy("merge"), []
    flows.run("merge", "merge")
    assert {name.partition(":")[2] for name in guard.denied} <= OPTIONAL
    assert flows.called["merge"] - {*flows.granted("merge")} == set()


def test_with_every_setting_the_table_and_the_calls_are_the_same(flows: Flows) -> None:
    app, api = flows.app, client(flows.ecr)
    rule = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 9}
    lifecycle = {"rules": [{"rulePriority": 1, "selection": rule, "action": {"type": "expire"}}]}
    app.write("lifecycle.json", json.dumps(lifecycle))
    statement = {"Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository"}
    app.write("policy.json", json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    release(app, "v1.2.3")
    app.environ |= {
        "ECR_CREATE_REPOSITORY": "true",
        "ECR_MUTABILITY": "mutable",
        "ECR_LIFECYCLE_POLICY": "lifecycle.json",
        "ECR_REPOSITORY_POLICY": "policy.json",
        "ECR_REPOSITORY_TAGS": "team=web",
        "ECR_CACHE": "registry",
        "ECR_DESTINATIONS": f"{flows.ecr.account}/{COPIES},public.ecr.aws/local/{app.name}",
    }
    managed = {"signingProfileArn": "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/managed"}
    api.put_signing_configuration(signingConfiguration={"rules": [managed]})
    flows.run("push", "build", "push")
    api.put_replication_configuration(
        replicationConfiguration={
            "rules": [{"destinations": [{"region": COPIES, "registryId": flows.ecr.account}]}],
        }
    )
    release(app, "v1.2.4")
    flows.run("plan", "plan")
    flows.run("push", "build", "push")
    flows.run("pull", "pull")
    flows.run("images", "images", "--platforms")
    flows.run("ec2.user-data", "ec2.user-data", "main")
    flows.run("repo.show", "repo.show")
    flows.run("promote", "promote", "1.2.4", "--tag", "prod", "--tag", "9.9.9")
    flows.run("promote", "promote", "1.2.3", "--tag", "prod", "--tag", "rc")
    # A push that takes turns has uploaded there what every record consists of.
    name = f"{app.name}-locked"
    locked: dict[str, Any] = {"ECR_REPOSITORY": name, "ECR_MUTABILITY": "rules", "ECR_DESTINATIONS": ""}
    flows.run("push", "build", "push", **locked)
    flows.run("promote", "promote", "1.2.4", "--tag", "prod", **locked)
    flows.run("promote", "promote", "1.2.4", "--tag", "p", "--require-scan", "--require-signature", code=6, **SIGNED)
    flows.run("history", "history", "prod", XDG_CACHE_HOME=str(app.folder.parent / "another-machine"))
    flows.run("rollback", "rollback", "prod")
    flows.run("rollback", "rollback", "prod", "--require-scan", "--require-signature", code=6, **SIGNED)
    flows.run("scan", "scan", "1.2.4")
    for place in (f"{flows.ecr.account}/{COPIES}/other", "public.ecr.aws/local/other"):
        flows.run("promote", "promote", "1.2.4", "--tag", "p", "--to", place)
        flows.run("promote", "promote", "1.2.4", "--tag", "p", "--to", place)  # which is there, and recorded
    api.put_image_tag_mutability(repositoryName=app.name, imageTagMutability="IMMUTABLE")
    api.put_image_scanning_configuration(repositoryName=app.name, imageScanningConfiguration={"scanOnPush": False})
    api.delete_lifecycle_policy(repositoryName=app.name)
    flows.run("repo.ensure", "repo.ensure", ECR_REPOSITORY_TAGS="team=api")
    flows.run("repo.delete", "repo.delete", "--yes", "--force")
    flows.run("repo.ensure", "repo.ensure")
    api.delete_repository(repositoryName=app.name)
    flows.run("build", "build")
    missing = {task: called - {*flows.granted(task)} for task, called in flows.called.items()}
    assert {task: actions for task, actions in missing.items() if actions} == {}
    idle = {task: flows.idle(task) for task in flows.called if task != "build"}  # it may create, and had copies
    assert {task: actions for task, actions in idle.items() if actions} == IDLE


def client(ecr: LocalEcr) -> Any:
    """Return a client of the local ECR's API."""
    return boto3.client(
        "ecr",
        endpoint_url=ecr.endpoint,
        region_name=ecr.region,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
