"""Find the entries of ECR_ALLOW_KEYS_IN that nothing needs, and those without a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ecr_tasks.checks.allowed_secrets import needless_sentence, reasonless_entries, unfit_sentence
from ecr_tasks.checks.known_secrets import known_secrets
from ecr_tasks.checks.leaked_keys import dotenv_keys
from ecr_tasks.checks.secret_values import INLINE, find_in_dockerfile, values
from ecr_tasks.checks.sent_secrets import secrets_of
from ecr_tasks.checks.value_shapes import find_in_value
from ecr_tasks.files import resolved
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.tag import Tag
from ecr_tasks.settings.parse.lists import VALUE_KINDS
from ecr_tasks.settings.settings import Settings


def needless_entries(
    settings: Settings, builds: Iterable[tuple[BuildDefinition, Iterable[Tag]]], environ: Mapping[str, str]
) -> Iterator[str]:
    """Yield a sentence for each entry without a reason, for each that is a pattern or a folder, and for each file or
    value of the builds, with the tags of their images, in which nothing would be refused.

    A value that no build has is left out: other images of the project, or a CI's run, may have it.
    """
    yield from reasonless_entries(settings)
    if not settings.allow_keys_in:
        return
    found: dict[str | Path, list[str]] = {}
    for definition, tags in builds:
        known = known_secrets(settings, [definition], environ)
        for value in values(definition, tags):
            secrets = find_in_value(value.name, value.text, known)
            found.setdefault(value.entry, []).extend(what for what, _ in secrets)
        lines, path = find_in_dockerfile(definition, known)
        if path or "dockerfile-inline" in definition.extra:
            found.setdefault(path or INLINE, []).extend(line.what for line in lines)
    for entry in settings.allow_keys_in:
        path = settings.project / entry.name
        wild = "*" if entry.name.startswith(VALUE_KINDS) else "*?["
        if path.is_dir() or (any(char in entry.name for char in wild) and not path.exists()):
            yield unfit_sentence(settings, entry)
            continue
        if entry.name.startswith(VALUE_KINDS):
            whats = found.get(entry.name)
        else:
            file = resolved(path)
            names = secrets_of(file, file.name, dotenv_keys) if file.is_file() else None
            whats = None if names is None else [*(name for name, _ in names), *found.get(file, ())]
        sentence = None if whats is None else needless_sentence(settings, entry, whats)
        if sentence:
            yield sentence
