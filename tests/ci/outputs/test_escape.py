"""Escaping: whatever a branch, a tag or an error holds, each CI reads back that and nothing else."""

from __future__ import annotations

import html
import re
import shlex
import subprocess
from io import StringIO

from dotenv import dotenv_values
from hypothesis import given, settings

from ecr_tasks.ci.outputs import escape
from ecr_tasks.one_line import one_line
from tests.ci.outputs.texts import HOSTILE, VALID


@given(VALID)
def test_a_dotenv_file_gives_the_text_on_one_line(text: str) -> None:
    line = escape.dotenv(text)
    assert "\n" not in line
    expected = one_line(text)
    assert shlex.split(f"KEY={line}") == [f"KEY={expected}"]
    if not {"'", "\\"} & set(expected):  # there the shell and dotenv's parsers part
        assert dotenv_values(stream=StringIO(f"KEY={line}\nNEXT=1\n"), interpolate=False) == {
            "KEY": expected,
            "NEXT": "1",
        }


@settings(max_examples=20, deadline=None)
@given(VALID)
def test_a_shell_that_sources_it_runs_nothing(text: str) -> None:
    script = f"KEY={escape.dotenv(text)}\nprintf '%s' \"$KEY\""
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout.decode() == one_line(text)
    assert done.stderr == b""


def test_references_and_tags_are_bare_in_a_dotenv_file() -> None:
    for text in ("123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@sha256:0a", "v1.2.3,main,latest", ""):
        assert escape.dotenv(text) == text


@given(HOSTILE)
def test_properties_read_back(text: str) -> None:
    escaped = escape.properties(text)
    assert re.fullmatch(r"[ -~]*", escaped)
    assert not escaped.startswith(" ")
    read = re.sub(
        r"\\u([0-9a-f]{4})|\\(.)", lambda match: chr(int(match[1], 16)) if match[1] else match[2], escaped, flags=re.S
    )
    assert read.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


@given(HOSTILE)
def test_markdown_is_text_and_stays_in_its_cell(text: str) -> None:
    escaped = escape.markdown(text)
    bare = re.sub(r"&#\d+;", "", escaped)
    assert not set(bare) & set("|`*_[]<>&#!~\\:@\n\r\"'$")
    plain = one_line(text)
    assert re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), escaped) == plain


@given(VALID)
def test_code_is_code_and_stays_in_its_cell(text: str) -> None:
    escaped = escape.code(text)
    assert "|" not in escaped
    assert "\n" not in escaped
    inner = escaped[1:-1] if escaped.startswith("`") else escaped.removeprefix("<code>").removesuffix("</code>")
    assert re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), inner) == one_line(text)
    assert html.escape(inner, quote=False).count("<") == 0
