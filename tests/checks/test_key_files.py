"""Access keys in dotenv files, with their names and lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.checks.key_files import holds_keys
from ecr_tasks.settings.errors import SettingsProblems

ROOT = Path(__file__).parents[2]


def test_keys_are_found_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "\n# AKIAIOSFODNN7EXAMPLE\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=\n"
        "AWS_SESSION_TOKEN=${TOKEN}\n"
        'OTHER="two\nASIAIOSFODNN7EXAMPLE"\nAWS_REGION=eu-west-1\n'
    )
    assert holds_keys(path) == [("#", 2), ("AWS_ACCESS_KEY_ID", 3), ("OTHER", 7)]


def test_no_file_holds_no_keys_and_an_unreadable_one_is_not_trusted(tmp_path: Path) -> None:
    assert holds_keys(tmp_path / ".env") == []
    assert holds_keys(ROOT / ".env.example") == []
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsProblems):
        holds_keys(tmp_path / ".env")
