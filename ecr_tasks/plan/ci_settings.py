"""The settings that a CI would not have, because they stand in no file that its clone has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ecr_tasks.frozen import dataclass
from ecr_tasks.redaction import redact
from ecr_tasks.settings.application_env import is_emulator
from ecr_tasks.settings.parse.build_options import referenced_variables
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.setting import Origin
from ecr_tasks.settings.settings import Settings

_OF_PERSON = {
    "AWS_PROFILE": "yours alone: CI takes ECR_ROLE_ARN, or the keys that it stores",
    **dict.fromkeys(
        ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE"),
        "a file of this machine",
    ),
    "AWS_ROLE_ARN": "of this machine's credentials",
    "ECR_BUILDER": "a builder of this machine",
}
"""Settings that mean something on this machine alone, and why they are not offered."""

_OF_RUN = ("ECR_DEBUG", "ECR_PULL_REQUEST", "ECR_ENV_FILE")
_VALUES = "may hold secrets: write into invoke.yaml what is none"


@dataclass(frozen=True)
class CiSettings:
    """What a CI lacks: ``shared`` settings by their keys below ``ecr``, with their places; ``kept`` with the reason.

    ``uncommitted`` are the configuration files of the project that are not in git yet.
    """

    shared: Mapping[str, tuple[str, Origin]]
    kept: Mapping[str, tuple[str, Origin]]
    uncommitted: tuple[Path, ...] = ()
    variables: tuple[str, ...] = ()
    """The variables of dotenv files that build arguments, secrets, and bake and compose files take values from."""


def ci_settings(
    settings: Settings,
    pipeline: str,
    is_committed: Callable[[Path], bool],
    compose_texts: Sequence[str] = (),
    bake_texts: Sequence[str] = (),
) -> CiSettings:
    """Return what a CI lacks that runs ``pipeline``, which sets some variables itself, in a clone of the project.

    ``compose_texts`` and ``bake_texts`` are those of the files that describe its images.
    """
    shared: dict[str, tuple[str, Origin]] = {}
    kept: dict[str, tuple[str, Origin]] = {}
    uncommitted: dict[Path, None] = {}
    for name, value in settings.values.items():
        origin = value.origin
        if name not in TABLE or not value.text or origin.kind not in ("file", "environment", "config"):
            continue
        if origin.file is not None and is_committed(origin.file):
            continue
        if origin.kind == "config" and (origin.file is None or origin.file.parent == settings.project):
            uncommitted |= {origin.file: None} if origin.file else {}
            continue
        if name in pipeline or name in _OF_RUN or name == "AWS_DEFAULT_REGION":
            continue
        if reason := _reason_to_keep(name, value.text):
            kept[name] = (reason, origin)
        else:
            shared[TABLE[name].field] = (value.text, origin)
    read = referenced_variables(settings.build_args, settings.secrets)
    read |= {name for text in compose_texts for name in re.findall(r"\$\{?(\w+)", text)}
    read |= {name for text in bake_texts for name in re.findall(r"\w+", text)}
    variables = {name for name in read & settings.file_variables.keys() if name not in TABLE}
    if all(map(is_committed, settings.files)):
        variables = set()
    return CiSettings(shared, kept, tuple(uncommitted), tuple(sorted(variables)))


def _reason_to_keep(name: str, text: str) -> str:
    """Return why a setting is not offered for a committed file; empty if it is."""
    display = TABLE[name].display
    if display in ("hidden", "last-four"):
        return "a secret: CI has credentials of its own, or stores it"
    if display == "names-only" or redact(text) != text:
        return _VALUES
    if name.startswith("AWS_ENDPOINT_URL") and is_emulator(text):
        return "an address on this machine"
    return _OF_PERSON.get(name, "")
