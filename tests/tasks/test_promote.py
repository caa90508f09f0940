"""promote: more tags for an image that is there, or a refusal before the first of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.ecr.parse import registry_host
from ecr_tasks.errors import SettingsError
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.reference import ImageName, parse_image_name, parse_tags
from ecr_tasks.plan.promotion import is_fixed_name
from ecr_tasks.tasks.promote import parse_destination
from tests.support.build import HOST, REVISION_B, digest, index, manifest, repository
from tests.tasks.conftest import CHANGES, Project

NEW = manifest("new")
OLD = manifest("old", REVISION_B)
REFERENCE = f"{HOST}/team/app@{NEW.digest}\n"


@pytest.fixture
def app(project: Project) -> Project:
    """Two images; nothing but the newer one's commit tag and the older one's tags."""
    project.registry.put("team/app", NEW, "sha-aaaaaaa", "main")
    project.registry.put("team/app", OLD, "prod", "1.2.3")
    return project


@pytest.mark.parametrize(
    "given", ["main", NEW.digest, f"{HOST}/team/app@{NEW.digest}", f"{HOST}/team/app:main", "team/app:main"]
)
def test_one_tag_takes_two_calls(app: Project, given: str) -> None:
    done = app.inv("promote", given, "--tag", "staging")
    assert (done.code, done.stdout) == (0, REFERENCE)
    assert [call[0] for call in app.calls.log] == ["find", "set_tag"]
    assert app.tags["staging"] == NEW.digest


def test_a_moving_tag_moves_and_says_from_where(app: Project) -> None:
    done = app.inv("promote", "main", "--tag", "prod")
    assert (done.code, done.stdout) == (0, REFERENCE)
    assert [call[0] for call in app.calls.log] == ["find", "set_tag"]
    assert OLD.digest[:19] in done.stderr
    assert app.tags["prod"] == NEW.digest


def test_what_points_there_already_is_done(app: Project) -> None:
    done = app.inv("promote", "main", "--tag", "main", "--tag", "sha-aaaaaaa")
    assert (done.code, done.stdout) == (0, REFERENCE)
    assert app.calls.named(*CHANGES) == []


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_a_fixed_tag_of_another_image_is_refused_before_anything_is_set(app: Project, mutability: str) -> None:
    app.registry.repositories["team/app"] = repository(mutability)  # type: ignore[arg-type]
    said = app.inv("promote", "main", "--tag", "rc", "--tag", "1.2.3").failed(6)
    assert OLD.digest in said
    assert NEW.digest in said
    assert REVISION_B in said
    assert app.calls.named(*CHANGES) == []


@pytest.mark.parametrize("wanted", [("prod",), ("rc", "prod")])
def test_a_locked_tag_of_another_image_is_refused_before_anything_is_set(
    app: Project, wanted: tuple[str, ...]
) -> None:
    app.registry.repositories["team/app"] = repository("IMMUTABLE")
    said = app.inv("promote", "main", *(word for tag in wanted for word in ("--tag", tag))).failed(6)
    assert OLD.digest in said
    assert NEW.digest in said
    assert "immutable" in said
    assert "rc" not in app.tags
    assert app.tags["prod"] == OLD.digest


def test_an_excluded_tag_moves_in_an_immutable_repository(app: Project) -> None:
    app.registry.repositories["team/app"] = repository("IMMUTABLE_WITH_EXCLUSION", "prod")
    assert app.inv("promote", "main", "--tag", "rc", "--tag", "prod").stdout == REFERENCE
    assert app.tags["prod"] == app.tags["rc"] == NEW.digest


@pytest.mark.parametrize("missing", ["nosuch", digest("another repository's")])
def test_what_is_not_there_is_named(app: Project, missing: str) -> None:
    assert missing in app.inv("promote", missing, "--tag", "prod").failed(5)
    assert app.tags["prod"] == OLD.digest


@pytest.mark.parametrize(
    "words",
    [
        ("main",),
        ("main", "--tag", "no spaces"),
        ("main", "--tag", "-dash"),
        ("main", "--tag", ".dot"),
        ("main", "--tag", "x" * 129),
        ("sha256:123", "--tag", "prod"),
        ("main:", "--tag", "prod"),
        (f"{HOST}/team/other@{NEW.digest}", "--tag", "prod"),
        ("main", "--tag", "prod", "--image", "nosuch"),
        ("main", *(word for number in range(100) for word in ("--tag", f"t{number}"))),
    ],
)
def test_bad_words_are_settings(app: Project, words: tuple[str, ...]) -> None:
    app.inv("promote", *words).failed(2)
    assert app.calls.log == []


def test_an_image_of_another_registry_is_not_taken_for_ours(app: Project) -> None:
    other = HOST.replace("eu-central-1", "us-east-1")
    assert other in app.inv("promote", f"{other}/team/app@{NEW.digest}", "--tag", "prod").failed(5)
    assert app.tags["prod"] == OLD.digest


def test_bytes_that_are_not_the_digests_are_not_tagged(app: Project) -> None:
    app.registry.stored["team/app"][NEW.digest] = StoredImage(NEW.digest, OLD.manifest, OLD.media_type)
    assert NEW.digest in app.inv("promote", "main", "--tag", "prod").failed(5)
    assert app.tags["prod"] == OLD.digest


def test_a_dry_run_says_what_it_would_do(app: Project) -> None:
    done = app.inv("--dry", "promote", "main", "--tag", "prod", "--tag", "rc")
    assert (done.code, done.stdout) == (0, "")
    assert "would move from" in done.stderr
    assert app.calls.named(*CHANGES) == []


def test_what_was_set_before_a_failure_is_told_and_a_second_run_finishes(app: Project) -> None:
    app.calls.fail_at = 3
    said = app.inv("promote", "main", "--tag", "prod", "--tag", "rc").failed(5)
    assert "rc set, but" in said
    app.calls.fail_at = None
    assert app.inv("promote", "main", "--tag", "prod", "--tag", "rc").stdout == REFERENCE


def test_json(app: Project) -> None:
    (found,) = app.inv("promote", "main", "--tag", "prod", "--tag", "rc", "--json").document["images"]
    assert found["reference"] == REFERENCE.strip()
    assert found["tags"] == [
        {"tag": "prod", "state": "moves", "was": OLD.digest},
        {"tag": "rc", "state": "new", "was": None},
    ]


def test_a_dirty_tree_that_may_not_be_published_may_be_promoted_in(app: Project) -> None:
    app.write("Dockerfile", "FROM scratch\nLABEL a=b\n")
    assert app.inv("promote", "main", "--tag", "rc", ECR_DIRTY="refuse").code == 0


TO = ("--to", "210987654321/us-east-1/prod/app")


@pytest.fixture
def both(app: Project) -> Project:
    """The same with an empty repository to promote to."""
    app.registry.repositories["prod/app"] = repository("IMMUTABLE", name="prod/app")
    app.registry.stored["prod/app"], app.registry.tags["prod/app"] = {}, {}
    return app


def test_elsewhere_the_tag_is_set_when_the_digest_is_there(both: Project) -> None:
    done = both.inv("promote", "main", *TO, "--tag", "1.0.0")
    assert done.stdout == f"{HOST}/prod/app@{NEW.digest}\n"
    assert [call[0] for call in both.calls.named("authorize", "copy", "present", "set_tag", "build", "pull")] == [
        *("authorize", "authorize", "copy", "present", "set_tag")
    ]
    assert ("in_region", "210987654321", "us-east-1") in both.calls.log
    assert both.registry.tags["prod/app"] == {"1.0.0": NEW.digest}
    assert both.registry.reserved == [("prod/app", 1)]


def test_a_copied_index_costs_the_target_a_put_for_each_manifest(both: Project) -> None:
    several = index([({"os": "linux", "architecture": name}, NEW.digest) for name in ("amd64", "arm64")])
    both.registry.put("team/app", several, "several")
    both.inv("promote", "several", *TO, "--tag", "1.0.0")
    assert both.registry.reserved == [("prod/app", 3)]


@pytest.mark.parametrize("late", [False, True])
def test_a_copy_that_breaks_off_anywhere_is_finished_by_the_next(both: Project, late: bool) -> None:
    both.inv("promote", "main", *TO, "--tag", "a", "--tag", "b")
    count = len(both.calls.log)
    for step in range(count):
        both.registry.stored["prod/app"], both.registry.tags["prod/app"] = {}, {}
        both.calls.fail_at, both.calls.late = step, late
        assert both.inv("promote", "main", *TO, "--tag", "a", "--tag", "b").code == 5
        held = both.registry.stored["prod/app"]
        assert all(digest in held for digest in both.registry.tags["prod/app"].values())
        both.calls.fail_at = None
        assert both.inv("promote", "main", *TO, "--tag", "a", "--tag", "b").code == 0
        assert both.registry.tags["prod/app"] == {"a": NEW.digest, "b": NEW.digest}


def test_of_several_images_none_is_tagged_when_one_cant_be(both: Project) -> None:
    both.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=x/\n")
    both.write("docker-bake.hcl", "")
    both.docker.bake_targets = {"a": BuildDefinition("."), "b": BuildDefinition(".")}
    for name, mutability in (("x/a", "MUTABLE"), ("x/b", "IMMUTABLE")):
        both.registry.repositories[name] = repository(mutability, name=name)  # type: ignore[arg-type]
        both.registry.stored[name], both.registry.tags[name] = {}, {}
        both.registry.put(name, NEW, "main")
        both.registry.put(name, OLD, "prod")
    assert "immutable" in both.inv("promote", "main", "--tag", "prod").failed(6)
    assert both.registry.tags["x/a"]["prod"] == OLD.digest
    assert both.inv("promote", "main", "--tag", "rc").stdout.count("\n") == 2


def test_several_images_cant_go_to_one_repository(both: Project) -> None:
    both.write(".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n")
    both.write("docker-bake.hcl", "")
    both.docker.bake_targets = {"app": BuildDefinition("."), "other": BuildDefinition(".")}
    assert "--image" in both.inv("promote", "main", *TO).failed(2)
    assert both.inv("promote", "main", *TO, "--image", "app").code == 0


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True))
def test_every_tag_of_dockers_grammar_is_one(tag: str) -> None:
    assert parse_image_name(tag) == ImageName(tag)
    assert parse_tags([tag, tag]) == (tag,)


@pytest.mark.parametrize(
    ("tag", "fixed"),
    [
        ("1.2.3", True),
        ("v1.2.3-rc.1", True),
        ("sha-1f2e3d4", True),
        (f"inputs-{'1f' * 20}", True),
        ("inputs-1f2e3d4", False),
        ("1.2", False),
        ("main", False),
        ("sha-x", False),
    ],
)
def test_which_names_never_move(tag: str, fixed: bool) -> None:
    assert is_fixed_name(tag) is fixed


def test_destinations() -> None:
    assert parse_destination("123456789012/eu-west-1") == Destination("123456789012", "eu-west-1")
    assert parse_destination("123456789012/eu-west-1/a/b") == Destination("123456789012", "eu-west-1", "a/b")
    for wrong in ("", "eu-west-1", "123/eu-west-1", "123456789012/europe", "123456789012/eu-west-1/", "123456789012"):
        with pytest.raises(SettingsError):
            parse_destination(wrong)


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("https://api.ecr.eu-west-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com"),
        ("https://api.ecr.cn-north-1.amazonaws.com.cn", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("http://127.0.0.1:5000", "127.0.0.1:5000"),
        ("https://ecr-fips.us-east-1.amazonaws.com", None),
        ("https://ecr.eu-west-1.api.aws", None),
        ("https://vpce-1.api.ecr.eu-west-1.vpce.amazonaws.com", None),
    ],
)
def test_the_registrys_host_is_known_where_the_endpoint_tells_it(endpoint: str, host: str | None) -> None:
    assert registry_host(endpoint, "123456789012") == host
