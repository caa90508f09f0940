"""The `promote` task: more tags for an image that is published, in its repository or in another registry."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.console import data, document, say, short
from ecr_tasks.errors import SettingsError
from ecr_tasks.execute.promote import Promotion, carry_out, decide
from ecr_tasks.model import reference
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.plan import references
from ecr_tasks.plan.gates import Checked, Gates, Waits
from ecr_tasks.runner.repositories import planned_repositories
from ecr_tasks.runner.run import Run

if TYPE_CHECKING:
    from ecr_tasks.execute.copy import Copy

NO_GATES = Gates()

WAITS = Waits()
"""How long promote waits for scans and signatures."""


def gates(
    run: Run,
    *,
    require_scan: str | bool | None = None,
    require_signature: bool = False,
    from_branch: str | None = None,
) -> Gates:
    """The conditions that the flags name. Raises SettingsError for a level or a branch that there isn't."""
    level = branch = None
    if require_scan not in (None, False):
        from ecr_tasks.plan.scan_gate import scan_level

        level = scan_level(require_scan, run.settings.scan_fail_on)
    if from_branch is not None:
        from ecr_tasks.source.git.branches import find_branch

        branch = find_branch(run.project, from_branch, environ=os.environ)
    return Gates(level, require_signature, branch)


def promote(
    run: Run, given: str, tags: Sequence[str], *, image: str | None, json: bool, gates: Gates = NO_GATES
) -> None:
    """Within the repository: two calls for one tag (BatchGetImage, PutImage), and no layer moves.

    Every image is found, every tag is looked at and every gate is passed before the first tag is set.
    """
    source, wanted = reference.source(given), reference.tags(tags)
    if not wanted:
        raise SettingsError("No tag is given.", "Say which: `inv promote SOURCE --tag TAG`.")
    if run.registry_away:
        say("there is no registry to ask: the local ECR does not run")
        return
    chosen = _chosen(run, source, image)
    alone = len(chosen) == 1

    def decided(name: str, source: reference.Source) -> Promotion:
        return decide(run.registry, chosen[name], source, wanted, alone=alone)

    made = {name: decided(name, source) for name in chosen}
    checked = _check(run, gates, {name: (item.repository, item.image) for name, item in made.items()})
    if checked.waited:
        made = {name: decided(name, _pinned(source, item.image)) for name, item in made.items()}
    for promotion in made.values():
        if not run.dry:
            carry_out(run.registry, promotion)
        _show(promotion, dry=run.dry)
    if not run.dry:
        _tell(made, source, checked, json=json)


def promote_to(
    run: Run, given: str, to: str, tags: Sequence[str], *, image: str | None, json: bool, gates: Gates = NO_GATES
) -> None:
    """To another repository, region or account: same digest, every platform, what refers to it; nothing is pulled.

    Without a tag it keeps the one it was named by.
    """
    from ecr_tasks.execute.copy import carry_out_copy, decide_copy

    source, where = reference.source(given), references.destination(to)
    wanted = reference.tags(tags or ([] if source.reference.startswith("sha256:") else [source.reference]))
    if not wanted:
        raise SettingsError("No tag is given.", f"Say which: `inv promote SOURCE --to {to} --tag TAG`.")
    if run.registry_away:
        say("there is no registry to ask: the local ECR does not run")
        return
    chosen = _chosen(run, source, image)
    if where.repository is not None and len(chosen) > 1:
        raise SettingsError(
            f"{len(chosen)} images can't go to one repository, {where.repository}.",
            "Choose one with --image, or leave the repository out: each keeps the name it has.",
        )
    target = run.target(where)

    def decided(name: str, source: reference.Source) -> Copy:
        repository = chosen[name]
        there = where.repository or repository
        return decide_copy(run.registry, repository, source, target, there, wanted, where=where)

    made = {name: decided(name, source) for name in chosen}
    checked = _check(run, gates, {name: (item.source, item.promotion.image) for name, item in made.items()})
    if checked.waited:  # a signature that was waited for is to be copied as well
        made = {name: decided(name, _pinned(source, item.promotion.image)) for name, item in made.items()}
    for copy in made.values():
        if not run.dry:
            carry_out_copy(copy, run.docker, run.registry, target)
        say(f"{copy.promotion.repository.uri}: {_copied(copy, dry=run.dry)}")
        _show(copy.promotion, dry=run.dry, elsewhere=True)
    if not run.dry:
        _tell({name: copy.promotion for name, copy in made.items()}, source, checked, json=json)


def _check(run: Run, gates: Gates, images: Mapping[str, tuple[Repository, StoredImage]]) -> Checked:
    """Asks nothing where there is no gate. Raises Refused."""
    if gates == NO_GATES:
        return Checked(dict.fromkeys(images, ()))
    from ecr_tasks.execute.check_gates import check

    return check(gates, images, run.registry, run.registry.evidence, say, WAITS)


def _pinned(source: reference.Source, image: StoredImage) -> reference.Source:
    """The image that was checked, by its digest: its tag may have moved, and others too, while we waited."""
    return replace(source, reference=image.digest)


def _chosen(run: Run, source: reference.Source, image: str | None) -> dict[str, str]:
    """Repositories by image: all that are planned, or the one that ``image`` or the reference names."""
    known = planned_repositories(run)
    if image is not None and image not in known:
        raise SettingsError(f"There is no image {image!r} here.", f"Choose one of: {', '.join(known)}.")
    chosen = {image: known[image]} if image is not None else known
    if source.repository is None:
        return chosen
    named = {name: repository for name, repository in chosen.items() if repository == source.repository}
    if not named:
        raise SettingsError(
            f"The image is of the repository {source.repository}, and these settings have "
            f"{', '.join(dict.fromkeys(chosen.values()))}.",
            "Set ECR_REPOSITORY to it, or name an image of the configured repository.",
        )
    return named


def _copied(copy: Copy, *, dry: bool) -> str:
    """What is missing there, in words: the image, and what is about it."""
    about = len([digest for digest in copy.missing if digest != copy.promotion.image.digest])
    parts = ["the image"] if len(copy.missing) > about else []
    parts += [f"{about} about it (signatures, SBOMs)"] if about else []
    return f"{'would copy' if dry else 'copied'} {' and '.join(parts)}" if parts else "nothing to copy"


def _show(promotion: Promotion, *, dry: bool, elsewhere: bool = False) -> None:
    where = promotion.repository.uri if elsewhere else promotion.repository.name
    for tag, now in promotion.now.items():
        new, moved = ("would be set", "would move from") if dry else ("set", "moved from")
        words = {"new": new, "present": "there already", "moves": f"{moved} {short(now)}"}
        say(f"{where}:{tag}: {words[promotion.state(tag)]}")


def _tell(made: dict[str, Promotion], source: reference.Source, checked: Checked, *, json: bool) -> None:
    if not json:
        for promotion in made.values():
            data(promotion.reference)
        return
    document({"images": [_as_json(name, promotion, source, checked) for name, promotion in made.items()]})


def _as_json(name: str, promotion: Promotion, source: reference.Source, checked: Checked) -> dict[str, object]:
    return {
        "name": name,
        "source": source.reference,
        "registry": promotion.repository.host,
        "repository": promotion.repository.name,
        "digest": promotion.image.digest,
        "reference": promotion.reference,
        "tags": [{"tag": tag, "state": promotion.state(tag), "was": now} for tag, now in promotion.now.items()],
        "gates": list(checked.gates[name]),
    }
