"""Tests of `plan`, `push` and `commands` with ECR_DESTINATIONS: output, plan, receipt and errors."""

from __future__ import annotations

import pytest

from ecr_tasks.errors import AwsError
from ecr_tasks.model.destination import Destination, Identity
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.plan.destinations import unique_destinations
from tests.execute.test_destinations import EU, US
from tests.support.build import HOST, repository
from tests.support.fakes import FakeRegistry
from tests.tasks.conftest import Project


@pytest.fixture
def app(project: Project) -> Project:
    """Return a project with two destinations."""
    for name in ("eu/app", "us/app"):
        project.registry.repositories[name] = repository(name=name)
        project.registry.stored[name], project.registry.tags[name] = {}, {}
    project.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_DESTINATIONS={EU},{US}\n")
    return project


def references(app: Project) -> list[str]:
    """Return the references of the image in the repository and in the two destinations."""
    return [f"{HOST}/{name}@{app.image.digest}" for name in ("team/app", "eu/app", "us/app")]


def test_push_prints_every_destination_and_the_receipt_lists_each(app: Project) -> None:
    result = app.inv("build", "push")
    assert (result.code, result.stdout.splitlines()) == (0, references(app))
    assert len(app.calls.named("push")) == 1
    assert len(app.calls.named("copy")) == 1
    (image,) = app.receipt["images"]
    assert [item["reference"] for item in image["published"]] == references(app)
    assert [item["by"] for item in image["published"]] == ["push", "copy", "copy"]
    assert image["failed"] == []
    assert f"team/app: on its way to {HOST}/eu/app, {HOST}/us/app\n" in result.stderr
    second = app.inv("build", "push")
    assert (second.code, second.stdout) == (0, result.stdout)
    assert app.calls.named("push", "copy", "set_tag", "build", "authorize") == []


def test_a_failed_destination_is_in_the_exit_code_the_receipt_and_the_error(app: Project) -> None:
    app.docker.unreachable.add(references(app)[1])
    result = app.inv("build", "push")
    assert result.code == 5
    assert result.stdout.splitlines() == [references(app)[0], references(app)[2]]
    cause, remedy = result.stderr.strip().splitlines()[-2:]
    assert "eu/app" in cause
    assert "us/app" not in cause
    assert "second run" in remedy
    assert result.stderr.count(f"Warning: team/app is not in {HOST}/eu/app: The network is gone.") == 1
    assert [line for line in result.stderr.splitlines() if ": pushed " in line] == [
        f"{place}: pushed sha-{app.revision[:7]}, main" for place in ("team/app", f"{HOST}/us/app")
    ]
    (image,) = app.receipt["images"]
    assert [item["destination"] for item in image["failed"]] == [f"{HOST}/eu/app"]
    app.docker.unreachable.clear()
    second = app.inv("push")
    assert second.stdout.splitlines() == references(app)
    assert len(app.calls.named("copy")) == 1
    assert f"team/app: on its way to {HOST}/eu/app\n" in second.stderr  # and not to the one that has it


def test_the_plan_shows_every_destination(app: Project) -> None:
    assert app.inv("plan").code == 0
    del app.registry.repositories["us/app"]
    planned = app.inv("plan", "--json")
    assert planned.code == 6  # a push would not do all that is asked
    (image,) = planned.document["images"]
    first, second = image["destinations"]
    assert (first["destination"], first["by"], first["error"]) == (str(EU), "copy", None)
    assert {item["state"] for item in first["tags"]} == {"new"}
    assert "us/app" in second["error"]["cause"]
    stdout = app.inv("plan").stdout
    assert f"copied to {HOST}/eu/app" in stdout
    assert f"not to {US}" in stdout
    stderr = app.inv("build").stderr
    assert f"push brings it to {EU}\n" in stderr
    assert "copied to" not in stderr


def test_a_missing_repository_stops_no_other_destination_and_is_created_if_allowed(app: Project) -> None:
    del app.registry.repositories["us/app"]
    result = app.inv("build", "push")
    assert (result.code, len(result.stdout.splitlines())) == (5, 2)
    assert app.inv("build", "push", ECR_CREATE_REPOSITORY="true").code == 0
    assert app.registry.tags["us/app"] == app.registry.tags["team/app"]


def test_the_repository_itself_as_a_destination_is_an_error(app: Project) -> None:
    app.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=eu/app\nECR_DESTINATIONS={EU}\n")
    assert "which is the repository that is pushed to" in app.inv("build", "push").failed(2)


def test_the_repository_itself_as_a_destination_is_an_error_before_it_exists(app: Project) -> None:
    del app.registry.repositories["eu/app"]
    app.write(
        ".env",
        f"AWS_REGION={app.registry.region()}\nAWS_ACCOUNT_ID=210987654321\nECR_REPOSITORY=eu/app\n"
        f"ECR_CREATE_REPOSITORY=true\nECR_DESTINATIONS=210987654321/{app.registry.region()}\n",
    )
    assert "which is the repository that is pushed to" in app.inv("build", "push").failed(2)
    assert "eu/app" not in app.registry.repositories


def test_a_destination_that_is_written_in_two_ways_is_one_destination(app: Project) -> None:
    destination = "210987654321/ap-south-1"
    app.write(
        ".env",
        f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_DESTINATIONS={destination},{destination}/team/app\n",
    )
    (image,) = app.inv("plan", "--json").document["images"]
    assert [item["destination"] for item in image["destinations"]] == [destination]
    named, bare, other = (Destination("1" * 12, "eu-west-1", name) for name in ("team/app", None, "team/x"))
    assert unique_destinations((named, bare, other), "team/app") == (named, other)
    assert unique_destinations((named, bare, other), "team/web") == (named, bare, other)


def test_several_images_cant_go_to_one_repository(app: Project) -> None:
    app.write(
        ".env", f"AWS_REGION=eu-central-1\nECR_BAKE_FILE=b.hcl\nECR_REPOSITORY_PREFIX=x/\nECR_DESTINATIONS={EU}\n"
    )
    app.write("b.hcl", "")
    app.docker.bake_targets = {"a": BuildDefinition("."), "b": BuildDefinition(".")}
    assert "2 images" in app.inv("build", "push").failed(2)


def test_a_dry_run_changes_nothing_anywhere(app: Project) -> None:
    result = app.inv("--dry", "build", "push")
    assert (result.code, result.stdout) == (0, "")
    assert app.registry.tags["eu/app"] == {}


def test_the_commands_copy_the_missing_tags_to_each_destination(app: Project) -> None:
    app.inv("build", "push")
    app.commit()
    app.registry.put("us/app", app.image, f"sha-{app.revision[:7]}", "main")
    lines = app.inv("commands").stdout.splitlines()
    assert [line for line in lines if "imagetools" in line] == [
        f"docker buildx imagetools create --prefer-index=false --tag {HOST}/eu/app:sha-{app.revision[:7]} "
        f"--tag {HOST}/eu/app:main {HOST}/team/app:sha-{app.revision[:7]}",
        f"docker buildx imagetools create --prefer-index=false --tag {HOST}/us/app:sha-{app.revision[:7]} "
        f"--tag {HOST}/us/app:main {HOST}/team/app:sha-{app.revision[:7]}",
    ]
    assert sum("get-login-password --region eu-west-1" in line for line in lines) == 1


def test_an_identity_that_fails_stops_neither_the_push_nor_the_others(
    app: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "arn:aws:iam::210987654321:role/push"
    app.write(
        ".env",
        f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_DESTINATIONS={EU},role={role},{US},profile=gone\n",
    )
    refused = AwsError("The config profile (gone) could not be found.", "Correct it.")
    give = app.registry.in_region

    def in_region(account: str, region: str, identity: Identity) -> FakeRegistry:
        if identity.profile:
            raise refused
        assert (region, identity.role_arn) == (EU.region, role)
        return give(account, region, identity)

    monkeypatch.setattr(app.registry, "in_region", in_region)
    result = app.inv("build", "push")
    assert (result.code, result.stdout.splitlines()) == (4, references(app)[:2])
    assert str(refused.cause) in result.stderr
    (image,) = app.receipt["images"]
    assert [item["destination"] for item in image["failed"]] == [str(US)]
    planned = app.inv("plan", "--json").document["images"][0]["destinations"]
    assert [item["error"] and item["error"]["cause"] for item in planned] == [None, refused.cause]


def test_the_commands_use_each_destinations_identity(app: Project) -> None:
    role = "arn:aws:iam::210987654321:role/push"
    app.write(
        ".env",
        "AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nAWS_PROFILE=own\n"
        f"ECR_DESTINATIONS={EU},role={role},external-id=a/b,{US},profile=theirs\n",
    )
    logins = [line for line in app.inv("commands").stdout.splitlines() if "get-login-password" in line]
    own, by_role, by_profile = logins
    assert "--profile own" in own
    assert by_role.startswith(
        "(export $(printf 'AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_SESSION_TOKEN=%s' "
    )
    assumed, _, login = by_role.partition("); aws ecr ")
    assert f"--profile own --role-arn {role} --role-session-name ecr-tasks --external-id a/b" in assumed
    assert "--profile" not in login
    assert "--profile theirs" in by_profile


def test_commands_for_the_others_are_printed_where_an_identity_fails(
    app: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_DESTINATIONS={US},profile=gone,{EU}\n")
    give = app.registry.in_region

    def in_region(account: str, region: str, identity: Identity) -> FakeRegistry:
        if identity.profile:
            raise AwsError("The config profile (gone) could not be found.", "Correct it.")
        return give(account, region, identity)

    monkeypatch.setattr(app.registry, "in_region", in_region)
    result = app.inv("commands")
    assert result.code == 4
    assert f"There are no commands for {US}: The config profile (gone)" in result.stderr
    assert f"{HOST}/eu/app" in result.stdout


def test_the_plan_says_who_copies(app: Project) -> None:
    role = "arn:aws:iam::210987654321:role/push"
    app.write(".env", f"AWS_REGION=eu-central-1\nECR_REPOSITORY=team/app\nECR_DESTINATIONS={EU},role={role},{US}\n")
    (image,) = app.inv("plan", "--json").document["images"]
    assert [item["identity"] for item in image["destinations"]] == [f"the role {role}", None]
    lines = app.inv("plan").stdout.splitlines()
    assert [f", by the role {role}: " in line for line in lines if "copied to" in line] == [True, False]
