"""What docs/prune.md says goes, worked out slowly and apart from the product: the oracle for test_oracle.py."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from ecr_tasks.model.inventory import RELEASE, ImageDetail
from ecr_tasks.model.release import ReleaseRecord
from ecr_tasks.plan.prune.protect import Facts
from ecr_tasks.plan.prune.rules import PruneRule
from tests.plan.prune.inventories import CACHE
from tests.support.build import INDEX

_REFERRER_TAG = re.compile(r"sha256-([0-9a-f]{64})(\.(sig|att|sbom))?$")
_TURN = "ecr-tasks-upload-"
_DAY = timedelta(days=1)


def own_tags(detail: ImageDetail) -> list[str]:
    """Return the tags that say something of the image itself."""
    return [tag for tag in detail.tags if not _REFERRER_TAG.match(tag)]


def kept_for_rollback(
    details: Collection[ImageDetail], records: Sequence[ReleaseRecord], rules: Sequence[PruneRule]
) -> set[str]:
    """Return the digests of the images that a rollback of a tag could put back. No two records are of one time."""
    there = {detail.digest for detail in details}
    kept: set[str] = set()
    for name in {tag for record in records for tag in record.release.was}:
        most = max(
            (rule.releases for rule in rules if rule.releases is not None and fnmatchcase(name, rule.pattern)),
            default=0 if any(rule.type == "gone" and fnmatchcase(name, rule.pattern) for rule in rules) else 10,
        )
        current = {detail.digest for detail in details if name in detail.tags}
        of_tag = [record for record in records if name in record.release.was]
        newest_first = sorted(of_tag, key=lambda record: record.pushed, reverse=True)
        was = [digest for record in newest_first for digest in (record.release.digest, record.release.was[name])]
        kept |= {*[digest for digest in dict.fromkeys(was) if digest and digest in there - current][:most]}
    return kept


class Oracle:
    """Finds the largest set of manifests that may go together, by taking out what may not until nothing changes."""

    def __init__(self, details: Collection[ImageDetail], rules: Sequence[PruneRule], facts: Facts) -> None:
        self.all = {detail.digest: detail for detail in details}
        self.rules, self.facts = rules, facts
        self.lists: Mapping[str, set[str]] = {
            digest: {*facts.children.get(digest, ())} & {*self.all} - {digest} for digest in self.all
        }
        self.unread = {each for each, item in self.all.items() if item.media_type == INDEX} - {*facts.children}

    def going(self) -> set[str]:
        """Return the digests of what goes."""
        staying = {digest for digest in self.all if self._is_protected(digest)} | self._newest()
        while above := {owner for digest in staying for owner in self._owners(digest)} - staying:
            staying |= above
        going = {digest for digest in self.all if digest not in staying and self._is_let_go(digest) is not False}
        while True:
            left = {digest for digest in going if self._may_go_with(digest, going)}
            left &= self._reached_from({digest for digest in left if self._is_let_go(digest)}, left)
            if left == going:
                return going
            going = left

    def _subject(self, digest: str) -> str | None:
        detail = self.all[digest]
        in_tag = next((match[1] for tag in detail.tags if (match := _REFERRER_TAG.match(tag))), None)
        subject = detail.subject or (f"sha256:{in_tag}" if in_tag else None)
        return subject if subject in self.all and subject != digest else None

    def _parents(self, digest: str) -> set[str]:
        return {index for index, listed in self.lists.items() if digest in listed}

    def _owners(self, digest: str) -> set[str]:
        return self._parents(digest) | ({subject} if (subject := self._subject(digest)) else set())

    def _referrers(self, digest: str) -> set[str]:
        return {each for each in self.all if self._subject(each) == digest}

    def _is_document(self, detail: ImageDetail) -> bool:
        return detail.subject is not None or len(own_tags(detail)) < len(detail.tags)

    def _is_cache(self, detail: ImageDetail) -> bool:
        has_type = detail.artifact_type == CACHE and len(own_tags(detail)) == len(detail.tags)
        return has_type or detail.digest in self.facts.caches

    def _age(self, detail: ImageDetail) -> timedelta:
        return self.facts.now - max(time for time in (detail.pushed, detail.activated) if time)

    def _is_protected(self, digest: str) -> bool:
        detail, facts = self.all[digest], self.facts
        if detail.pushed is None or self._age(detail) < _DAY or detail.status == "ACTIVATING":
            return True
        in_use = digest in facts.running or any(
            tag in facts.running_tags or tag.startswith(_TURN) for tag in detail.tags
        )
        may_run = bool(facts.unasked) and not self._is_cache(detail) and not self._is_document(detail)
        released = digest in facts.released or any(facts.is_release(tag) for tag in own_tags(detail))
        return in_use or may_run or released or any(self._keeps(rule, detail) for rule in self.rules)

    def _keeps(self, rule: PruneRule, detail: ImageDetail) -> bool:
        if rule.type != "keep" or rule.releases is not None:
            return False
        fits = any(fnmatchcase(tag, rule.pattern) for tag in own_tags(detail))
        if rule.pulled is None:
            return fits
        is_fresh = detail.pulled is not None and self.facts.now - detail.pulled < rule.pulled
        return is_fresh and (fits or rule.pattern == "*") and detail.artifact_type != RELEASE

    def _newest(self) -> set[str]:
        found: set[str] = set()
        for rule in self.rules:
            about = [
                (item.pushed, digest) for digest, item in self.all.items() if item.pushed and self._fits(rule, item)
            ]
            about.sort(key=lambda pair: (-pair[0].timestamp(), pair[1]))
            found |= {digest for _, digest in about[: rule.newest]}
        return found

    def _fits(self, rule: PruneRule, detail: ImageDetail) -> bool:
        if detail.status != "ACTIVE":
            return False
        if rule.type == "untagged":
            return not own_tags(detail) and not self._owners(detail.digest)
        if rule.type == "cache":
            return self._is_cache(detail)
        return any(fnmatchcase(tag, rule.pattern) for tag in own_tags(detail))

    def _is_let_go(self, digest: str) -> bool | None:
        """Return whether a rule lets it go; None for what has no tag and goes with what it belongs to."""
        detail = self.all[digest]
        own, owners = own_tags(detail), self._owners(digest)
        if not own and owners:
            return None
        if detail.status == "ARCHIVED":
            since = self.facts.now - detail.archived if detail.archived else timedelta()
            return any(rule.type == "archived" and since >= rule.older for rule in self.rules)
        if not own and self.unread - {digest}:
            return False
        unused = min(self._age(detail), self.facts.now - detail.pulled if detail.pulled else timedelta.max)
        if self._is_cache(detail) and any(rule.type == "cache" and unused >= rule.older for rule in self.rules):
            return True
        if not own:
            return any(rule.type == "untagged" and self._age(detail) >= rule.older for rule in self.rules)
        named = {tag for tag in own if self._lets_tag_go(tag, self._age(detail))}
        return bool(named) and all(tag in named or tag.startswith("inputs-") for tag in own)

    def _lets_tag_go(self, tag: str, age: timedelta) -> bool:
        return any(
            rule.type == "tags" or (rule.type == "gone" and self.facts.is_gone(rule.pattern, tag) is True)
            for rule in self.rules
            if fnmatchcase(tag, rule.pattern) and age >= rule.older
        )

    def _may_go_with(self, digest: str, going: set[str]) -> bool:
        return self._owners(digest) <= going and self._referrers(digest) <= going

    def _reached_from(self, starts: set[str], within: set[str]) -> set[str]:
        reached = set(starts)
        while more := {each for one in reached for each in self.lists[one] | self._referrers(one)} & within - reached:
            reached |= more
        return reached
