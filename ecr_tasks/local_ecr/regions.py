"""AWS' regions and their partitions."""

from __future__ import annotations

import re

# botocore's partitions.json and endpoints.json (service ecr), as of botocore 1.44.
_REGIONS = {
    "aws": (
        "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2"
        " ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7"
        " ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2"
        " eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 sa-east-1 sa-west-1 us-east-1"
        " us-east-2 us-west-1 us-west-2"
    ),
    "aws-cn": "cn-north-1 cn-northwest-1",
    "aws-us-gov": "us-gov-east-1 us-gov-west-1",
    "aws-iso": "us-iso-east-1 us-iso-west-1",
    "aws-iso-b": "us-isob-east-1 us-isob-west-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-east-1 us-isof-south-1",
    "aws-eusc": "eusc-de-east-1",
}
_PARTITIONS = {region: partition for partition, regions in _REGIONS.items() for region in regions.split()}

# partitions.json: regionRegex. Every partition but aws has prefixes of its own.
_PREFIXES = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
_LIKE_REGION = re.compile(r"[a-z]{2,4}(-[a-z]{2,5})?-[a-z]{4,12}-[1-9][0-9]?")


def is_region(name: str) -> bool:
    """Return whether AWS has this region. A client may name no other: each region that is used takes a port."""
    return name in _PARTITIONS


def is_like_region(name: str) -> bool:
    """Return whether ``name`` has a region's form: the default region may be newer than this list."""
    return _LIKE_REGION.fullmatch(name) is not None


def partition(region: str) -> str:
    """Return the AWS partition that a region belongs to."""
    return next((name for prefix, name in _PREFIXES.items() if region.startswith(prefix)), "aws")
