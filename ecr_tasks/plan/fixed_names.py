"""Which tags never move by their names: versions, commits, inputs, and what the project's own rules call fixed.

The tag rules of one commit say nothing of another one's tags, and `promote` is given any tag. So a name is compared
with the shapes of the tags that the rules can give; where a shape could be anything, as of `type=ref,event=tag`, the
git tags and the commit of the image that has the tag decide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from ecr_tasks.model.image import split_revision
from ecr_tasks.model.manifest import INPUTS_DIGITS, INPUTS_TAG, StoredImage
from ecr_tasks.plan.repository.tag_patterns import as_filter, is_too_broad, overlap
from ecr_tasks.plan.repository.tag_shapes import MAJOR, Shape, tag_shapes
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.semver import Version
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import rules_of, tag_set

_COMMIT_TAG = re.compile(r"sha-[0-9a-f]{7,64}")
_INPUTS_TAG = re.compile(rf"{INPUTS_TAG}[0-9a-f]{{{INPUTS_DIGITS}}}")
_SHORT_COMMIT = 7


def is_fixed_name(tag: str) -> bool:
    """Return whether a tag with this name never moves: a whole version, a commit or inputs (docs/tags.md)."""
    return Version.parse(tag) is not None or any(pattern.fullmatch(tag) for pattern in (_COMMIT_TAG, _INPUTS_TAG))


def is_fixed(
    tag: str,
    current: Callable[[], StoredImage | None],
    settings: Settings,
    source: Callable[[], SourceState],
    environ: Mapping[str, str],
) -> bool:
    """Return whether a tag never moves, by its name or by the project's tag rules.

    ``current`` reads the image that has the tag, None for a new one, and is called only where its commit decides;
    ``source`` only where git's tags decide.
    Raises SettingsError for rules that can't be used.
    """
    names = dict.fromkeys((tag, split_revision(tag)[0]))
    return any(is_fixed_name(name) or _is_fixed_by_rules(name, current, settings, source, environ) for name in names)


def _is_fixed_by_rules(
    tag: str,
    current: Callable[[], StoredImage | None],
    settings: Settings,
    source: Callable[[], SourceState],
    environ: Mapping[str, str],
) -> bool:
    flavor, rules, is_default = rules_of(settings)
    shapes = [
        shape for shape in tag_shapes(rules, flavor, dirty=False, unversioned=is_default) if matches_shape(shape, tag)
    ]
    fixed = [shape for shape in shapes if shape.kind == "fixed"]
    if not fixed:
        return False
    if any(shape.text == tag for shape in fixed):
        return True
    if any(shape.kind == "moving" and "*" not in shape.text for shape in shapes):
        return False
    if not all(is_too_broad(as_filter(shape.text.replace(MAJOR, "0"))) for shape in fixed):
        return True
    image = current()
    if image is not None and image.revision and image.revision[:_SHORT_COMMIT] in tag:
        return True
    return is_of_git_tag(tag, settings, source, environ)


def is_of_git_tag(
    tag: str, settings: Settings, source: Callable[[], SourceState], environ: Mapping[str, str]
) -> bool:
    """Return whether a tag is a fixed tag of one of the repository's git tags."""
    return any(
        tag in _fixed_tags(git_tag, settings, source(), environ)
        for git_tag in source().repository_tags
        if _has_numbers(git_tag, tag)
    )


def matches_shape(shape: Shape, tag: str) -> bool:
    """Return whether a rule can give a tag as one of a shape."""
    return overlap(shape.text.replace(MAJOR, "#"), tag)


def _fixed_tags(git_tag: str, settings: Settings, source: SourceState, environ: Mapping[str, str]) -> set[str]:
    """Return the fixed tags that a run for a git tag gives."""
    tagged = replace(
        source,
        revision=source.revision or "0" * 40,
        branch=None,
        tag=git_tag,
        event="tag",
        change=None,
        pull_request=None,
        dirty=False,
        changed=(),
        changes=(),
    )
    return {tag.name for tag in tag_set(settings, tagged, environ).tags if tag.kind == "fixed"}


def _has_numbers(git_tag: str, tag: str) -> bool:
    """Return whether a tag has the numbers of a git tag in their order: every fixed tag of a git tag has them all."""
    wanted, there = _numbers(git_tag.rpartition("/")[2].partition("+")[0]), _numbers(tag)
    return bool(wanted) and any(
        there[start : start + len(wanted)] == wanted for start in range(len(there) - len(wanted) + 1)
    )


def _numbers(text: str) -> list[int]:
    return [int(digits) for digits in re.findall("[0-9]+", text)]
