"""`repo.ensure` excludes the credentials' own role, or others, from the registry's pull times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.ecr.pull_times import PullTimeExclusions
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.errors import SettingsError
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.settings.load import load
from tests.local_ecr.shell import Shell

USER = "arn:aws:iam::123456789012:user/local"
ROLE = "arn:aws:iam::123456789012:role/ci/publisher"


def excluded(api: Any) -> list[str]:
    found: list[str] = api.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"]
    return found


def test_what_is_missing_is_a_difference_and_then_registered(shell: Shell, api: Any) -> None:
    api.register_pull_time_update_exclusion(principalArn="arn:aws:iam::123456789012:user/somebody")
    wanted = {"ECR_PULL_TIME_EXCLUSIONS": f"caller,{ROLE}"}
    shown = shell.inv("repo.ensure", "--check", "--json", **wanted)
    assert shown.returncode == 6
    assert json.loads(shown.stdout)["pull_time_exclusions"] == {"missing": [USER, ROLE]}
    assert f"+ {USER}" in shown.stderr
    assert "the registry's pull-time exclusions" in shown.stderr
    assert len(excluded(api)) == 1
    done = shell.inv("repo.ensure", **wanted)
    assert done.returncode == 0, done.stderr
    assert f"records no pulls of {ROLE} any more" in done.stderr
    assert {USER, ROLE} < set(excluded(api))
    assert shell.inv("repo.ensure", "--check", **wanted).returncode == 0
    done, calls = shell.calls("repo.ensure", "--check")
    assert done.returncode == 0
    assert "ListPullTimeUpdateExclusions" not in calls


def test_a_role_of_the_settings_has_its_path(shell: Shell, api: Any) -> None:
    done = shell.inv("repo.ensure", ECR_PULL_TIME_EXCLUSIONS="caller", ECR_ROLE_ARN=ROLE)
    assert done.returncode == 0, done.stderr
    assert excluded(api) == [ROLE]


def test_more_than_there_is_room_for_are_refused_before_one_is_registered(shell: Shell, api: Any) -> None:
    for number in range(98):
        api.register_pull_time_update_exclusion(principalArn=f"arn:aws:iam::000000000000:role/other{number}")
    wanted = [f"arn:aws:iam::000000000000:role/ours{number}" for number in range(3)]
    for arguments in (("repo.ensure",), ("repo.ensure", "--check")):
        done = shell.inv(*arguments, ECR_PULL_TIME_EXCLUSIONS=",".join(wanted))
        assert done.returncode == 2
        assert "3 more principals than the 98 " in done.stderr
    assert len(excluded(api)) == 98
    assert shell.inv("repo.ensure", ECR_PULL_TIME_EXCLUSIONS=",".join(wanted[:2])).returncode == 0


def test_the_registry_of_another_account_is_refused(shell: Shell, ecr: LocalEcr) -> None:
    done = shell.inv("repo.ensure", ECR_PULL_TIME_EXCLUSIONS="caller", AWS_ACCOUNT_ID="210987654321")
    assert done.returncode != 0


@pytest.mark.parametrize("text", ["me", "arn:aws:sts::123456789012:assumed-role/ci/job", f"{ROLE},role/x"])
def test_what_is_no_principal_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="ECR_PULL_TIME_EXCLUSIONS must be caller, or ARNs"):
        load(tmp_path, environ={"ECR_PULL_TIME_EXCLUSIONS": text})


class Sts:
    """STS, and an IAM that says nothing."""

    def __init__(self, arn: str) -> None:
        self.arn = arn

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012", "Arn": self.arn}


@pytest.mark.parametrize(
    ("arn", "cause"),
    [
        ("arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_dev_1a2b/ann", "doesn't tell the path of the role"),
        ("arn:aws:sts::123456789012:federated-user/ann", "neither a role nor a user"),
        ("arn:aws:iam::123456789012:root", "neither a role nor a user"),
    ],
)
def test_a_caller_whose_arn_is_not_known_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arn: str, cause: str
) -> None:
    from botocore.exceptions import ClientError

    class Iam:
        def get_role(self, **_: str) -> None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRole")

    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-central-1"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    settings = load(tmp_path, environ={"ECR_PULL_TIME_EXCLUSIONS": "caller", **keys})
    aws = AwsSession(settings)
    monkeypatch.setattr(aws, "sts", lambda: Sts(arn))
    monkeypatch.setattr(aws, "iam", Iam)
    with pytest.raises(SettingsError, match=cause) as caught:
        PullTimeExclusions(settings, aws).missing()
    assert "ECR_PULL_TIME_EXCLUSIONS=arn:aws:iam::" in caught.value.remedy
