"""What the scripts in script/lib do for all others, and what a test does that a script can't serve."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.test_lock import CHECKOUT
from tests.support import scripts

SOURCED = f". {CHECKOUT}/script/lib/common.bash; . {CHECKOUT}/script/lib/venv.bash; "


def bash(script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run lines of bash after the libraries, as the scripts do."""
    command = ["bash", "-euo", "pipefail", "-c", SOURCED + script]
    return subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


def test_progress_is_on_stderr_and_the_commands_own_output_and_exit_code_stay(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(3_000_000))
    done = bash(f"with_progress 'Downloading it' {tmp_path} sh -c 'echo out; sleep 1.1; exit 3'")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "")
    done = bash(f"with_progress 'Downloading it' {tmp_path} sleep 1.1; echo then")
    assert done.stdout == "then\n"
    assert done.stderr.startswith("  Downloading it: ")
    assert "3 MB" in done.stderr


def test_what_is_quick_is_not_mentioned(tmp_path: Path) -> None:
    assert bash(f"SECONDS=0; with_progress 'Downloading it' {tmp_path} true").stderr == ""


def test_on_a_terminal_one_line_changes_and_is_gone_at_the_end(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    script = SOURCED + f"with_progress 'Downloading it' {tmp_path} sleep 2.5"
    subprocess.run(["bash", "-euc", script], stderr=theirs, check=True)
    os.close(theirs)
    output = b""
    # Linux ends a terminal that nobody writes to any more with an error, others with nothing.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 10_000):
            output += part
    os.close(ours)
    shown = output.decode()
    assert shown.count("\n") == 1
    assert "\r\x1b[K  Downloading it … " in shown
    assert shown.rpartition("\x1b[K")[2].startswith("  Downloading it: ")


def test_uv_takes_the_indexes_of_pips_configuration(tmp_path: Path) -> None:
    """Else a machine that reaches only a mirror of its own could not install."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").write_text("#!/bin/sh\nenv | grep -E '^(UV_|SSL_)' | sort\necho \"$@\"\n", "utf-8")
    (programs / "python").symlink_to(sys.executable)
    (programs / "uv").chmod(0o755)
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        "[global]\nindex-url = https://mirror.example/simple\nextra-index-url =\n  https://one.example\n  https://two.example\n"
        "cert = /ca.pem\n[install]\nfind-links = /wheels\n",
        "utf-8",
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_", "SSL_"))}
    command = ["bash", "-euc", f"{SOURCED} venv={tmp_path}; uv_install six; cat {tmp_path}/uv.log"]
    done = subprocess.run(
        command,
        env=environ | {"PIP_CONFIG_FILE": str(configuration), "XDG_CONFIG_DIRS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    told = done.stdout.splitlines()
    assert "UV_DEFAULT_INDEX=https://mirror.example/simple" in told
    assert "UV_INDEX=https://one.example https://two.example" in told
    assert "UV_FIND_LINKS=/wheels" in told
    assert "SSL_CERT_FILE=/ca.pem" in told
    assert told[-1].endswith("--compile-bytecode six")


@pytest.mark.parametrize("missing", ["", "apt-get", "dpkg", "dpkg-deb"])
def test_debian_is_where_all_of_its_programs_are(tmp_path: Path, missing: str) -> None:
    (tmp_path / "os-release").touch()
    for name in {"apt-get", "dpkg", "dpkg-deb"} - {missing}:
        (tmp_path / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    script = f". {CHECKOUT}/script/lib/debian.bash; os_release={tmp_path}/os-release PATH={tmp_path}; debian_here"
    assert bash(script).returncode == (1 if missing else 0)


@pytest.mark.parametrize(("ci", "ending"), [("true", AssertionError), ("", pytest.skip.Exception)])
def test_programs_that_can_not_be_had_fail_a_test_in_ci_and_skip_it_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ci: str, ending: type[BaseException]
) -> None:
    """Each test's own environment has no CI any more."""
    (tmp_path / "script").mkdir()
    (tmp_path / "script" / "clients").write_text("#!/bin/sh\necho none here >&2\nexit 3\n", encoding="utf-8")
    (tmp_path / "script" / "clients").chmod(0o755)
    monkeypatch.setattr(scripts, "CHECKOUT", tmp_path)
    monkeypatch.setitem(scripts.USER_ENVIRONMENT, "CI", ci)
    with pytest.raises((AssertionError, pytest.skip.Exception), match="none here") as caught:
        scripts.path_with_clients("")
    assert caught.type is ending
