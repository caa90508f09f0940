"""The partition of a region, by botocore's own data."""

from __future__ import annotations

import re

COMMERCIAL = "aws"


def partition_of(region: str) -> str:
    """Return the partition of a region, such as ``aws-cn``; ``aws`` for a region that no partition's pattern fits.

    The SDKs choose an endpoint by the same rule (botocore's partitions.json, regionRegex), so that a region which is
    younger than botocore has its partition, too.
    """
    from botocore.loaders import Loader

    partitions = Loader().load_data("partitions")["partitions"]
    return next((str(item["id"]) for item in partitions if re.match(item["regionRegex"], region)), COMMERCIAL)
