"""Dotenv files: the values that python-dotenv gives, with the line each one stands on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from hypothesis import assume, given
from hypothesis import strategies as st

from ecr_tasks.settings.dotenv import DotenvFile, read_file
from ecr_tasks.settings.errors import Problems, SettingsProblems
from tests.support.dotenv_project import Project

name = st.sampled_from(["A", "B", "C_1", "HOME", "PATH"])
reference = st.builds("${{{}}}".format, name) | st.builds("${{{}:-{}}}".format, name, st.sampled_from("xy"))
piece = reference | st.text("ab #\\n$'\"=,", max_size=4)
value = st.lists(piece, max_size=4).map("".join)
clean = st.text("ab1,:/", max_size=5)
clean_value = st.lists(reference | clean, max_size=3).map("".join)
quoted = st.builds('"{}\n{}"'.format, clean_value, clean_value) | st.builds("'{}'".format, clean_value)
line = (
    st.builds("{}={}".format, name, value)
    | st.builds("export {} = {}".format, name, quoted)
    | st.builds("{}={}  # comment".format, name, clean_value)
    | name
    | st.sampled_from(["", "# comment", "   ", "not a setting", "'quoted key'=1"])
)
good_line = st.builds("{}={}".format, name, clean_value | quoted) | st.sampled_from(["", "# comment"])
# None of the good lines has the other kind of quote alone, which would close the one that is open.
broken_line = st.sampled_from(["OPEN='it", 'OTHER="a" b', "two words", "SHELL='x' 'y'", "a b: 'c"])


def read_lines(path: Path, text: str, lower: dict[str, str | None] | None = None) -> DotenvFile:
    path.write_bytes(text.encode())
    return read_file(path, os.environ, lower or {}, Problems())


@given(lines=st.lists(line, max_size=6), end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_values_are_python_dotenvs(tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str) -> None:
    path = tmp_path_factory.getbasetemp() / ".env"
    values = read_lines(path, end.join(lines)).values
    assume(not any(item.error and "\n" in item.original.string.strip() for item in parse_stream(path.open())))
    assert values == dict(dotenv_values(path))


@given(above=st.lists(good_line, max_size=3), below=st.lists(good_line, max_size=3), broken=broken_line)
def test_a_broken_line_of_somebody_elses_leaves_the_others_as_they_are(
    tmp_path_factory: pytest.TempPathFactory, above: list[str], below: list[str], broken: str
) -> None:
    path = tmp_path_factory.getbasetemp() / ".env"
    expected = read_lines(path, "\n".join([*above, *below]))
    problems = Problems()
    path.write_text("\n".join([*above, broken, *below]), encoding="utf-8")
    file = read_file(path, os.environ, {}, problems)
    problems.raise_if_any()
    assert file.values == expected.values
    line = "\n".join([*above, ""]).count("\n") + 1
    assert file.warnings == (f"Left out, because this isn't NAME=VALUE (is a quote left open?): .env:{line}.",)


@given(first=st.lists(good_line, max_size=4), second=st.lists(good_line, max_size=4))
def test_two_files_interpolate_as_if_they_were_one(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], second: list[str]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    lower = read_lines(folder / ".env", "\n".join(first))
    upper = read_lines(folder / ".env.x", "\n".join(second), dict(lower.values))
    one = folder / ".env.one"
    one.write_text("\n".join([*first, *second]), encoding="utf-8")
    assert {**lower.values, **upper.values} == dict(dotenv_values(one))


def test_a_value_comes_with_its_line(project: Project) -> None:
    project.write("# a comment\n\nAPP=\"two\nlines\"\n\n\nexport ECR_REPOSITORY = 'team/app'  # here\n")
    settings = project.load()
    assert settings.repository == "team/app"
    assert str(settings.origin("ECR_REPOSITORY")) == ".env:7"
    assert settings.files == (project.path / ".env",)


@pytest.mark.parametrize(
    "text", ["\ufeffECR_REPOSITORY=app\r\nECR_TARGET=run\r\n", "ECR_REPOSITORY=app\rECR_TARGET=run"]
)
def test_windows_files_read_like_any_other(project: Project, text: str) -> None:
    project.write(text)
    settings = project.load()
    assert (settings.repository, settings.target) == ("app", "run")
    assert str(settings.origin("ECR_TARGET")) == ".env:2"


def test_interpolation_takes_the_file_before_the_environment_and_the_lower_file_before_both(
    project: Project,
) -> None:
    project.write("TEAM=blue\nECR_REPOSITORY=${TEAM}/app")
    project.write("ECR_TARGET=${TEAM}-${STAGE:-dev}-${WHERE}", ".env.prod")
    settings = project.load({"TEAM": "red", "WHERE": "here"}, env="prod")
    assert (settings.repository, settings.target) == ("blue/app", "blue-dev-here")


@pytest.mark.parametrize(
    "broken",
    [
        'ECR_REPOSITORY="hunter2',
        "ECR_REPOSITRY 'hunter2'",
        "AWS_REGION: hunter2",
        "set ECR_TAGS=hunter2",
        "'AWS_REGOIN'x",
    ],
)
def test_a_broken_line_of_a_setting_is_an_error_and_its_text_is_not_shown(project: Project, broken: str) -> None:
    project.write(f"A=1\n\n{broken}\nECR_TARGET=run\n")
    problem = project.problem()
    assert problem.startswith(".env:3: ")
    assert "hunter2" not in problem


def test_broken_lines_of_somebody_elses_are_one_warning_without_their_text(project: Project) -> None:
    project.write(
        "A=1\n\nPASSWORD=\"hunter2\nECR_REPOSITORY=app\nhello world\nTITLE='it's'\nECR_TARGET='run'\n"
        'GREETING="a" b\n'
    )
    settings = project.load()
    assert (settings.repository, settings.target) == ("app", "run")
    (warning,) = settings.warnings
    assert ".env:3, .env:5, .env:6 and 1 more" in warning
    assert "hunter2" not in warning


def test_a_value_that_takes_in_a_setting_is_warned_of(project: Project) -> None:
    project.write('MOTTO="carpe diem\nECR_REPOSITORY=app\nQUOTE="\n')
    (warning,) = project.load().warnings
    assert (
        warning
        == ".env:1: the value of MOTTO goes on for several lines, with ECR_REPOSITORY in it: is a quote left open?"
    )
    project.write('ECR_BUILD_ARGS="\nAWS_REGION=eu-west-1\n"\nTEXT="one\ntwo=2"\n')
    assert project.load().warnings == ()


def test_the_variables_of_all_files_are_kept_whoever_they_belong_to(project: Project) -> None:
    project.write("ECR_REGISTRY=registry.example\nVERSION=1\nEMPTY=\nBARE\nURL=https://${ECR_REGISTRY}/\n")
    project.write("VERSION=2\n", ".env.prod")
    settings = project.load({"OTHER": "x"}, env="prod")
    assert settings.file_variables == {
        "ECR_REGISTRY": "registry.example",
        "VERSION": "2",
        "EMPTY": "",
        "URL": "https://registry.example/",
    }


@pytest.mark.parametrize("content", ["ECR_REPOSITORY=app".encode("utf-16"), b"A=\xe9"])
def test_a_file_that_is_not_utf8_says_so(project: Project, content: bytes) -> None:
    (project.path / ".env").write_bytes(content)
    assert project.problem().startswith(".env: isn't UTF-8 text")


def test_a_folder_a_broken_link_and_a_loop_are_not_passed_over(project: Project) -> None:
    env = project.path / ".env"
    env.mkdir()
    assert "it is a folder" in project.problem()
    env.rmdir()
    env.symlink_to("nowhere")
    assert "No such file" in project.problem()
    env.unlink()
    env.symlink_to(".env")
    assert "symbolic links" in project.problem()
    env.unlink()
    os.mkfifo(env)
    assert "it is a named pipe" in project.problem()


def test_a_virtual_environment_is_no_file_of_settings(project: Project) -> None:
    project.write("home = /usr/bin\n", ".env/pyvenv.cfg")
    assert project.load().files == ()


def test_a_chosen_file_must_be_there_and_the_others_are_listed(project: Project) -> None:
    for other in ("dev", "prod", "example"):
        project.write("", f".env.{other}")
    (problem,) = project.problems(env="staging")
    assert "no .env.staging" in problem
    assert "(there are: dev, prod)" in problem


@pytest.mark.parametrize("env", ["", "../prod", "a\\b"])
def test_a_name_that_is_no_environments_is_refused(project: Project, env: str) -> None:
    (problem,) = project.problems(env=env)
    assert "can't name an environment" in problem


def test_no_file_is_no_problem(project: Project) -> None:
    assert project.load().files == ()


FORMATS = "{{date 'YYYY'}}", "{{date 'YYYYMMDD-HHmm' tz='Asia/Tokyo'}}", "{{commit_date 'X'}}-{{date 'Y'}}"


@pytest.mark.parametrize("template", FORMATS)
@pytest.mark.parametrize("quotes", ["{}", "'{}'", '"{}"', "'\n  # one\n  {}\n'", '"\n  {}\n"', " '{}' # a comment"])
def test_a_format_in_quotes_can_be_written_in_any_quotes(project: Project, template: str, quotes: str) -> None:
    rule = f"type=raw,value={template}"
    project.write(f"ECR_TAGS={quotes.format(rule)}\nECR_TARGET=run\n")
    settings = project.load()
    assert (rule in (settings.tags or ""), settings.target) == (True, "run")
    assert str(settings.origin("ECR_TARGET")) == f".env:{2 + quotes.count(chr(10))}"


def test_a_format_that_is_escaped_already_and_the_backslashes_of_a_pattern_stay(project: Project) -> None:
    project.write("ECR_TAGS='\ntype=match,pattern=\\d+\\.\\d\ntype=raw,value={{date \\'Y\\'}}\n'\n")
    assert project.load().tags == "\ntype=match,pattern=\\d+\\.\\d\ntype=raw,value={{date 'Y'}}\n"


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("ECR_TAGS=type=raw,value=${{ github.ref }}", 1, "ECR_TAGS"),
        ("A=1\n\nexport ECR_FLAVOR = 'latest=${{ github.ref == 'x' }}'", 3, "ECR_FLAVOR"),
        ("ECR_TAGS='\ntype=sha\nfoo,enable=${{ a == format('b/{0}', 'c') }}\ntype=edge\n'\nB=1", 3, "ECR_TAGS"),
        ('ECR_TAGS="${{ a', 1, "ECR_TAGS"),
        ("ECR_REPOSITORY=${{ github.repository }}", 1, "ECR_REPOSITORY"),
        ("AWS_ACCOUNT_ID=${{ secrets.ACCOUNT }}", 1, "AWS_ACCOUNT_ID"),
    ],
)
def test_an_expression_of_github_actions_is_an_error(project: Project, text: str, line: int, name: str) -> None:
    project.write(text)
    assert project.problem().startswith(f".env:{line}: {name} has an expression of GitHub Actions (${{{{ … }}}})")


def test_an_expression_of_github_actions_under_another_name_stays_as_it_is(project: Project) -> None:
    path = project.write(
        "WHO=me\nREF=${{ github.ref }}-${WHO}\nECR_REGISTRY=${{ x }}\n#ECR_TAGS=${{ x }}\nECR_TARGET=run # ${{ y }}\n"
    )
    assert read_file(path, {}, {}, Problems()).values["REF"] == "${{ github.ref }}-me"
    assert project.load().target == "run"


def test_values_that_grow_without_end_are_a_mistake_of_their_line(tmp_path: Path) -> None:
    lines = "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 31))
    (path := tmp_path / ".env").write_text(f"A0=0123456789\n{lines}", encoding="utf-8")
    problems = Problems()
    file = read_file(path, {}, {}, problems)
    assert sum(len(value or "") for value in file.values.values()) < 3 * 1024 * 1024
    with pytest.raises(SettingsProblems, match=r".env:15: A14 can't be used: the file's values grow"):
        problems.raise_if_any()


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (path := tmp_path / ".env").write_text("A=1\n" * 100_000, encoding="utf-8")
    problems = Problems()
    assert read_file(path, {}, {}, problems).values == {}
    with pytest.raises(SettingsProblems, match=r".env: can't be read: it has more than 128 KiB"):
        problems.raise_if_any()
