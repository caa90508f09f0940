"""The tasks prune and restore against the local ECR: what goes, what stays, in which calls, and what is said."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
from contextlib import closing
from typing import Any

import pytest

from ecr_tasks.local_ecr.constants import STORE_FILE
from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.http_client import OCI_INDEX, HttpClient, descriptor, digest_of
from tests.local_ecr.shell import Shell
from tests.support.repo import Repo, empty, environ, repo

__all__ = ["empty", "environ", "repo"]

SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
RULES = "type=tags,pattern=sha-*,older=30d;type=untagged,older=14d"


def grow_old(ecr: LocalEcr, days: float = 100) -> None:
    """Let all images of the default registry have been pushed so many days ago."""
    with closing(sqlite3.connect(ecr.root / STORE_FILE, timeout=60)) as database, database:
        database.execute("UPDATE image SET pushed = pushed - ?", [days * 86400])


def there(api: Any, **filters: str) -> set[str]:
    pages = api.get_paginator("describe_images").paginate(repositoryName="team/app", filter=filters)
    return {detail["imageDigest"] for page in pages for detail in page["imageDetails"]}


@pytest.fixture
def index(http: HttpClient, repository: str) -> tuple[bytes, bytes, bytes]:
    """An index with a platform and a signature."""
    child = http.push_image(repository, None, b"amd64" * 9)
    raw = http.push_index(repository, "sha-1", [child])
    signature = http.push_image(repository, None, b"s", artifactType=SIGNATURE, subject=descriptor(raw, OCI_INDEX))
    return raw, child, signature


def test_without_a_rule_nothing_is_pruned(shell: Shell, repository: str) -> None:
    for more in ({}, {"ECR_PRUNE": "type=keep,pattern=prod"}):
        done = shell.inv("prune", "--yes", **more)
        assert (done.returncode, done.stdout) == (2, "")
        assert "ECR_PRUNE" in done.stderr
    wrong = shell.inv("prune", "--yes", ECR_PRUNE="type=untaged,older=14d")
    assert wrong.returncode == 2
    assert "did you mean untagged?" in wrong.stderr


def test_an_image_goes_with_all_that_belongs_to_it_and_a_second_run_finds_nothing(
    shell: Shell, api: Any, http: HttpClient, repository: str, index: tuple[bytes, bytes, bytes]
) -> None:
    kept = http.push_image(repository, "prod", b"prod")
    orphan = http.push_image(repository, None, b"orphan")
    grow_old(shell.ecr)
    shown = shell.inv("--dry", "prune", ECR_PRUNE=RULES)
    assert shown.returncode == 0, shown.stderr
    assert "would be deleted" in shown.stdout
    assert digest_of(orphan) in shown.stdout
    assert "4 of 5 manifests" in shown.stderr
    assert len(there(api)) == 5
    done, calls = shell.calls("prune", "--yes", ECR_PRUNE=RULES)
    assert done.returncode == 0, done.stderr
    assert there(api) == {digest_of(kept)}
    assert calls == {
        "GetCallerIdentity": 1,
        "DescribeRegistry": 2,
        "GetRepositoryPolicy": 2,
        "GetRegistryPolicy": 2,
        "DescribeImages": 6,
        "BatchDeleteImage": 3,
    }
    (receipt,) = (shell.folder / ".ecr-tasks").glob("prune-*.json")
    assert stat.S_IMODE(receipt.stat().st_mode) == 0o600
    (entry,) = json.loads(receipt.read_text())["repositories"]
    assert set(entry["gone"]) == {digest_of(raw) for raw in (*index, orphan)}
    again = shell.inv("prune", "--yes", ECR_PRUNE=RULES)
    assert again.returncode == 0, again.stderr
    assert "Nothing goes" in again.stderr
    assert len([*(shell.folder / ".ecr-tasks").glob("prune-*.json")]) == 1


def test_nobody_who_says_yes(shell: Shell, api: Any, http: HttpClient, repository: str) -> None:
    http.push_image(repository, "sha-1", b"a")
    grow_old(shell.ecr)
    done = shell.inv("prune", ECR_PRUNE=RULES)
    assert done.returncode == 6
    assert "--yes" in done.stderr
    assert len(there(api)) == 1


def test_a_read_of_this_run_is_no_pull_to_its_second_look(
    shell: Shell, api: Any, http: HttpClient, index: tuple[bytes, bytes, bytes]
) -> None:
    grow_old(shell.ecr)
    done = shell.inv("prune", "--yes", ECR_PRUNE=f"{RULES};type=keep,pulled=30d")
    assert done.returncode == 0, done.stderr
    assert there(api) == set()


def test_the_archive_and_back(shell: Shell, api: Any, http: HttpClient, index: tuple[bytes, bytes, bytes]) -> None:
    grow_old(shell.ecr)
    done = shell.inv("prune", "--archive", "--yes", ECR_PRUNE=RULES)
    assert done.returncode == 0, done.stderr
    assert there(api, imageStatus="ARCHIVED") == {digest_of(raw) for raw in index}
    assert there(api) == set()
    again = shell.inv("prune", "--archive", "--yes", ECR_PRUNE=RULES)
    assert "Nothing goes" in again.stderr
    back = shell.inv("restore", "sha-1")
    assert back.returncode == 0, back.stderr
    assert back.stdout == f"{shell.ecr.registry}/team/app@{digest_of(index[0])}\n"
    assert there(api) == {digest_of(raw) for raw in index}
    missing = shell.inv("restore", "sha-2")
    assert (missing.returncode, missing.stdout) == (5, "")


def test_what_an_index_lists_stays_and_so_does_what_others_may_run(
    shell: Shell, api: Any, http: HttpClient, repository: str
) -> None:
    child = http.push_image(repository, None, b"amd64")
    http.push_index(repository, "prod", [child])
    orphan = http.push_image(repository, None, b"orphan")
    grow_old(shell.ecr)
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            }
        ],
    }
    api.set_repository_policy(repositoryName=repository, policyText=json.dumps(policy))
    kept = shell.inv("prune", "--yes", ECR_PRUNE=RULES)
    assert kept.returncode == 0, kept.stderr
    assert "210987654321" in kept.stderr
    assert len(there(api)) == 3
    running = shell.folder / "running.txt"
    running.write_text(f"{shell.ecr.registry}/{repository}@{digest_of(orphan)}\n", encoding="utf-8")
    kept = shell.inv("prune", "--yes", "--running", str(running), ECR_PRUNE=RULES)
    assert kept.returncode == 0, kept.stderr
    assert len(there(api)) == 3
    running.write_text("", encoding="utf-8")
    assert shell.inv("prune", "--yes", "--running", str(running), ECR_PRUNE=RULES).returncode == 2
    done = shell.inv("prune", "--yes", ECR_PRUNE=RULES, ECR_PRUNE_ASK="ecs")
    assert done.returncode == 0, done.stderr
    assert len(there(api)) == 2


def test_replicated_deletions_are_said(shell: Shell, api: Any, http: HttpClient, repository: str) -> None:
    image = http.push_image(repository, "sha-1", b"a")
    destination = {"region": "us-west-2", "registryId": shell.ecr.account}
    rule: dict[str, Any] = {"destinations": [destination], "deleteReplication": {"enabled": True}}
    api.put_replication_configuration(replicationConfiguration={"rules": [rule]})
    grow_old(shell.ecr)
    shown = shell.inv("--dry", "prune", "--json", ECR_PRUNE=RULES)
    assert shown.returncode == 0, shown.stderr
    assert "ECR replicates deletions: what goes here goes also in 123456789012/us-west-2" in shown.stderr
    found = json.loads(shown.stdout)
    assert found["replicated_to"] == [{"account": "123456789012", "region": "us-west-2"}]
    assert [item["digest"] for item in found["repositories"][0]["going"]] == [digest_of(image)]


def test_the_rules_as_a_lifecycle_policy(shell: Shell, api: Any, repository: str) -> None:
    text = f"{RULES};type=keep,pattern=prod;type=gone,pattern=pr-*;type=cache,older=30d;type=archived,older=120d"
    done, calls = shell.calls("prune", "--lifecycle-policy", ECR_PRUNE=text)
    assert (done.returncode, calls) == (0, {}), done.stderr
    assert "type=gone,pattern=pr-*" in done.stderr
    api.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=done.stdout)


def test_images_of_branches_that_are_gone(
    shell: Shell, api: Any, http: HttpClient, repository: str, repo: Repo
) -> None:
    live, gone = http.push_image(repository, "br-feature-a", b"a"), http.push_image(repository, "br-feature-b", b"b")
    grow_old(shell.ecr)
    rules = "type=gone,pattern=br-*"
    unknown = shell.inv("prune", "--yes", ECR_PRUNE=rules)
    assert unknown.returncode == 0, unknown.stderr
    assert "no git repository" in unknown.stderr
    assert there(api) == {digest_of(live), digest_of(gone)}
    repo.git("branch", "feature/a")
    for words in (["init", "--quiet"], ["remote", "add", "origin", str(repo.path)]):
        subprocess.run(["git", *words], cwd=shell.folder, env=repo.environ, check=True)
    done = shell.inv("prune", "--yes", ECR_PRUNE=rules)
    assert done.returncode == 0, done.stderr
    assert there(api) == {digest_of(live)}


def test_what_a_rollback_could_put_back_stays(shell: Shell, api: Any, http: HttpClient, repository: str) -> None:
    digests = [digest_of(http.push_image(repository, f"sha-{number}", b"%d" % number)) for number in range(5)]
    for number in range(5):
        promoted = shell.inv("promote", f"sha-{number}", "--tag", "prod")
        assert promoted.returncode == 0, promoted.stderr
    grow_old(shell.ecr)
    rules = f"{RULES};type=keep,releases=2"
    done = shell.inv("prune", "--yes", "--kept", ECR_PRUNE=rules)
    assert done.returncode == 0, done.stderr
    assert "prod was on it" in done.stdout
    assert {*digests} & there(api) == {*digests[2:]}
    again = shell.inv("prune", "--yes", ECR_PRUNE=rules)
    assert "Nothing goes" in again.stderr
    back = shell.inv("rollback", "prod", "--to", "2")
    assert back.returncode == 0, back.stderr
    assert digests[2] in back.stdout
