"""TeamCity's properties files."""

from __future__ import annotations

import pytest

from tests.ci.recorded import Recorded


@pytest.mark.parametrize(
    ("text", "branch"),
    [
        ("teamcity.build.branch=a/b", "a/b"),
        ("teamcity.build.branch : a/b ", "a/b"),
        ("  teamcity.build.branch a/b", "a/b"),
        ("teamcity.build.branch=a/\\\n    b", "a/b"),
        ("teamcity.build.branch=a\\\\\nother=b", "a\\"),
        ("teamcity.build.branch=a\\=b", "a=b"),
        ("teamcity.build\\.branch=gr\\u00FCn", "grün"),
        ("teamcity.build.branch=\\uD83D\\uDE80", "\N{ROCKET}"),
        ("#teamcity.build.branch=a\n!teamcity.build.branch=b\r\n\r\nteamcity.build.branch=c\r\n", "c"),
        ("#a comment is not continued \\\nteamcity.build.branch=a", "a"),
        ("teamcity.build.branch=%teamcity.branch%", None),
        ("teamcity.build.branch=", None),
        ("teamcity.build.branch", None),
    ],
)
def test_javas_properties(text: str, branch: str | None) -> None:
    """java.util.Properties.load's format."""
    environ = {"TEAMCITY_VERSION": "2024.03", "TEAMCITY_BUILD_PROPERTIES_FILE": "/build"}
    assert Recorded("teamcity", "", environ, {"/build": text}, {}).detect().branch == branch
