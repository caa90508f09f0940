"""What holds for every system in the table; finding one by its name."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.ci.oidc.issuer import Issuer
from ecr_tasks.ci.outputs.adapter import Adapter, Append, Print, Start, Write
from ecr_tasks.ci.outputs.files import files
from ecr_tasks.ci.outputs.summary import summary
from ecr_tasks.ci.systems import SYSTEMS, find, outputs_adapter
from ecr_tasks.errors import SettingsError
from tests.ci.outputs.build import ENVIRON, FOLDER, actions_of, output, outputs
from tests.ci.recorded import PROVIDERS

HOSTILE_NAME = "a|b\n::error::x\n##vso[task.complete]'##teamcity[x]`$(id)` é"


def test_there_is_an_adapter_for_every_ci() -> None:
    assert set(SYSTEMS) == set(PROVIDERS)
    for system in SYSTEMS.values():
        assert isinstance(system.adapter(), Adapter)
    for provider in (None, "", "someone-elses"):
        assert outputs_adapter(provider).outputs(outputs(), ENVIRON, FOLDER) == ()


def test_a_secret_is_in_no_argument_and_no_repr() -> None:
    for provider in PROVIDERS:
        for action in outputs_adapter(provider).mask("the-secret"):
            assert "the-secret" not in repr(action)


def test_every_file_of_a_systems_folder_is_in_the_table() -> None:
    for system in SYSTEMS.values():
        folder = Path(str(resources.files("ecr_tasks.ci") / system.name))
        assert (folder / "facts.py").is_file()
        assert (folder / system.template).is_file()
        assert (folder / "outputs.py").exists() == bool(system.outputs)
        assert (folder / "oidc.py").exists() == (not system.no_oidc) == isinstance(system.issuer(), Issuer)


def test_the_variables_that_name_a_run() -> None:
    names = {name: system.run_variables() for name, system in SYSTEMS.items() if system.run_variables()}
    assert names.keys() == {"github", "gitlab", "buildkite", "circleci", "azure", "bitbucket", "jenkins"}
    assert all(len(variables) >= 2 for variables in names.values())


@pytest.mark.parametrize("provider", ["jenkins", "codebuild", "drone", "woodpecker", None])
def test_the_others_read_files(provider: str | None) -> None:
    adapter = outputs_adapter(provider)
    assert adapter.outputs(outputs(), ENVIRON, FOLDER) == ()
    assert (adapter.group_start("Build", 0), adapter.group_end("Build", 0)) == (None, None)
    assert adapter.error("It broke.", "Mend it.", {}) == ()
    assert adapter.mask("a-secret") == ()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_after_a_push_that_failed_only_the_summary_is_told(provider: str) -> None:
    run = outputs(output(state="built"), complete=False)
    actions = actions_of(outputs_adapter(provider), run)
    texts = [action.stdin if isinstance(action, Start) else repr(action) for action in actions]
    summaries = [text for text in texts if "built, not published" in text or "summary" in text]
    assert not any("IMAGE" in text or "setvariable" in text or "<<" in text for text in texts)
    assert len(summaries) == (provider in ("github", "buildkite", "azure"))
    written = {action.name: action.text for action in files(run)}
    assert written["outputs.env"] == written["outputs.properties"] == ""
    assert "built, not published" in written["summary.md"]


@given(st.sampled_from(PROVIDERS), st.text(max_size=20) | st.just(HOSTILE_NAME), st.booleans())
def test_hostile_names_stay_on_their_line(provider: str, text: str, built: bool) -> None:
    """Nothing that a project can be called makes a command, an assignment or a row of its own."""
    run = outputs(
        output(name=text, version=text, because=text, tags=(text,), state="built" if built else "pushed"),
        branch=text,
        receipt=text,
    )
    for action in [
        *actions_of(outputs_adapter(provider), run),
        *outputs_adapter(provider).error(text, text, ENVIRON),
    ]:
        if isinstance(action, Print):
            assert not re.search(r"[\r\n]", action.text)
            assert action.text.startswith(("::error title=ecr-tasks::", "##vso[task.", "^^^"))
        if isinstance(action, Write):
            assert all(line.startswith("##teamcity[") for line in action.text.splitlines())
        if isinstance(action, Append) and action.path in ("/ci/bash_env", "/ci/variables"):
            for line in action.text.rstrip("\n").split("\n"):
                assert re.match(r"(export )?IMAGES?(_[A-Z]+)?=", line)
    page = summary(run)
    rows = [line for line in page.split("\n") if line and not line.startswith("###")]
    assert all(line.count("|") == 3 for line in rows)


def test_a_name_is_found_and_a_near_one_is_guessed() -> None:
    assert find("GitHub") is SYSTEMS["github"]
    with pytest.raises(SettingsError, match="Did you mean jenkins"):
        find("jenkns")
    with pytest.raises(SettingsError, match="woodpecker"):
        find("hudson")
