"""What the names of tags say for `prune`: which are of a release, and whose branch or change is gone."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping

from ecr_tasks.model.image import split_revision
from ecr_tasks.model.registry import wildcard_matches
from ecr_tasks.plan.fixed_names import is_of_git_tag, matches_shape
from ecr_tasks.plan.repository.tag_patterns import as_filter, is_too_broad
from ecr_tasks.plan.repository.tag_shapes import MAJOR, tag_shapes
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.git.remote_names import RemoteNames
from ecr_tasks.source.source_state import SourceState
from ecr_tasks.tags.from_settings import rules_of
from ecr_tasks.tags.tag_set import as_tag

_NUMBERED = re.compile(r"(?:^|[-_])v?[0-9]+(?:\.[0-9]+)+(?:[-_.+]|$)")
"""A name with a version's number in it, such as ``v1.2``, ``1.2.3-rc.1`` or ``app-2026.11``."""

_RELEASES = re.compile(r"type=(?:semver|pep440|match|raw)\b|event=tag\b")
_LONGEST = 127


def release_names(settings: Settings, source: SourceState, environ: Mapping[str, str]) -> Callable[[str], bool]:
    """Return what tells whether a tag is of a release.

    It is if it has the number of a version, if it is the name of a git tag or a fixed tag of one, and if the
    project's rules for versions and the like give such fixed tags. Raises SettingsError for rules that can't be used.
    """
    flavor, rules, is_default = rules_of(settings)
    shapes = [
        shape
        for shape in tag_shapes(rules, flavor, dirty=False, unversioned=is_default)
        if shape.kind == "fixed"
        and _RELEASES.search(shape.rule)
        and not is_too_broad(as_filter(shape.text.replace(MAJOR, "0")))
    ]
    git_tags = {as_tag(name) for name in source.repository_tags}

    @functools.cache
    def is_release(tag: str) -> bool:
        names = dict.fromkeys((tag, split_revision(tag)[0]))
        for name in names:
            if _NUMBERED.search(name) or name in git_tags or any(matches_shape(shape, name) for shape in shapes):
                return True
        return any(is_of_git_tag(name, settings, lambda: source, environ) for name in names)

    return is_release


def gone_names(remote: RemoteNames | None, source: SourceState) -> Callable[[str, str], bool | None]:
    """Return what tells whether the branch or the change of a tag is gone: of a tag that a pattern fits.

    The pattern's first ``*`` stands for a branch, as tags have its name, or for a change's number. None is unknown.
    """
    live = (
        [name for branch in (*remote.branches, source.branch) if branch and (name := as_tag(branch))]
        if remote
        else []
    )

    def is_gone(pattern: str, tag: str) -> bool | None:
        if remote is None or len(tag) >= _LONGEST:
            return None
        if any(wildcard_matches(pattern.replace("*", name, 1), tag) for name in live):
            return False
        before, _, after = pattern.partition("*")
        number = re.fullmatch(
            rf"{re.escape(before)}([0-9]{{1,18}}){'.*'.join(map(re.escape, after.split('*')))}", tag
        )
        if number is None:
            return True
        if number[1] == source.pull_request:
            return False
        is_open = remote.is_open(int(number[1]))
        return None if is_open is None else not is_open

    return is_gone
