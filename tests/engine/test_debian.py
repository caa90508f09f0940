"""Tests of script/lib/debian.bash: packages of a newer release come from the mirror and keys of the machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[2] / "script/lib"

ONE_LINE_STYLE = """\
# a comment
deb http://mirror.example/debian bookworm main contrib
deb http://mirror.example/debian bookworm-updates main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/keys/other.gpg] https://other.example/apt bookworm stable
"""
WITH_OPTIONS = "deb [ arch=amd64 signed-by=/keys/debian.gpg ] http://mirror.example/debian/ bookworm main\n"
DEB822_STYLE = """\
# This machine's image was made from a snapshot.
Types: deb deb-src
# http://snapshot.example/
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /keys/debian.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /keys/debian.gpg
"""
SEVERAL_URIS = """\
Types: deb
URIs: http://one.example/debian
 http://two.example/debian
Suites: stable
Components: main non-free-firmware

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no"""


def call_bash_function(
    function: str, folder: Path, release: str = "ID=debian\nVERSION_CODENAME=bookworm\n"
) -> list[str]:
    """Call a function of debian.bash with the apt sources in a folder, and return its lines."""
    (folder / "os-release").write_text(release, encoding="utf-8")
    script = f". {LIBRARY}/common.bash; . {LIBRARY}/debian.bash; os_release=$1/os-release; apt_sources=$1; {function}"
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script, "bash", folder], capture_output=True, text=True, check=True
    )
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.list", ONE_LINE_STYLE, ["deb http://mirror.example/debian forky main contrib"]),
        (
            *("a.list", WITH_OPTIONS),
            ["deb [ arch=amd64 signed-by=/keys/debian.gpg ] http://mirror.example/debian/ forky main"],
        ),
        ("a.sources", DEB822_STYLE, ["deb [signed-by=/keys/debian.gpg] http://mirror.example/debian forky main"]),
        (
            *("a.sources", SEVERAL_URIS),
            [
                "deb http://one.example/debian forky main non-free-firmware",
                "deb http://two.example/debian forky main non-free-firmware",
            ],
        ),
        ("a.sources", "", []),
    ],
    ids=["one-line", "options", "deb822", "several", "none"],
)
def test_sources_keep_the_mirror_and_keys_of_the_machine(
    name: str, content: str, expected: list[str], tmp_path: Path
) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / name).write_text(content, encoding="utf-8")
    assert call_bash_function("debian_sources forky", tmp_path) == expected


def test_sources_list_is_read(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(ONE_LINE_STYLE, encoding="utf-8")
    assert call_bash_function("debian_sources trixie", tmp_path) == [
        "deb http://mirror.example/debian trixie main contrib"
    ]


@pytest.mark.parametrize(
    ("release", "suites"),
    [
        ("ID=debian\nVERSION_CODENAME=bookworm\n", ["forky", "trixie", "bookworm"]),
        ("ID=debian\nVERSION_CODENAME=trixie\n", ["forky", "trixie"]),
        ("ID=debian\nVERSION_CODENAME=forky\n", ["forky", "trixie"]),
        ("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n", ["noble-updates", "noble"]),
    ],
)
def test_the_newest_release_is_tried_first(release: str, suites: list[str], tmp_path: Path) -> None:
    assert call_bash_function("debian_suites", tmp_path, release) == suites
