"""The settings that a repository of ECR Public can't have: each is refused with its reason, and none is ignored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ecr_tasks.model.destination import PUBLIC_HOST
from ecr_tasks.settings.account_and_region import HOLDERS, written_names
from ecr_tasks.settings.errors import Problems
from ecr_tasks.settings.parse.caches import REGISTRY
from ecr_tasks.settings.parse.registry import public_alias
from ecr_tasks.settings.setting import SettingValue


def alias_of(effective: Mapping[str, SettingValue]) -> str | None:
    """Return the alias of the public registry that the settings' repositories are in, if it is one."""
    texts = (text for name in HOLDERS if name in effective for text in written_names(name, effective[name].text))
    return next((alias for text in texts if (alias := public_alias(text))), None)


def report_mixed(alias: str, effective: Mapping[str, SettingValue], problems: Problems) -> None:
    """Add to ``problems`` the repositories that are not in the same public registry as others: a run has one."""
    for name in HOLDERS:
        others = written_names(name, effective[name].text) if name in effective else ()
        if other := next((text for text in others if public_alias(text) != alias), None):
            problems.add_at(
                effective[name].origin,
                name,
                f"has {other[:120]}, and another repository is in {PUBLIC_HOST}/{alias}: all have to be in one "
                "registry.",
            )


def report(fields: Mapping[str, Any], effective: Mapping[str, SettingValue], problems: Problems) -> None:
    """Add the settings to ``problems`` that need a private repository, for settings with a public one.

    What is set on a repository counts where ECR_DESTINATIONS has a private one.
    """
    has_private = any(not item.is_public for item in fields.get("destinations", ()))
    found = {**dict(_always(fields)), **({} if has_private else dict(_of_repositories(fields)))}
    for name, message in found.items():
        if name in effective:
            problems.add_at(effective[name].origin, name, message)


def _always(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field, name in (("cache", "ECR_CACHE"), ("cache_from", "ECR_CACHE_FROM"), ("cache_to", "ECR_CACHE_TO")):
        if REGISTRY not in (fields.get(field) or ()):
            continue
        yield (
            name,
            "can't be registry in ECR Public, where everybody could read each step of the build: write it to a "
            "private repository (type=registry,ref=…), or use another type.",
        )
    if fields.get("sign") is not None and fields["sign"].tool == "managed":
        yield (
            "ECR_SIGN",
            "can't be managed, as ECR signs no public images: sign with cosign or notation (docs/signing.md).",
        )


def _of_repositories(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if fields.get("mutability", ("rules",))[0] == "immutable" or len(fields.get("mutability", ())) > 1:
        yield (
            "ECR_MUTABILITY",
            "locks tags, which ECR Public can't: leave it out, and fixed tags still never move by `inv push`.",
        )
    if fields.get("lifecycle_policy") not in (None, "default", "off"):
        yield "ECR_LIFECYCLE_POLICY", "names a policy, and ECR Public has no lifecycle policies: leave it out."
    if fields.get("kms_key") is not None:
        yield "ECR_KMS_KEY", "names a key, and ECR Public encrypts with its own: leave it out."
    if fields.get("repository_policy") is not None:
        yield (
            "ECR_REPOSITORY_POLICY",
            "is not set on public repositories, which everybody may pull from: leave it out, or see "
            "`aws ecr-public set-repository-policy`.",
        )
