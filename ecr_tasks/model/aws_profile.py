"""A profile of the AWS configuration."""

from __future__ import annotations

from ecr_tasks.frozen import dataclass


@dataclass(frozen=True)
class AwsProfile:
    """A profile of ~/.aws/config, with the region and the account that it leads to; empty where it doesn't say."""

    name: str
    region: str = ""
    account: str = ""
