"""ECR's managed signing: which signing profiles the registry signs a repository's images with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import DENIED_CODES, error_code, translate_errors
from ecr_tasks.model.registry import Repository, wildcard_matches

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

_ABSENT = "SigningConfigurationNotFoundException"


def signing_configuration(client: ECRClient) -> Mapping[str, Any] | None:
    """Return which profiles the caller's registry signs images with (GetSigningConfiguration); empty without any.

    None where it can't be known: without the permission, and with an SDK that is older than managed signing.
    """
    from botocore.exceptions import ClientError

    if not hasattr(client, "get_signing_configuration"):
        return None
    with translate_errors("read which images ECR signs (ecr:GetSigningConfiguration)"):
        try:
            answer: Mapping[str, Any] = client.get_signing_configuration()
        except ClientError as error:
            if error_code(error) not in (*DENIED_CODES, _ABSENT):
                raise
            return {} if error_code(error) == _ABSENT else None
    return answer


def signing_profiles(answer: Mapping[str, Any] | None, repository: Repository) -> tuple[str, ...] | None:
    """Return the ARNs of the profiles that new images of a repository are signed with, by the registry's answer.

    None where it can't be known, as for another account's registry: ECR tells it of the caller's own.
    """
    if not answer:
        return None if answer is None else ()
    if answer.get("registryId", repository.account) != repository.account:
        return None
    matching = (
        rule["signingProfileArn"]
        for rule in answer["signingConfiguration"]["rules"]
        if not rule.get("repositoryFilters")
        or any(wildcard_matches(item["filter"], repository.name) for item in rule["repositoryFilters"])
    )
    return tuple(dict.fromkeys(matching))
