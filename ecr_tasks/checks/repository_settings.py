"""The check of the repository against what is planned: it exists, its tags, its creation template, its scanning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecr_tasks.errors import EcrTasksError, ExitCode
from ecr_tasks.model.account import CreationTemplate
from ecr_tasks.model.finding import Finding, Section
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.scan import Scanning
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.repository.creation_template import template_of, template_on_push

REPOSITORY = Section("Repository", ExitCode.REGISTRY)


def check_repositories(
    images: Sequence[PlannedImage], conflicts: Sequence[Conflict], templates: Sequence[CreationTemplate]
) -> Iterator[Finding]:
    """Yield what is to say of each image's repository; ``conflicts`` are the plan's, known from the registry."""
    for item in images:
        name = item.image.repository
        if item.view is None:
            continue
        errors = [conflict.error for conflict in conflicts if conflict.image == item.image.name]
        for error in errors:
            yield REPOSITORY.error(name, error)
        if (repository := item.view.repository) is None:
            if not errors:
                yield REPOSITORY.fine(name, "doesn't exist yet; push creates it (ECR_CREATE_REPOSITORY)")
            yield from _check_template(name, item, templates)
            continue
        locked = [name for name in _moving(item) if repository.locks(name)]
        if locked and item.view.template:
            yield _locked_by_template(name, repository, item.view.template, locked)
        elif locked:
            yield REPOSITORY.warning(
                f"{name} tags",
                f"{name} is {repository.mutability}, which locks the moving tags {name_some(locked)} with their "
                "first image.",
                "Let them move: `inv repo.ensure` shows and sets the exclusion filters of the tag rules.",
            )
        elif not errors and item.view.template:
            made = f"ECR creates it with the push, by the creation template {item.view.template}"
            yield REPOSITORY.fine(name, f"doesn't exist yet; {made} ({_mutability(repository)})")
        elif not errors:
            planned = f"{_mutability(repository)}, fits the planned tags"
            yield REPOSITORY.fine(name, f"exists, {planned} ({name_some([tag.tag.name for tag in item.tags])})")
    yield from _check_destinations(images)


def _moving(item: PlannedImage) -> list[str]:
    """Return the tags that move; those of an uncommitted tree are deleted and set anew where they are locked."""
    return [tag.tag.name for tag in item.tags if tag.tag.kind == "moving" and not item.image.dirty]


def _check_destinations(images: Sequence[PlannedImage]) -> Iterator[Finding]:
    for item in images:
        for copy in item.copies:
            if copy.error is not None:
                yield REPOSITORY.error(copy.address, copy.error)
            elif copy.view is not None:
                yield REPOSITORY.fine(copy.address, f"gets {item.image.name}")


def _check_template(name: str, item: PlannedImage, templates: Sequence[CreationTemplate]) -> Iterator[Finding]:
    """Yield a warning where the template that would shape a repository locks tags that are planned to move."""
    template = template_on_push(name, templates)
    if template is None:
        return
    # The template decides the repository of those who push with docker; ours comes with ECR_MUTABILITY's.
    shaped = Repository(name, "", name, template.mutability, template.exclusions)
    locked = [tag for tag in _moving(item) if shaped.locks(tag)]
    if locked:
        yield _locked_by_template(name, shaped, template.prefix, locked)


def _locked_by_template(name: str, shaped: Repository, prefix: str, locked: Sequence[str]) -> Finding:
    return REPOSITORY.warning(
        "creation template",
        f"The template {prefix} makes {name} {shaped.mutability} if a push creates it, which locks "
        f"{name_some(locked)}.",
        "Create the repository with `inv repo.ensure`, or give the template exclusion filters.",
    )


def check_templates(
    templates: Sequence[CreationTemplate] | EcrTasksError, repositories: Sequence[str]
) -> Iterator[Finding]:
    """Yield which creation templates are for the planned repositories."""
    if isinstance(templates, EcrTasksError):
        yield REPOSITORY.unknown("creation templates", templates.cause)
        return
    chosen = {name: template for name in repositories if (template := template_of(name, templates))}
    if not chosen:
        yield REPOSITORY.fine("creation templates", "none is for these repositories")
    for name, template in chosen.items():
        purposes = ", ".join(word.lower().replace("_", " ") for word in template.applied_for)
        yield REPOSITORY.fine("creation templates", f"{template.prefix} is for {name} ({purposes})")


def check_scanning(
    scanning: Scanning | EcrTasksError, repositories: Sequence[str], *, gated: bool = False
) -> Iterator[Finding]:
    """Yield how the planned repositories are scanned; ``gated`` tells whether a scan decides over promotions."""
    if isinstance(scanning, EcrTasksError):
        yield REPOSITORY.unknown("scanning", scanning.cause)
        return
    without = [name for name in repositories if not scanning.scans(name)]
    kind = scanning.kind.lower()
    if not without:
        yield REPOSITORY.fine("scanning", f"{kind}, by the registry's rules")
    elif gated:
        yield REPOSITORY.warning(
            "scanning",
            f"No rule of the registry ({kind} scanning) scans {name_some(without)}, which ECR_SCAN_FAIL_ON needs.",
            "Add a rule for it (`aws ecr put-registry-scanning-configuration`), or let the repository scan on push "
            "(`inv repo.ensure`).",
        )
    else:
        yield REPOSITORY.fine("scanning", f"{kind}; only what the repository itself scans on push")


def _mutability(repository: Repository) -> str:
    excluded = f" but {', '.join(repository.exclusions)}" if repository.exclusions else ""
    return f"{repository.mutability.partition('_')[0].lower()}{excluded}"
