"""A function that masks secrets in a CI's log."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ecr_tasks.ci.outputs.adapter import Adapter
from ecr_tasks.ci.outputs.write import perform

_masked: set[bytes] = set()
"""Digests of the lines that this process has masked, so that the CI gets each line once."""

_MIN_LENGTH = 8
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def mask(adapter: Adapter, project: Path, *secrets: str) -> None:
    """Mask each line of the secrets in the CI's log.

    Short lines and account ids are not masked. GitHub drops an output that contains a masked text, and every
    reference contains the account id (aws-actions/amazon-ecr-login#305).
    """
    for line in (line.strip() for secret in secrets for line in secret.splitlines()):
        digest = hashlib.sha256(line.encode("utf-8", "backslashreplace")).digest()
        if len(line) >= _MIN_LENGTH and not _ACCOUNT_ID.fullmatch(line) and digest not in _masked:
            _masked.add(digest)
            perform(adapter.mask(line), project)
