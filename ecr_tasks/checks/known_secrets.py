"""The secrets that a run can name: those that its builds mount, AWS's keys, docker's logins and the variables of
telling names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from ecr_tasks.checks.key_shapes import is_key
from ecr_tasks.checks.password_files import from_base64
from ecr_tasks.checks.value_shapes import is_named_secret
from ecr_tasks.documents import parse_json
from ecr_tasks.files import is_file, read_bytes
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.option_fields import secret_id, split_fields
from ecr_tasks.settings.parse.build_options import referenced_variables
from ecr_tasks.settings.settings import Settings

_SHORTEST = 6
_LONGEST = 20_000

KNOWN = "the value of "
"""How what is known begins, in words."""


def known_secrets(
    settings: Settings, definitions: Iterable[BuildDefinition], environ: Mapping[str, str]
) -> dict[str, str]:
    """Return the secrets, each with what it is in words; they must not be shown."""
    variables = {**environ, **settings.missing_variables(environ)}
    known: dict[str, str] = {}
    for what, value in (
        *_of_builds(settings, definitions, variables),
        *_of_variables(variables),
        *_of_docker(variables),
    ):
        if _SHORTEST <= len(value.strip()) <= _LONGEST:
            known.setdefault(value.strip(), f"{KNOWN}{what}")
    return known


def _of_builds(
    settings: Settings, definitions: Iterable[BuildDefinition], variables: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for definition in definitions:
        for entry in definition.secrets:
            fields = split_fields(entry)
            source = fields.get("src") or fields.get("source")
            path = settings.project / source if source and fields.get("type") != "env" else None
            if path and is_file(path) and path.stat().st_size <= _LONGEST:
                with suppress(OSError):
                    yield f"the secret {secret_id(entry)}", read_bytes(path).decode("utf-8", "replace")
            for name in referenced_variables((), [entry]):
                value = {**definition.variables, **variables}.get(name)
                if value:
                    yield f"the secret {secret_id(entry)}", value


def _of_variables(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that are secrets by their names and values, the settings' own left out."""
    for name, value in variables.items():
        is_aws = name != "AWS_ACCESS_KEY_ID" and is_key(name, value)
        if is_aws or (not name.startswith("ECR_") and is_named_secret(name, value)):
            yield name, value


def _of_docker(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the passwords in the user's docker configuration, as far as they are not a helper's."""
    folder = environ.get("DOCKER_CONFIG") or (Path(environ["HOME"], ".docker") if environ.get("HOME") else None)
    if folder is None:
        return
    with suppress(OSError, ValueError, AttributeError):  # another check names what is wrong with it
        for host, entry in (parse_json(read_bytes(Path(folder, "config.json"))).get("auths") or {}).items():
            password = from_base64(str(entry.get("auth") or "")).partition(":")[2] or str(entry.get("password") or "")
            for value in (password, str(entry.get("identitytoken") or "")):
                if value:
                    yield f"docker's login for {host}", value
