"""The keys of compose files that bake drops, by compose's own rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.definitions.compose import (
    Service,
    active_profiles,
    compose_env_files,
    compose_variables,
    read_services,
)
from ecr_tasks.source.definitions.compose_model import interpolate


def services(folder: Path, *texts: str, **environ: str) -> dict[str, Service]:
    """Return the services of compose files with these texts."""
    files = []
    for number, text in enumerate(texts):
        file = folder / f"compose.{number}.yaml"
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return read_services(files, folder, environ)[0]


def test_what_bake_drops_is_read(tmp_path: Path) -> None:
    result = services(
        tmp_path,
        """
services:
  web.app:
    platform: linux/arm64
    profiles: [dev, test]
    build:
      context: .
      privileged: true
      entitlements: [network.host]
      no_cache_filter: [one, two]
      isolation: hyperv
      secrets: [plain, {source: token, target: npm}]
  db:
    image: postgres
  empty:
""",
    )
    assert result["web_app"] == Service(
        profiles=("dev", "test"),
        platform="linux/arm64",
        entitlements=("network.host", "security.insecure"),
        no_cache_filter=("one", "two"),
        secret_ids={"token": "npm"},
        dropped=("build.isolation (hyperv)",),
    )
    assert result["db"] == result["empty"] == Service()


@pytest.mark.parametrize(
    ("profiles", "active", "is_active"),
    [
        ("", "", True),
        ("[dev]", "", False),
        ("[dev]", "dev", True),
        ("[a, dev]", "x, dev", True),
        ("[dev]", "*", True),
    ],
)
def test_which_services_are_active(tmp_path: Path, profiles: str, active: str, is_active: bool) -> None:
    text = f"services: {{a: {{build: ., profiles: {profiles or '[]'}}}}}"
    (service,) = services(tmp_path, text).values()
    assert service.is_active(active_profiles({"COMPOSE_PROFILES": active})) is is_active


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$X ${X} a", "x x a"),
        ("${NONE}|$NONE|", "||"),
        ("${NONE:-d} ${NONE-d} ${EMPTY:-d} ${EMPTY-d}|", "d d d |"),
        ("${X:-d} ${X-d}", "x x"),
        ("${X:+o}${EMPTY:+o}${EMPTY+o}${NONE+o}", "oo"),
        ("${NONE:-${X}-$X}", "x-x"),
        ("${NONE:-${OTHER:-deep}}!", "deep!"),
        ("$$X $${X} 5$", "$X ${X} 5$"),
        ("${X:?message}", "x"),
        ("linux/${NONE:-amd64}", "linux/amd64"),
    ],
)
def test_variables_are_replaced_as_compose_does(text: str, value: str) -> None:
    assert interpolate(text, {"X": "x", "EMPTY": ""}) == value


def test_a_later_file_overrides(tmp_path: Path) -> None:
    base = "services:\n  a: {build: ., platform: linux/amd64, profiles: [x]}\n  b: {build: ., profiles: [x]}\n"
    base += "  c: {build: ., profiles: [x], platform: linux/arm64}\n"
    override = "services:\n  a: {platform: linux/arm64, profiles: [y], build: {privileged: true}}\n"
    override += "  b: {profiles: !reset []}\n  c: {profiles: !override [z], platform: !reset null}\n"
    result = services(tmp_path, base, override)
    assert (result["a"].platform, result["a"].profiles) == ("linux/arm64", ("x", "y"))
    assert result["a"].entitlements == ("security.insecure",)
    assert result["b"].profiles == ()
    assert (result["c"].profiles, result["c"].platform) == (("z",), None)


def test_anchors_and_merges(tmp_path: Path) -> None:
    text = "x-all: &all\n  platform: linux/arm64\n  build: .\nservices:\n  a:\n    <<: *all\n    profiles: [p]\n"
    assert services(tmp_path, text)["a"] == Service(platform="linux/arm64", profiles=("p",))


def test_extends_of_this_file_and_of_another(tmp_path: Path) -> None:
    (tmp_path / "common").mkdir()
    common = "services:\n  base: {build: ., platform: '${P}'}\n  deep: {extends: base, profiles: [d]}\n"
    (tmp_path / "common" / "base.yaml").write_text(common, encoding="utf-8")
    text = (
        "services:\n  a: {extends: {file: common/base.yaml, service: deep}}\n"
        "  b: {extends: {service: a}, platform: linux/386}\n  c: {extends: c, build: .}\n"
    )
    result = services(tmp_path, text, P="linux/arm64")
    assert result["a"] == Service(platform="linux/arm64", profiles=("d",))
    assert result["b"] == Service(platform="linux/386", profiles=("d",))
    assert result["c"] == Service()


def test_included_files_have_folders_and_variables_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "more" / "deep").mkdir(parents=True)
    (tmp_path / "more" / ".env").write_text("P=linux/arm64\nQ=file\n", encoding="utf-8")
    (tmp_path / "more" / "compose.yaml").write_text(
        "include: [deep/compose.yaml]\nservices:\n  m: {build: ., platform: '${P}', profiles: ['${Q}']}\n",
        encoding="utf-8",
    )
    (tmp_path / "more" / "deep" / "compose.yaml").write_text(
        "services: {d: {build: ., profiles: [z]}}", encoding="utf-8"
    )
    text = "include:\n  - more/compose.yaml\nservices:\n  a: {build: ., platform: '${P}'}\n"
    result = services(tmp_path, text, Q="environment")
    assert result["m"] == Service(platform="linux/arm64", profiles=("environment",))
    assert (result["d"].profiles, result["a"].platform) == (("z",), None)


def test_the_folders_own_dotenv_file_is_the_lowest_layer(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("P=linux/arm64\n", encoding="utf-8")
    text = "services: {a: {build: ., platform: '${P}'}}"
    assert services(tmp_path, text)["a"].platform == "linux/arm64"
    assert services(tmp_path, text, P="linux/386")["a"].platform == "linux/386"


@pytest.mark.parametrize("text", ["services: [", "services:\n\t- a", "a: b: c"])
def test_a_broken_file_is_an_error_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"compose\.0\.yaml can't be read.*line"):
        services(tmp_path, text)


def test_a_build_argument_without_a_value_is_the_environments(tmp_path: Path) -> None:
    """As `docker compose build` has it; bake would take the value from the service's own `environment`."""
    text = "services: {a: {build: {context: ., args: [A, B=1, C]}, environment: {A: service, C: service}}}"
    (tmp_path / ".env").write_text("A=file\n", encoding="utf-8")
    assert services(tmp_path, text)["a"].args == {"A": "file", "C": None}
    assert services(tmp_path, text, A="environment")["a"].args == {"A": "environment", "C": None}
    override = "services: {a: {build: {args: {A: 2, D: null}}}}"
    assert services(tmp_path, text, override)["a"].args == {"C": None, "D": None}


def test_words_that_are_booleans_in_yaml_1_1_are_names(tmp_path: Path) -> None:
    text = "services:\n  on:\n    build: {privileged: y}\n    profiles: [no]\n  y: {platform: ~}\n  010: {}\n"
    result = services(tmp_path, text)
    assert list(result) == ["on", "y", "010"]
    assert result["on"] == Service(profiles=("no",), entitlements=("security.insecure",))


def test_services_that_bake_takes_for_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"calls a_b") as raised:
        services(tmp_path, "services: {a.b: {build: x}, a_b: {build: y}}")
    assert "another name" in raised.value.remedy
    assert services(tmp_path, "services: {a.b: {build: x, platform: linux/arm64}, a_b: {image: y}}")["a_b"].platform
    assert services(tmp_path, "services: {a.b: {image: y}, a_b: {build: x, platform: linux/arm64}}")["a_b"].platform


@pytest.mark.parametrize(
    ("folder", "text", "name"),
    [
        *[("My Shop.2", "services: {}", "myshop2"), ("_x", "", "x"), ("shop", "services: {a: {name: x}}", "shop")],
        *[("shop", "name: other\n", None), ("...", "", None)],
    ],
)
def test_the_projects_name_is_the_folders(tmp_path: Path, folder: str, text: str, name: str | None) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    assert compose_variables([tmp_path / "c.yaml"], [], tmp_path / folder).get("COMPOSE_PROJECT_NAME") == name


def test_composes_own_dotenv_files_are_read(tmp_path: Path) -> None:
    for name, text in {"a.env": "A=1\nB=1\n", "b.env": "B=2\n", "c.yaml": "name: x\n"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert compose_env_files(tmp_path, {}) == ()
    files = compose_env_files(tmp_path, {"COMPOSE_ENV_FILES": "a.env, b.env"})
    assert compose_variables([tmp_path / "c.yaml"], files, tmp_path) == {"A": "1", "B": "2"}
    with pytest.raises(SettingsError, match=r"gone\.env"):
        compose_env_files(tmp_path, {"COMPOSE_ENV_FILES": "gone.env"})


def test_every_file_that_is_read_is_named(tmp_path: Path) -> None:
    texts = {
        "compose.yaml": "include: [common/a.yaml, {path: b.yaml, env_file: b.env}]\nservices:\n  web: {extends: x}\n",
        "common/a.yaml": "services:\n  a:\n    extends: {file: ../base/base.yaml, service: b}\n",
        "base/base.yaml": "services:\n  b:\n    extends: {file: ../compose.yaml, service: web}\n",
        "b.yaml": "services:\n",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    files = read_services([tmp_path / "compose.yaml"], tmp_path, {})[1].files
    names = {str(path.resolve().relative_to(tmp_path.resolve())) for path in files}
    assert {"common/a.yaml", "base/base.yaml", "b.yaml", "b.env", "common/.env"} <= names


def test_all_files_that_were_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    for name in ("more/compose.yaml", "base.yaml"):
        (tmp_path / name).write_text("services: {b: {build: .}}", encoding="utf-8")
    text = "include: [more/compose.yaml]\nservices: {a: {extends: {file: base.yaml, service: b}}}"
    (tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    files = read_services([tmp_path / "compose.yaml"], tmp_path, {})[1].files
    names = {str(path.relative_to(tmp_path)) for path in files}
    assert names == {".env", "compose.yaml", "more/.env", "more/compose.yaml", "base.yaml"}
