"""Files that a profile names: the SDK would wait for a pipe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import AwsError
from ecr_tasks.settings.load import load


@pytest.mark.parametrize("key", ["web_identity_token_file", "ca_bundle"])
def test_a_pipe_that_a_profile_names_is_not_waited_for(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another profile only leads to it."""
    os.mkfifo(tmp_path / "pipe")
    role = "role_arn = arn:aws:iam::111122223333:role/a\n"
    (tmp_path / "config").write_text(
        f"[profile first]\n{role}source_profile = second\n[profile second]\n{role}{key} = {tmp_path}/pipe\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    environ = {"AWS_PROFILE": "first", "AWS_REGION": "eu-central-1", "ECR_REPOSITORY": "team/app"}
    settings = load(tmp_path, env_name=None, environ=environ, config={}, overrides={})
    with pytest.raises(AwsError, match=f"pipe: it is a named pipe.*{key}"):
        AwsSession(settings).ecr()
