"""What TeamCity gets: service messages in a file, whose values it reads back."""

from __future__ import annotations

import re

from hypothesis import example, given

from ecr_tasks.ci.outputs.adapter import Write
from ecr_tasks.ci.teamcity.outputs import TeamCity, escape
from tests.ci.outputs.build import REFERENCE, actions_of
from tests.ci.outputs.texts import HOSTILE


def test_teamcity_has_a_file_to_print() -> None:
    (written,) = actions_of(TeamCity())
    assert isinstance(written, Write)
    lines = written.text.splitlines()
    assert f"##teamcity[setParameter name='env.IMAGE' value='{REFERENCE}']" in lines
    assert lines[-1] == "##teamcity[buildStatus text='{build.status.text}; team/app 1.2.3']"
    (problem,) = TeamCity().error("It's [broken].", "Mend it.", {})
    assert problem == Write(
        "teamcity.txt",
        "##teamcity[buildProblem description='ecr-tasks: It|'s |[broken|]. Mend it.' identity='ecr-tasks']\n",
    )


@given(HOSTILE)
@example("it's [a] |pipe|\nand 💥")
def test_teamcity_reads_back_an_attribute(text: str) -> None:
    escaped = escape(text)
    assert re.fullmatch(r"(?:[^|'\[\]\x00-\x1f\x7f-\uffff]|\|[|'\[\]nr]|\|0x[0-9A-F]{4})*", escaped)
    simple = {"||": "|", "|'": "'", "|[": "[", "|]": "]", "|n": "\n", "|r": "\r"}
    read = re.sub(
        r"\|0x([0-9A-F]{4})|\|[|'\[\]nr]",
        lambda match: chr(int(match[1], 16)) if match[1] else simple[match[0]],
        escaped,
    )
    assert read.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")
