"""Tests of `promote`: tags in the same repository and in another one, refusals and failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.ecr.parse import registry_host
from ecr_tasks.errors import AwsError, SettingsError
from ecr_tasks.model.destination import Destination
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.reference import ImageName, parse_image_name, parse_tags
from ecr_tasks.model.registry import Repository, RepositoryView
from ecr_tasks.plan.fixed_names import is_fixed_name
from ecr_tasks.tasks.promote import parse_destination
from tests.support.build import HOST, REVISION_B, digest, index, manifest, repository
from tests.tasks.conftest import CHANGING_CALLS, Project

NEW_IMAGE = manifest("new")
OLD_IMAGE = manifest("old", REVISION_B)
REFERENCE = f"{HOST}/team/app@{NEW_IMAGE.digest}\n"


@pytest.fixture
def app(project: Project) -> Project:
    """Return a project with two images in the repository: a new one and an old one."""
    project.registry.put("team/app", NEW_IMAGE, "sha-aaaaaaa", "main")
    project.registry.put("team/app", OLD_IMAGE, "prod", "1.2.3")
    return project


@pytest.mark.parametrize(
    "given",
    ["main", NEW_IMAGE.digest, f"{HOST}/team/app@{NEW_IMAGE.digest}", f"{HOST}/team/app:main", "team/app:main"],
)
def test_promoting_to_one_tag_needs_two_calls(app: Project, given: str) -> None:
    result = app.inv("promote", given, "--tag", "staging")
    assert (result.code, result.stdout) == (0, REFERENCE)
    assert [call[0] for call in app.calls.log] == ["find", "set_tag", "attach"]
    assert app.tags["staging"] == NEW_IMAGE.digest


def test_a_fixed_tag_that_is_set_only_at_a_further_attempt_is_looked_at_once_more(app: Project) -> None:
    app.registry.throttled["2.0.0"] = True
    app.calls.after["throttled"] = lambda: app.registry.put("team/app", OLD_IMAGE, "2.0.0")
    result = app.inv("promote", "main", "--tag", "2.0.0")
    assert result.code == 6
    assert OLD_IMAGE.digest[:19] in result.stderr
    assert app.tags["2.0.0"] == OLD_IMAGE.digest


def test_a_moving_tag_moves_and_its_old_digest_is_shown(app: Project) -> None:
    result = app.inv("promote", "main", "--tag", "prod")
    assert (result.code, result.stdout) == (0, REFERENCE)
    assert [call[0] for call in app.calls.log] == ["find", "set_tag", "attach"]
    assert OLD_IMAGE.digest[:19] in result.stderr
    assert app.tags["prod"] == NEW_IMAGE.digest


def test_tags_that_are_on_the_image_are_not_set_again(app: Project) -> None:
    result = app.inv("promote", "main", "--tag", "main", "--tag", "sha-aaaaaaa")
    assert (result.code, result.stdout) == (0, REFERENCE)
    assert app.calls.named(*CHANGING_CALLS) == []


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_a_fixed_tag_of_another_image_is_refused_before_anything_is_set(app: Project, mutability: str) -> None:
    app.registry.repositories["team/app"] = repository(mutability)  # type: ignore[arg-type]
    error = app.inv("promote", "main", "--tag", "rc", "--tag", "1.2.3").failed(6)
    assert OLD_IMAGE.digest in error
    assert NEW_IMAGE.digest in error
    assert REVISION_B in error
    assert app.calls.named(*CHANGING_CALLS) == []


@pytest.mark.parametrize("wanted", [("prod",), ("rc", "prod")])
def test_a_locked_tag_of_another_image_is_refused_before_anything_is_set(
    app: Project, wanted: tuple[str, ...]
) -> None:
    app.registry.repositories["team/app"] = repository("IMMUTABLE")
    error = app.inv("promote", "main", *(word for tag in wanted for word in ("--tag", tag))).failed(6)
    assert OLD_IMAGE.digest in error
    assert NEW_IMAGE.digest in error
    assert "immutable" in error
    assert "rc" not in app.tags
    assert app.tags["prod"] == OLD_IMAGE.digest


def test_an_excluded_tag_moves_in_an_immutable_repository(app: Project) -> None:
    app.registry.repositories["team/app"] = repository("IMMUTABLE_WITH_EXCLUSION", "prod")
    assert app.inv("promote", "main", "--tag", "rc", "--tag", "prod").stdout == REFERENCE
    assert app.tags["prod"] == app.tags["rc"] == NEW_IMAGE.digest


@pytest.mark.parametrize("missing", ["nosuch", digest("another repository's")])
def test_a_missing_image_is_named(app: Project, missing: str) -> None:
    assert missing in app.inv("promote", missing, "--tag", "prod").failed(5)
    assert app.tags["prod"] == OLD_IMAGE.digest


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
        (f"{HOST}/team/other@{NEW_IMAGE.digest}", "--tag", "prod"),
        ("main", "--tag", "prod", "--image", "nosuch"),
        ("main", *(word for number in range(100) for word in ("--tag", f"t{number}"))),
    ],
)
def test_invalid_arguments_are_exit_code_2(app: Project, words: tuple[str, ...]) -> None:
    app.inv("promote", *words).failed(2)
    assert app.calls.log == []


def test_an_image_of_another_registry_is_an_error(app: Project) -> None:
    other = HOST.replace("eu-central-1", "us-east-1")
    assert other in app.inv("promote", f"{other}/team/app@{NEW_IMAGE.digest}", "--tag", "prod").failed(5)
    assert app.tags["prod"] == OLD_IMAGE.digest


def test_a_manifest_that_does_not_match_its_digest_is_not_tagged(app: Project) -> None:
    app.registry.stored["team/app"][NEW_IMAGE.digest] = StoredImage(
        NEW_IMAGE.digest, OLD_IMAGE.manifest, OLD_IMAGE.media_type
    )
    assert NEW_IMAGE.digest in app.inv("promote", "main", "--tag", "prod").failed(5)
    assert app.tags["prod"] == OLD_IMAGE.digest


def test_a_dry_run_shows_the_changes_and_makes_none(app: Project) -> None:
    result = app.inv("--dry", "promote", "main", "--tag", "prod", "--tag", "rc")
    assert (result.code, result.stdout) == (0, "")
    assert "would move from" in result.stderr
    assert app.calls.named(*CHANGING_CALLS) == []


def test_an_error_names_the_tags_that_are_set_and_a_second_run_finishes(app: Project) -> None:
    app.calls.fail_at = 3
    error = app.inv("promote", "main", "--tag", "prod", "--tag", "rc").failed(5)
    assert "rc set, but" in error
    app.calls.fail_at = None
    assert app.inv("promote", "main", "--tag", "prod", "--tag", "rc").stdout == REFERENCE


def test_json_lists_the_image_and_its_tags(app: Project) -> None:
    (image,) = app.inv("promote", "main", "--tag", "prod", "--tag", "rc", "--json").document["images"]
    assert image["reference"] == REFERENCE.strip()
    assert image["tags"] == [
        {"tag": "prod", "state": "moves", "was": OLD_IMAGE.digest},
        {"tag": "rc", "state": "new", "was": None},
    ]


def test_ecr_dirty_does_not_apply_to_promote(app: Project) -> None:
    app.write("Dockerfile", "FROM scratch\nLABEL a=b\n")
    assert app.inv("promote", "main", "--tag", "rc", ECR_DIRTY="refuse").code == 0


TO_OPTION = ("--to", "210987654321/us-east-1/prod/app")


@pytest.fixture
def app_with_target(app: Project) -> Project:
    """Return the same project with an empty, immutable repository to promote to."""
    app.registry.repositories["prod/app"] = repository("IMMUTABLE", name="prod/app")
    app.registry.stored["prod/app"], app.registry.tags["prod/app"] = {}, {}
    return app


def test_in_another_repository_the_tag_is_set_after_the_copy(app_with_target: Project) -> None:
    result = app_with_target.inv("promote", "main", *TO_OPTION, "--tag", "1.0.0")
    assert result.stdout == f"{HOST}/prod/app@{NEW_IMAGE.digest}\n"
    assert [
        call[0]
        for call in app_with_target.calls.named("authorize", "copy", "existing_digests", "set_tag", "build", "pull")
    ] == [*("authorize", "authorize", "copy", "existing_digests", "set_tag")]
    assert ("in_region", "210987654321", "us-east-1") in app_with_target.calls.log
    assert app_with_target.registry.tags["prod/app"] == {"1.0.0": NEW_IMAGE.digest}
    assert app_with_target.registry.reserved == [("prod/app", 1)]


def test_a_client_without_buildx_is_named_before_anything_is_created_or_copied(app_with_target: Project) -> None:
    result = app_with_target.inv("promote", "main", *TO_OPTION, ECR_CLIENT="podman")
    assert result.code == 3
    assert "podman has no buildx" in result.stderr
    assert app_with_target.calls.named(*CHANGING_CALLS) == []


def test_copying_an_index_reserves_a_put_for_each_manifest(app_with_target: Project) -> None:
    several = index([({"os": "linux", "architecture": name}, NEW_IMAGE.digest) for name in ("amd64", "arm64")])
    app_with_target.registry.put("team/app", several, "several")
    app_with_target.inv("promote", "several", *TO_OPTION, "--tag", "1.0.0")
    assert app_with_target.registry.reserved == [("prod/app", 3)]


@pytest.mark.parametrize("late", [False, True])
def test_a_copy_that_fails_at_any_call_is_finished_by_the_next_run(app_with_target: Project, late: bool) -> None:
    """The last call records it, and a promotion that can't be recorded stands."""
    app_with_target.inv("promote", "main", *TO_OPTION, "--tag", "a", "--tag", "b")
    count = len(app_with_target.calls.log)
    assert app_with_target.calls.log[-1][0] == "attach"
    for step in range(count):
        app_with_target.registry.stored["prod/app"], app_with_target.registry.tags["prod/app"] = {}, {}
        app_with_target.calls.fail_at, app_with_target.calls.late = step, late
        result = app_with_target.inv("promote", "main", *TO_OPTION, "--tag", "a", "--tag", "b")
        assert result.code == (0 if step == count - 1 else 5)
        assert ("is not recorded" in result.stderr) is (step == count - 1)
        stored = app_with_target.registry.stored["prod/app"]
        assert all(digest in stored for digest in app_with_target.registry.tags["prod/app"].values())
        app_with_target.calls.fail_at = None
        assert app_with_target.inv("promote", "main", *TO_OPTION, "--tag", "a", "--tag", "b").code == 0
        assert app_with_target.registry.tags["prod/app"] == {"a": NEW_IMAGE.digest, "b": NEW_IMAGE.digest}


def test_if_one_of_several_images_is_refused_none_is_tagged(app_with_target: Project) -> None:
    app_with_target.write(
        ".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=x/\n"
    )
    app_with_target.write("docker-bake.hcl", "")
    app_with_target.docker.bake_targets = {"a": BuildDefinition("."), "b": BuildDefinition(".")}
    for name, mutability in (("x/a", "MUTABLE"), ("x/b", "IMMUTABLE")):
        app_with_target.registry.repositories[name] = repository(mutability, name=name)  # type: ignore[arg-type]
        app_with_target.registry.stored[name], app_with_target.registry.tags[name] = {}, {}
        app_with_target.registry.put(name, NEW_IMAGE, "main")
        app_with_target.registry.put(name, OLD_IMAGE, "prod")
    assert "immutable" in app_with_target.inv("promote", "main", "--tag", "prod").failed(6)
    assert app_with_target.registry.tags["x/a"]["prod"] == OLD_IMAGE.digest
    assert app_with_target.inv("promote", "main", "--tag", "rc").stdout.count("\n") == 2


def test_several_images_cant_go_to_one_repository(app_with_target: Project) -> None:
    app_with_target.write(
        ".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=team/\n"
    )
    app_with_target.write("docker-bake.hcl", "")
    app_with_target.docker.bake_targets = {"app": BuildDefinition("."), "other": BuildDefinition(".")}
    assert "--image" in app_with_target.inv("promote", "main", *TO_OPTION).failed(2)
    assert app_with_target.inv("promote", "main", *TO_OPTION, "--image", "app").code == 0


def test_a_pattern_promotes_some_of_several_images_at_the_same_time(
    app_with_target: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    app_with_target.write(
        ".env", "AWS_REGION=eu-central-1\nECR_BAKE_FILE=docker-bake.hcl\nECR_REPOSITORY_PREFIX=x/\n"
    )
    app_with_target.write("docker-bake.hcl", "")
    names = ("api", "web", "worker")
    app_with_target.docker.bake_targets = {name: BuildDefinition(".") for name in names}
    for name in (f"x/{name}" for name in names):
        app_with_target.registry.repositories[name] = repository("MUTABLE", name=name)
        app_with_target.registry.stored[name], app_with_target.registry.tags[name] = {}, {}
        app_with_target.registry.put(name, NEW_IMAGE, "main")
    both, find, set_tag = Barrier(2), app_with_target.registry.find, app_with_target.registry.set_tag

    def find_together(name: str, references: Sequence[str]) -> RepositoryView:
        both.wait(10)
        return find(name, references)

    def set_together(repository: Repository, image: StoredImage, tag: str, again: Callable[[], object]) -> None:
        both.wait(10)
        set_tag(repository, image, tag, again)

    monkeypatch.setattr(app_with_target.registry, "find", find_together)
    monkeypatch.setattr(app_with_target.registry, "set_tag", set_together)
    result = app_with_target.inv("promote", "main", "--tag", "rc", "--image", "api", "--image", "wo*")
    references = [f"{HOST}/x/{name}@{NEW_IMAGE.digest}" for name in ("api", "worker")]
    assert (result.code, result.stdout.split()) == (0, references)  # in the file's order

    def deny(repository: Repository, image: StoredImage, tag: str, again: Callable[[], object]) -> None:
        both.wait(10)
        raise AwsError(f"PutImage is denied in {repository.name}.", "Allow it.")

    monkeypatch.setattr(app_with_target.registry, "set_tag", deny)
    result = app_with_target.inv("promote", "main", "--tag", "new", "--image", "api", "--image", "wo*")
    assert "PutImage is denied in x/api." in result.failed(4)
    assert "worker is not promoted: PutImage is denied in x/worker." in result.stderr
    assert ["rc" in app_with_target.registry.tags[f"x/{name}"] for name in names] == [True, False, True]


@pytest.mark.parametrize("to", [(), ("--to", "210987654321/eu-central-1")])
@pytest.mark.parametrize("tag", ["buildcache-x", "ecr-tasks-upload-0123456789abcdef", "ecr-tasks-part-1f2e3d4-x"])
def test_a_tag_that_is_for_something_else_is_refused(project: Project, to: tuple[str, ...], tag: str) -> None:
    assert f"The tag {tag} is for " in project.inv("promote", "main", "--tag", "rc", "--tag", tag, *to).failed(2)
    assert project.calls.named(*CHANGING_CALLS) == []


@given(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True))
def test_every_tag_of_dockers_grammar_is_parsed(tag: str) -> None:
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


def test_a_destination_is_account_region_and_optional_repository() -> None:
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
        ("http://127.0.0.1:5000", None),
        ("https://ecr-fips.us-east-1.amazonaws.com", None),
        ("https://ecr.eu-west-1.api.aws", None),
        ("https://vpce-1.api.ecr.eu-west-1.vpce.amazonaws.com", None),
    ],
)
def test_the_host_of_the_registry_comes_from_the_endpoint_if_it_can(endpoint: str, host: str | None) -> None:
    assert registry_host(endpoint, "123456789012") == host


NEVER_MOVES = {
    "a raw tag": ("golden", "type=sha\ntype=raw,value=golden,kind=fixed"),
    "a raw tag of other branches": (
        "golden",
        "type=sha\ntype=raw,value=golden,kind=fixed,enable={{is_default_branch}}",
    ),
    "a release's git tag": ("release-1.2.3-eu", "type=sha\ntype=ref,event=tag"),
    "a git tag in a folder": ("app-2024.05", "type=sha\ntype=ref,event=tag"),
    "a part of a git tag": ("1.2.3-eu", "type=sha\ntype=match,pattern=release-(.*),group=1"),
    "a git tag with a prefix": ("app-release-1.2.3-eu", "type=sha\ntype=ref,event=tag,prefix=app-"),
    "a template of the git tag": ("x.release-1.2.3-eu", "type=sha\ntype=raw,value=x.{{tag}}"),
    "another form of a version": ("1-2-4", "type=sha\ntype=semver,pattern={{major}}-{{minor}}-{{patch}}"),
    "a template of the commit": (f"main-{REVISION_B[:7]}", "type=raw,value={{branch}}-{{sha}}"),
    "a time": ("build-20240506070809", "type=raw,value=build-{{date 'YYYYMMDDHHmmss'}}"),
    "a commit, published again": ("sha-b1b2c3d-r2", "type=sha"),
    "a raw tag, published again": ("golden-r2", "type=raw,value=golden,kind=fixed"),
}


@pytest.mark.parametrize("case", NEVER_MOVES)
def test_what_the_projects_rules_call_fixed_is_refused(app: Project, case: str) -> None:
    tag, rules = NEVER_MOVES[case]
    for name in ("release-1.2.3-eu", "team/app-2024.05", "app-2024.05", "v1.2.4", "v1", "stable"):
        app.git("tag", name)
    app.registry.put("team/app", OLD_IMAGE, tag)
    error = app.inv("promote", "main", "--tag", "rc", "--tag", tag, ECR_TAGS=rules).failed(6)
    assert OLD_IMAGE.digest in error
    assert NEW_IMAGE.digest in error
    assert "another tag" in error
    assert app.calls.named(*CHANGING_CALLS) == []
    del app.registry.tags["team/app"][tag]
    assert app.inv("promote", "main", "--tag", tag, ECR_TAGS=rules).code == 0


@pytest.mark.parametrize(
    "tag", ["prod", "staging", "stable", "v1", "eu", "1.2", "latest", "release-eu", "prod-3", "main", "golden"]
)
def test_what_they_call_moving_is_promoted(app: Project, tag: str) -> None:
    for name in ("release-1.2.3-eu", "v1.2.4", "v1", "stable"):
        app.git("tag", name)
    rules = (
        "type=sha;type=ref,event=tag;type=ref,event=branch;type=raw,value={{branch}}-{{sha}};type=raw,value=golden"
    )
    app.registry.put("team/app", OLD_IMAGE, tag)
    result = app.inv("promote", NEW_IMAGE.digest, "--tag", tag, ECR_TAGS=rules)
    assert result.code == 0, result.stderr
    assert app.tags[tag] == NEW_IMAGE.digest


@pytest.mark.parametrize("to", [(), ("--to", "210987654321/us-east-1/prod/app")])
def test_a_fixed_tag_that_was_taken_meanwhile_is_refused(app: Project, to: tuple[str, ...]) -> None:
    app.registry.repositories["prod/app"] = repository(name="prod/app")
    app.registry.stored["prod/app"], app.registry.tags["prod/app"] = {}, {}
    name = "prod/app" if to else "team/app"
    app.registry.put(name, OLD_IMAGE, "stage")
    app.calls.after["copy" if to else "find"] = lambda: app.registry.put(name, OLD_IMAGE, "2.0.0")
    before = app.registry.tags[name]["stage"]
    error = app.inv("promote", "main", *to, "--tag", "stage", "--tag", "2.0.0").failed(6)
    assert OLD_IMAGE.digest in error
    assert NEW_IMAGE.digest in error
    assert app.registry.tags[name] | {"2.0.0": OLD_IMAGE.digest, "stage": before} == app.registry.tags[name]
