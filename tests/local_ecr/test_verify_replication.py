"""`verify` where the registry replicates: complete, waited for, failed, and pushed before there was a rule."""

from __future__ import annotations

import json
from typing import Any

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient
from tests.local_ecr.shell import Shell
from tests.local_ecr.test_replication import put, to

HOME = "123456789012"


def replication(shell: Shell, tag: str, code: int) -> tuple[str, str]:
    """Run `verify` and return state and text of its check of the replication."""
    done = shell.inv("verify", tag, "--json")
    assert done.returncode == code, done.stderr
    (image,) = json.loads(done.stdout)["images"]
    ((state, text),) = [(item["state"], item["text"]) for item in image["checks"] if item["name"] == "replication"]
    return state, text


def test_replication_is_waited_for_and_its_failure_found(
    shell: Shell, ecr: LocalEcr, api: Any, http: HttpClient, repository: str
) -> None:
    put(api, to((HOME, "us-west-2"), (HOME, "eu-west-3")))
    ecr.set_replication(delay=1.5)
    http.push_image(repository, "1.0", b"1.0")
    assert replication(shell, "1.0", 0) == ("fine", f"{HOME}/eu-west-3, {HOME}/us-west-2")
    ecr.set_replication(fail={"eu-*": "ServerException"})
    http.push_image(repository, "2.0", b"2.0")
    state, text = replication(shell, "2.0", 6)
    assert (state, text) == ("wrong", f"{HOME}/eu-west-3 FAILED")
