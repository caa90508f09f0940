"""The check for secrets in what a build is told: arguments, labels, annotations, tags, addresses, caches, and the
instructions of its Dockerfile. The image, its history or its provenance shows them to everybody who may pull it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ecr_tasks.checks.allowed_secrets import AllowedSecrets, described, short_path
from ecr_tasks.checks.secret_shapes import Secret, lines_of
from ecr_tasks.checks.value_shapes import find_in_text, find_in_value
from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.option_fields import split_fields
from ecr_tasks.model.tag import Tag
from ecr_tasks.source.build_context.dockerignore import existing_dockerfile
from ecr_tasks.source.build_context.references import read_dockerfile
from ecr_tasks.source.build_context.unknown import Unknown

INLINE = "dockerfile:inline"
"""How ECR_ALLOW_KEYS_IN names the Dockerfile in a bake or compose file."""

BY_MOUNT = "Give it to the build as a secret (ECR_SECRETS and RUN --mount=type=secret)"

_COMMENT = re.compile(rb"(?m)^[ \t]*#.*$")
_ENV = re.compile(rb"(?im)^([ \t]*ENV[ \t]+\w+)[ \t]+(?=[^=\s]+[ \t]*\r?$)")
"""An instruction in the old form, ``ENV NAME value``."""

_PROXY = re.compile(r"(?i)(?:https?|ftp|all|no)_proxy")
"""The build arguments that docker itself leaves out of an image's history (docs.docker.com, "Predefined ARGs")."""


class Value(NamedTuple):
    """A value of a build: how ECR_ALLOW_KEYS_IN names it, what it is in words, and who can read it."""

    entry: str
    words: str
    text: str
    name: str
    readers: str = "everybody who has the image can read it there"
    remedy: str = BY_MOUNT


def check_values(
    definition: BuildDefinition,
    tags: Iterable[Tag],
    allowed: AllowedSecrets,
    known: Mapping[str, str],
    note: Callable[[str], None],
) -> None:
    """Raise Refused when a value of a build is a secret; the error doesn't have the value."""
    for value in values(definition, tags):
        whats = dict.fromkeys(what for what, _ in find_in_value(value.name, value.text, known))
        # What has a shape of its own says more than a name.
        left = [what for what in whats if not allowed.allows_value(value.entry, what, note)]
        if left:
            entry = allowed.entry_for(value.entry, left[0])
            raise Refused(
                f"The {value.words} is {left[0]}, and {value.readers}.",
                f"{value.remedy}, or write {entry} into ECR_ALLOW_KEYS_IN if it opens nothing.",
            )


def values(definition: BuildDefinition, tags: Iterable[Tag] = ()) -> Iterator[Value]:
    """Yield the values of a build that others get to see."""
    hides_proxies = not definition.shows_arguments
    for name, text in definition.args.items():
        if not (hides_proxies and _PROXY.fullmatch(name)):
            yield Value(f"build-arg:{name}", f"build argument {name}", text, name)
    for name, text in definition.labels.items():
        yield Value(f"label:{name}", f"label {name}", text, name)
    for name, text in definition.annotations.items():
        yield Value(f"annotation:{name}", f"annotation {name}", text, name)
    for tag in tags:
        kind = next((part[5:] for part in tag.rule.split(",") if part.startswith("type=")), "raw")
        readers, remedy = "a tag is no place for one", "Take it out of the tag's rule (ECR_TAGS) or the branch's name"
        yield Value(f"tag:{kind}", f"tag of the rule type={kind}", tag.name, "", readers, remedy)
    contexts = {"main": definition.context, **definition.contexts}
    for name, text in contexts.items():
        readers = "the builder keeps it in its history, and older ones in the image's provenance"
        remedy = "Take it out of the address, and give it to the build as the secret GIT_AUTH_TOKEN (ECR_SECRETS)"
        yield Value(f"context:{name}", f"address of the build context {name}", text, "", readers, remedy)
    for entry in (*definition.cache_from, *definition.cache_to):
        yield from _cache_values(entry)


def _cache_values(entry: str) -> Iterator[Value]:
    fields = split_fields(entry) if "=" in entry else {"ref": entry}
    kind = fields.get("type", "registry")
    readers = "who reads the settings or the builder's history can read it"
    remedies = {
        "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for the run, where buildx looks for them itself",
        "gha": "Set ACTIONS_RUNTIME_TOKEN for the run, where buildx looks for it itself",
        "azblob": "Let the builder have an identity of its own that may use the container",
    }
    for name, text in fields.items():
        # BuildKit's names of them are also those of AWS's variables.
        variable = {"secret_access_key": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN"}.get(
            name, name
        )
        remedy = remedies.get(kind, "Take it out of the cache's options")
        yield Value(f"cache:{kind}", f"option {name} of the {kind} cache", text, variable, readers, remedy)


def secret_of(name: str, value: str) -> str | None:
    """Return what a value is, if it is a secret."""
    return next((what for what, _ in find_in_value(name, value, {})), None)


def check_dockerfile(
    definition: BuildDefinition,
    allowed: AllowedSecrets,
    known: Mapping[str, str],
    note: Callable[[str], None],
) -> None:
    """Raise Refused when a secret is in an instruction: the image's configuration and history show ``ENV``, ``RUN``.

    A Dockerfile that docker itself fetches is not looked at.
    """
    names, path = find_in_dockerfile(definition, known)
    if not names:
        return
    if path is None:
        left = [item for item in names if not allowed.allows_value(INLINE, item.what, note, verb="hold")]
    else:
        left = [Secret(*name) for name in allowed.remaining(path, names, note)]
    if left:
        entry = allowed.entry_for(path or INLINE, left[0].what)
        raise _in_dockerfile(left, path, entry)


def find_in_dockerfile(definition: BuildDefinition, known: Mapping[str, str]) -> tuple[list[Secret], Path | None]:
    """Return the secrets in a Dockerfile's instructions, and its path; None if a bake target has it inline."""
    try:
        content, path = read_dockerfile(definition)
    except Unknown:
        return [], None
    text = instructions(definition, content)
    found = [(position, what) for position, what, _ in find_in_text(text, known)]
    return lines_of(text, found), existing_dockerfile(path).resolve() if path else None


def instructions(definition: BuildDefinition, content: bytes) -> str:
    """Return what of a Dockerfile others get to see: also its comments, where the provenance has the whole file."""
    if not definition.shows_arguments:
        content = _COMMENT.sub(b"", content)
    return _ENV.sub(rb"\1=", content).decode("utf-8", "replace")


def _in_dockerfile(names: Sequence[tuple[str, int]], path: Path | None, entry: str) -> Refused:
    found = " and ".join(described(*name) for name in names)
    file = short_path(path) if path else "The inline Dockerfile"
    return Refused(
        f"{file} holds {found}, and everybody who has the image can read instructions.",
        f"{BY_MOUNT}, and replace it if others have such an image, or write {entry} into ECR_ALLOW_KEYS_IN if it "
        "opens nothing.",
    )
