"""Provenance to attach: it says what was built from what, and none of what the build was given that may be secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_tasks.plan.provenance import attachable_provenance
from tests.support.build import image, index, manifest

BASE = {"uri": "pkg:docker/debian@12?platform=linux%2Famd64", "digest": {"sha256": "a" * 64}}
SOURCE = {"uri": "https://bot:hunter2hunter2@git.example.com/app.git#main", "digest": {"sha1": "b" * 40}}
BUILDKIT = "https://mobyproject.org/buildkit@v1#metadata"
SECRETS = ("s3cret-value", "secret label", "c3RlcCBzZWNyZXQ=", "hunter2hunter2", "step secret")

PARAMETERS = {
    "frontend": "dockerfile.v0",
    "args": {
        "build-arg:TOKEN": "s3cret-value",
        "label:note": "secret label",
        "context:other": "https://x:hunter2hunter2@example.com/",
        "target": "run",
    },
    "secrets": [{"id": "npm"}],
    "locals": [{"name": "context"}],
}
METADATA = {
    BUILDKIT: {"vcs": {"source": SOURCE["uri"], "revision": "b" * 40}, "source": {"infos": ["c3RlcCBzZWNyZXQ="]}}
}

V02 = {
    "builder": {"id": "https://ci.example.com/run/1"},
    "buildType": "https://mobyproject.org/buildkit@v1",
    "materials": [BASE, SOURCE],
    "invocation": {
        "configSource": {"entryPoint": "Dockerfile"},
        "parameters": PARAMETERS,
        "environment": {"platform": "linux/amd64"},
    },
    "buildConfig": {"llbDefinition": [{"op": {"args": ["step secret"]}}]},
    "metadata": {
        "buildInvocationID": "xyz",
        "buildStartedOn": "2026-11-26T00:00:00Z",
        "completeness": {"parameters": True, "environment": True, "materials": False},
        **METADATA,
    },
}
V1 = {
    "buildDefinition": {
        "buildType": "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md",
        "externalParameters": {
            "configSource": {"path": "Dockerfile"},
            "request": {"args": {"build-arg:TOKEN": "s3cret-value"}},
            "parameters": PARAMETERS,
            "buildConfig": {"llbDefinition": [{"op": {"args": ["step secret"]}}]},
        },
        "internalParameters": {"environment": {"platform": "linux/amd64"}},
        "resolvedDependencies": [BASE, SOURCE],
    },
    "runDetails": {
        "builder": {"id": ""},
        "metadata": {"invocationId": "xyz", "startedOn": "2026-11-26T00:00:00Z", **METADATA},
    },
}


@pytest.mark.parametrize(
    ("told", "predicate_type"),
    [(V02, "https://slsa.dev/provenance/v0.2"), (V1, "https://slsa.dev/provenance/v1")],
    ids=["v0.2", "v1"],
)
def test_it_says_what_was_built_from_what_and_no_secret(told: dict[str, Any], predicate_type: str) -> None:
    document = attachable_provenance(told, "linux/amd64")
    assert document is not None
    assert (document.predicate_type, document.kind) == (predicate_type, "provenance")
    text = json.dumps(document.predicate)
    assert not [secret for secret in SECRETS if secret in text]
    kept = (
        "pkg:docker/debian@12",
        "a" * 64,
        "git.example.com/app.git",
        "b" * 40,
        "xyz",
        "dockerfile.v0",
        "npm",
        '"run"',
    )
    assert [word for word in kept if word not in text] == []
    assert '"parameters": false' in text  # it doesn't claim to be complete


@pytest.mark.parametrize("told", [{}, {"buildType": 1}, {"buildDefinition": "text"}, {"predicate": V02}])
def test_a_form_that_is_not_known_is_none(told: dict[str, Any]) -> None:
    assert attachable_provenance(told) is None


@pytest.mark.parametrize(
    "told",
    [
        {"buildType": "x", "metadata": [], "invocation": "text", "materials": None},
        {"buildDefinition": {"externalParameters": 1}, "runDetails": []},
    ],
)
def test_parts_of_another_type_are_left_out(told: dict[str, Any]) -> None:
    assert attachable_provenance(told) is not None


def test_the_statement_is_about_the_image_and_its_platform() -> None:
    document = attachable_provenance(V02, "linux/arm64")
    assert document is not None
    single = manifest("app")
    both = index([({"os": "linux", "architecture": "arm64"}, single.digest)])
    for stored, digests in ((single, [single.digest]), (both, [both.digest, single.digest])):
        artifact = document.artifact(stored, "host/team/app")
        statement = json.loads(artifact.documents[0].content)
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        assert statement["predicateType"] == "https://slsa.dev/provenance/v0.2"
        assert [f"sha256:{item['digest']['sha256']}" for item in statement["subject"]] == digests
        assert artifact.artifact_type == "application/vnd.in-toto+json"
        assert artifact.annotations["in-toto.io/predicate-type"] == statement["predicateType"]
        assert json.loads(artifact.manifest(stored))["subject"]["digest"] == stored.digest
    assert image().referrers == ()
