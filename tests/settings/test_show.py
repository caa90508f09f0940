"""What people and programs see of the settings, and `.env.example`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv.parser import parse_stream

from ecr_tasks.checks.leaked_keys import find_keys
from ecr_tasks.settings import env_example as example
from ecr_tasks.settings.errors import SettingsProblems
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.tasks.settings import as_json, as_rows, shown
from tests.settings.conftest import Project

ROOT = Path(__file__).parents[2]


def test_every_setting_has_a_row_with_its_value_and_origin(project: Project) -> None:
    project.write("ECR_REPOSITORY=app\nAWS_MAX_ATTEMPTS=3\nMY_APP=x")
    rows = {name: (value, origin) for name, value, origin in as_rows(project.load({"AWS_REGION": "eu-west-1"}))}
    assert set(TABLE) <= set(rows)
    assert rows["ECR_REPOSITORY"] == ("app", ".env:1")
    assert rows["AWS_REGION"] == ("eu-west-1", "environment variable AWS_REGION")
    assert rows["AWS_ACCOUNT_ID"] == ("(the caller's)", "default")
    assert rows["ECR_CACHE"] == ("off", "default")
    assert "AWS_MAX_ATTEMPTS" in rows
    assert "MY_APP" not in rows


def test_json_has_the_same_and_null_for_what_is_not_set(project: Project) -> None:
    project.write("ECR_PLATFORMS=linux/amd64")
    document = json.loads(json.dumps(as_json(project.load())))
    assert document["files"] == [str(project.path / ".env")]
    assert document["settings"]["ECR_PLATFORMS"] == {
        "value": "linux/amd64",
        "origin": ".env:1",
        "from": "file",
    }
    assert document["settings"]["AWS_REGION"]["value"] is None


SECRETS = """
AWS_ACCESS_KEY_ID=AKIAHUNTERHUNTER2345
AWS_SECRET_ACCESS_KEY=hunter2
AWS_SESSION_TOKEN=hunter2
AWS_SOMETHING_NEW=hunter2
AWS_ENDPOINT_URL=https://user:hunter2@host/
ECR_CONTEXT=https://hunter2@github.com/org/app
ECR_BUILD_ARGS="
TOKEN=hunter2,hunter2
VERSION
"
ECR_CACHE=type=s3,bucket=b,access_key_id=hunter2,secret_access_key=hunter2
NPM_TOKEN=hunter2
VERSION=hunter2
"""


def test_secrets_are_hidden_everywhere(project: Project) -> None:
    project.write(SECRETS)
    settings = project.load()
    seen = "\n".join(
        [
            json.dumps(as_json(settings)),
            repr(as_rows(settings)),
            repr(settings),
            str(settings),
            repr(settings.values["AWS_SECRET_ACCESS_KEY"]),
            repr(settings.values["ECR_BUILD_ARGS"]),
        ]
    )
    assert "hunter2" not in seen
    assert "AKIAHUNTER" not in seen
    shown = {name: value for name, value, _ in as_rows(settings)}
    assert shown["AWS_ACCESS_KEY_ID"] == "…hidden2345"
    assert shown["ECR_BUILD_ARGS"] == "TOKEN=…hidden, VERSION"
    assert "bucket=b" in shown["ECR_CACHE"]


def test_a_short_access_key_is_hidden_whole(project: Project) -> None:
    assert shown("AWS_ACCESS_KEY_ID", "test") == "…hidden"


def test_the_committed_example_is_the_tables() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == example.render(), "write it anew: python -m ecr_tasks.settings.env_example > .env.example"
    assert text.isascii()
    for name in TABLE:
        assert sum(line.startswith(f"#{name}=") for line in text.splitlines()) == 1
        before = text.splitlines()[text.splitlines().index(f"#{name}={TABLE[name].example}") - 1]
        assert before.startswith("# ")
    assert all(binding.key is None for binding in parse_stream(io.StringIO(text)))


@pytest.mark.parametrize("name", [spec.name for spec in TABLE.values()])
def test_every_example_can_be_used_as_it_stands(project: Project, name: str) -> None:
    for file in ("docker-bake.hcl", "ecr/lifecycle.json", "ecr/policy.json"):
        project.write("", file)
    project.write(f"{name}={TABLE[name].example}")
    project.load()


def test_keys_are_found_with_their_lines(project: Project) -> None:
    path = project.write(
        "\n# AKIAIOSFODNN7EXAMPLE\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=\n"
        "AWS_SESSION_TOKEN=${TOKEN}\n"
        'OTHER="two\nASIAIOSFODNN7EXAMPLE"\nAWS_REGION=eu-west-1\n'
    )
    assert find_keys(path) == [("#", 2), ("AWS_ACCESS_KEY_ID", 3), ("OTHER", 7)]


def test_no_file_holds_no_keys_and_an_unreadable_one_is_not_trusted(project: Project) -> None:
    assert find_keys(project.path / ".env") == []
    assert find_keys(ROOT / ".env.example") == []
    (project.path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsProblems):
        find_keys(project.path / ".env")


def test_importing_and_loading_without_a_file_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ecr_tasks.settings.load import load; "
        "load(Path(sys.argv[1]), environ={}); "
        "heavy = {'dotenv', 'boto3', 'botocore', 'invoke', 'python_on_whales', 'difflib'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
