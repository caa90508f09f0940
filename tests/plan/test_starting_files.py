"""The files that `init` writes say what was answered, and what it says to add can be pasted."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from typing import Any

import pytest
from invoke.collection import Collection

from ecr_tasks.plan.starting_files import (
    IGNORED,
    as_yaml,
    beaten_by_environment,
    missing_lines,
    next_lines,
    shared_settings,
    start,
    tasks_lines,
)
from ecr_tasks.plan.starting_point import Answers, StartingPoint, propose
from ecr_tasks.settings.invoke_files import SectionStyle, read, section_style
from ecr_tasks.settings.load import load
from ecr_tasks.settings.setting import Origin
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.project_files import TasksFile, tasks_file

ONE = Answers(region="eu-central-1", account="012345670123", repository="team/app")
SEVERAL = Answers(region="eu-central-1", prefix="team/")
BAKE: dict[str, Any] = {"definition": ("docker-bake.hcl",), "targets": ("api", "web")}


def here(**more: Any) -> StartingPoint:
    """Return a project in which `init` starts."""
    return StartingPoint(folder="shop", **more)


def loaded(path: Path) -> Settings:
    """Return the settings of a project with this configuration."""
    file = read(path)
    return load(path.parent, environ={}, config=file.section, invoke_files=[file])


def write(project: Path, answers: Answers, point: StartingPoint, context: str = ".") -> Settings:
    """Write the files, and return the settings that they give."""
    for name in point.definition:
        (project / name).write_text("", encoding="utf-8")
    for file in start(answers, point, context).files:
        (project / file.name).write_text(file.text, encoding="utf-8")
    return loaded(project / "invoke.yaml")


def test_one_images_settings_stand_in_the_committed_file(tmp_path: Path) -> None:
    settings = write(tmp_path, ONE, here())
    assert (settings.region, settings.account_id, settings.repository) == ("eu-central-1", "012345670123", "team/app")
    assert settings.create_repository
    assert settings.origin("ECR_REPOSITORY").file == tmp_path / "invoke.yaml"


def test_several_images_settings_are_the_file_and_the_prefix(tmp_path: Path) -> None:
    settings = write(tmp_path, SEVERAL, here(**BAKE))
    assert settings.bake_file == (tmp_path / "docker-bake.hcl",)
    assert (settings.repository, settings.repository_prefix, settings.account_id) == (None, "team/", None)


@pytest.mark.parametrize(
    ("dockerfile", "context", "expected"),
    [
        ("app/Dockerfile", "app", ("app", "Dockerfile")),
        ("docker/Dockerfile", ".", (".", "docker/Dockerfile")),
        ("app/web.Dockerfile", "app", ("app", "app/web.Dockerfile")),
        ("Containerfile", ".", (".", "Containerfile")),
        ("", ".", (".", "Dockerfile")),
    ],
)
def test_a_dockerfile_elsewhere_is_built(
    tmp_path: Path, dockerfile: str, context: str, expected: tuple[str, str]
) -> None:
    answers = Answers(repository="team/app", dockerfile=dockerfile)
    settings = write(tmp_path, answers, here(dockerfiles=(dockerfile,)), context)
    assert (Path(settings.context), settings.dockerfile) == (tmp_path / expected[0], expected[1])


@pytest.mark.parametrize("answers", [ONE, SEVERAL, Answers(repository="app")])
def test_the_examples_in_it_are_settings_too(tmp_path: Path, answers: Answers) -> None:
    point = here(**BAKE) if answers.prefix else here()
    write(tmp_path, answers, point)
    path = tmp_path / "invoke.yaml"
    lines = path.read_text(encoding="utf-8").replace("  # ", "  ", 1 << 20).splitlines()
    text = "\n".join(line.partition("  credentials")[0].partition("  the first")[0] for line in lines)
    path.write_text(text + "\n", encoding="utf-8")
    settings = loaded(path)
    assert (settings.region, len(settings.platforms), len(settings.destinations)) == ("eu-central-1", 2, 1)


def test_what_is_private_stands_in_a_file_of_ones_own(tmp_path: Path) -> None:
    (file,) = [file for file in start(Answers(profile="team"), here()).files if file.is_private]
    assert (file.name, "AWS_PROFILE=team" in file.text.splitlines()) == (".env", True)
    (file,) = [file for file in start(Answers(), here(env_file=".env.ecr")).files if file.is_private]
    assert file.name == ".env.ecr"
    (tmp_path / ".env.ecr").write_text(file.text, encoding="utf-8")
    assert load(tmp_path, environ={}).aws_profile is None


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("invoke.yaml", "run: {echo: true}\n", ""),
        ("invoke.yaml", "ecr:\n  target: runtime\n", ""),
        ("invoke.yaml", "ecr:\n      target: runtime\n", ""),
        ("invoke.yaml", "ecr: {", "}\nrun: {echo: true}"),
        ("invoke.yaml", "ecr: {", "target: runtime}"),
        ("invoke.yaml", "{ecr: {", "target: runtime}, run: {echo: true}}"),
        ("invoke.json", '{"run": {"echo": true}', "}"),
        ("invoke.json", '{"ecr": {', '"target": "runtime"}}'),
        ("invoke.json", '{"ecr": {', "}}"),
        ("invoke.py", "run = {}\n", ""),
    ],
)
@pytest.mark.parametrize("answers", [ONE, Answers(region="us-east-1", repository="xy")])
def test_what_to_add_to_an_existing_file_can_be_pasted(
    tmp_path: Path, name: str, before: str, after: str, answers: Answers
) -> None:
    path = tmp_path / name
    path.write_text(before + after, encoding="utf-8")
    style = section_style(path)
    assert (style.form == "absent") is ("ecr" not in before)
    result = start(answers, here(invoke_file=name, section=style))
    (addition,) = result.additions
    assert name in addition.where
    assert "invoke.yaml" not in [file.name for file in result.files]
    pasted = "\n".join(addition.lines)
    comma = "," if name.endswith(".json") and style.form == "absent" else ""
    path.write_text(f"{before}{comma}{pasted}\n{after}", encoding="utf-8")
    if name.endswith(".py"):
        values: dict[str, Any] = {}
        exec(path.read_text(encoding="utf-8"), values)  # noqa: S102 - as Invoke does with its Python file
        settings = load(tmp_path, environ={}, config=values["ecr"])
    else:
        settings = loaded(path)
    assert (settings.region, settings.repository) == (answers.region, answers.repository)
    assert settings.account_id == (answers.account or None)


def test_only_what_is_missing_is_to_be_added() -> None:
    place = Origin("config", "region", Path("invoke.yaml"), 2)
    known = {"AWS_REGION": ("eu-central-1", place), "ECR_CREATE_REPOSITORY": ("false", place)}
    point = here(invoke_file="invoke.yaml", section=SectionStyle("lines"), settings=known)
    (addition,) = start(propose(Answers(), point), point).additions
    assert addition.lines == ("  repository: shop",)
    known |= {"ECR_REPOSITORY": ("shop", place)}
    point = here(invoke_file="invoke.yaml", section=SectionStyle("lines"), settings=known)
    assert start(propose(Answers(), point), point).additions == ()


@pytest.mark.parametrize(
    "text",
    [
        "from invoke.tasks import task\n\n\n@task\ndef clean(c):\n    pass\n\n\n"
        "@task(iterable=['x'])\ndef docs(c, x):\n    pass\n",
        "from invoke import Collection, task\n\n\n@task\ndef clean(c):\n    pass\n\n\nns = Collection(clean)\n",
        "import invoke\n\n\n@invoke.task\ndef clean(c):\n    pass\n\n\nnamespace = invoke.Collection(clean)\n",
        "# nothing yet\n",
    ],
)
def test_what_to_add_to_existing_tasks_gives_both(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tasks.py"
    path.write_text(text, encoding="utf-8")
    tasks = tasks_file(tmp_path)
    assert tasks is not None
    assert not tasks.has_ours
    module: dict[str, Any] = {}
    exec(text + "\n".join(tasks_lines(here(tasks=tasks))), module)  # noqa: S102 - the user's own file
    collection = module.get("ns") or module["namespace"]
    assert isinstance(collection, Collection)
    assert {"ecr.build", "ecr.push"} <= set(collection.task_names)
    assert ("clean" in collection.task_names) is ("clean" in text)


@pytest.mark.parametrize(
    ("answers", "point", "to_commit", "in_git", "expected"),
    [
        (
            ONE,
            here(credentials=True),
            ("invoke.yaml",),
            True,
            ["git add invoke.yaml", "inv doctor", "inv build push"],
        ),
        (ONE, here(credentials=True), (), True, ["inv doctor", "inv plan", "inv build push"]),
        (ONE, here(), (), True, ["inv settings", "inv local plan", "inv local build push"]),
        (ONE, here(credentials=True), ("invoke.yaml",), False, ["inv doctor", "inv plan", "inv build push"]),
        (ONE, here(), ("x y",), True, ["git add 'x y'", "inv local plan", "inv local build push"]),
        (Answers(repository="a"), here(credentials=True), ("x",), True, ["git add", "inv local", "inv local build"]),
        (
            ONE,
            here(credentials=True, tasks=TasksFile("tasks.py", has_ours=True)),
            (),
            True,
            ["ecr-tasks doctor", "ecr-tasks plan", "ecr-tasks build push"],
        ),
        (
            ONE,
            here(credentials=True, tasks=TasksFile("tasks.py", has_ours=True, has_root_names=True)),
            (),
            True,
            ["inv doctor", "inv plan", "inv build push"],
        ),
        (
            ONE,
            here(credentials=True, tasks=TasksFile("tasks.py", has_ours=False)),
            (),
            True,
            ["ecr-tasks doctor", "ecr-tasks plan", "ecr-tasks build push"],
        ),
    ],
)
def test_the_next_three_lines_lead_to_a_push(
    answers: Answers, point: StartingPoint, to_commit: tuple[str, ...], in_git: bool, expected: list[str]
) -> None:
    lines = next_lines(answers, point, to_commit, in_git=in_git, inv="inv", program="ecr-tasks")
    assert len(lines) == 3
    for line, beginning in zip(lines, expected, strict=True):
        assert line.startswith(beginning)


def test_without_inv_the_program_is_ours() -> None:
    lines = next_lines(ONE, here(), (), in_git=True, program="uvx --from ../it ecr-tasks")
    assert all(line.startswith("uvx --from ../it ecr-tasks ") for line in lines)


def test_what_the_environment_overrides_is_said() -> None:
    point = here(settings={"AWS_REGION": ("us-east-1", Origin("environment", "AWS_REGION"))})
    (sentence,) = beaten_by_environment(ONE, point)
    assert sentence.startswith("The environment's AWS_REGION=us-east-1 beats eu-central-1")
    assert beaten_by_environment(ONE, here()) == ()


def test_a_bake_file_is_not_named_where_a_dockerfile_is_chosen() -> None:
    section = shared_settings(Answers(repository="a", dockerfile="Dockerfile"), here(**BAKE))
    assert "bake_file" not in section


@pytest.mark.parametrize("value", ["on", "012345670123", "1:30", "a: b", "x\ny", "é", "# no", ""])
def test_yaml_gives_each_text_back(tmp_path: Path, value: str) -> None:
    path = tmp_path / "invoke.yaml"
    path.write_text("\n".join(["ecr:", *(f"  {line}" for line in as_yaml({"target": value}))]), encoding="utf-8")
    assert read(path).section == {"target": value}


@pytest.mark.parametrize(
    "existing", [lines_ for size in (0, 1, 2) for lines_ in itertools.permutations(IGNORED[".gitignore"], size)]
)
def test_git_ignores_settings_and_not_the_example_with_any_existing_lines(
    tmp_path: Path, existing: tuple[str, ...]
) -> None:
    content = "".join(f"{line}\n" for line in existing)
    added = "\n".join(missing_lines(content.encode(), IGNORED[".gitignore"]))
    (tmp_path / ".gitignore").write_text(f"{content}{added}\n", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", "."], cwd=tmp_path, check=True)
    paths = (".env", ".env.prod", ".env.ecr", ".env.example", ".ecr-tasks/receipt.json", "app.py")
    result = subprocess.run(
        ["git", "check-ignore", *paths], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    ignored = set(result.stdout.split())
    if existing[:2] != ("!.env.example", ".env.*"):  # there, the user's own order ignores the example
        assert ".env.example" not in ignored
    assert ignored - {".env.example"} == {".env", ".env.prod", ".env.ecr", ".ecr-tasks/receipt.json"}


def test_nothing_is_to_be_added_to_tasks_that_can_not_be_loaded() -> None:
    point = here(credentials=True, tasks=TasksFile("tasks.py", has_ours=False, mistake="line 2: invalid syntax"))
    assert "tasks.py" not in [addition.file for addition in start(ONE, point).additions]
    broken = TasksFile("tasks.py", has_ours=True, has_root_names=True, mistake="line 2: x")
    lines = next_lines(ONE, here(credentials=True, tasks=broken), (), in_git=True, inv="inv")
    assert lines[-1] == "ecr-tasks build push"
