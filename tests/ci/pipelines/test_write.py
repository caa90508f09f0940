"""Writing a pipeline and comparing a committed one with its template; what a project's values become in it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ecr_tasks.ci.pipelines import requirements as requirements_file
from ecr_tasks.ci.pipelines import template
from ecr_tasks.ci.pipelines.compare import pipeline_diff
from ecr_tasks.ci.pipelines.requirements import DEFAULT_INSTALL
from ecr_tasks.ci.pipelines.template import Values
from ecr_tasks.ci.pipelines.write import choose_credentials, pipeline, write
from ecr_tasks.ci.systems import SYSTEMS
from ecr_tasks.errors import Refused, SettingsError
from ecr_tasks.settings.account_and_region import HOLDERS
from tests.ci.pipelines.generated import KNOWN, UNKNOWN, VARIANTS, Variant, jobs

ALL = pytest.mark.parametrize("variant", VARIANTS, ids=str)
GITHUB = SYSTEMS["github"]


def write_pipeline(project: Path, variant: Variant, values: Values = KNOWN) -> Path:
    """Write this pipeline into the project; return its path."""
    write(project, variant.system, variant.credentials, values, dry=False)
    return project / variant.system.path


def change_the_template(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    """Change the template, as another version of ecr-tasks could."""
    load = template.load
    monkeypatch.setattr(
        "ecr_tasks.ci.pipelines.compare.load", lambda *which, **more: load(*which, **more).replace(old, new)
    )


@ALL
def test_it_lies_where_the_ci_looks_for_it_and_ends_with_a_line_end(variant: Variant, tmp_path: Path) -> None:
    text = write_pipeline(tmp_path, variant).read_text(encoding="utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert all(line == line.rstrip() for line in text.splitlines())


@ALL
def test_nothing_of_the_templates_language_is_left(variant: Variant) -> None:
    for values in (KNOWN, UNKNOWN):
        assert not re.search(r"@(if|else|end|[A-Z_]+)\b[^@\n]*@", variant.text(values))


@ALL
def test_it_explains_itself_and_names_its_page(variant: Variant) -> None:
    text = variant.text()
    page = f"docs/ci/{variant.system.name}.md"
    assert page in text
    assert (Path(__file__).parents[3] / page).is_file()
    assert "inv build push" in text


@ALL
def test_it_holds_the_values_that_are_known(variant: Variant) -> None:
    text = variant.text()
    assert "eu-central-1" in text
    assert "team/app" in text
    assert (str(KNOWN.role) in text) == (variant.credentials == "oidc")
    assert template.FILL_IN not in text


@ALL
def test_keys_are_the_cis_to_store(variant: Variant) -> None:
    text = variant.text()
    assert ("AWS_SECRET_ACCESS_KEY" in text) == (variant.credentials == "keys")
    assert not re.search(r"AKIA|SECRET_ACCESS_KEY['\"]?\s*[=:]\s*['\"]?[A-Za-z0-9/+]{40}", text)


@ALL
def test_what_is_not_known_is_said_and_no_setting_would_take_it(variant: Variant, tmp_path: Path) -> None:
    lines = write(tmp_path, variant.system, variant.credentials, UNKNOWN, dry=False)
    left = [line for line in lines if template.FILL_IN in line]
    assert len(left) == (3 if variant.credentials == "oidc" else 2)
    pipeline_lines = (tmp_path / variant.system.path).read_text(encoding="utf-8").splitlines()
    for line in left:
        number = re.search(r"line (\d+) ", line)
        assert number
        assert template.FILL_IN in pipeline_lines[int(number[1]) - 1]


@pytest.mark.parametrize(
    "install", ['pip install "ecr-tasks @ git+https://git.example/x@1a2b"', "make '100%' $TOOLS"]
)
@ALL
def test_an_install_line_reaches_the_shell_as_it_was_given(variant: Variant, install: str) -> None:
    scripts = [step.script for step in jobs(variant, Values(install=install))[0].steps]
    assert any(install in script for script in scripts)


def test_an_install_line_is_one_line() -> None:
    for install in ("pip install a\npip install b", " "):
        with pytest.raises(SettingsError):
            pipeline(GITHUB, "oidc", Values(install=install))


def test_several_images_have_a_prefix() -> None:
    text = pipeline(GITHUB, "oidc", Values(repository="team/", repository_setting="ECR_REPOSITORY_PREFIX"))
    assert yaml.safe_load(text)["env"]["ECR_REPOSITORY_PREFIX"] == "team/"


@ALL
def test_nothing_is_overwritten(variant: Variant, tmp_path: Path) -> None:
    path = tmp_path / variant.system.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine\n", encoding="utf-8")
    with pytest.raises(Refused, match="already"):
        write_pipeline(tmp_path, variant)
    assert path.read_text(encoding="utf-8") == "mine\n"
    assert not (tmp_path / "requirements-ci.txt").exists()


def test_dry_writes_nothing(tmp_path: Path) -> None:
    lines = write(tmp_path, GITHUB, "oidc", KNOWN, dry=True)
    assert list(tmp_path.iterdir()) == []
    assert ".github/workflows/ecr.yml: would be written" in lines


def test_a_folder_that_cant_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("a file", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"ecr\.yml can't be written"):
        write(tmp_path, GITHUB, "oidc", KNOWN, dry=False)


@ALL
def test_a_new_pipeline_is_up_to_date(variant: Variant, tmp_path: Path) -> None:
    write_pipeline(tmp_path, variant)
    assert pipeline_diff(tmp_path, variant.system, KNOWN) == ""


def test_other_settings_make_no_pipeline_old(tmp_path: Path) -> None:
    write_pipeline(tmp_path, VARIANTS[0])
    assert pipeline_diff(tmp_path, GITHUB, UNKNOWN) == ""


def test_peoples_own_changes_make_no_pipeline_old(tmp_path: Path) -> None:
    path = write_pipeline(tmp_path, VARIANTS[0])
    text = path.read_text(encoding="utf-8").replace("ubuntu-latest", "big-runner") + "  # and a job of ours\n"
    path.write_text("# Ours.\n" + text, encoding="utf-8")
    assert pipeline_diff(tmp_path, GITHUB, KNOWN) == ""


@ALL
def test_a_changed_template_shows_as_a_difference(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pipeline(tmp_path, variant)
    change_the_template(monkeypatch, 'echo "Deploy', 'echo "Ship')
    difference = pipeline_diff(tmp_path, variant.system, KNOWN)
    changed = [line for line in difference.splitlines() if re.match(r"[-+](?![-+])", line)]
    assert f"--- a/{variant.system.path}\n+++ b/{variant.system.path}\n" in difference
    # The first line, which names the template, and the line that has changed.
    assert len(changed) == 4
    assert all('echo "' in line or "template" in line for line in changed)


@ALL
def test_the_values_that_were_filled_in_are_no_difference(
    variant: Variant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_pipeline(tmp_path, variant, UNKNOWN)
    text = path.read_text(encoding="utf-8")
    filled = {"THE_REGION": "us-east-1", "THE_ROLE_ARN": "arn:aws:iam::123456789012:role/ci", "THE_REPOSITORY": "a/b"}
    for name, value in filled.items():
        text = text.replace(template.FILL_IN + name, value)
    path.write_text(text.replace(DEFAULT_INSTALL, "pip install ./tools"), encoding="utf-8")
    change_the_template(monkeypatch, 'echo "Deploy', 'echo "Ship')
    difference = pipeline_diff(tmp_path, variant.system, KNOWN)
    assert len([line for line in difference.splitlines() if re.match(r"[-+](?![-+])", line)]) == 4


@pytest.mark.parametrize("setting", HOLDERS)
@ALL
def test_the_setting_that_names_the_repositories_is_no_difference(
    variant: Variant, setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pipeline(tmp_path, variant, replace(KNOWN, repository_setting=setting, repository="api=a"))
    change_the_template(monkeypatch, 'echo "Deploy', 'echo "Ship')
    lines = pipeline_diff(tmp_path, variant.system, UNKNOWN).splitlines()
    changed = [line for line in lines if re.match(r"[-+](?![-+])", line)]
    assert any('echo "Ship' in line for line in changed)
    assert not any("ECR_REPOSITORY" in line for line in changed)


def test_the_variant_is_the_files_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pipeline(tmp_path, Variant(GITHUB, "keys"))
    change_the_template(monkeypatch, 'echo "Deploy', 'echo "Ship')
    assert "id-token" not in pipeline_diff(tmp_path, GITHUB, KNOWN)


def test_no_pipeline_is_a_difference_and_so_is_one_of_unknown_origin(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="There is no"):
        pipeline_diff(tmp_path, GITHUB, KNOWN)
    path = write_pipeline(tmp_path, VARIANTS[0])
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[1:]), encoding="utf-8")
    with pytest.raises(Refused, match="doesn't say") as refused:
        pipeline_diff(tmp_path, GITHUB, KNOWN)
    # The remedy holds the line that was lost, up to the words for people.
    assert lines[0].strip() in refused.value.remedy


def test_a_pipeline_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / GITHUB.path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="can't be read"):
        pipeline_diff(tmp_path, GITHUB, KNOWN)


def test_credentials_are_the_systems_best_or_as_asked() -> None:
    assert choose_credentials(GITHUB, keys=False, oidc=False) == "oidc"
    assert choose_credentials(GITHUB, keys=True, oidc=False) == "keys"
    assert choose_credentials(SYSTEMS["jenkins"], keys=False, oidc=False) == "keys"
    assert choose_credentials(SYSTEMS["jenkins"], keys=False, oidc=True) == "oidc"
    assert choose_credentials(SYSTEMS["codebuild"], keys=False, oidc=False) == "role"


@pytest.mark.parametrize(
    ("name", "keys", "oidc"), [("github", True, True), ("drone", False, True), ("codebuild", True, False)]
)
def test_what_a_system_cant_have_is_said(name: str, keys: bool, oidc: bool) -> None:
    with pytest.raises(SettingsError):
        choose_credentials(SYSTEMS[name], keys=keys, oidc=oidc)


def requirements_text(monkeypatch: pytest.MonkeyPatch, text: str | None) -> str:
    monkeypatch.setattr(requirements_file, "_direct_url", lambda: text)
    return requirements_file.text()


def required(text: str) -> str:
    """Return the one requirement in the file."""
    (line,) = [line for line in text.splitlines() if line and not line.startswith("#")]
    return line


def test_ci_installs_what_was_installed_from_git(monkeypatch: pytest.MonkeyPatch) -> None:
    git = '{"url": "https://git.example/ecr-tasks.git", "vcs_info": {"vcs": "git", "commit_id": "1a2b3c"}}'
    assert required(requirements_text(monkeypatch, git)) == "ecr-tasks @ git+https://git.example/ecr-tasks.git@1a2b3c"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        '{"url": "file:///clone", "dir_info": {"editable": true}}',
        '{"url": "file:///clone", "vcs_info": {"vcs": "git", "commit_id": "1a2b3c"}}',
        '{"url": "https://me:secret@git.example/x", "vcs_info": {"vcs": "git", "commit_id": "1a2b3c"}}',
        '{"url": "https://token@git.example/x", "vcs_info": {"vcs": "git", "commit_id": "1a2b3c"}}',
    ],
)
def test_else_the_project_brings_a_wheel(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    content = requirements_text(monkeypatch, text)
    assert required(content) == f"./{requirements_file.WHEEL}"
    assert "pip wheel --no-deps --wheel-dir ci" in content
    assert "secret" not in content
    assert "token" not in content


def test_requirements_are_written_once_and_only_where_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requirements_file, "_direct_url", lambda: None)
    file = tmp_path / "requirements-ci.txt"
    write(tmp_path, GITHUB, "oidc", Values(install="pip install ./tools"), dry=False)
    assert not file.exists()
    lines = write(tmp_path, SYSTEMS["jenkins"], "keys", KNOWN, dry=False)
    assert any("has to be made and committed" in line for line in lines)
    file.write_text("mine\n", encoding="utf-8")
    write(tmp_path, SYSTEMS["drone"], "keys", KNOWN, dry=False)
    assert file.read_text(encoding="utf-8") == "mine\n"


@pytest.mark.parametrize("make", ["file", "folder"])
def test_what_is_in_the_way_of_a_pipeline_is_to_be_removed(tmp_path: Path, make: str) -> None:
    if make == "file":
        (tmp_path / ".github").touch()
    else:
        (tmp_path / "requirements-ci.txt").symlink_to("gone/away")
    with pytest.raises(SettingsError) as caught:
        write(tmp_path, GITHUB, "oidc", KNOWN, dry=False)
    assert caught.value.remedy == "Remove or rename what is in its place."
    assert ("ecr.yml: written" in caught.value.cause) is (make == "folder")
