"""The task tags: what this commit's image is called, and why."""

from __future__ import annotations

from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run


@task(
    help={
        "json": "one JSON document on stdout",
        "explain": "each rule's tag, kind and reason, and where the rules come from",
    }
)
def tags(run: Run, json: bool = False, explain: bool = False) -> None:
    """Print this commit's tags, one a line; why, with --explain; labels as well, with --json."""
    import os

    from ecr_tasks.console import data, document, say, table
    from ecr_tasks.tags.from_settings import tag_set
    from ecr_tasks.tasks.tags_view import as_json, as_rows

    found = tag_set(run.settings, run.source, os.environ, title=run.settings.repository)
    if explain:
        say(f"Rules: {run.settings.origin('ECR_TAGS')}. Flavor: {run.settings.origin('ECR_FLAVOR')}.")
        table(("tag", "kind", "rule", "because"), as_rows(found))
    if json:
        document(as_json(found))
    found.check()
    if not json:
        data("\n".join(tag.name for tag in found.tags))
