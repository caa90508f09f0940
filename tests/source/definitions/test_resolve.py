"""Bake and compose files become the definitions of images: which are published, what they link to, where paths count
from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.errors import ExitCode, SettingsError
from ecr_tasks.model.image import BakeFile, BakeTarget, BuildDefinition
from ecr_tasks.source.definitions.files import DefinitionFiles
from ecr_tasks.source.definitions.resolve import Definitions, resolve
from tests.support.build import settings

PLAIN = BakeTarget(BuildDefinition("."))


def resolved(folder: Path, text: str = "", default: Sequence[str] = ("app",), **targets: BakeTarget) -> Definitions:
    """Return the definitions of a compose file with this text, or else of a bake file, in a folder."""
    file = folder / ("compose.yaml" if text else "docker-bake.hcl")
    file.write_text(text, encoding="utf-8")
    files = DefinitionFiles((file,), folder)
    return resolve(files, settings(project=folder), {}, lambda *_: BakeFile(targets, tuple(default)))


def definition(folder: Path, **options: Any) -> BuildDefinition:
    """Return the only image of a bake file whose target has these options."""
    options = {"context": ".", **options}
    return resolved(folder, app=BakeTarget(BuildDefinition(**options))).targets["app"]


def test_the_files_are_read_in_their_folder_with_the_settings_variables(tmp_path: Path) -> None:
    seen: list[object] = []

    def read(files: Sequence[str], folder: Path, environ: Mapping[str, str]) -> BakeFile:
        seen.extend([list(files), folder, dict(environ)])
        return BakeFile({"app": PLAIN}, ("app",))

    (tmp_path / "deploy").mkdir()
    for name in ("deploy/a.hcl", "b.hcl"):
        (tmp_path / name).touch()
    files = DefinitionFiles((tmp_path / "deploy" / "a.hcl", tmp_path / "b.hcl"), tmp_path)
    chosen = settings(project=tmp_path, file_variables={"A": "file", "B": "file", "C": ""})
    assert resolve(files, chosen, {"B": "environment", "X": ""}, read).targets["app"].context == str(tmp_path)
    assert seen == [["deploy/a.hcl", "b.hcl"], tmp_path, {"A": "file", "B": "environment", "X": ""}]


def test_what_an_image_links_to_is_with_it_and_not_published(tmp_path: Path) -> None:
    result = resolved(
        tmp_path,
        app=BakeTarget(BuildDefinition("app", contexts={"b": "target:base", "d": "target:deep"})),
        base=BakeTarget(BuildDefinition("base", contexts={"d": "target:deep"})),
        deep=BakeTarget(BuildDefinition("deep")),
        unused=PLAIN,
    )
    assert list(result.targets) == ["app"]
    app = result.targets["app"]
    assert list(app.linked) == ["base", "deep"]
    assert app.linked["base"].linked["deep"] == app.linked["deep"] == BuildDefinition(f"{tmp_path}/deep")


def test_images_have_the_files_order_and_not_the_alphabets(tmp_path: Path) -> None:
    bake = tmp_path / "docker-bake.hcl"
    bake.write_text('# api first\ngroup "default" { targets = ["web", "api", "job"] }\n', encoding="utf-8")
    targets = dict.fromkeys(["api", "job", "matrix-1", "web"], PLAIN)
    files = DefinitionFiles((bake,), tmp_path)
    result = resolve(files, settings(project=tmp_path), {}, lambda *_: BakeFile(targets, tuple(targets)))
    assert list(result.targets) == ["web", "api", "job", "matrix-1"]


def test_services_have_the_order_of_the_compose_file_whatever_its_anchors_are_called(tmp_path: Path) -> None:
    compose = tmp_path / "compose.yaml"
    compose.write_text(
        "x-build: &b {context: .}\nservices: {web: {build: *b, depends_on: [a]}, a: {build: *b}, b.c: {build: *b}}\n",
        encoding="utf-8",
    )
    targets = dict.fromkeys(["a", "b_c", "web"], PLAIN)
    files = DefinitionFiles((compose,), tmp_path)
    result = resolve(files, settings(project=tmp_path), {}, lambda *_: BakeFile(targets, tuple(targets)))
    assert list(result.targets) == ["web", "a", "b_c"]


def test_paths_count_from_the_folder(tmp_path: Path) -> None:
    result = definition(
        tmp_path,
        context="../web",
        dockerfile="docker/D",
        contexts={
            "up": "../x",
            "cwd": "cwd://y",
            "dot": ".",
            "image": "docker-image://alpine",
            "git": "https://example.com/x.git#main",
            "scp": "git@github.com:a/b.git",
            "layout": "oci-layout://lay:1",
            "pinned": "oci-layout://lay@sha256:aa",
            "absolute": "/z",
        },
        secrets=("id=a,src=s/a", "id=b,env=B", 'id=c,"src=s/c,d"', "type=file,id=d,source=../d"),
        ssh=("default", "k=keys/a,/keys/b"),
        cache_from=("type=local,src=cache", "type=registry,ref=host/x"),
        cache_to=("type=local,dest=cache,mode=max",),
    )
    up, here = str(tmp_path.parent), str(tmp_path)
    assert (result.context, result.dockerfile) == (f"{up}/web", "docker/D")
    assert result.contexts == {
        "up": f"{up}/x",
        "cwd": f"{here}/y",
        "dot": here,
        "image": "docker-image://alpine",
        "git": "https://example.com/x.git#main",
        "scp": "git@github.com:a/b.git",
        "layout": f"oci-layout://{here}/lay:1",
        "pinned": f"oci-layout://{here}/lay@sha256:aa",
        "absolute": "/z",
    }
    assert result.secrets == (
        *(f"id=a,src={here}/s/a", "id=b,env=B"),
        *(f'id=c,"src={here}/s/c,d"', f"type=file,id=d,source={up}/d"),
    )
    assert result.ssh == ("default", f"k={here}/keys/a,/keys/b")
    assert result.cache_from == (f"type=local,src={here}/cache", "type=registry,ref=host/x")
    assert result.cache_to == (f"type=local,dest={here}/cache,mode=max",)
    remote = definition(tmp_path, context="https://example.com/x.git", dockerfile="cwd://D")
    assert (remote.context, remote.dockerfile) == ("https://example.com/x.git", f"{here}/D")


COMPOSE = """
services:
  app:
    build: {context: ., secrets: [{source: tok, target: npm}], args: [A, B=1], privileged: true}
    platform: linux/arm64
  dev: {build: ., profiles: [dev]}
"""


def test_a_service_has_what_bake_drops(tmp_path: Path) -> None:
    secrets = ("id=tok,env=T",)
    options = BuildDefinition(
        ".", args={"A": "service", "B": "1"}, secrets=secrets, extra={"entitlements": ["network.host"]}
    )
    result = resolved(tmp_path, COMPOSE, ("app", "dev"), app=BakeTarget(options), dev=PLAIN)
    assert list(result.targets) == ["app"]
    app = result.targets["app"]
    assert app.platforms == ("linux/arm64",)
    assert app.secrets == ("id=npm,env=T",)
    assert app.args == {"B": "1"}
    assert app.entitlements == ("network.host", "security.insecure")
    own = BakeTarget(BuildDefinition(".", platforms=("linux/386",)))
    assert resolved(tmp_path, COMPOSE, app=own).targets["app"].platforms == ("linux/386",)


def test_the_options_of_an_image_exporter_are_applied_and_the_others_are_named(tmp_path: Path) -> None:
    image = {"type": "image", "push": "true", "compression": "zstd", "compression-level": "3", "name": "x"}
    image |= {"annotation.a": "1", "annotation-index.b": "2", "oci-mediatypes": "false", "buildinfo": "true"}
    outputs = (image, {"type": "local", "dest": "out"}, {"type": "oci", "dest": "x.tar"}, {"type": "cacheonly"})
    result = resolved(tmp_path, app=BakeTarget(BuildDefinition("."), outputs=outputs))
    app = result.targets["app"]
    assert app.exporter == ("compression=zstd", "compression-level=3")
    assert app.annotations == {"a": "1", "index:b": "2"}
    (warning,) = result.warnings
    for words in ("oci-mediatypes=false", "option buildinfo", "type=local", "type=oci,dest=x.tar"):
        assert words in warning
    assert "cacheonly" not in warning


@pytest.mark.parametrize(
    "target",
    [
        BakeTarget(BuildDefinition("."), outputs=({"type": "cacheonly"},)),
        BakeTarget(BuildDefinition("."), outputs=({"type": "local", "dest": "out"},)),
        BakeTarget(BuildDefinition("."), call="check"),
    ],
)
def test_a_target_that_makes_no_image_is_named_and_not_published(tmp_path: Path, target: BakeTarget) -> None:
    result = resolved(tmp_path, "", ("app", "lint"), app=PLAIN, lint=target)
    assert list(result.targets) == ["app"]
    assert "lint makes no image" in result.warnings[0]
    with pytest.raises(SettingsError, match=r"lint makes no image(?s:.)*group default"):
        resolved(tmp_path, "", ("lint",), lint=target)


@pytest.mark.parametrize(
    ("text", "default", "words"),
    [
        ("services: {db: {image: x}}", (), "no service with a build section"),
        ("services: {dev: {build: ., profiles: [d]}}", ("dev",), "profile that is not active"),
        ("", (), "no target in its default group"),
    ],
)
def test_a_file_without_an_image_is_an_error(tmp_path: Path, text: str, default: tuple[str, ...], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        resolved(tmp_path, text, default, dev=PLAIN)
    assert caught.value.code == ExitCode.SETTINGS


def test_the_tags_of_the_images_are_kept(tmp_path: Path) -> None:
    result = resolved(tmp_path, app=BakeTarget(BuildDefinition("."), tags=("x:1",)), other=PLAIN)
    assert result.tags == {"app": ("x:1",)}


def test_a_key_that_buildx_passes_over_is_named(tmp_path: Path) -> None:
    file = tmp_path / "docker-bake.hcl"
    file.write_text('target "app" {\n  platform = ["linux/arm64"]\n}\n', encoding="utf-8")
    files = DefinitionFiles((file,), tmp_path)
    read = BakeFile({"app": PLAIN}, ("app",))
    (warning,) = resolve(files, settings(project=tmp_path), {}, lambda *_: read).warnings
    assert warning.startswith("docker-bake.hcl: app's platform is no key of bake's (did you mean platforms?)")
