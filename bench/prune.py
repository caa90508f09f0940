"""Measure `inv prune` of ten thousand manifests against a script that knows already which of them go.

The script lists the repository and deletes the same 3,000 a hundred at a time; it looks at no index, asks nobody what
runs, and compares nothing before it deletes. `prune` runs twice in a row: the second run has to find nothing. Each
side has a local ECR of its own, with the same manifests.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3

from bench.compare import INVOKE
from bench.scene import TASKS, compile_package
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import HttpClient
from tests.local_ecr.test_prune_running import RULES, fill
from tests.support.fake_services import FakeServices, fake_services

ACCOUNT, REGION, NAME = "123456789012", "eu-west-1", "team/app"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--indexes", type=int, default=1000, help="each brings about ten manifests")
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(prefix="ecr-tasks-bench-") as folder:
        for side, measure in (("inv prune", by_prune), ("script", by_script)):
            place = Path(folder, side.replace(" ", "-"))
            place.mkdir()
            with LocalEcr(place / "ecr", account=ACCOUNT, region=REGION) as ecr, fake_services() as services:
                api = boto3.client(
                    "ecr",
                    REGION,
                    endpoint_url=ecr.endpoint,
                    aws_access_key_id="AKIALOCAL",
                    aws_secret_access_key="none",  # noqa: S106 - the local ECR takes any
                )
                api.create_repository(repositoryName=NAME)
                HttpClient.logged_in(ecr).push_image(NAME, None, b"layer")
                expected = fill(ecr.root, services, options.indexes)
                before = listed(api)
                measure(ecr, place, services, expected, api)
                if before - listed(api) != expected:
                    raise SystemExit(f"{side}: others went than had to")
                print(f"{side}: exactly {len(expected)} of {len(before)} manifests went")


def by_prune(ecr: LocalEcr, place: Path, services: FakeServices, expected: set[str], api: Any) -> None:
    del expected, api
    (place / "tasks.py").write_text(TASKS, encoding="utf-8")
    environ = {
        **os.environ,
        **ecr.environment(),
        **services.environment(),
        "ECR_REPOSITORY": NAME,
        "ECR_PRUNE": RULES,
        "XDG_CACHE_HOME": str(place),
    }
    for name in ("first", "second"):
        before, begun = ecr.requests(), time.monotonic()
        subprocess.run([*INVOKE, "prune", "--yes"], cwd=place, env=environ, check=True, capture_output=True)
        show(f"inv prune, {name} run", begun, sum(ecr.requests().values()) - sum(before.values()))


def by_script(ecr: LocalEcr, place: Path, services: FakeServices, expected: set[str], api: Any) -> None:
    del place, services
    before, begun = ecr.requests(), time.monotonic()
    left = expected & listed(api)
    while left:  # ECR refuses what an index lists that is still there, and deletes referrers with their subject
        some = [{"imageDigest": digest} for digest in left]
        for start in range(0, len(some), 100):
            api.batch_delete_image(repositoryName=NAME, imageIds=some[start : start + 100])
        left &= listed(api)
    show("script", begun, sum(ecr.requests().values()) - sum(before.values()))


def listed(api: Any) -> set[str]:
    pages = api.get_paginator("describe_images").paginate(repositoryName=NAME, PaginationConfig={"PageSize": 1000})
    return {detail["imageDigest"] for page in pages for detail in page["imageDetails"]}


def show(name: str, begun: float, calls: int) -> None:
    print(f"{name}: {time.monotonic() - begun:.1f} s, {calls} calls")


if __name__ == "__main__":
    main()
