"""The check of what a built image shows, before its push: variables, labels, commands, history and provenance.

It finds what no look at the settings can: what a Dockerfile that docker fetches puts there, what a base image brings
along, and an address that several arguments make up.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ecr_tasks.checks.allowed_secrets import AllowedSecrets, needless_sentence
from ecr_tasks.checks.known_secrets import known_secrets
from ecr_tasks.checks.secret_values import BY_MOUNT, INLINE, instructions, values
from ecr_tasks.checks.value_shapes import find_in_text, find_in_value
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import Refused
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.image_config import ImageConfig
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.build_context.dockerignore import existing_dockerfile
from ecr_tasks.source.build_context.references import read_dockerfile
from ecr_tasks.source.build_context.unknown import Unknown

_ARGUMENT = "build-arg:"
_SHOWN = 3


class Part(NamedTuple):
    """A part of what an image shows: how ECR_ALLOW_KEYS_IN names it, what it is in words, and its name and text."""

    entry: str
    words: str
    name: str
    text: str


def check_built(
    image: Image,
    configs: Iterable[ImageConfig],
    provenance: Iterable[str],
    settings: Settings,
    environ: Mapping[str, str],
    note: Callable[[str], None],
) -> None:
    """Raise Refused when a built image shows a secret; the error doesn't have it.

    What the settings allow in an argument, a label or the Dockerfile is allowed wherever the image shows it. ``note``
    is told what else is let through, and which entries of ECR_ALLOW_KEYS_IN are needless.
    """
    allowed, definitions = AllowedSecrets(settings), list(image.definition.with_links())
    known = known_secrets(settings, definitions, environ)
    permitted = list(_permitted(definitions, image, allowed, known))
    parts = dict.fromkeys((*(part for item in configs for part in _parts(item)), *_provenance_parts(provenance)))
    refused: dict[str, tuple[Part, str]] = {}
    found: dict[str, set[str]] = {}
    for part in parts:
        found.setdefault(part.entry, set())
        for what, text in find_in_value(part.name, part.text, known):
            if any(text in other or other in text for other in permitted):
                continue
            found[part.entry].add(what)
            if not allowed.lets_through(part.entry, what):
                refused.setdefault(part.entry, (part, what))
            elif allowed.allows_value(part.entry, what, note, verb="show"):
                permitted.append(text)
    if refused:
        raise _refusal(image.name, list(refused.values()), allowed)
    for entry in settings.allow_keys_in:
        if entry.name in found and entry.name.startswith(("env:", "history:", "config:", "provenance:")):
            sentence = needless_sentence(settings, entry, found[entry.name])
            if sentence:
                note(sentence)


def _refusal(name: str, refused: Sequence[tuple[Part, str]], allowed: AllowedSecrets) -> Refused:
    causes = [f"{part.words} is or holds {what}" for part, what in refused[:_SHOWN]]
    if len(refused) > _SHOWN:
        causes.append(f"{len(refused) - _SHOWN} more")
    part, what = refused[0]
    return Refused(
        f"The image {name} was built, and everybody who may pull it would see secrets: {'; '.join(causes)}. Nothing "
        "was pushed.",
        f"{BY_MOUNT}; if a base image brings it along, have that one built anew; or write "
        f"{allowed.entry_for(part.entry, what)} into ECR_ALLOW_KEYS_IN if it opens nothing.",
    )


def _permitted(
    definitions: Iterable[BuildDefinition], image: Image, allowed: AllowedSecrets, known: Mapping[str, str]
) -> Iterator[str]:
    """Yield the secrets in values and Dockerfiles that ECR_ALLOW_KEYS_IN lets through."""
    for definition in definitions:
        for value in values(definition, image.local_tags):
            for what, text in find_in_value(value.name, value.text, known):
                if allowed.lets_through(value.entry, what):
                    yield text
        try:
            content, path = read_dockerfile(definition)
        except Unknown:
            continue
        where = existing_dockerfile(path).resolve() if path else INLINE
        for _, what, text in find_in_text(instructions(definition, content), known):
            if allowed.lets_through(where, what):
                yield text


def _parts(config: ImageConfig) -> Iterator[Part]:
    for name, text in config.environment.items():
        yield Part(f"env:{name}", f"the variable {name}", name, text)
    for name, text in config.labels.items():
        yield Part(f"label:{name}", f"the label {name}", name, text)
    for name, text in config.commands.items():
        yield Part(f"config:{name}", f"its {name}", "", text)
    for number, text in enumerate(config.history, 1):
        yield Part(f"history:{number}", f"step {number} of its history", "", text)


def _provenance_parts(documents: Iterable[str]) -> Iterator[Part]:
    """Yield the texts of provenance documents, which have the arguments, the Dockerfile and each step (mode=max)."""
    for document in documents:
        try:
            content = parse_json(document)
        except ValueError:
            content = document
        for name, text in _texts(content):
            argument = name.removeprefix(_ARGUMENT)
            if argument != name:
                yield Part(name, f"the argument {argument} in its provenance", argument, text)
            else:
                yield Part(f"provenance:{name}", f"{name} in its provenance", "", text)


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of a document with the names that they have there; a source file is one in base64."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, str(key))
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield name, "\n".join(value)
        else:
            for item in value:
                yield from _texts(item, name)
    elif isinstance(value, str):
        yield name, value
        if name == "data" and re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", value):
            yield name, b64decode(value + "==").decode("utf-8", "replace")
