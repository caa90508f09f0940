"""Factories of values that many tests need: settings, sources, tags, repositories and stored images."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.manifest import REVISION, StoredImage
from ecr_tasks.model.registry import Mutability, Repository
from ecr_tasks.model.tag import DIRTY, Tag
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.git.read import NO_REPOSITORY
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import tag_set

REVISION_A = "a1b2c3d4" + "0" * 32
REVISION_B = "b1b2c3d4" + "0" * 32
SHA_TAG = "sha-a1b2c3d"
ACCOUNT = "123456789012"
HOST = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com"
COMMIT_TIME = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
OCI = "org.opencontainers.image."
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

FIXED = Tag(SHA_TAG, "fixed", "type=sha", "the commit")
VERSION = Tag("1.2.3", "fixed", "type=semver,pattern={{version}}", "the git tag")
BRANCH = Tag("main", "moving", "type=ref,event=branch", "the branch")
LATEST = Tag("latest", "moving", "flavor latest=auto", "the highest release")
ALL_TAGS = (FIXED, VERSION, BRANCH, LATEST)


def settings(**changes: Any) -> Settings:
    """Return the settings of a small project, with these changes."""
    defaults: dict[str, Any] = {"project": Path("/project"), "context": "/project", "repository": "team/app"}
    return Settings(**{**defaults, **changes})


def source(**changes: Any) -> SourceState:
    """Return the source state of a clean commit on main, with these changes."""
    defaults: dict[str, Any] = {
        "root": Path("/project"),
        "revision": REVISION_A,
        "branch": "main",
        "commit_time": COMMIT_TIME,
        "remote_url": "https://git.example.com/team/app",
        "fingerprint": REVISION_A,
    }
    return replace(NO_REPOSITORY, **{**defaults, **changes})


def tags(state: SourceState) -> tuple[Tag, ...]:
    """Return the default rules' tags of a source, the one to publish under first."""
    return tag_set(settings(), state, {}).in_publishing_order


def dirty(**changes: Any) -> SourceState:
    """Return the source state of a commit on main with an uncommitted change."""
    defaults = {"dirty": True, "changed": ("app.py",), "fingerprint": f"{REVISION_A}+changes"}
    return source(**{**defaults, **changes})


def repository(mutability: Mutability = "MUTABLE", *exclusions: str, name: str = "team/app") -> Repository:
    """Return a repository as ECR describes it."""
    return Repository(name, ACCOUNT, f"{HOST}/{name}", mutability, exclusions)


def digest(text: str) -> str:
    """Return the digest of a text, as registries write it."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def manifest(
    content: str, revision: str | None = REVISION_A, annotations: Mapping[str, str] | None = None
) -> StoredImage:
    """Return a single-platform image whose digest depends on ``content``."""
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(content), "size": 100},
        "layers": [{"digest": digest(content + "-layer"), "size": 2000}, {"digest": digest("base"), "size": 30000}],
    }
    return _stored(document, MANIFEST, revision, annotations)


def index(children: Sequence[tuple[Mapping[str, str] | None, str]], revision: str | None = REVISION_A) -> StoredImage:
    """Return an index of these children, each a platform and a digest."""
    manifests = [
        {"mediaType": MANIFEST, "digest": child, "size": 500, **({"platform": dict(platform)} if platform else {})}
        for platform, child in children
    ]
    return _stored({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}, INDEX, revision)


def image(tags: Sequence[Tag] = ALL_TAGS, name: str = "team/app", definition: BuildDefinition | None = None) -> Image:
    """Return an image to publish."""
    dirty = any(tag.name.endswith(DIRTY) for tag in tags)
    return Image(name, name, definition or BuildDefinition("/project"), tuple(tags), dirty=dirty)


def _stored(
    document: dict[str, Any], media_type: str, revision: str | None, annotations: Mapping[str, str] | None = None
) -> StoredImage:
    all_annotations = {**({REVISION: revision} if revision is not None else {}), **(annotations or {})}
    if all_annotations:
        document["annotations"] = all_annotations
    text = json.dumps(document)
    return StoredImage(digest(text), text, media_type)
