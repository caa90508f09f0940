"""The check for secrets in build arguments, labels, annotations and the Dockerfile, which the image shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ecr_tasks.checks.allowed_secrets import AllowedFiles, described, short_path
from ecr_tasks.checks.key_shapes import is_key
from ecr_tasks.checks.secret_shapes import find_secrets
from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.dockerignore import existing_dockerfile
from ecr_tasks.source.build_context.references import read_dockerfile
from ecr_tasks.source.build_context.unknown import Unknown

INLINE = "dockerfile:inline"
"""How ECR_ALLOW_KEYS_IN names the Dockerfile in a bake or compose file."""

_COMMENT = re.compile(rb"(?m)^[ \t]*#.*$")
_ENV = re.compile(rb"(?im)^([ \t]*ENV[ \t]+\w+)[ \t]+(?=[^=\s]+[ \t]*\r?$)")
"""An instruction in the old form, ``ENV NAME value``."""


def check_values(definition: BuildDefinition, allowed: AllowedFiles, note: Callable[[str], None]) -> None:
    """Raise Refused when a value of a definition is a secret by its shape; the error doesn't have the value."""
    for kind, name, value in _values(definition):
        what = secret_of(name, value)
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


def secret_of(name: str, value: str) -> str | None:
    """Return what a value is, if it is a secret."""
    if name.upper() != "AWS_ACCESS_KEY_ID" and is_key(name, value):
        return "an AWS session token" if name.upper() == "AWS_SESSION_TOKEN" else "an AWS secret access key"
    secrets = find_secrets("value", value.encode("utf-8", "replace"))
    return secrets[0].what if secrets else None


def check_dockerfile(definition: BuildDefinition, allowed: AllowedFiles, note: Callable[[str], None]) -> None:
    """Raise Refused when a secret is in an instruction: the image's configuration and history show ``ENV``, ``RUN``.

    A Dockerfile that docker itself fetches is not looked at.
    """
    try:
        content, path = read_dockerfile(definition)
    except Unknown:
        return
    content = _ENV.sub(rb"\1=", _COMMENT.sub(b"", content))
    names = find_secrets(Path(definition.dockerfile or "Dockerfile").name, content)
    if not names:
        return
    if path is None:
        found = " and ".join(described(*name) for name in names)
        is_allowed = allowed.allows_value(INLINE, found, note, verb="hold")
    else:
        path = existing_dockerfile(path).resolve()
        is_allowed = allowed.allows(path, names, note)
    if not is_allowed:
        raise _in_dockerfile(names, path)


def _in_dockerfile(names: Sequence[tuple[str, int]], path: Path | None) -> Refused:
    found = " and ".join(described(*name) for name in names)
    file = short_path(path) if path else "The inline Dockerfile"
    return Refused(
        f"{file} holds {found}, and everybody who has the image can read instructions.",
        "Give it to the build as a secret (ECR_SECRETS and RUN --mount=type=secret), and replace it if others have "
        f"such an image, or name {file if path else INLINE} with a reason in ECR_ALLOW_KEYS_IN if it opens nothing.",
    )
