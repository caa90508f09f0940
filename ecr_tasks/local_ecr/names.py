"""Names: which repository names, tags and digests ECR accepts, and its ARNs."""

from __future__ import annotations

import hashlib
import re

from .regions import partition

# API model: RepositoryName.
REPOSITORY_PATTERN = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
# OCI distribution specification; ECR allows 300 characters instead of 128 (API model: ImageTag).
TAG_PATTERN = r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,299}"
DIGEST_PATTERN = r"sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}"

_REPOSITORY = re.compile(REPOSITORY_PATTERN)
_TAG = re.compile(TAG_PATTERN)
_DIGEST = re.compile(DIGEST_PATTERN)
_ALIAS = re.compile(r"[a-z][a-z0-9]+(?:[._-][a-z0-9]+)*")
_ARN = re.compile(r"arn:(aws[a-z-]*):ecr:([a-z0-9-]+):([0-9]{12}):repository/(.+)")


def is_repository(name: str) -> bool:
    """Return whether ``name`` can be a repository's name: 2 to 256 characters of the API model's pattern."""
    # The pattern can backtrack on long runs, so the length is checked first.
    return 2 <= len(name) <= 256 and _REPOSITORY.fullmatch(name) is not None


def is_tag(tag: str) -> bool:
    """Return whether ``tag`` can be an image's tag."""
    return _TAG.fullmatch(tag) is not None


def is_digest(digest: str) -> bool:
    """Return whether ``digest`` is a sha256 or sha512 digest in lower-case hexadecimal."""
    return _DIGEST.fullmatch(digest) is not None


def is_alias(name: str) -> bool:
    """Return whether ``name`` can be the alias of a public registry (API model of ecr-public: RegistryAliasName)."""
    return 2 <= len(name) <= 50 and _ALIAS.fullmatch(name) is not None


def is_account(text: str) -> bool:
    """Return whether ``text`` can be an AWS account's id."""
    return len(text) == 12 and text.isascii() and text.isdigit()


def repository_arn(name: str, account: str, region: str) -> str:
    """Return the ARN of a repository."""
    return f"arn:{partition(region)}:ecr:{region}:{account}:repository/{name}"


def default_kms_key(account: str, region: str) -> str:
    """Return the ARN of the key ``aws/ecr``, which AWS manages for an account in a region; its id is invented."""
    digits = hashlib.sha256(f"aws/ecr {account} {region}".encode()).hexdigest()
    key = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"
    return f"arn:{partition(region)}:kms:{region}:{account}:key/{key}"


def parse_repository_arn(arn: str) -> tuple[str, str, str] | None:
    """Return region, account and name of a repository's ARN; None if it is not one."""
    match = _ARN.fullmatch(arn)
    return None if match is None else (match[2], match[3], match[4])
