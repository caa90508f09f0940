"""Tests of plan/images: the images to publish, from settings and source state."""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ecr_tasks.errors import ExitCode, Refused, SettingsError
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.plan.images import images, unset_secrets, unset_tags
from ecr_tasks.plan.repository_names import repository_names, unused_entries
from ecr_tasks.source.git.read import NO_REPOSITORY
from ecr_tasks.source.source_state import SourceState
from tests.support.build import COMMIT_TIME, OCI, SHA_TAG, dirty, settings, source


def one_image(state: SourceState | None = None, environ: dict[str, str] | None = None, **changes: object) -> Image:
    """Return the only image of these settings."""
    (image,) = images(settings(**changes), state or source(), environ or {})
    return image


def targets(**definitions: BuildDefinition) -> dict[str, BuildDefinition]:
    """Return the targets of a bake file, by name."""
    return definitions


def test_the_image_is_named_by_its_repository() -> None:
    image = one_image()
    assert (image.name, image.repository) == ("team/app", "team/app")
    assert [tag.name for tag in image.tags] == [SHA_TAG, "main"]


def test_no_repository_is_an_error_that_names_the_setting() -> None:
    with pytest.raises(SettingsError, match="ECR_REPOSITORY"):
        one_image(repository=None)


def test_the_settings_reach_the_build(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "app.Dockerfile").touch()
    definition = one_image(
        project=tmp_path,
        context=str(tmp_path / "src"),
        dockerfile="docker/app.Dockerfile",
        target="runtime",
        platforms=("linux/arm64",),
        build_contexts=("shared=../shared", "base=docker-image://a=b"),
        secrets=("id=npm,env=NPM_TOKEN",),
        ssh=("default",),
    ).definition
    assert definition.context == str(tmp_path / "src")
    assert definition.dockerfile == str(tmp_path / "docker" / "app.Dockerfile")
    assert (definition.target, definition.platforms) == ("runtime", ("linux/arm64",))
    assert definition.contexts == {"shared": "../shared", "base": "docker-image://a=b"}
    assert (definition.secrets, definition.ssh) == (("id=npm,env=NPM_TOKEN",), ("default",))


def test_a_remote_context_keeps_the_dockerfile_as_it_is_written() -> None:
    definition = one_image(context="https://git.example.com/app.git#main", dockerfile="deploy/Dockerfile").definition
    assert definition.context == "https://git.example.com/app.git#main"
    assert definition.dockerfile == "deploy/Dockerfile"


def test_build_arguments_by_value_and_by_reference() -> None:
    definition = one_image(
        environ={"FROM_HERE": "1", "BOTH": "environment"},
        build_args=("PLAIN=a=b", "EMPTY=", "FROM_HERE", "FROM_FILE", "NOWHERE"),
        file_variables={"FROM_FILE": "2"},
    ).definition
    args = {name: value for name, value in definition.args.items() if name != "SOURCE_DATE_EPOCH"}
    assert args == {"PLAIN": "a=b", "EMPTY": "", "FROM_HERE": "1", "FROM_FILE": "2"}


def test_a_build_argument_from_a_variable_that_is_no_text_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"NAME, a build argument .* no UTF-8"):
        one_image(environ={"NAME": "\udcff"}, build_args=("NAME",))


def test_source_date_epoch_is_the_time_of_the_commit() -> None:
    epoch = calendar.timegm(COMMIT_TIME.timetuple())
    assert one_image().definition.args["SOURCE_DATE_EPOCH"] == str(epoch)
    same_time_in_another_zone = COMMIT_TIME.astimezone(timezone(timedelta(hours=9)))
    assert one_image(source(commit_time=same_time_in_another_zone)).definition.args["SOURCE_DATE_EPOCH"] == str(epoch)


def test_a_source_date_epoch_of_the_user_is_kept() -> None:
    assert one_image(build_args=("SOURCE_DATE_EPOCH=0",)).definition.args["SOURCE_DATE_EPOCH"] == "0"


def test_without_a_commit_there_is_no_source_date_epoch() -> None:
    assert "SOURCE_DATE_EPOCH" not in one_image(NO_REPOSITORY).definition.args


def test_the_same_commit_and_settings_are_the_same_definition() -> None:
    later = source(branch="main")
    assert one_image(build_args=("A=1",)) == one_image(later, build_args=("A=1",))
    assert "2024-05-06" in one_image().definition.labels[OCI + "created"]
    assert str(datetime.now(tz=timezone.utc).year) not in one_image().definition.labels[OCI + "created"]


@pytest.mark.parametrize(
    ("preset", "attests", "words"),
    [("default", False, ""), ("lambda", False, ""), ("supply-chain", True, "mode=max sbom")],
)
def test_each_preset_has_its_attestations(preset: str, attests: bool, words: str) -> None:
    definition = one_image(preset=preset).definition
    assert definition.attests is attests
    assert all(word in " ".join(definition.attest) for word in words.split())
    # buildx adds provenance unless it is told not to, and Lambda refuses the index that it makes.
    assert attests or definition.attest == ("type=provenance,disabled=true",)


def test_labels_and_annotations_of_the_settings_are_added() -> None:
    definition = one_image(labels={"team": "web"}, annotations={"note": "x"}).definition
    assert definition.labels["team"] == "web"
    assert definition.annotations["note"] == "x"
    assert definition.annotations[OCI + "title"] == definition.labels[OCI + "title"] == "app"


def test_uncommitted_changes_are_refused_if_asked_for() -> None:
    with pytest.raises(Refused) as error:
        images(settings(dirty="refuse"), dirty(changed=("a.py", "b.py")), {})
    assert "a.py, b.py" in error.value.cause
    assert "ECR_DIRTY=tag" in error.value.remedy
    assert one_image(dirty="refuse").tags[0].kind == "fixed"


def test_each_target_of_a_bake_file_is_an_image() -> None:
    result = images(
        settings(repository=None, repository_prefix="team/"),
        source(),
        {},
        targets(api=BuildDefinition("/api"), worker=BuildDefinition("/worker", target="run")),
    )
    assert [(image.name, image.repository) for image in result] == [("api", "team/api"), ("worker", "team/worker")]
    assert result[1].definition.target == "run"
    assert result[0].definition.labels[OCI + "title"] == "api"
    assert {image.tags[0].name for image in result} == {SHA_TAG}


def test_a_single_target_uses_the_configured_repository() -> None:
    (image,) = images(settings(), source(), {}, targets(api=BuildDefinition("/api")))
    assert (image.name, image.repository) == ("api", "team/app")


def test_a_map_names_the_repositories_that_the_prefix_does_not() -> None:
    given = settings(repository=None, repository_prefix="team/", repository_map={"app": "legacy/front"})
    assert repository_names(given, ["app", "worker"]) == {"app": "legacy/front", "worker": "team/worker"}


def test_a_map_without_a_prefix_must_name_every_image() -> None:
    given = settings(repository=None, repository_map={"app": "legacy/front"})
    assert repository_names(given, ["app"]) == {"app": "legacy/front"}
    with pytest.raises(SettingsError, match=r"ECR_REPOSITORY_MAP names no repository for worker\."):
        repository_names(given, ["app", "worker"])


def test_the_map_gives_no_image_the_repository_of_another() -> None:
    given = settings(repository=None, repository_prefix="team/", repository_map={"app": "team/worker"})
    with pytest.raises(SettingsError, match=r"app .* and worker .* have one repository, team/worker"):
        repository_names(given, ["app", "worker"])


def test_entries_of_the_map_that_no_image_has_are_known() -> None:
    given = settings(repository=None, repository_prefix="team/", repository_map={"app": "a1", "ap": "a2"})
    assert unused_entries(given, ["app", "worker"]) == ("ap",)


def test_several_targets_need_a_prefix() -> None:
    with pytest.raises(SettingsError) as error:
        images(settings(), source(), {}, targets(api=BuildDefinition("/a"), worker=BuildDefinition("/b")))
    assert "api, worker" in error.value.cause
    assert "ECR_REPOSITORY_PREFIX" in error.value.remedy


def test_the_values_of_a_bake_file_are_kept() -> None:
    own = BuildDefinition(
        "/api",
        platforms=("linux/arm64",),
        args={"SOURCE_DATE_EPOCH": "0", "A": "1"},
        attest=("type=provenance,mode=min",),
        labels={"team": "api"},
        annotations={"note": "x"},
        cache_from=("type=gha",),
        extra={"network": "host"},
    )
    (image,) = images(settings(), source(), {}, targets(api=own))
    definition = image.definition
    assert (definition.platforms, definition.attest) == (own.platforms, own.attest)
    assert definition.args == own.args
    assert (definition.cache_from, definition.extra) == (own.cache_from, own.extra)
    assert definition.labels["team"] == "api"
    assert definition.annotations["note"] == "x"


@pytest.mark.parametrize("reserved", ["buildcache", "ecr-tasks-upload-x", "ecr-tasks-part-1f2e3d4-linux-amd64"])
def test_no_image_gets_a_tag_that_is_for_something_else(reserved: str) -> None:
    with pytest.raises(SettingsError, match=f"gives the tag {reserved}, which is for "):
        one_image(source(branch=reserved))


def test_a_bake_files_own_oci_labels_stay_unless_the_settings_say_otherwise() -> None:
    own = BuildDefinition("/api", labels={OCI + "title": "The API"}, annotations={OCI + "url": "https://example.com"})
    (image,) = images(settings(), source(), {}, targets(api=own))
    assert image.definition.labels[OCI + "title"] == "The API"
    assert image.definition.annotations[OCI + "url"] == "https://example.com"
    (image,) = images(settings(labels={OCI + "title": "Ours"}), source(), {}, targets(api=own))
    assert image.definition.labels[OCI + "title"] == "Ours"


def test_platforms_and_preset_of_the_settings_apply_to_every_target() -> None:
    own = BuildDefinition("/api", platforms=("linux/arm64",), attest=("type=provenance,mode=min",))
    chosen = settings(platforms=("linux/amd64",), preset="supply-chain")
    (image,) = images(chosen, source(), {}, targets(api=own))
    assert image.definition.platforms == ("linux/amd64",)
    assert image.definition.attests
    assert image.definition.attest != own.attest


def test_lambda_takes_no_image_for_several_platforms() -> None:
    both = BuildDefinition("/api", platforms=("linux/amd64", "linux/arm64"))
    with pytest.raises(SettingsError, match="Lambda"):
        images(settings(preset="lambda"), source(), {}, targets(api=both))
    with pytest.raises(SettingsError, match="Lambda"):
        one_image(preset="lambda", platforms=both.platforms)


def test_the_bare_definition_does_not_depend_on_git() -> None:
    def bare(state: SourceState | None = None) -> BuildDefinition | None:
        return one_image(
            state, build_args=("A=1",), labels={"team": "web"}, annotations={"index:a": "b"}
        ).configured_definition

    first = bare()
    assert first is not None
    assert (first.args, first.labels, first.annotations) == ({"A": "1"}, {"team": "web"}, {"index:a": "b"})
    assert bare(source(revision="f" * 40, branch="other", commit_time=COMMIT_TIME + timedelta(days=1))) == first
    assert bare(dirty()) == first
    assert one_image(labels={f"{OCI}version": "9"}).configured_definition != one_image().configured_definition


BASE = BuildDefinition("/base", args={"B": "1"})
APP = BuildDefinition(
    "/app", contexts={"base": "target:base"}, secrets=("id=a,env=A", "id=b,env=B"), linked={"base": BASE}
)


def test_the_settings_of_every_build_reach_a_target_and_what_it_links_to() -> None:
    chosen = settings(
        build_args=("B=2", "C", "FROM_FILE"),
        build_contexts=("more=../more",),
        secrets=("id=b,env=OTHER",),
        ssh=("default",),
        platforms=("linux/arm64",),
        file_variables={"FROM_FILE": "f"},
    )
    (image,) = images(chosen, source(commit_time=None), {"C": "3"}, targets(app=APP))
    for definition in image.definition.with_links():
        assert definition.args == {"B": "2", "C": "3", "FROM_FILE": "f"}
        assert definition.contexts["more"] == "../more"
        assert (definition.ssh, definition.platforms) == (("default",), ("linux/arm64",))
        assert definition.secrets[-1] == "id=b,env=OTHER"
    assert image.definition.secrets == ("id=a,env=A", "id=b,env=OTHER")
    assert image.definition.contexts["base"] == "target:base"


@pytest.mark.parametrize(
    ("change", "name"),
    [({"target": "run"}, "TARGET"), ({"context": "/project/web"}, "CONTEXT"), ({"dockerfile": "D"}, "DOCKERFILE")],
)
def test_a_setting_of_one_image_is_refused_where_a_file_describes_them(change: dict[str, str], name: str) -> None:
    with pytest.raises(SettingsError, match=f"ECR_{name}") as caught:
        images(settings(**change), source(), {}, targets(app=APP))
    assert caught.value.code == ExitCode.SETTINGS
    assert images(settings(**change), source(), {})


def test_a_setting_that_says_what_is_so_anyhow_is_not_refused() -> None:
    assert images(settings(context="/project", dockerfile="Dockerfile"), source(), {}, targets(app=APP))


@pytest.mark.parametrize(
    ("platforms", "own", "default", "built"),
    [
        (("linux/arm64",), ("linux/386",), "linux/amd64", ("linux/arm64",)),
        ((), ("linux/386",), "linux/amd64", ("linux/386",)),
        ((), (), "linux/amd64", ("linux/amd64",)),
        ((), (), "", ()),
    ],
)
def test_the_platforms_are_the_settings_the_targets_or_dockers_own(
    platforms: tuple[str, ...], own: tuple[str, ...], default: str, built: tuple[str, ...]
) -> None:
    environ = {"DOCKER_DEFAULT_PLATFORM": default}
    file = targets(app=BuildDefinition("/app", platforms=own))
    (image,) = images(settings(platforms=platforms), source(), environ, file)
    assert image.definition.platforms == built
    if not own:
        assert one_image(environ=environ, platforms=platforms).definition.platforms == built
        assert one_image(file_variables=environ, platforms=platforms).definition.platforms == built


def test_a_targets_platforms_are_each_built_once_and_local_is_the_engines() -> None:
    base = BuildDefinition("/base", platforms=("local",))
    app = BuildDefinition("/app", platforms=("local", "linux/arm64/v8", "aarch64"), linked={"base": base})
    file = targets(app=app)
    (image,) = images(settings(), source(), {}, file, local_platform=lambda: "linux/arm64")
    assert image.definition.platforms == image.definition.linked["base"].platforms == ("linux/arm64",)
    assert not image.definition.makes_index


def test_a_default_platform_that_is_none_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"DOCKER_DEFAULT_PLATFORM.*linux/amd64"):
        one_image(environ={"DOCKER_DEFAULT_PLATFORM": "linux"})


def test_a_privilege_must_be_allowed() -> None:
    asks = BuildDefinition("/base", extra={"entitlements": ["network.host", "device=gpu"]})
    linked = targets(app=BuildDefinition("/app", contexts={"base": "target:base"}, linked={"base": asks}))
    for allow in ((), ("network.host",), ("device=other",)):
        with pytest.raises(Refused) as caught:
            images(settings(allow=allow), source(), {}, linked)
        assert "device=gpu" in caught.value.cause
        assert "ECR_ALLOW=" in caught.value.remedy
        assert "device=gpu" in caught.value.remedy
    assert images(settings(allow=("network.host", "device")), source(), {}, linked)
    assert one_image(allow=("network.host",)).definition.entitlements == ("network.host",)


def test_a_linked_target_that_is_published_is_what_is_published() -> None:
    app, base = images(settings(repository=None, repository_prefix="t/"), source(), {}, targets(app=APP, base=BASE))
    assert replace(app.definition.linked["base"], attest=()) == replace(base.definition, attest=())
    assert app.configured_definition is not None
    assert app.configured_definition.linked["base"].labels == {}
    (alone,) = images(settings(), source(), {}, targets(app=APP))
    linked = alone.definition.linked["base"]
    assert linked.labels == {}
    assert linked.args["SOURCE_DATE_EPOCH"] == alone.definition.args["SOURCE_DATE_EPOCH"]


def test_a_linked_target_makes_no_attestations() -> None:
    (image,) = images(settings(preset="supply-chain"), source(), {}, targets(app=APP))
    assert image.definition.attests
    assert not image.definition.linked["base"].attests


def test_the_tags_of_a_file_that_no_image_gets() -> None:
    result = images(settings(), source(), {}, targets(api=BuildDefinition("/api")))
    host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    own = ("team/app:main", f"{host}/team/app:{SHA_TAG}", "shop/web", "ghcr.io/team/app:main", f"{host}/team/app:v1")
    assert unset_tags(result, {"api": own}) == ["shop/web", "ghcr.io/team/app:main", f"{host}/team/app:v1"]
    assert unset_tags(result, {}) == []


def test_a_secret_whose_variable_is_not_set_is_named() -> None:
    base = BuildDefinition("/base", secrets=("id=npm,env=NPM_TOKEN",))
    own = ("id=a,env=A", "type=env,id=b,src=B", "id=file,src=x", "id=either", "id=own,env=OWN")
    app = BuildDefinition("/app", secrets=own, linked={"base": base}, variables={"OWN": "from a file"})
    result = images(settings(), source(), {}, targets(app=app))
    assert unset_secrets(result, {"A": ""}) == [
        f"app: the secret {name} is read from {variable}, which is not set, so the build goes without it."
        for name, variable in (("b", "B"), ("npm", "NPM_TOKEN"))
    ]


def test_a_linked_tool_keeps_the_platform_that_it_runs_on() -> None:
    both = ("linux/amd64", "linux/arm64")
    base, tool = BuildDefinition("/base", platforms=both), BuildDefinition("/tool", platforms=("linux/amd64",))
    app = BuildDefinition("/app", platforms=both, linked={"base": base, "tool": tool, "plain": BuildDefinition("/")})
    (image,) = images(settings(platforms=("linux/arm64",)), source(), {}, targets(app=app))
    platforms = {name: linked.platforms for name, linked in image.definition.linked.items()}
    assert platforms == {"base": ("linux/arm64",), "tool": ("linux/amd64",), "plain": ("linux/arm64",)}
    (image,) = images(settings(), source(), {}, targets(app=app))
    one = image.definition.for_platform("linux/arm64").linked
    assert {name: linked.platforms for name, linked in one.items()} == {
        "base": ("linux/arm64",),
        "tool": ("linux/amd64",),
        "plain": (),
    }


def test_a_setting_replaces_a_link_and_makes_none() -> None:
    chosen = settings(build_contexts=("base=docker-image://alpine",))
    (image,) = images(chosen, source(), {}, targets(app=APP))
    assert image.definition.contexts == {"base": "docker-image://alpine"}
    assert image.definition.linked == {}
    for file in (None, targets(app=APP)):
        with pytest.raises(SettingsError, match="base=target:other"):
            images(settings(build_contexts=("base=target:other",)), source(), {}, file)
