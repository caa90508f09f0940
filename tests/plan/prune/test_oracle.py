"""Compare what `prune` decides with an oracle of docs/prune.md, for small repositories of every shape."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from random import Random

from ecr_tasks.model.inventory import RELEASE, ImageDetail
from ecr_tasks.model.release import Release, ReleaseRecord, TagPlace
from ecr_tasks.plan.prune.decide import decide
from ecr_tasks.plan.prune.protect import Facts
from ecr_tasks.plan.prune.releases import earlier_releases
from tests.plan.prune.inventories import CACHE, NOW, SIGNATURE, days_ago, rules
from tests.plan.prune.oracle import Oracle, kept_for_rollback
from tests.support.build import INDEX, MANIFEST, digest

SEEDS = 2500
PLACE = TagPlace("123456789012", "eu-central-1", "team/app")
RULES = [
    *("type=untagged,older=1d", "type=untagged,older=30d", "type=untagged,older=30d,newest=2"),
    *("type=cache,older=20d", "type=cache,older=5d,newest=1", "type=archived,older=90d"),
    *("type=tags,pattern=*,older=2d", "type=tags,pattern=sha-*,older=30d", "type=tags,pattern=sha-*,newest=1"),
    *("type=tags,pattern=pr-*,older=50d", "type=gone,pattern=pr-*", "type=gone,pattern=pr-*,newest=1"),
    *("type=keep,pattern=keep-*", "type=keep,pulled=20d", "type=keep,pattern=prod,pulled=100d"),
    *("type=keep,releases=1", "type=keep,pattern=pr*,releases=2", "type=keep,releases=0"),
]
TAGS = [
    *("sha-1", "sha-2", "sha-3", "sha-4", "pr-1", "pr-2", "prod", "1.2.3", "v2.0", "keep-me", "main"),
    *("inputs-0", "inputs-9", "ecr-tasks-upload-ab"),
]
DAYS = [0.5, 0.99, 1, 5, 20, 20.5, 29, 30, 31, 89, 90, 120, 200]


def test_what_goes_is_what_the_page_says() -> None:
    gone = 0
    for seed in range(SEEDS):
        random = Random(seed)  # noqa: S311 - the same cases each time
        names, details, children = repository(random)
        records = promotions(random, [*names, "missing"])
        details += [as_detail(record, pulled=days_ago(random.choice(DAYS))) for record in records]
        random.shuffle(details)
        texts = random.sample(RULES, random.randint(1, 6))
        chosen = rules("\n".join([*texts, *(RULES[:1] if all("keep" in text for text in texts) else [])]) + "\n")
        facts = some_facts(random, names, children)
        kept = dict.fromkeys(kept_for_rollback(details, records, chosen), "it was released")
        expected = Oracle(details, chosen, replace(facts, released=kept)).going()
        facts = replace(facts, released=earlier_releases(details, records, {}, chosen))
        found = {verdict.detail.digest for verdict in decide(details, chosen, facts).all_going}
        assert found == expected, f"seed {seed}"
        gone += len(found)
    assert gone > SEEDS / 4  # so that the comparison is about something


def repository(random: Random) -> tuple[list[str], list[ImageDetail], dict[str, list[str]]]:
    """Return names of manifests, the manifests, and what the indexes that could be read list."""
    tags = random.sample(TAGS, len(TAGS))
    names = [f"m{number}" for number in range(random.randint(1, 14))]
    details = []
    children = {}
    for number, name in enumerate(names):
        before = names[:number]
        own = [tags.pop() for _ in range(random.choice([0, 0, 1, 1, 2, 3])) if tags]
        kind = random.choice(["index", "image", "image", "cache", "signature"])
        subject = None
        if random.random() < 0.35:
            subject = digest(random.choice([*before, "missing"]))
        elif random.random() < 0.1 and before:
            own.append(digest(random.choice(before)).replace(":", "-") + random.choice([".sig", ".att", ""]))
        if kind == "index" and random.random() < 0.93:
            listed = random.sample([*before, "missing"], min(number + 1, random.randint(0, 4)))
            children[digest(name)] = [digest(each) for each in listed]
        status = random.choice([*["ACTIVE"] * 9, "ARCHIVED", "ACTIVATING"])
        details.append(
            ImageDetail(
                digest(name),
                INDEX if kind == "index" else MANIFEST,
                tuple(sorted(own)),
                pushed=days_ago(random.choice(DAYS)) if random.random() < 0.97 else None,
                pulled=days_ago(random.choice(DAYS)) if random.random() < 0.3 else None,
                artifact_type={"cache": CACHE, "signature": SIGNATURE}.get(kind),
                subject=subject,
                status=status,
                archived=days_ago(random.choice(DAYS)) if status != "ACTIVE" else None,
                activated=days_ago(random.choice(DAYS)) if random.random() < 0.1 else None,
            )
        )
    return names, details, children


def promotions(random: Random, names: list[str]) -> list[ReleaseRecord]:
    """Return records of two tags that were moved; now and then something else than a promotion moved one between."""
    found = []
    for tag in random.sample(["prod", "pr-1", "sha-4"], random.choice([0, 0, 1, 2])):
        was: str | None = None
        for number in range(random.randint(1, 5)):
            name = random.choice(names)
            was = digest(random.choice(names)) if random.random() < 0.1 else was
            release = Release(digest(name), PLACE, {tag: was}, str(number), "2026-11-01", 0.1)
            found.append(ReleaseRecord(digest(f"record {number} {tag}"), days_ago(50 - number), release))
            was = digest(name)
    return found


def as_detail(record: ReleaseRecord, pulled: datetime) -> ImageDetail:
    """Return the manifest of a record, which refers to its image; it is pulled by who asks for the history."""
    return ImageDetail(
        record.digest,
        MANIFEST,
        pushed=record.pushed,
        pulled=pulled,
        artifact_type=RELEASE,
        subject=record.release.digest,
    )


def some_facts(random: Random, names: list[str], children: dict[str, list[str]]) -> Facts:
    """Return what runs, which branches are gone, and which indexes are caches."""
    gone = {*random.sample(["pr-1", "pr-2"], random.randint(0, 2))}
    return Facts(
        NOW,
        children,
        frozenset(each for each in children if random.random() < 0.1),
        {digest(random.choice(names)): "ECS" for _ in range(random.choice([0, 0, 1]))},
        dict.fromkeys(random.sample(["sha-2", "main"], random.choice([0, 0, 1])), "Lambda"),
        ("EKS",) if random.random() < 0.15 else (),
        is_release=lambda tag: tag in ("1.2.3", "v2.0"),
        is_gone=lambda pattern, tag: True if tag in gone else None,
    )
