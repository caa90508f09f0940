"""ECR_REGISTRY_LOGINS as it is written."""

from __future__ import annotations

import pytest

from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.registry_logins import registry_logins


def test_logins_of_other_registries() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:build/hub-a1b2c3"
    text = f"GHCR.io=secretsmanager:build/ghcr, https://index.docker.io/v1/=secretsmanager:{arn},r.example:5000=secretsmanager:x"
    assert registry_logins(text) == {"ghcr.io": "build/ghcr", "docker.io": arn, "r.example:5000": "x"}
    assert registry_logins("docker.io=secretsmanager:a\nregistry-1.docker.io=secretsmanager:a\n") == {
        "docker.io": "a"
    }


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("ghcr.io=hunter2secret", "secretsmanager: and a secret's ARN or name after ghcr.io="),
        ("ghcr.io=user:hunter2secret", "never a password itself"),
        ("ghcr.io", "secretsmanager:"),
        ("ghcr/io=secretsmanager:a", "'ghcr/io' where a registry's host belongs"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com=secretsmanager:a", "ECR's own"),
        ("public.ecr.aws=secretsmanager:a", "ECR's own"),
        ("ghcr.io=secretsmanager:a,ghcr.io=secretsmanager:b", "two secrets for ghcr.io"),
        ("ghcr.io=secretsmanager:arn:aws:ssm:eu-west-1:1:x y", "a secret's ARN or name"),
    ],
)
def test_a_login_that_is_none_is_named_without_its_value(entry: str, words: str) -> None:
    with pytest.raises(Malformed) as error:
        registry_logins(entry)
    assert words in error.value.messages[0]
    assert "hunter2" not in error.value.messages[0]
