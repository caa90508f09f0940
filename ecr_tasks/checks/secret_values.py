"""The check for secrets in build arguments, labels and annotations, which everybody can read in the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ecr_tasks.checks.allowed_secrets import AllowedFiles
from ecr_tasks.checks.key_shapes import is_key
from ecr_tasks.checks.secret_shapes import find_secrets
from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition


def check_values(definition: BuildDefinition, allowed: AllowedFiles, note: Callable[[str], None]) -> None:
    """Raise Refused when a value of a definition is a secret by its shape; the error doesn't have the value."""
    for kind, name, value in _values(definition):
        what = _secret(name, value)
        if what is None or allowed.allows_value(f"{kind}:{name}", what, note):
            continue
        words = {"build-arg": "build argument"}.get(kind, kind)
        raise Refused(
            f"The {words} {name} is {what}, and everybody who has the image can read it there.",
            "Give it to the build as a secret (ECR_SECRETS and RUN --mount=type=secret), or name "
            f"{kind}:{name} with a reason in ECR_ALLOW_KEYS_IN if it opens nothing.",
        )


def _values(definition: BuildDefinition) -> Iterator[tuple[str, str, str]]:
    yield from (("build-arg", name, value) for name, value in definition.args.items())
    yield from (("label", name, value) for name, value in definition.labels.items())
    yield from (("annotation", name, value) for name, value in definition.annotations.items())


def _secret(name: str, value: str) -> str | None:
    """Return what a value is, if it is a secret."""
    if name.upper() != "AWS_ACCESS_KEY_ID" and is_key(name, value):
        return "an AWS session token" if name.upper() == "AWS_SESSION_TOKEN" else "an AWS secret access key"
    secrets = find_secrets("value", value.encode("utf-8", "replace"))
    return secrets[0].what if secrets else None
