"""The JSON document of `prune`, which is also its receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_tasks.execute.prune import Outcome
    from ecr_tasks.plan.prune.decide import Verdict
    from ecr_tasks.plan.prune.rules import PruneRule
    from ecr_tasks.runner.prune_look import Look

SCHEMA = 1
"""The version of the document."""


def as_json(
    region: str,
    look: Look,
    rules: Sequence[PruneRule],
    outcomes: Mapping[str, Outcome],
    *,
    archive: bool,
    kept: bool,
) -> dict[str, Any]:
    """Return what would go, or what became of it, for machines and for the receipt; times in ISO 8601."""
    return {
        "schema": SCHEMA,
        "account": look.account,
        "region": region,
        "action": "archive" if archive else "delete",
        "rules": [rule.text for rule in rules],
        "asked": list(look.running.asked),
        "unasked": list(look.running.unasked),
        "replicated_to": [{"account": account, "region": region} for account, region in look.replicated],
        "repositories": [
            {
                "repository": name,
                "bytes": decision.bytes,
                "going": [_verdict_json(verdict) for verdict in decision.all_going],
                **({"staying": [_verdict_json(verdict) for verdict in decision.staying]} if kept else {}),
                **(_outcome_json(outcomes[name]) if name in outcomes else {}),
            }
            for name, decision in look.decisions.items()
        ],
    }


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "gone": [verdict.detail.digest for verdict in outcome.gone],
        "left": [{"digest": verdict.detail.digest, "reason": reason} for verdict, reason in outcome.changed],
        "failed": [{"digest": verdict.detail.digest, "reason": reason} for verdict, reason in outcome.failed],
    }


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    detail = verdict.detail
    return {
        "digest": detail.digest,
        "tags": list(detail.tags),
        "media_type": detail.media_type,
        "kind": detail.kind,
        "size": detail.size,
        "pushed": detail.pushed.isoformat() if detail.pushed else None,
        "last_pulled": detail.pulled.isoformat() if detail.pulled else None,
        "because": verdict.because,
        **({"rule": verdict.rule} if verdict.rule else {}),
    }
