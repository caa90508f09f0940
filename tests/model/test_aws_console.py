"""The console's pages in each partition."""

from __future__ import annotations

import pytest

from ecr_tasks.clients.ecr.partition import partition_of
from ecr_tasks.model.aws_console import repository_page


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("eusc-de-east-1", "eusc-de-east-1.console.amazonaws-eusc.eu"),
    ],
)
def test_a_repository_has_a_page_in_its_partitions_console(region: str, host: str) -> None:
    page = repository_page(partition_of(region), region, "123456789012", "team/app")
    assert page == f"https://{host}/ecr/repositories/private/123456789012/team/app?region={region}"
    settings = repository_page(partition_of(region), region, "123456789012", "team/app", settings=True)
    assert settings == f"https://{host}/ecr/repositories/private/123456789012/team/app/_/details?region={region}"


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "us-isof-south-1"])
def test_the_consoles_of_the_iso_partitions_are_not_public(region: str) -> None:
    assert repository_page(partition_of(region), region, "123456789012", "team/app") is None
