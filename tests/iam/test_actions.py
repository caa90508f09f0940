"""Tests of the table of IAM actions: its words against botocore's models and the code, and what settings change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

import ecr_tasks.clients.ecr
from ecr_tasks.clients.ecr.partition import partition_of
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.iam.actions import ADMIN, needs
from ecr_tasks.iam.rows import ROWS
from ecr_tasks.iam.scope import Scope, scope_of
from ecr_tasks.model.account import Need
from ecr_tasks.model.destination import Destination, Identity
from ecr_tasks.settings.load import load
from ecr_tasks.settings.settings import Settings

OTHER_SERVICES = {
    "sts:GetServiceBearerToken",
    "kms:CreateGrant",
    "kms:DescribeKey",
    "kms:RetireGrant",
    "inspector2:ListCoverage",
    "inspector2:ListFindings",
    "iam:GetRole",
    "secretsmanager:GetSecretValue",
    "sts:AssumeRole",
    "ecs:ListClusters",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "ecs:ListServices",
    "ecs:DescribeServices",
    "ecs:ListTaskDefinitionFamilies",
    "ecs:DescribeTaskDefinition",
    "lambda:ListFunctions",
    "lambda:GetFunction",
    "eks:ListClusters",
    "kms:GetPublicKey",
    "kms:Sign",
    "signer:GetRevocationStatus",
    "signer:GetSigningProfile",
    "signer:SignPayload",
}
NO_OPERATION = {"ecr:BatchImportUpstreamImage"}
"""Actions that exist in IAM only (Service Authorization Reference, Amazon ECR)."""

DOCKERS = {
    f"{service}:{operation}"
    for service in ("ecr", "ecr-public")
    for operation in (
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
    )
}
"""Actions of the registry's own requests, which docker makes."""

WITH_TAGS = {"ecr-public:TagResource"}
"""What CreateRepository asks for as well where it gets tags (Service Authorization Reference, dependent actions)."""

VIA_ECR = {"StringLike": {"kms:ViaService": "ecr.eu-central-1.*"}}

ACCOUNT, OTHER = "123456789012", "210987654321"
PROFILE = f"arn:aws:signer:eu-central-1:{ACCOUNT}:/signing-profiles/release"


def settings_with(folder: Path, **environ: str) -> Settings:
    return load(folder, environ={"AWS_REGION": "eu-central-1", "ECR_REPOSITORY": "team/app", **environ})


def scope_in(region: str = "eu-central-1", *destinations: Destination, reads: tuple[str, ...] = ()) -> Scope:
    return scope_of(["team/app"], ACCOUNT, region, partition_of, destinations=destinations, reads=reads)


def actions_of(found: tuple[Need, ...], resource: str | None = None) -> set[str]:
    return {need.action for need in found if resource in (None, need.resource)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with(tmp_path)


@pytest.fixture
def everything(tmp_path: Path) -> tuple[Need, ...]:
    """Return the needs of every task with every setting that adds one."""
    (tmp_path / "policy.json").write_text("{}", encoding="utf-8")
    environ = {
        "ECR_CREATE_REPOSITORY": "true",
        "ECR_REPOSITORY_TAGS": "a=b",
        "ECR_REPOSITORY_POLICY": "policy.json",
        "ECR_KMS_KEY": "alias/ecr",
        "ECR_MUTABILITY": "mutable",
        "ECR_CACHE": "registry",
        "ECR_PULL_TIME_EXCLUSIONS": "caller",
        "ECR_REGISTRY_LOGINS": "ghcr.io=secretsmanager:build/ghcr",
    }
    role = Identity(f"arn:aws:iam::{OTHER}:role/push")
    destinations = (
        Destination(OTHER, "eu-west-1"),
        Destination("", "us-east-1", alias="team"),
        Destination(OTHER, "eu-west-2", identity=role),
    )
    signing = [{"ECR_SIGN": text} for text in ("cosign,key=awskms:///alias/sign", f"notation,profile={PROFILE}")]
    reads = (f"{OTHER}.dkr.ecr.eu-central-1.amazonaws.com/base:1", "public.ecr.aws/docker/library/alpine:3")
    scope = scope_in("eu-central-1", *destinations, reads=reads)
    signers = {"ECR_SIGNED_BY": f"key=awskms:///alias/sign,profile={PROFILE}"}
    return tuple(
        need
        for more in signing
        for need in needs(ADMIN, settings_with(tmp_path, **environ, **signers, **more), scope)
    )


def operations(service: str) -> set[str]:
    session = botocore.session.get_session()
    return set(session.get_service_model(service).operation_names)


def called() -> Iterator[str]:
    """Yield the actions of the calls in clients/ecr: methods and paginators with the name of an operation."""
    for path in Path(ecr_tasks.clients.ecr.__file__).parent.glob("*.py"):
        service = "ecr-public" if path.name == "ecr_public.py" else "ecr"
        names = {xform_name(operation): operation for operation in operations(service)}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            word = (
                node.attr if isinstance(node, ast.Attribute) else node.value if isinstance(node, ast.Constant) else ""
            )
            if word in names:
                yield f"{service}:{names[str(word)]}"


def test_every_action_exists(everything: tuple[Need, ...]) -> None:
    known = {f"{service}:{name}" for service in ("ecr", "ecr-public") for name in operations(service)}
    assert actions_of(everything) - known == OTHER_SERVICES | NO_OPERATION


def test_every_call_of_ours_has_its_action_and_every_action_a_call(everything: tuple[Need, ...]) -> None:
    in_ecr = {action for action in actions_of(everything) if action.startswith("ecr")}
    assert in_ecr == {*called()} | DOCKERS | WITH_TAGS | NO_OPERATION


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-central-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eusc-de-east-1", "aws-eusc"),
        ("ap-future-9", "aws"),
    ],
)
def test_the_resources_are_in_the_partition_of_the_region(region: str, partition: str, settings: Settings) -> None:
    arn = f"arn:{partition}:ecr:{region}:{ACCOUNT}:repository/team/app"
    assert {need.resource for need in needs("push", settings, scope_in(region))} == {"*", arn}


def test_only_what_has_no_resource_is_for_everything(everything: tuple[Need, ...]) -> None:
    of_registry = {action for row in ROWS["registry.ensure"] for action in row.actions.split()}
    assert actions_of(everything, "*") == of_registry | {
        "ecr:GetAuthorizationToken",
        "ecr:ListReplicationBackfills",
        "ecr:GetAccountSetting",
        "ecr:GetRegistryScanningConfiguration",
        "ecr:GetSigningConfiguration",
        "iam:GetRole",
        "ecr-public:GetAuthorizationToken",
        "sts:GetServiceBearerToken",
        "inspector2:ListCoverage",
        "inspector2:ListFindings",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:ListTaskDefinitionFamilies",
        "ecs:DescribeTaskDefinition",
        "lambda:ListFunctions",
        "eks:ListClusters",
    }


def test_a_plain_push_needs_what_docker_needs_and_a_look(settings: Settings) -> None:
    found = needs("push", settings, scope_in())
    required = {need.action.partition(":")[2] for need in found if need.required}
    assert required == {
        "GetAuthorizationToken",
        "DescribeRepositories",
        "BatchGetImage",
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
    }
    optional = {need.action.partition(":")[2] for need in found if not need.required}
    looks = {"DescribeImages", "ListImages", "DescribeRepositoryCreationTemplates"}
    assert optional == {*looks, "GetDownloadUrlForLayer", "GetSigningConfiguration", "DescribeImageSigningStatus"}


@pytest.mark.parametrize(
    ("environ", "more"),
    [
        ({"ECR_CREATE_REPOSITORY": "true"}, {"ecr:CreateRepository", "ecr:PutLifecyclePolicy"}),
        ({"ECR_CREATE_REPOSITORY": "true", "ECR_LIFECYCLE_POLICY": "off"}, {"ecr:CreateRepository"}),
        (
            {"ECR_CREATE_REPOSITORY": "true", "ECR_REPOSITORY_TAGS": "a=b"},
            {"ecr:CreateRepository", "ecr:PutLifecyclePolicy", "ecr:TagResource"},
        ),
        (
            {"ECR_CREATE_REPOSITORY": "true", "ECR_KMS_KEY": "alias/ecr"},
            {"ecr:CreateRepository", "ecr:PutLifecyclePolicy", "kms:CreateGrant", "kms:DescribeKey"},
        ),
        ({"ECR_REPOSITORY_TAGS": "a=b", "ECR_KMS_KEY": "alias/ecr"}, set()),
        ({"ECR_MUTABILITY": "mutable"}, {"ecr:BatchDeleteImage", "ecr:DescribeRegistry"}),
        ({"ECR_MUTABILITY": "immutable"}, {"ecr:BatchDeleteImage"}),
        ({"ECR_MUTABILITY": "immutable", "ECR_DIRTY": "refuse"}, set()),
        ({"ECR_CACHE": "registry"}, set()),
    ],
)
def test_settings_add_actions_to_a_push(environ: dict[str, str], more: set[str], tmp_path: Path) -> None:
    plain = actions_of(needs("push", settings_with(tmp_path), scope_in()))
    if "ECR_CREATE_REPOSITORY" in environ:
        plain -= {"ecr:DescribeRepositoryCreationTemplates"}
    assert actions_of(needs("push", settings_with(tmp_path, **environ), scope_in())) == plain | more


def test_no_pipeline_gets_the_right_to_delete_where_tags_are_locked(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, ECR_MUTABILITY="immutable")
    assert "ecr:BatchDeleteImage" not in actions_of(needs("ci", settings, scope_in()))


@pytest.mark.parametrize(
    ("key", "resource", "condition"),
    [
        ("arn:aws:kms:eu-central-1:1:key/2", "arn:aws:kms:eu-central-1:1:key/2", VIA_ECR),
        ("1234abcd", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1234abcd", VIA_ECR),
        (
            "alias/ecr",
            f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/*",
            {**VIA_ECR, "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/ecr"}},
        ),
        (
            f"arn:aws:kms:eu-central-1:{ACCOUNT}:alias/ecr",
            f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/*",
            {**VIA_ECR, "ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/ecr"}},
        ),
    ],
)
def test_a_key_is_named_by_its_arn_or_by_its_alias(
    key: str, resource: str, condition: dict[str, object], tmp_path: Path
) -> None:
    settings = settings_with(tmp_path, ECR_KMS_KEY=key)
    found = [need for need in needs("repo.ensure", settings, scope_in()) if need.action == "kms:CreateGrant"]
    assert [(need.resource, need.condition) for need in found] == [(resource, condition)]


def test_signing_takes_its_own_key_and_its_own_profile_alone(tmp_path: Path) -> None:
    keys = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/*"
    by_alias = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/sign"}}
    settings = settings_with(tmp_path, ECR_SIGN="cosign,key=awskms:///alias/sign")
    found = [need for need in needs("sign", settings, scope_in()) if need.action == "kms:Sign"]
    assert [(need.resource, need.condition) for need in found] == [(keys, by_alias)]
    assert "kms:Sign" not in actions_of(needs("push", settings, scope_in()))
    settings = settings_with(
        tmp_path,
        ECR_SIGNED_BY="key=awskms:///arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    )
    assert actions_of(
        needs("verify", settings, scope_in()),
        "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ) == {
        "kms:GetPublicKey",
        "kms:DescribeKey",
    }
    every = f"arn:aws:signer:eu-central-1:{ACCOUNT}:/signing-profiles/*"
    for signers, resource in (("", every), (f"profile={PROFILE}/Ab12345678", PROFILE)):
        settings = settings_with(tmp_path, ECR_SIGN="managed", ECR_SIGNED_BY=signers)
        assert actions_of(needs("push", settings, scope_in()), resource) == {"signer:SignPayload"}


@pytest.mark.parametrize("task", ["sign", "verify"])
def test_the_signature_of_a_copy_takes_rights_there(tmp_path: Path, task: str) -> None:
    settings = settings_with(tmp_path, ECR_SIGN="cosign,key=a.key", ECR_SIGNED_BY="key=a.pub")
    scope = scope_in("eu-central-1", Destination("210987654321", "us-east-1"))
    found = actions_of(needs(task, settings, scope), "arn:aws:ecr:us-east-1:210987654321:repository/team/app")
    assert found >= {"ecr:ListImageReferrers", "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories"}
    assert ("ecr:PutImage" in found) == (task == "sign")


def test_the_key_of_a_copys_repository_is_where_that_is_created(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, ECR_KMS_KEY="1234abcd", ECR_CREATE_REPOSITORY="true")
    scope = scope_in("eu-central-1", Destination(OTHER, "cn-north-1", "prod/app"))
    here, there = (f"eu-central-1:{ACCOUNT}:key/1234abcd", f"cn-north-1:{OTHER}:key/1234abcd")
    for name, places in {"push": [here, there], "promote": [there], "repo.ensure": [here]}.items():
        found = [need for need in needs(name, settings, scope) if need.action == "kms:CreateGrant"]
        assert [need.resource.partition(":kms:")[2] for need in found] == places, name
        assert found[-1].condition == {"StringLike": {"kms:ViaService": f"ecr.{places[-1].partition(':')[0]}.*"}}


def test_copies_are_read_here_and_written_there(settings: Settings) -> None:
    destination = Destination(OTHER, "eu-west-1", "prod/app")
    found = needs("push", settings, scope_in("eu-central-1", destination))
    there = {need.action for need in found if f"eu-west-1:{OTHER}:repository/prod/app" in need.resource}
    assert "ecr:PutImage" in there
    required = {need.action for need in found if need.required and need.resource.endswith("/team/app")}
    assert "ecr:GetDownloadUrlForLayer" in required


def test_ecr_public_has_a_service_and_arns_of_its_own(settings: Settings) -> None:
    found = needs("push", settings, scope_in("eu-central-1", Destination("", "us-east-1", "tools/app", "team")))
    public = {need.resource for need in found if need.action == "ecr-public:PutImage"}
    assert public == {f"arn:aws:ecr-public::{ACCOUNT}:repository/tools/app"}
    assert {"sts:GetServiceBearerToken", "ecr-public:GetAuthorizationToken"} <= actions_of(found, "*")
    assert not [need for need in found if need.action.startswith("ecr:") and "ecr-public" in need.resource]


def test_base_images_in_ecr_are_read_by_digest_and_tag_and_others_are_not_named(settings: Settings) -> None:
    host = f"{OTHER}.dkr.ecr.cn-north-1.amazonaws.com.cn"
    reads = (f"{host}/base:1", f"{host}/base@sha256:{'0' * 64}", "alpine:3", f"{host}/tools/x:2@sha256:{'1' * 64}")
    found = needs("build", settings, scope_in(reads=reads))
    names = {need.resource.rpartition("repository/")[2] for need in found if need.resource != "*"}
    assert names == {"base", "tools/x"}
    assert actions_of(found, "*") == {"ecr:GetAuthorizationToken"}


@pytest.mark.parametrize("task", ["plan", "doctor"])
def test_who_lets_the_builder_read_dockerfiles_needs_what_it_reads_and_no_cache(task: str, tmp_path: Path) -> None:
    settings, base = (
        settings_with(tmp_path, ECR_CACHE="registry"),
        f"{OTHER}.dkr.ecr.eu-central-1.amazonaws.com/base:1",
    )
    plain = {(need.action, need.resource) for need in needs(task, settings, scope_in())}
    more = {(need.action, need.resource) for need in needs(task, settings, scope_in(reads=(base,))) if need.required}
    resource = f"arn:aws:ecr:eu-central-1:{OTHER}:repository/base"
    assert more - plain == {
        ("ecr:GetAuthorizationToken", "*"),
        ("ecr:BatchGetImage", resource),
        ("ecr:GetDownloadUrlForLayer", resource),
    }


def test_a_task_without_such_rights_is_not_guessed(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="no task 'psuh'"):
        needs("psuh", settings, scope_in())


def test_a_required_action_stays_required_when_another_task_only_likes_it(settings: Settings) -> None:
    by_key = {(need.action, need.resource): need for need in needs(ADMIN, settings, scope_in())}
    for name in ROWS:
        for need in needs(name, settings, scope_in()):
            found = by_key[need.action, need.resource]
            assert found.required or not need.required
            assert replace(found, purpose="", required=True) == replace(need, purpose="", required=True)


def public_scope(*destinations: Destination) -> Scope:
    return scope_of(["team/app"], ACCOUNT, "us-east-1", partition_of, destinations=destinations, public_alias="team")


def test_a_public_repository_needs_ecr_publics_actions_alone(settings: Settings) -> None:
    arn = f"arn:aws:ecr-public::{ACCOUNT}:repository/app"
    tokens = {"ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"}
    for task in ("push", "pull", "sign", "verify", "history", "rollback", "attest", "images", "repo.delete"):
        found = needs(task, settings, public_scope())
        assert {need.resource for need in found} <= {arn, "*"}, task
        assert not [need.action for need in found if need.action.startswith("ecr:")], task
        if task != "repo.delete":
            assert tokens <= actions_of(found, "*"), task
    assert {"ecr-public:PutImage", "ecr-public:DescribeImageTags"} <= actions_of(
        needs("push", settings, public_scope()), arn
    )
    beside = needs("push", settings, public_scope(Destination(OTHER, "eu-west-1", source_alias="team")))
    assert "ecr:PutImage" in actions_of(beside, f"arn:aws:ecr:eu-west-1:{OTHER}:repository/app")
    assert "ecr:GetAuthorizationToken" in actions_of(beside, "*")


@pytest.mark.parametrize("task", ["scan", "prune", "restore", "registry.show", "registry.ensure"])
def test_a_task_that_ecr_public_gives_nothing_to_do_has_no_policy(settings: Settings, task: str) -> None:
    with pytest.raises(Refused, match="ECR Public"):
        needs(task, settings, public_scope())
    everything = actions_of(needs("admin", settings, public_scope()))
    assert "ecr-public:DeleteRepository" in everything
    assert not [action for action in everything if action.partition(":")[0] in ("ecs", "lambda", "eks", "ecr")]
