"""The hosts of ECR's registries in all of AWS's partitions, and what merely looks like them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.ecr_host import EcrHost, host_of, parse_ecr_host

ACCOUNT = "123456789012"
HOSTS = [
    (f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com", "eu-central-1"),
    (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
    (f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
    (f"{ACCOUNT}.dkr-ecr.us-west-2.on.aws", "us-west-2"),
    (f"{ACCOUNT}.dkr-ecr-fips.us-east-2.on.aws", "us-east-2"),
    (f"{ACCOUNT}.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn", "cn-northwest-1"),
    (f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
    (f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
    (f"{ACCOUNT}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
    (f"{ACCOUNT}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
    (f"{ACCOUNT}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
]


@pytest.mark.parametrize(("host", "region"), HOSTS)
def test_a_host_in_any_partition_says_its_account_and_region(host: str, region: str) -> None:
    assert parse_ecr_host(host) == EcrHost(region, ACCOUNT)
    assert host_of(f"{host}/team/base:1@sha256:{'0' * 64}") == host


@pytest.mark.parametrize("host", ["public.ecr.aws", "ecr-public.aws.com"])
def test_the_public_registry_takes_the_tokens_of_one_region(host: str) -> None:
    ecr = parse_ecr_host(host)
    assert ecr == EcrHost("us-east-1")
    assert ecr.is_public


@pytest.mark.parametrize("host", [host for host, _ in HOSTS] + ["public.ecr.aws"])
@given(more=st.sampled_from([".evil.example", "-x", ":443", "x", "/"]), fewer=st.integers(1, 2))
def test_a_host_that_only_resembles_one_gets_no_token(host: str, more: str, fewer: int) -> None:
    for other in (host + more, f"x{host}", f"evil.{host}", host[fewer:], host[:-fewer], host.replace(".", "-")):
        assert parse_ecr_host(other) is None


@pytest.mark.parametrize(
    ("reference", "host"),
    [
        ("alpine", None),
        ("alpine:3", None),
        ("library/alpine@sha256:00", None),
        ("localhost/a", "localhost"),
        ("127.0.0.1:4510/team/a:1", "127.0.0.1:4510"),
        ("ghcr.io/a/b", "ghcr.io"),
        ("Registry/a", "Registry"),
        (f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com", None),
    ],
)
def test_a_reference_names_its_host_as_docker_reads_it(reference: str, host: str | None) -> None:
    assert host_of(reference) == host
