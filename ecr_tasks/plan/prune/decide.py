"""Decide what of a repository's manifests goes by the rules, and what stays and why.

What is not known keeps an image, and so does every tag that no rule lets go. What belongs together goes together:
an index keeps what it lists, an image keeps what refers to it, and what may not go keeps what it belongs to.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import timedelta

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, INPUTS_TAG
from ecr_tasks.model.registry import wildcard_matches
from ecr_tasks.plan.prune.protect import Facts, is_cache, protection
from ecr_tasks.plan.prune.rules import PruneRule


@dataclass(frozen=True)
class Verdict:
    """What becomes of one manifest, and why; ``owners`` are those that go with it and have to go before it."""

    detail: ImageDetail
    because: str
    owners: tuple[str, ...] = ()
    rule: str = ""


@dataclass(frozen=True)
class Decision:
    """What goes from a repository, in the order in which it has to go, and what stays."""

    going: tuple[tuple[Verdict, ...], ...]
    staying: tuple[Verdict, ...]

    @property
    def all_going(self) -> tuple[Verdict, ...]:
        """Everything that goes, in its order."""
        return tuple(verdict for wave in self.going for verdict in wave)

    @property
    def bytes(self) -> int:
        """The most bytes that become free: an index has none of its own, and images may share layers."""
        singles = (item.detail for item in self.all_going if item.detail.media_type not in INDEX_MEDIA_TYPES)
        return sum(detail.size or 0 for detail in singles)


def decide(details: Iterable[ImageDetail], rules: Sequence[PruneRule], facts: Facts) -> Decision:
    """Return what goes and what stays of all manifests of a repository."""
    return _Decision(details, rules, facts).result()


class _Decision:
    def __init__(self, details: Iterable[ImageDetail], rules: Sequence[PruneRule], facts: Facts) -> None:
        self.details = {detail.digest: detail for detail in details}
        self.rules, self.facts = rules, facts
        self.kept: dict[str, str] = {}
        """Why what stays does."""
        self.kept_for_its_own: set[str] = set()
        self.let_go: dict[str, tuple[str, str]] = {}
        """Why what may go may, and the rule."""
        self.children: dict[str, list[str]] = {digest: [] for digest in self.details}
        self.parents: dict[str, list[str]] = {digest: [] for digest in self.details}
        for index, listed in facts.children.items():
            for child in dict.fromkeys(listed) if index in self.details else ():
                if child in self.details and child != index:
                    self.children[index].append(child)
                    self.parents[child].append(index)
        self.referrers: dict[str, list[str]] = {digest: [] for digest in self.details}
        self.subject: dict[str, str] = {}
        for digest, detail in self.details.items():
            subject = detail.belongs_to
            if subject is not None and subject != digest and subject in self.details:
                self.referrers[subject].append(digest)
                self.subject[digest] = subject
        self.unread = next(
            (
                detail
                for digest, detail in self.details.items()
                if detail.media_type in INDEX_MEDIA_TYPES and digest not in facts.children
            ),
            None,
        )

    def result(self) -> Decision:
        newest = self._newest()
        for digest, detail in self.details.items():
            if reason := protection(detail, self.rules, self.facts) or newest.get(digest):
                self._keep([(digest, reason, True)])
        for digest, detail in self.details.items():
            if digest not in self.kept:
                self._apply_rules(detail)
        while stray := self.details.keys() - self.kept.keys() - self._reached():
            self._keep([(digest, "no rule is about it", False) for digest in sorted(stray)])
        going = [self._going(digest) for digest in self.details if digest not in self.kept]
        staying = tuple(Verdict(self.details[digest], reason) for digest, reason in self.kept.items())
        return Decision(_waves(going), staying)

    def _keep(self, found: Iterable[tuple[str, str, bool]]) -> None:
        """Keep manifests with their reasons, and all that belongs to them.

        With the third value, it is for its own sake: then what it belongs to stays, too. An image stays in any case
        where something that refers to it does, because ECR deletes that with it.
        """
        queue = deque(found)
        while queue:
            digest, reason, for_its_own = queue.popleft()
            if digest in self.kept_for_its_own or (digest in self.kept and not for_its_own):
                continue
            is_new = digest not in self.kept
            reason = self.kept.setdefault(digest, reason)
            self.kept_for_its_own |= {digest} if for_its_own else set()
            name = _name(self.details[digest])
            if is_new:
                queue.extend((child, f"{name}, which stays, lists it", False) for child in self.children[digest])
                queue.extend((each, f"it belongs to {name}, which stays", False) for each in self.referrers[digest])
            above = self._owners(digest) if for_its_own else [self.subject[digest]] if digest in self.subject else []
            queue.extend((each, f"{name} stays: {reason}", for_its_own) for each in above)

    def _newest(self) -> dict[str, str]:
        """Return why the newest images of each rule that says how many stay do."""
        found: dict[str, str] = {}
        for rule in self.rules:
            if rule.newest:
                about = [item for item in self.details.values() if item.pushed and self._is_about(rule, item)]
                about.sort(key=lambda item: (-item.pushed.timestamp() if item.pushed else 0.0, item.digest))
                for detail in about[: rule.newest]:
                    found.setdefault(detail.digest, f"one of the newest {rule.newest} ({rule.text})")
        return found

    def _is_about(self, rule: PruneRule, detail: ImageDetail) -> bool:
        if detail.status != "ACTIVE":
            return False
        if rule.type == "cache":
            return is_cache(detail, self.facts)
        if rule.type == "untagged":
            return not detail.own_tags and not self._owners(detail.digest)
        return any(wildcard_matches(rule.pattern, tag) for tag in detail.own_tags)

    def _owners(self, digest: str) -> list[str]:
        return [*self.parents[digest], *([self.subject[digest]] if digest in self.subject else [])]

    def _apply_rules(self, detail: ImageDetail) -> None:
        """Let a manifest go by a rule, or keep it; what has no tag and belongs to another goes as that does."""
        owners = self._owners(detail.digest)
        if detail.status == "ARCHIVED" and not (owners and not detail.own_tags):
            self._apply(detail, self._archived_rule(detail), "it is archived")
        elif detail.own_tags:
            self._apply_to_tags(detail)
        elif not owners:
            self._apply_to_untagged(detail)

    def _apply(self, detail: ImageDetail, found: tuple[PruneRule, str] | None, otherwise: str) -> None:
        if found is None:
            self._keep([(detail.digest, otherwise, False)])
        else:
            self.let_go[detail.digest] = found[1], found[0].text

    def _archived_rule(self, detail: ImageDetail) -> tuple[PruneRule, str] | None:
        for rule in self.rules:
            if rule.type == "archived" and detail.archived and self.facts.now - detail.archived >= rule.older:
                return rule, f"archived {_days(self.facts.now - detail.archived)} ago"
        return None

    def _apply_to_tags(self, detail: ImageDetail) -> None:
        if found := self._cache_rule(detail):
            self._apply(detail, found, "")
            return
        let_go: list[tuple[PruneRule, str]] = []
        for tag in detail.own_tags:
            rule = self._tag_rule(tag, detail)
            if rule is not None:
                let_go.append((rule, tag))
            elif not tag.startswith(INPUTS_TAG):  # which ECR_SKIP=content adds to other tags
                self._keep([(detail.digest, f"no rule lets its tag {tag} go", False)])
                return
        if not let_go:
            self._keep([(detail.digest, f"no rule lets its tag {detail.own_tags[0]} go", False)])
            return
        rule, tag = let_go[0]
        why = f"the branch or change of {tag} is gone" if rule.type == "gone" else f"{tag} is beyond what is kept"
        self.let_go[detail.digest] = f"{why}, pushed {self._age(detail)} ago", rule.text

    def _tag_rule(self, tag: str, detail: ImageDetail) -> PruneRule | None:
        about = (rule for rule in self.rules if rule.type in ("tags", "gone") and self._is_old(rule, detail))
        for rule in about:
            if not wildcard_matches(rule.pattern, tag):
                continue
            if rule.type == "tags" or self.facts.is_gone(rule.pattern, tag):
                return rule
        return None

    def _cache_rule(self, detail: ImageDetail) -> tuple[PruneRule, str] | None:
        """Return the rule that lets a build cache go: it counts from when it was last written or read."""
        used = max(filter(None, (detail.begun, detail.pulled)), default=None)
        for rule in self.rules:
            if rule.type == "cache" and is_cache(detail, self.facts) and used and self.facts.now - used >= rule.older:
                return rule, f"a build cache that was not used for {_days(self.facts.now - used)}"
        return None

    def _apply_to_untagged(self, detail: ImageDetail) -> None:
        if self.unread is not None and self.unread.digest != detail.digest:
            reason = f"it may belong to {_name(self.unread)}, an index that could not be read"
            self._keep([(detail.digest, reason, False)])
            return
        found = self._cache_rule(detail)
        for rule in self.rules:
            if found is None and rule.type == "untagged" and self._is_old(rule, detail):
                what = "it belongs to what is gone" if detail.belongs_to else "nothing needs it"
                found = rule, f"untagged and {what}, pushed {self._age(detail)} ago"
        self._apply(detail, found, "no rule lets what is untagged go yet")

    def _is_old(self, rule: PruneRule, detail: ImageDetail) -> bool:
        return detail.begun is not None and self.facts.now - detail.begun >= rule.older

    def _age(self, detail: ImageDetail) -> str:
        return _days(self.facts.now - detail.begun) if detail.begun else "?"

    def _reached(self) -> set[str]:
        """Return what a rule lets go, and what belongs to that alone, as far as nothing keeps it."""
        reached = {digest for digest in self.let_go if digest not in self.kept}
        queue = list(reached)
        for digest in queue:  # the loop's body appends to it
            for each in (*self.children[digest], *self.referrers[digest]):
                if each not in reached and each not in self.kept:
                    reached.add(each)
                    queue.append(each)
        return reached

    def _going(self, digest: str) -> Verdict:
        owners = tuple(self._owners(digest))
        if digest in self.let_go:
            because, rule = self.let_go[digest]
        else:
            because, rule = f"it belongs to {_name(self.details[owners[0]])}, which goes", ""
        return Verdict(self.details[digest], because, owners, rule)


def _waves(going: Sequence[Verdict]) -> tuple[tuple[Verdict, ...], ...]:
    """Return what goes in an order in which it can: an index before what it lists, an image before its referrers.

    ECR refuses to delete what an index lists, and deletes what refers to an image with it.
    """
    waiting = {verdict.detail.digest: verdict for verdict in going}
    waves: list[tuple[Verdict, ...]] = []
    while waiting:
        ready = [item for item in waiting.values() if not any(owner in waiting for owner in item.owners)]
        ready = ready or [*waiting.values()]  # manifests that name each other in their tags
        indexes = tuple(item for item in ready if item.detail.media_type in INDEX_MEDIA_TYPES)
        others = tuple(item for item in ready if item.detail.media_type not in INDEX_MEDIA_TYPES)
        waves += [wave for wave in (indexes, others) if wave]
        for item in ready:
            del waiting[item.detail.digest]
    return tuple(waves)


def _name(detail: ImageDetail) -> str:
    return detail.own_tags[0] if detail.own_tags else detail.digest[:19]


def _days(time: timedelta) -> str:
    days = time.days
    return f"{days} days" if days != 1 else "1 day"
