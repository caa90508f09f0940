"""Invoke's configuration files: where a setting stands in them, and what Invoke could not read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.errors import SettingsError
from ecr_tasks.runner.invoke_config import find_in
from ecr_tasks.settings.invoke_files import read
from ecr_tasks.settings.load import load

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(f'*{before}' for _ in range(10))}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


def settings_of(path: Path, **environ: str) -> object:
    """Return the settings of a project whose configuration is this file."""
    file = read(path)
    return load(path.parent, environ=environ, config=file.section, invoke_files=[file])


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("invoke.yaml", "run:\n  echo: true\necr:\n  region: eu-central-1\n  target: runtime\n", 5),
        ("invoke.yml", "ecr: {region: eu-central-1, target: runtime}\n", 1),
        ("invoke.json", '{\n"ecr": {\n "region": "eu-central-1",\n "target": "runtime"}}', 4),
    ],
)
def test_a_setting_has_its_file_and_line(tmp_path: Path, name: str, text: str, line: int) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    file = read(path)
    settings = load(tmp_path, environ={}, config=file.section, invoke_files=[file])
    assert (settings.target, str(settings.origin("ECR_TARGET"))) == ("runtime", f"{name}:{line}")


def test_a_problem_has_its_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text("ecr:\n  dirty: maybe\n  regoin: eu\n", encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        settings_of(path)
    assert "invoke.yaml:2: ecr.dirty must be tag or refuse" in error.value.cause
    assert "invoke.yaml:3: ecr.regoin is not a setting: did you mean ecr.region?" in error.value.cause


@pytest.mark.parametrize("account", ["012345670123", "000000000000", "123456789012", "012345678901"])
def test_an_account_that_yaml_takes_for_another_number_is_the_one_that_is_written(
    tmp_path: Path, account: str
) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text(f"ecr:\n  account_id: {account}\n", encoding="utf-8")
    file = read(path)
    assert load(tmp_path, environ={}, config=file.section, invoke_files=[file]).account_id == account


def test_the_value_that_counts_has_the_place_of_its_own_file(tmp_path: Path) -> None:
    for folder, target in (("project", "runtime"), ("home", "test")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "invoke.yaml").write_text(f"ecr:\n  target: {target}\n", encoding="utf-8")
    files = [read(tmp_path / folder / "invoke.yaml") for folder in ("project", "home")]
    project = tmp_path / "project"
    settings = load(project, environ={}, config={"target": "test"}, invoke_files=files)
    assert str(settings.origin("ECR_TARGET")) == f"{tmp_path / 'home' / 'invoke.yaml'}:2"
    settings = load(project, environ={}, config={"target": "else"}, invoke_files=files)
    assert str(settings.origin("ECR_TARGET")) == "Invoke configuration ecr.target"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("invoke.yaml", b"[1, 2", "line 1: "),
        ("invoke.yaml", b"ecr: {region: [}", "line 1: "),
        ("invoke.yaml", b"ecr:\n\tregion: x", "line 2: "),
        ("invoke.yaml", b"- a", "it is no mapping of names to values but a list"),
        ("invoke.yaml", b"ecr: 5", "the key ecr is a number and no section"),
        ("invoke.yaml", b"ecr:\n", "the key ecr is empty and no section"),
        ("invoke.yaml", b"ecr:\n  1: x", "the key 1 is a number and no text"),
        ("invoke.yaml", b"on: x", "the key True is a truth value and no text"),
        ("invoke.yaml", b"\xff\xfe", "it isn't UTF-8 text"),
        ("invoke.yaml", b"a: 2024-99-99", "month must be in 1..12"),
        ("invoke.yaml", b"!!python/object:os.system x", "could not determine a constructor"),
        ("invoke.yaml", b"[" * 5000, "nested"),
        ("invoke.yaml", BOMB.encode(), "more than 100000 values"),
        ("invoke.yaml", b"a: &a [*a]", "more than 100000 values"),
        ("invoke.yaml", b"a: 1\n---\nb: 2", "line 2: "),
        ("invoke.yaml", b"ecr:\n  region: a\nrun: {}\necr: {}\n", "line 4: the key ecr stands in line 1 already"),
        ("invoke.yaml", b"ecr:\n  tags: a\n  'tags': b\n", "line 3: the key tags stands in line 2 already"),
        ("invoke.yaml", b"run: {echo: true, echo: false}", "line 1: the key echo stands in line 1 already"),
        ("invoke.json", b'{"ecr": {"tags": "a",\n"tags": "b"}}', "line 2: the key tags stands in line 1 already"),
        ("invoke.json", b"{", "line 1: "),
        ("invoke.json", b"\xef\xbb\xbf{}", "line 1: Unexpected UTF-8 BOM"),
        ("invoke.json", b"[" * 5000, "nested"),
        ("invoke.json", b"[]", "it is no mapping"),
        ("invoke.py", b"ecr = {", "line 1: "),
        ("invoke.py", b"\0", "can't be read"),
    ],
)
def test_what_invoke_could_not_read_is_a_sentence(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SettingsError) as error:
        read(path)
    assert error.value.cause.startswith(f"{path} can't be read: ")
    assert reason in error.value.cause


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: Path(path).symlink_to("gone")])
def test_what_is_no_file_is_to_be_removed(tmp_path: Path, make: object) -> None:
    path = tmp_path / "invoke.yaml"
    assert callable(make)
    make(path)
    assert find_in(tmp_path) == path
    with pytest.raises(SettingsError) as error:
        read(path)
    assert error.value.remedy == "Remove or rename it, or make it a file."


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text("# nothing yet\n", encoding="utf-8")
    assert read(path).section == {}


@given(content=st.binary(max_size=60) | st.text(alphabet="ecr:{}[]\n -&*a1!'\"|>#", max_size=60).map(str.encode))
def test_any_bytes_are_settings_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"any-{os.getpid()}.yaml"
    path.write_bytes(content)
    with suppress(SettingsError):
        assert isinstance(read(path).section, dict)


def test_a_key_that_overrides_a_merged_one_is_there_once(tmp_path: Path) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text("base: &base {target: a}\necr:\n  <<: *base\n  target: b\n", encoding="utf-8")
    assert read(path).section == {"target": "b"}


def warnings_of(path: Path, **environ: str) -> tuple[str, ...]:
    """Return the warnings about a project whose configuration is this file."""
    file = read(path)
    return load(path.parent, environ=environ, config=file.section, invoke_files=[file]).warnings


def test_a_setting_beside_the_section_is_named(tmp_path: Path) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text("region: eu-west-1\necr:\n  tags: type=sha\ntags: mine\nECR_PLATFORMS: x\ncolour: red\n")
    assert warnings_of(path) == (
        "Not a setting of ecr-tasks, and left alone: region (invoke.yaml:1: did you mean ecr.region?), "
        "ECR_PLATFORMS (invoke.yaml:5: did you mean ecr.platforms?).",
    )
    (one,) = warnings_of(path, AWS_REGION="eu-west-1")  # then it is the project's own
    assert "region" not in one


def test_settings_beside_a_section_that_is_missing_are_named(tmp_path: Path) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text("repository: team/app\n")
    (one,) = warnings_of(path)
    assert "repository (invoke.yaml:1: did you mean ecr.repository?)" in one
