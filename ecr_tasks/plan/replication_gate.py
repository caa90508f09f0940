"""ECR's own replication of an image: complete everywhere, still under way, or failed."""

from __future__ import annotations

from collections.abc import Mapping

from ecr_tasks.model.registry import Repository
from ecr_tasks.plan.gates import Failed, Passed, Pending, Verdict

APPEARS_SECONDS = 15.0
"""How long ECR may take to report a replication that a rule asks for."""


def judge_replication(repository: Repository, digest: str, statuses: Mapping[tuple[str, str], str | None]) -> Verdict:
    """Decide whether ECR has replicated an image to each (account, region); None is one that it says nothing of."""
    places = {f"{account}/{region}": status for (account, region), status in statuses.items()}
    if failed := [place for place, status in places.items() if status == "FAILED"]:
        remedy = f"Run `inv push` again with {' and '.join(failed)} in ECR_DESTINATIONS: it copies the image there."
        return Failed(f"ECR's replication to {', '.join(failed)} failed.", remedy)
    open_places = {place: status for place, status in places.items() if status != "COMPLETE"}
    if not open_places:
        return Passed(f"replicated to {', '.join(places)}")
    late = Failed(f"ECR has not replicated the image to {', '.join(open_places)}.", "Run this again later.")
    is_under_way = any(status is not None for status in open_places.values())
    waiting = f"the replication of {repository.name}@{digest[:19]} to {', '.join(open_places)}"
    return Pending(waiting, late, None if is_under_way else APPEARS_SECONDS)
