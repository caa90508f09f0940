"""A repository of ECR Public in the settings: its name with the alias, the region, and what it can't have."""

from __future__ import annotations

import pytest

from tests.support.dotenv_project import Project

ADDRESS = "public.ecr.aws/team/tools/app"


@pytest.mark.parametrize(
    "host", ["public.ecr.aws", "public.ecr.aws:443", "https://gallery.ecr.aws", "ecr-public.aws.com"]
)
def test_the_name_has_the_alias_and_the_region_is_ecr_publics(project: Project, host: str) -> None:
    project.write(f"ECR_REPOSITORY={host}/team/tools/app")
    settings = project.load()
    assert (settings.repository, settings.public_alias) == ("team/tools/app", "team")
    assert (settings.region, str(settings.origin("AWS_REGION"))) == ("us-east-1", "ECR_REPOSITORY (.env:1)")
    assert project.load({"AWS_REGION": "eu-west-1"}).region == "eu-west-1"  # of KMS and others


@pytest.mark.parametrize(("text", "prefix"), [("team", "team/"), ("team/", "team/"), ("team/tools", "team/tools/")])
def test_a_prefix_is_the_alias_or_a_name_below_it(project: Project, text: str, prefix: str) -> None:
    settings = project.load({"ECR_REPOSITORY_PREFIX": f"public.ecr.aws/{text}"})
    assert (settings.repository_prefix, settings.public_alias) == (prefix, "team")


def test_a_private_repository_has_no_alias(project: Project) -> None:
    settings = project.load({"ECR_REPOSITORY": "team/app", "ECR_DESTINATIONS": "public.ecr.aws/team"})
    assert settings.public_alias is None
    assert settings.destinations[0].name_of("team/app") == "team/app"


def test_a_destinations_name_has_no_alias_of_the_source(project: Project) -> None:
    destinations = "123456789012/eu-west-1 public.ecr.aws/other 123456789012/eu-north-1/mirror".replace(" ", ",")
    settings = project.load({"ECR_REPOSITORY": ADDRESS, "ECR_DESTINATIONS": destinations})
    names = [item.name_of("team/tools/app") for item in settings.destinations]
    assert names == ["tools/app", "tools/app", "mirror"]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ECR_CACHE", "registry", "everybody could read each step"),
        ("ECR_SIGN", "managed", "ECR signs no public images"),
        ("ECR_MUTABILITY", "immutable", "locks tags, which ECR Public can't"),
        ("ECR_MUTABILITY", "mutable,exclude=v*", "locks tags, which ECR Public can't"),
        ("ECR_LIFECYCLE_POLICY", ".env", "has no lifecycle policies"),
        ("ECR_KMS_KEY", "alias/ecr", "encrypts with its own"),
        ("ECR_REPOSITORY_POLICY", ".env", "is not set on public repositories"),
    ],
)
def test_what_it_cannot_have_is_refused_with_the_reason(project: Project, name: str, value: str, reason: str) -> None:
    project.write("")
    environ = {name: value, "ECR_REPOSITORY": ADDRESS}
    assert reason in project.problem(environ)
    with_private = {**environ, "ECR_DESTINATIONS": "123456789012/eu-west-1"}
    if name in ("ECR_CACHE", "ECR_SIGN"):
        assert reason in project.problem(with_private)
    else:  # which is set on the private repository
        assert project.load(with_private).repository == "team/tools/app"


def test_what_is_no_more_than_a_default_is_taken(project: Project) -> None:
    defaults = {"ECR_MUTABILITY": "rules", "ECR_LIFECYCLE_POLICY": "off", "ECR_CACHE": "off"}
    assert project.load({"ECR_REPOSITORY": ADDRESS, **defaults}).public_alias == "team"
