"""API operations on replication backfills: the images that were there before a rule are copied, too."""

from __future__ import annotations

import json
import time
import uuid

from .. import replication_rules
from ..errors import EcrError, invalid
from ..store.database import stored_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from .params import Params

_SETTING = "replication backfills"
"""The name of the backfills among the settings of a store."""

_ID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_MOST = 10
"""Backfills in progress at once (API model, StartReplicationBackfill)."""


def start(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer StartReplicationBackfill."""
    structure = params.structure("destination", required=True)
    region = structure.text("region", pattern="[0-9a-z-]{2,25}")
    account = structure.text("registryId", pattern="[0-9]{12}")
    destination = {"region": region, "registryId": account}
    rules = replication_rules.configuration(registry)["rules"]
    with registry.store.db.transaction():
        backfills = _read(registry)
        running = [one for one in backfills.values() if _summary(registry, one)["status"] == "IN_PROGRESS"]
        if any(one["destination"]["region"] == region for one in running):
            message = f"A replication backfill is already in progress for the destination region '{region}'"
            raise EcrError("ReplicationBackfillInProgressException", message)
        if len(running) >= _MOST:
            raise EcrError("LimitExceededException", f"A registry has at most {_MOST} backfills in progress")
        if destination not in [item for rule in rules for item in rule["destinations"]]:
            raise invalid("destination", "must be a destination of the registry's replication configuration")
        images = []
        for repository in registry.store.repositories.all():
            if (account, region) in replication_rules.destinations(rules, repository.name):
                for image in registry.store.images.walk(repository):
                    replication_rules.record(registry, image, image.tags, [(account, region)])
                    images.append({"id": image.id, "repository": repository.name, "digest": image.digest})
        backfill: dict[str, Any] = {
            "replicationBackfillId": str(uuid.uuid4()),
            "destination": destination,
            "startedAt": round(time.time(), 3),
            "images": images,
        }
        _write(registry, {**backfills, backfill["replicationBackfillId"]: backfill})
    registry.registries.replicate(registry)
    return {"registryId": registry.account, "status": "IN_PROGRESS", **_without(backfill, "images")}


def stop(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer StopReplicationBackfill: what is not copied yet is not copied any more."""
    with registry.store.db.transaction() as db:
        backfill = _existing(registry, params)
        status = _summary(registry, backfill)["status"]
        if status != "IN_PROGRESS":
            message = f"The replication backfill has the status '{status}'"
            raise EcrError("ReplicationBackfillInvalidStatusException", message)
        destination = backfill["destination"]
        for image in backfill["images"]:
            db.execute(
                "DELETE FROM replication WHERE image = ? AND account = ? AND region = ? AND status = 'IN_PROGRESS'",
                (image["id"], destination["registryId"], destination["region"]),
            )
        backfill["stoppedAt"] = round(time.time(), 3)
        _write(registry, {**_read(registry), backfill["replicationBackfillId"]: backfill})
    return {"registryId": registry.account, "status": "STOPPED", **_without(backfill, "images", "stoppedAt")}


def list_backfills(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer ListReplicationBackfills."""
    ordered = sorted(_read(registry).values(), key=lambda one: str(one["replicationBackfillId"]))
    page, token = params.page(ordered, lambda one: [one["replicationBackfillId"]], default=25, maximum=50)
    return {"registryId": registry.account, "backfills": [_summary(registry, one) for one in page], **token}


def describe_results(registry: Registry, params: Params) -> dict[str, Any]:
    """Answer DescribeReplicationBackfillResults; the results are there when it has ended."""
    backfill = _existing(registry, params)
    wanted = params.optional_text("resultStatusFilter", choices=("COMPLETE", "FAILED"))
    summary = _summary(registry, backfill)
    results = []
    if summary["status"] != "IN_PROGRESS":
        for image, (status, failure) in _states(registry, backfill):
            if status in ("COMPLETE", "FAILED") and wanted in (None, status):
                result = {
                    "repositoryName": image["repository"],
                    "imageId": {"imageDigest": image["digest"]},
                    "status": status,
                }
                results.append({**result, "failureCode": failure} if failure else result)
    ordered = sorted(results, key=lambda one: (one["repositoryName"], one["imageId"]["imageDigest"]))
    page, token = params.page(
        ordered, lambda one: [one["repositoryName"], one["imageId"]["imageDigest"]], key_types=(str, str)
    )
    return {"registryId": registry.account, **summary, "results": page, **token}


def _summary(registry: Registry, backfill: dict[str, Any]) -> dict[str, Any]:
    """Return a ReplicationBackfillSummary, in the shape of the API model."""
    states = [state for _, state in _states(registry, backfill)]
    statuses = [status for status, _ in states]
    status = "STOPPED" if "stoppedAt" in backfill else "IN_PROGRESS" if "IN_PROGRESS" in statuses else "COMPLETE"
    return {
        **_without(backfill, "images", "stoppedAt"),
        "status": status,
        "progress": {
            "totalReplicationCount": len(states),
            "completedReplicationCount": statuses.count("COMPLETE"),
            "failedReplicationCount": statuses.count("FAILED"),
            "failureCodes": sorted({failure for _, failure in states if failure}),
        },
    }


def _states(registry: Registry, backfill: dict[str, Any]) -> list[tuple[dict[str, Any], tuple[str, str | None]]]:
    """Return each image with the status and the failure of its copy, but for those that are deleted or not copied."""
    destination = backfill["destination"]
    rows = registry.store.db.rows(
        "SELECT image, status, failure FROM replication WHERE account = ? AND region = ?",
        *(destination["registryId"], destination["region"]),
    )
    known = {row["image"]: (row["status"], row["failure"]) for row in rows}
    return [(image, known[image["id"]]) for image in backfill["images"] if image["id"] in known]


def _existing(registry: Registry, params: Params) -> dict[str, Any]:
    identity = params.text("replicationBackfillId", pattern=_ID)
    backfills = _read(registry)
    if identity not in backfills:
        message = f"The replication backfill '{identity}' does not exist in the registry with id '{registry.account}'"
        raise EcrError("ReplicationBackfillNotFoundException", message)
    return backfills[identity]


def _without(backfill: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in backfill.items() if name not in names}


def _read(registry: Registry) -> dict[str, dict[str, Any]]:
    backfills: dict[str, dict[str, Any]] = stored_json(registry.store.db.setting(_SETTING) or "{}")
    return backfills


def _write(registry: Registry, backfills: dict[str, dict[str, Any]]) -> None:
    registry.store.db.set(_SETTING, json.dumps(backfills))
