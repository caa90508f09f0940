"""Which creation template of a registry is for a repository, and the repository that a push would create by it."""

from __future__ import annotations

from collections.abc import Sequence

from ecr_tasks.model.account import CreationTemplate

_ALL = "ROOT"
"""The prefix of the template for what no other one is for."""


def template_of(name: str, templates: Sequence[CreationTemplate]) -> CreationTemplate | None:
    """Return the template for a repository's name: the one with the longest prefix, else ROOT's.

    (ECR user guide, "Repository creation templates".)
    """

    def fits(prefix: str) -> bool:
        return prefix == _ALL or name.startswith(prefix if prefix.endswith("/") else f"{prefix}/")

    fitting = [template for template in templates if fits(template.prefix)]
    return max(fitting, key=lambda item: 0 if item.prefix == _ALL else len(item.prefix), default=None)


def template_on_push(name: str, templates: Sequence[CreationTemplate]) -> CreationTemplate | None:
    """Return the template by which ECR creates a repository when it is pushed to; None where it creates none."""
    template = template_of(name, templates)
    return template if template is not None and "CREATE_ON_PUSH" in template.applied_for else None
