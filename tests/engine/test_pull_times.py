"""What only looks leaves ECR's pull times alone: every task that publishes or shows, by a real run each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import boto3
import pytest

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import Project, project


@pytest.fixture
def app(tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str) -> Project:
    return project(
        tmp_path / "app",
        {**engine, **local_ecr.environment(), "ECR_CREATE_REPOSITORY": "true"},
        f"FROM {tiny_base}\nCOPY hello.txt /\nCMD cat /hello.txt\n",
    )


@pytest.fixture
def api(local_ecr: LocalEcr) -> Any:
    return boto3.Session("x", "x", region_name=local_ecr.region).client("ecr", endpoint_url=local_ecr.endpoint)


def pulled(api: Any) -> list[str]:
    """Return the tags (or the digest) of every manifest that was pulled."""
    details = api.describe_images(repositoryName="team/app")["imageDetails"]
    assert details
    return [str(item.get("imageTags", item["imageDigest"])) for item in details if "lastRecordedPullTime" in item]


@pytest.mark.parametrize("mutability", ["rules", "mutable"])
def test_publishing_and_showing_are_no_pulls(app: Project, api: Any, tmp_path: Path, mutability: str) -> None:
    app.environ["ECR_MUTABILITY"] = mutability
    runs = iter(range(100))

    def ok(*arguments: str, cold: bool = True) -> None:
        """Run it as on a machine that has never seen the repository, or (``cold`` is False) as on the same one."""
        cache = str(tmp_path / (f"cache-{next(runs)}" if cold else "cache"))
        app.ok(*arguments, XDG_CACHE_HOME=cache)
        assert pulled(api) == [], arguments

    ok("build", "push", cold=False)
    for arguments in (("push",), ("build", "push"), ("plan",), ("images",), ("export", "json"), ("repo.show",)):
        ok(*arguments)
    app.git("tag", "v1.2.3")
    ok("plan")
    ok("push", cold=False)  # a tag is set with the manifest's bytes, which this machine has
    ok("push")
    app.write("hello.txt", "changed\n")
    app.commit()
    ok("plan")
    ok("build", "push")  # main moves from an image that this machine has never seen
    ok("push")
    app.git("tag", "v1.3.0")
    app.ok(
        "push", XDG_CACHE_HOME=str(tmp_path / "another")
    )  # there, the bytes must be read: a pull of that one image
    assert len(pulled(api)) == 1
    assert "1.3.0" in pulled(api)[0]
