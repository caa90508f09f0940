"""Tests of the package as it is installed: the content of the wheel, and its imports."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import ecr_tasks

CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and return its path."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_its_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "ecr_tasks/py.typed" in names
    assert "ecr_tasks/local_ecr/__main__.py" in names
    files = (path for path in (CHECKOUT / "ecr_tasks").rglob("*") if path.is_file() and path.suffix != ".pyc")
    missing = {path.relative_to(CHECKOUT).as_posix() for path in files} - set(names)
    assert not missing  # the page, a host's script and units, the pipelines' templates
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ecr_tasks"}


def test_the_tasks_run_from_the_wheel_without_a_tasks_py(wheel: Path, tmp_path: Path) -> None:
    """The console script runs with no checkout on the path."""
    target = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(target)
    script = f"import sys; sys.path.insert(0, {str(target)!r}); from ecr_tasks.__main__ import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", script, "local.status", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert '"running": false' in result.stdout


def test_promote_imports_neither_git_nor_the_tag_rules_nor_the_sdk() -> None:
    """Each of their imports would be a part of the time that `inv bench --row 'promote-*'` measures."""
    code = """
import sys
import ecr_tasks.clients.ecr.registry
from ecr_tasks import ns
from ecr_tasks.tasks import images, promote
print(*sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow = {
        "ecr_tasks.tags.evaluate",
        "ecr_tasks.source.git.read",
        "ecr_tasks.plan.plan",
        "ecr_tasks.plan.repository.desired",
        "botocore",
        "boto3",
    }
    assert slow & set(result.stdout.split()) == set()


def test_what_tasks_of_ones_own_import_costs_neither_sdk_nor_rich() -> None:
    code = """
import ecr_tasks, sys
assert "invoke" not in sys.modules
from ecr_tasks import build, ns, push, receipt
print(*sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(result.stdout.split())
    assert modules & {"boto3", "botocore", "python_on_whales", "rich", "hashlib"} == set()
    modules -= {"ecr_tasks.model.wording"}  # a few words
    layers = ("model", "source", "ci", "tags", "plan", "handoff", "iam", "checks", "clients", "execute")
    assert [name for name in modules for layer in layers if name.startswith(f"ecr_tasks.{layer}.")] == []


def test_docker_and_clients_of_a_publication_import_no_more_than_they_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\necho done\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    code = """
import os, sys
from pathlib import Path
from ecr_tasks.clients.docker.command_line import CommandLine
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.settings.load import load
config = PrivateConfig(os.environ)
commands = CommandLine(config, Path.cwd(), live=False)
assert commands.show(commands.docker("push", "app:1")).code == 0
assert commands.output("look", commands.docker("image", "inspect", "app:1")) == "done"
config.close()
environ = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
AwsSession(load(Path.cwd(), environ=environ)).ecr()
print(*sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"python_on_whales", "boto3", "s3transfer"} & set(result.stdout.split()) == set()


LIST_IMPORTS = """
__future__ gc
ecr_tasks ecr_tasks.signals ecr_tasks.errors ecr_tasks.one_line ecr_tasks.redaction ecr_tasks.console
ecr_tasks.terminal ecr_tasks.terminal.colour ecr_tasks.terminal.gathering ecr_tasks.terminal.spinner
ecr_tasks.terminal.streams ecr_tasks.terminal.text ecr_tasks.runner.logs
ecr_tasks.runner ecr_tasks.runner.decorator ecr_tasks.runner.ecr_task ecr_tasks.runner.command_line
ecr_tasks.runner.exit_codes ecr_tasks.runner.task_failed ecr_tasks.runner.invoke_config
ecr_tasks.runner.invoke_start
ecr_tasks.runner.typed_commands ecr_tasks.tasks ecr_tasks.tasks.collection ecr_tasks.tasks.shell
"""
"""What `inv --list` imports beside Invoke: this, and a module for each task."""


@pytest.mark.parametrize("line", [["--list"], ["--help", "build"], ["--complete", "--", "inv ", "bu"]])
def test_list_help_and_completion_import_little_beside_invoke(tmp_path: Path, line: list[str]) -> None:
    (tmp_path / "tasks.py").write_text("from ecr_tasks import ns\n", encoding="utf-8")
    code = """
import atexit, sys
from invoke.main import program
before = set(sys.modules)
atexit.register(lambda: print(*sorted(set(sys.modules) - before), sep="\\n", file=sys.stderr))
program.run()
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *line], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    modules = set(done.stderr.split()) - {"tasks"}
    tasks = {ecr_tasks.ns[name].body.__module__ for name in ecr_tasks.ns.task_names}
    arguments = {"ecr_tasks.runner.argument"} if "--help" in line else set()
    assert modules - set(LIST_IMPORTS.split()) - tasks == arguments


@pytest.mark.parametrize("program", ["invoke", "ecr_tasks"])
def test_at_the_end_of_list_python_has_nothing_to_search_for_garbage(tmp_path: Path, program: str) -> None:
    """It searched all that was loaded, which made `inv --list` take more than a tenth longer than Invoke's own."""
    (tmp_path / "tasks.py").write_text("from ecr_tasks import ns\n", encoding="utf-8")
    code = f"""
import atexit, gc, sys
atexit.register(lambda: print(len(gc.get_objects()) < gc.get_freeze_count() / 10, file=sys.stderr))
import runpy
runpy.run_module({program!r}, run_name="__main__")
"""
    line = [sys.executable, "-c", code, "--list"]
    assert subprocess.run(line, cwd=tmp_path, check=True, capture_output=True, text=True).stderr == "True\n"


def test_what_list_imports_has_no_dataclass() -> None:
    """To make one takes as long as to import three modules: with six, `inv --list` took 20 % more than Invoke."""
    code = """
import dataclasses, sys
from ecr_tasks import ns
ours = [module for name, module in sys.modules.items() if name.startswith("ecr_tasks")]
values = {value for module in ours for value in vars(module).values() if isinstance(value, type)}
print(*(value.__name__ for value in values if dataclasses.is_dataclass(value)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_what_a_publication_imports_compiles_neither_methods_nor_patterns() -> None:
    """They took a fifth of an unchanged `inv build push`; `ecr_tasks.frozen` and `re` compile at the first use."""
    code = """
import dataclasses, re, sys
import ecr_tasks.clients.docker.client, ecr_tasks.clients.ecr.registry
from ecr_tasks.runner import build_steps, publish_steps
from ecr_tasks.tasks import collection
later = ("checks.", "clients.docker.")  # what only a build needs, and searches many texts
for name, module in list(sys.modules.items()):
    if name.startswith("ecr_tasks"):
        for value in vars(module).values():
            if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__dataclass_params__.init:
                print(name, value)
            if isinstance(value, re.Pattern) and not name.removeprefix("ecr_tasks.").startswith(later):
                print(name, value)
for module in ("clients.docker.errors", "clients.docker.transient"):
    for value in vars(sys.modules["ecr_tasks." + module]).values():
        if isinstance(value, re.Pattern):
            print(module, value)
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == ""


def test_an_unchanged_publication_imports_little_of_what_a_build_or_a_setting_needs() -> None:
    code = """
import sys
import ecr_tasks.clients.ecr.registry, ecr_tasks.settings.load, ecr_tasks.source.bases, ecr_tasks.plan.images
from ecr_tasks.execute import earlier_builds
from ecr_tasks.runner import build_steps, publication, publish_steps
from ecr_tasks.tasks import collection
print(*sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    interfaces = {"model.ports", "model.account", "model.repository", "model.image_config", "model.local_image"}
    builds = {"execute.build", "execute.from_builder", "execute.attestations", "plan.builder", "plan.image_store"}
    of_settings = {"settings.dotenv", "settings.invoke_files", "yaml_documents", "model.scan", "model.signing"}
    others = {
        "tags.js_regexp",
        "plan.parts",
        "plan.promotion",
        "execute.move_latest",
        "source.git.history",
        "terminal.wrap",
    }
    context = {"source.build_context.dockerignore_pattern", "source.build_context.linear_match"}
    unused = {f"ecr_tasks.{name}" for name in (*interfaces, *builds, *of_settings, *others, *context)}
    assert unused & set(result.stdout.split()) == set()


def test_outside_of_a_ci_no_system_of_its_own_is_imported() -> None:
    code = """
import sys
from ecr_tasks.ci.detect import detect, in_ci
assert not in_ci({})
detect({})
print(*sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in result.stdout.split() if name.endswith(".facts") and name != "ecr_tasks.ci.facts"] == []


def test_a_build_imports_neither_a_repositorys_settings_nor_the_gates() -> None:
    code = """
import sys
import ecr_tasks.clients.docker.client, ecr_tasks.execute.build
from ecr_tasks.checks import before_build
from ecr_tasks.runner import build_steps, managed_signing, publish_steps
print(*sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unused = ("plan.repository.desired", "plan.gates", "plan.provenance", "source.git.branches", "model.signing")
    assert {f"ecr_tasks.{name}" for name in unused} & set(result.stdout.split()) == set()


def test_every_public_name_is_there() -> None:
    assert set(ecr_tasks._MODULES) == set(ecr_tasks.__all__) - {"__version__"}
    for name in ecr_tasks.__all__:
        assert getattr(ecr_tasks, name) is not None
    with pytest.raises(AttributeError, match="nosuch"):
        getattr(ecr_tasks, "nosuch")  # noqa: B009 - which mypy would refuse
