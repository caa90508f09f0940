"""Warnings about what is allowed and likely to surprise: the environment beats a file, or a name is misspelt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecr_tasks.errors import nearest
from ecr_tasks.settings.origin import SettingValue
from ecr_tasks.settings.precedence import KEYS, PROFILES, REGIONS, Layer, has_credentials
from ecr_tasks.settings.schema import TABLE

_DESTINATION = ("AWS_ACCOUNT_ID", "AWS_REGION", "ECR_REPOSITORY", "ECR_REPOSITORY_PREFIX")
_OFTEN_MISSPELT = (*REGIONS, "AWS_ACCOUNT_ID", "AWS_PROFILE", *KEYS)
# botocore's older names for a profile and a session's token.
_OLD_NAMES = ("AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN")


def warnings(files: Sequence[Layer], environment: Layer, effective: Mapping[str, SettingValue]) -> tuple[str, ...]:
    """Return a sentence for each value of the environment that beats a file's, and for each misspelt name in a file.

    Values are those of account, region, repository and credentials; misspelt is an AWS_… name that is nearly a
    setting's. ``effective`` holds the values that count: nothing is warned of where an override replaces both.
    """
    beaten = []
    for name in _DESTINATION:
        value = effective.get(name)
        in_file = _highest(files, REGIONS if name in REGIONS else (name,))
        if value and in_file and value.origin.kind == "environment" and value.text != in_file.text:
            beaten.append(
                f"The environment's {value.origin.name}={value.text.strip()} beats "
                f"{in_file.origin.name}={in_file.text.strip()} in {in_file.origin}."
            )
    return (*beaten, *_credentials(files, environment, effective), *_misspelt(files))


def _credentials(files: Sequence[Layer], environment: Layer, effective: Mapping[str, SettingValue]) -> list[str]:
    if not has_credentials(environment):
        return []
    winner = next(name for name in (KEYS[0], *PROFILES) if name in environment)
    if effective.get(winner) != environment[winner]:
        return []
    for name in (*PROFILES, KEYS[0]):
        in_file = _highest(files, (name,))
        if in_file and (name not in environment or environment[name].text != in_file.text):
            shown = name if name in KEYS else f"{name}={in_file.text}"
            return [f"The environment's {winner} beats {shown} in {in_file.origin}."]
    return []


def _misspelt(files: Sequence[Layer]) -> list[str]:
    """Warn of AWS_… names in files that are nearly a setting's. They are no errors: an SDK may know them."""
    sentences = []
    for layer in files:
        for name, value in layer.items():
            if name in TABLE or name in _OLD_NAMES or not name.startswith("AWS_"):
                continue
            suggestion = nearest(name, _OFTEN_MISSPELT, cutoff=0.85)
            if suggestion:
                sentences.append(f"{value.origin}: {name} means nothing to us: did you mean {suggestion}?")
    return sentences


def _highest(files: Sequence[Layer], names: Sequence[str]) -> SettingValue | None:
    """Return the value of the highest file that has one of the names; within a file, of the first name."""
    return next((layer[name] for layer in reversed(files) for name in names if name in layer), None)
