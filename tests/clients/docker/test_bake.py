"""The bake definition that buildx gets, and the targets of a project's own bake file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_tasks.clients.docker.bake import bake_document, output, parse_bake, serialize
from ecr_tasks.clients.docker.errors import reading_answer
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError
from ecr_tasks.model.image import BakeFile, BakeTarget, BuildDefinition, BuildInput, Keep

PRINTED = Path(__file__).parents[2] / "data" / "bake-print.json"
"""What `docker buildx bake --print` (0.29) prints for a file that has one of everything."""

STORE = {"type": "docker", "oci-mediatypes": "true"}


def one(definition: BuildDefinition, **changes: object) -> dict[str, object]:
    """Return the single target of a bake document."""
    document = bake_document([BuildInput("app", definition, ("app:1",), **changes)])  # type: ignore[arg-type]
    (target,) = document["target"].values()
    assert isinstance(target, dict)
    return target


def hcl(text: str) -> str:
    """Return a string as bake reads it: HCL's two escapes undone; any other opening would be evaluated."""
    assert not re.search(r"[$%]\{", re.sub(r"\$\$\{|%%\{", "\n", text))
    return re.sub(r"\$\$\{|%%\{", lambda match: match[0][1:], text)


@given(st.dictionaries(st.text(alphabet="ab${%}", min_size=1), st.text(alphabet='ab$%{}"\\\n é')))
def test_bake_reads_every_text_literally(labels: dict[str, str]) -> None:
    text = serialize(bake_document([BuildInput("app", BuildDefinition(".", labels=labels), ())]))
    read = json.loads(text)["target"]["app"].get("labels", {})
    assert {hcl(key): hcl(value) for key, value in read.items()} == labels


def test_only_what_is_set_is_said() -> None:
    assert one(BuildDefinition("/project")) == {
        "context": "/project",
        "tags": ["app:1"],
        "output": ["type=docker,oci-mediatypes=true"],
    }


def test_everything_that_is_set_is_said_in_bakes_own_words() -> None:
    target = one(
        BuildDefinition(
            context="/project",
            dockerfile="/project/Dockerfile",
            target="run",
            platforms=("linux/amd64", "linux/arm64"),
            args={"A": "1"},
            contexts={"shared": "../shared"},
            secrets=("id=npm,env=NPM_TOKEN",),
            ssh=("default",),
            labels={"l": "1"},
            attest=("type=sbom",),
            cache_from=("type=gha",),
            cache_to=("type=inline",),
            extra={"no-cache": True},
        )
    )
    assert target["secret"] == ["id=npm,env=NPM_TOKEN"]
    assert target["cache-from"] == ["type=gha"]
    assert target["cache-to"] == ["type=inline"]
    assert target["no-cache"] is True
    assert (target["target"], target["ssh"], target["attest"]) == ("run", ["default"], ["type=sbom"])
    assert (target["args"], target["labels"], target["contexts"]) == ({"A": "1"}, {"l": "1"}, {"shared": "../shared"})
    assert target["platforms"] == ["linux/amd64", "linux/arm64"]


def test_the_default_group_builds_every_target() -> None:
    document = bake_document([BuildInput(name, BuildDefinition("."), ()) for name in ("one", "two")])
    assert document["group"]["default"]["targets"] == list(document["target"]) == ["one", "two"]


@given(st.lists(st.text(alphabet="ab-_./12", min_size=1, max_size=5), unique=True, max_size=6))
@example(["a-b-2", "a.b", "a-b"])
@example(["a.b", "a-b", "a/b", "a-b-1"])
def test_every_image_is_a_target_of_its_own_under_a_name_that_bake_takes(names: list[str]) -> None:
    document = bake_document([BuildInput(name, BuildDefinition(f"/{name}"), ()) for name in names])
    targets = document["group"]["default"]["targets"]
    assert [document["target"][name]["context"] for name in targets] == [f"/{name}" for name in names]
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", name) for name in targets)


@pytest.mark.parametrize(
    ("keep", "push", "name", "option"),
    [
        ("store", False, "host:1/app:1", "type=docker,oci-mediatypes=true"),
        ("builder", False, "host:1/app:1", "type=image,oci-mediatypes=true,push=false"),
        ("builder", True, "host:1/app:1", "type=image,oci-mediatypes=true,push=true"),
        ("builder", True, "host:1/app", "type=image,oci-mediatypes=true,push=true,push-by-digest=true"),
    ],
)
def test_where_a_result_goes(keep: Keep, push: bool, name: str, option: str) -> None:
    assert output(BuildInput("app", BuildDefinition("."), (name,), keep, push)) == option


def test_a_result_that_goes_to_a_folder_has_its_path_quoted() -> None:
    build_input = BuildInput("app", BuildDefinition("."), (), "builder", layout="/here/a, b/1")
    assert output(build_input) == 'type=oci,tar=false,"dest=/here/a, b/1"'


def test_annotations_are_on_the_manifest_and_on_the_index_where_there_is_one() -> None:
    """BuildKit: "index annotations not supported for single platform export"."""
    annotations = {"team": "web"}
    assert BuildDefinition(".", annotations=annotations).annotation_entries() == ("manifest:team=web",)
    for makes_index in ({"platforms": ("linux/amd64", "linux/arm64")}, {"attest": ("type=sbom",)}):
        entries = BuildDefinition(".", annotations=annotations, **makes_index).annotation_entries()
        assert entries == ("index,manifest:team=web",)


def test_an_annotation_that_names_its_level_keeps_it() -> None:
    """`ECR_ANNOTATIONS=index:team=web` is .env.example's own example."""
    platforms = ("linux/amd64", "linux/arm64")
    definition = BuildDefinition(".", annotations={"index:team": "web"}, platforms=platforms)
    assert definition.annotation_entries() == ("index:team=web",)


def test_a_disabled_attestation_is_none() -> None:
    disabled = BuildDefinition(".", attest=("type=provenance,disabled=true",))
    assert not disabled.attests
    assert not disabled.makes_index
    assert BuildDefinition(".", attest=("type=provenance,mode=max",)).makes_index


@pytest.mark.parametrize(
    ("platforms", "attest", "number"),
    [
        ((), (), 1),
        (("linux/arm64",), (), 1),
        ((), ("type=sbom",), 3),
        (("linux/amd64", "linux/arm64"), (), 3),
        (("linux/amd64", "linux/arm64"), ("type=sbom", "type=provenance"), 5),
    ],
)
def test_how_many_manifests_a_push_sends(platforms: tuple[str, ...], attest: tuple[str, ...], number: int) -> None:
    """Attestations of all kinds share one manifest a platform; only an index has any around its images."""
    assert BuildDefinition(".", platforms=platforms, attest=attest).manifests == number


def test_a_real_bake_file_is_understood() -> None:
    file = parse_bake(json.loads(PRINTED.read_text(encoding="utf-8")))
    assert list(file.targets) == ["api", "worker"]
    assert file.targets["worker"].definition == BuildDefinition("app", "Dockerfile")
    api = file.targets["api"].definition
    assert (api.context, api.dockerfile, api.target) == ("app", "Dockerfile", "run")
    assert api.args == {"VERSION": "1.2", "EMPTY": ""}
    assert api.contexts == {"shared": "../shared"}
    assert api.labels == {"team": "web"}
    assert api.platforms == ("linux/amd64", "linux/arm64")
    assert api.cache_from == ("ref=example/cache,type=registry",)
    assert api.cache_to == ("type=inline",)
    assert api.secrets == ("id=npm,env=NPM_TOKEN", "id=cert,src=cert.pem")
    assert api.extra == {"no-cache": True, "shm-size": "64m"}


def test_a_real_bake_files_attestations_are_understood() -> None:
    api = parse_bake(json.loads(PRINTED.read_text(encoding="utf-8"))).targets["api"].definition
    assert [set(entry.split(",")) for entry in api.attest] == [
        {"type=provenance", "mode=max"},
        {"type=sbom", "disabled=true"},
    ]


def test_a_real_bake_files_ssh_keys_are_understood() -> None:
    api = parse_bake(json.loads(PRINTED.read_text(encoding="utf-8"))).targets["api"].definition
    assert api.ssh == ("main=keys/one", "key=keys/one,keys/two")


def test_a_real_bake_files_annotations_keep_their_levels() -> None:
    api = parse_bake(json.loads(PRINTED.read_text(encoding="utf-8"))).targets["api"].definition
    assert "index:team=web" in api.annotation_entries()
    assert "manifest:note=a=b" in api.annotation_entries()
    assert any(entry.endswith("plain=yes") for entry in api.annotation_entries())


def test_what_we_write_reads_back_as_it_was() -> None:
    definition = BuildDefinition(
        context="/project",
        dockerfile="Dockerfile",
        target="run",
        platforms=("linux/amd64",),
        args={"A": "1"},
        contexts={"base": "docker-image://alpine"},
        secrets=("id=npm,env=NPM_TOKEN",),
        ssh=("default",),
        labels={"team": "web"},
        attest=("type=provenance,disabled=true",),
        cache_from=("type=gha",),
        cache_to=("type=inline",),
        extra={"network": "host"},
    )
    read = parse_bake(bake_document([BuildInput("app", definition, ("app:1",))]))
    assert read == BakeFile({"app": BakeTarget(definition, ("app:1",), (STORE,))}, ("app",))


def test_the_default_group_is_resolved_with_the_groups_in_it() -> None:
    document = {
        "group": {"default": {"targets": ["nested", "matrix"]}, "nested": {"targets": ["app", "matrix"]}}
        | {"matrix": {"targets": ["m-x", "m-y"]}},
        "target": {name: {"context": "."} for name in ("app", "base", "m-x", "m-y")},
    }
    assert parse_bake(document).default == ("app", "m-x", "m-y")
    assert parse_bake({"group": {"default": {"targets": None}}, "target": {}}).default == ()


def test_bakes_escapes_are_undone() -> None:
    """bake prints a definition that it can read again: `${` in a value becomes `$${`."""
    printed = {"args": {"A": "$${x} %%{y} $x"}, "dockerfile-inline": "RUN echo $${x}", "extra-hosts": {"h": "$${x}"}}
    target = parse_bake({"target": {"app": {"labels": {"l": "$${x}"}, "annotations": ["a=$${x}"], **printed}}})
    definition = target.targets["app"].definition
    assert definition.args == {"A": "${x} %{y} $x"}
    assert definition.extra == {"dockerfile-inline": "RUN echo ${x}", "extra-hosts": {"h": "${x}"}}
    assert (definition.labels, definition.annotations) == ({"l": "${x}"}, {"a": "${x}"})


def test_a_linked_target_is_built_but_has_no_name_and_no_result() -> None:
    deep = BuildDefinition("/deep", args={"A": "1"})
    base = BuildDefinition("/base", contexts={"d": "target:deep"}, linked={"deep": deep})
    app = BuildDefinition("/app", contexts={"b": "target:base"}, linked={"base": base})
    document = bake_document([BuildInput("app", app, ("app:1",))])
    assert document["group"]["default"]["targets"] == ["app"]
    assert document["target"]["base"] == {
        "context": "/base",
        "contexts": {"d": "target:deep"},
        "output": ["type=cacheonly"],
    }
    assert document["target"]["deep"]["args"] == {"A": "1"}
    both = bake_document([BuildInput("app", app, ("app:1",)), BuildInput("base", base, ("base:1",))])
    assert both["target"]["base"]["tags"] == ["base:1"]
    assert "type=docker" in both["target"]["base"]["output"][0]


def test_a_definition_does_not_show_its_build_arguments() -> None:
    text = repr(BuildInput("app", BuildDefinition(".", args={"TOKEN": "hush"}), ()))
    assert "hush" not in text


def test_what_two_builds_link_to_by_one_name_can_differ() -> None:
    """As when each platform is a build of its own."""
    base = BuildDefinition("/base", platforms=("linux/amd64", "linux/arm64"))
    app = BuildDefinition("/app", contexts={"b": "target:base"}, platforms=base.platforms, linked={"base": base})
    inputs = [BuildInput(f"app {name}", app.for_platform(name), ()) for name in base.platforms]
    document = bake_document(inputs)["target"]
    assert list(document) == ["app-linux-amd64", "app-linux-arm64", "base", "base-2"]
    for name, linked in (("linux/amd64", "base"), ("linux/arm64", "base-2")):
        assert document[f"app-{name.replace('/', '-')}"]["contexts"] == {"b": f"target:{linked}"}
        assert document[linked]["platforms"] == [name]


def test_a_linked_target_is_that_of_the_image_whatever_its_caches_and_annotations() -> None:
    base = BuildDefinition("/base", labels={"l": "1"})
    app = BuildDefinition("/app", contexts={"b": "target:base"}, linked={"base": base})
    published = BuildDefinition("/base", labels={"l": "1"}, annotations={"a": "1"}, cache_to=("type=inline",))
    document = bake_document([BuildInput("app", app, ()), BuildInput("base", published, ("base:1",))])["target"]
    assert list(document) == ["app", "base"]
    other = BuildDefinition("/base", labels={"l": "2"})
    document = bake_document([BuildInput("app", app, ()), BuildInput("base", other, ("base:1",))])["target"]
    assert document["app"]["contexts"] == {"b": "target:base-2"}
    assert document["base-2"]["output"] == ["type=cacheonly"]


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "[" * 100_000,
        "[]",
        '{"target": 5}',
        '{"target": {"app": 5}}',
        '{"target": {"app": {"context": 5}}}',
        '{"target": {"app": {"args": {"A": 5}}}}',
        '{"target": {"app": {"ssh": [{"paths": 5}]}}}',
        '{"group": {"default": {"targets": ["default"]}}, "target": {}}',
    ],
)
def test_what_bake_would_not_print_is_a_sentence(answer: str) -> None:
    with (
        pytest.raises(BuildError, match="docker could not read x: its answer can't be read"),
        reading_answer("read x"),
    ):
        parse_bake(parse_json(answer))
