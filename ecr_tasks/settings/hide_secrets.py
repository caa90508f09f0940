"""Tell the secrets in settings to the redaction, and hide them in a setting's text before it is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress

from ecr_tasks.redaction import (
    keep_build_arguments,
    keep_options,
    keep_public,
    keep_secret,
    keep_variables,
    redact,
)
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.build_options import build_args, referenced_variables, secrets
from ecr_tasks.settings.schema import TABLE, setting_of
from ecr_tasks.settings.setting import SettingValue

HIDDEN = "…hidden"

_NAME = r"[\w./-]+"
"""The text of a setting that names something: a repository, a profile, a folder."""

_ACCOUNT = r"\d{12}"
"""An account's number, which the local ECR takes for the access key id of its user: hidden, it would be lost in every
record that names the account. AWS gives out no such key."""

_KEYS_BY_NAME = ("ECR_SIGN", "ECR_SIGNED_BY")
"""The settings whose ``key=`` is the name or address of a key, never one itself."""


def keep_secrets(values: Mapping[str, SettingValue], variables: Mapping[str, str]) -> None:
    """Tell the redaction what is secret in settings and in variables of the environment and of dotenv files.

    Malformed settings count too: their errors repeat what they say.
    """
    keep_variables({name: text for name, text in variables.items() if name not in TABLE})  # whose rows say it
    for name, value in values.items():
        display = setting_of(name).display if name in TABLE else "plain"
        if display == "hidden" or (display == "last-four" and not re.fullmatch(_ACCOUNT, value.text)):
            keep_secret(value.text)
        elif re.fullmatch(_NAME, value.text):
            keep_public(value.text)
        if name not in _KEYS_BY_NAME:
            keep_options(value.text)
        if name == "ECR_BUILD_ARGS":
            with suppress(Malformed):
                pairs = (entry.partition("=") for entry in build_args(value.text))
                keep_build_arguments({key: text if has else variables.get(key, "") for key, has, text in pairs})
        elif name == "ECR_SECRETS":
            with suppress(Malformed):
                keep_secret(*(variables.get(key, "") for key in referenced_variables((), secrets(value.text))))


def hide_secrets(name: str, text: str) -> str | None:
    """Return the text of the setting ``name`` with its secrets hidden; None for an empty one."""
    if not text:
        return None
    display = setting_of(name).display
    if display == "hidden":
        return HIDDEN
    if display == "last-four":
        return HIDDEN + (text[-4:] if len(text) >= 16 else "")
    if display == "names-only":
        # The text must be parsed, because only the parser knows where a value ends.
        entries = (entry.partition("=") for entry in build_args(text))
        return ", ".join(f"{name}={HIDDEN}" if equals else name for name, equals, _ in entries)
    return redact(text).strip()
