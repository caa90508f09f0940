"""The `tags` task: show the tags that this commit's image gets, and the reasons."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ecr_tasks.console import Column, Styled, Text, data, document, result_table, say, table
from ecr_tasks.runner.decorator import task

if TYPE_CHECKING:
    from ecr_tasks.runner.run import Run
    from ecr_tasks.tags.tag_set import TagSet


@task(
    help={
        "json": "one JSON document on stdout",
        "explain": "a table of the rules instead: tag, kind and reason",
    }
)
def tags(run: Run, json: bool = False, explain: bool = False) -> None:
    """Print this commit's tags; or why, with --explain.

    One a line, the most specific first; labels as well, with --json.
    """
    from ecr_tasks.runner.images import seen_source
    from ecr_tasks.tags.from_settings import tag_set

    tags_of = tag_set(run.settings, seen_source(run), os.environ, title=run.settings.repository)
    if explain:
        say(f"Rules: {run.settings.origin('ECR_TAGS')}. Flavor: {run.settings.origin('ECR_FLAVOR')}.")
        show = table if json else result_table
        show((Column("tag", meaning="strong"), Column("kind", 1), Column("rule", 2), "because"), as_rows(tags_of))
    if json:
        document(as_json(tags_of))
    tags_of.check()
    if not json and not explain:
        data("\n".join(tag.name for tag in tags_of.tags))


def as_json(result: TagSet) -> dict[str, Any]:
    """Return the document of `tags --json`: ``tags`` are names by priority; ``publishing`` is pushed first."""
    return {
        "version": result.version,
        "tags": [tag.name for tag in result.tags],
        "publishing": result.publishing.name if result.publishing else None,
        "labels": dict(result.labels),
        "annotations": dict(result.annotations),
        "rules": [
            {"rule": rule.rule, "tag": rule.tag, "kind": rule.kind, "because": rule.because} for rule in result.rules
        ],
    }


def as_rows(result: TagSet) -> list[tuple[Text, Text, str, Text]]:
    """Return each rule's tag, kind, text and reason; tag and kind are ``-`` if it gives no tag."""
    from ecr_tasks.model.manifest import short_ids

    none = Styled("-", "dim")
    return [
        (rule.tag or none, rule.kind or none, rule.rule, Styled(rule.because, short=short_ids(rule.because)))
        for rule in result.rules
    ]
