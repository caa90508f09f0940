"""What a name that is no setting may be: a setting's name misspelt, or a name that belongs to somebody else."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.setting import Origin, SettingValue

PREFIXES = ("ECR_", "AWS_")

# The names that scripts and CI templates use for the parts of a repository's address, with the setting of the same
# meaning. They are other people's, however near they are to one of ours.
_USUAL_NAMES = {
    "ECR_REPOSITORY": (
        *("ECR_REPO", "ECR_REPO_NAME", "ECR_REPO_URI", "ECR_REPO_URL", "ECR_REPOS", "ECR_REPOSITORY_NAME"),
        *("ECR_REPOSITORY_URI", "ECR_REPOSITORY_URL", "ECR_REPOSITORY_ARN", "ECR_REPOSITORIES", "ECR_URI", "ECR_URL"),
        *("ECR_IMAGE", "ECR_IMAGE_NAME", "ECR_IMAGE_URI", "ECR_IMAGE_URL", "ECR_NAME"),
    ),
    "ECR_REPOSITORY_PREFIX": ("ECR_PREFIX", "ECR_REPO_PREFIX", "ECR_NAMESPACE"),
    "ECR_ROLE_ARN": ("ECR_ROLE", "ECR_PUSH_ROLE", "ECR_PUSH_ROLE_ARN", "ECR_ROLE_NAME"),
    "ECR_TAGS": ("ECR_TAG", "ECR_IMAGE_TAG", "ECR_IMAGE_TAGS"),
    "AWS_ACCOUNT_ID": (
        *("AWS_ACCOUNT", "AWS_ACCOUNTID", "AWS_ACCOUNT_NUMBER"),
        *("ECR_ACCOUNT", "ECR_ACCOUNT_ID", "ECR_ACCOUNT_NUMBER", "ECR_AWS_ACCOUNT", "ECR_AWS_ACCOUNT_ID"),
        *("ECR_REGISTRY", "ECR_REGISTRY_ID", "ECR_REGISTRY_URI", "ECR_REGISTRY_URL", "ECR_HOST"),
    ),
    "AWS_REGION": ("ECR_REGION", "ECR_AWS_REGION", "ECR_DEFAULT_REGION", "ECR_REGION_NAME"),
    "AWS_PROFILE": ("ECR_PROFILE", "ECR_AWS_PROFILE"),
    "AWS_ACCESS_KEY_ID": ("ECR_ACCESS_KEY", "ECR_ACCESS_KEY_ID", "ECR_AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"),
    "AWS_SECRET_ACCESS_KEY": ("AWS_SECRET_KEY", "ECR_SECRET_KEY", "ECR_SECRET_ACCESS_KEY"),
    "AWS_ENDPOINT_URL_ECR": ("ECR_ENDPOINT", "ECR_ENDPOINT_URL"),
}
_MEANT = {name: setting for setting, names in _USUAL_NAMES.items() for name in names}
_OF_KEYS = {setting.field: name for name, setting in TABLE.items()}
_RANKS = {"config": 1, "file": 2, "environment": 3, "override": 4}


def misspelt_setting(name: str, settings: Collection[str] = tuple(TABLE)) -> str:
    """Return the setting whose name was misspelt as ``name``; an empty text when ``name`` is somebody else's.

    A misspelling is at most two edits away (fewer in a short name), differs only by case and separators, or has the
    prefix's letters in another order. A setting's name with something after it (``ECR_REPOSITORY_2``) was written
    on purpose, and so was the SDKs' in lower case (``aws_region``): programs that ignore case read it.
    """
    if name.startswith("aws_"):
        return ""
    plain = _prefix_in_order(re.sub(r"[-. ]", "_", name.upper()))
    if plain in settings:
        return plain if plain != name else ""
    if not plain.startswith(PREFIXES) or plain in _MEANT or plain.startswith("AWS_ENDPOINT_URL_"):
        return ""
    near = {setting: edits(plain, setting) for setting in settings if setting[:4] == plain[:4]}
    meant = min(near, key=lambda setting: near[setting], default="")
    return meant if meant and near[meant] <= _slips(plain, meant) and not _is_extended(plain, meant) else ""


def _slips(name: str, setting: str) -> int:
    """Return how many edits of a setting's name are a misspelling: two, and fewer where they make another word.

    In a short name each letter counts (``ECR_STAGE`` is not ``ECR_TAGS``, nor ``ECR_SSM`` ``ECR_SSH``), and a name
    that lacks the end of a longer one is a word by itself (``ECR_BUILD`` and ``ECR_BUILDER``).
    """
    if len(setting) <= len("ECR_") + 3:
        return 0
    return 1 if setting.startswith(name) or min(len(name), len(setting)) <= len("ECR_") + 4 else 2


def misspelt_key(key: str, keys: Iterable[str]) -> str:
    """Return the key of Invoke's configuration that was misspelt as ``key``; an empty text when there is none."""
    settings = {f"ECR_{name.upper()}": name for name in keys}
    name = key.upper() if key.upper().startswith(PREFIXES) else f"ECR_{key.upper()}"
    return settings.get(name) or settings.get(misspelt_setting(name, settings), "")


def is_foreign(name: str, origin: Origin) -> bool:
    """Return whether a name that is neither a setting nor a misspelt one is worth a word.

    Every ``ECR_…`` name is. ``AWS_…`` names are the SDKs': those of a file that stand for one of ours are worth one.
    """
    return name.startswith("ECR_") or (bool(meant_by(name)) and origin.kind == "file")


def meant_by(name: str) -> str:
    """Return the setting that somebody else's name may stand for; empty without one.

    It is a usual name's, that of ``aws_region``, or the one with the other prefix.
    """
    if name.upper() in TABLE:
        return name.upper()
    other = f"{'AWS' if name.startswith('ECR_') else 'ECR'}_{name[4:]}"
    return _MEANT.get(name) or (other if name.startswith(PREFIXES) and other in TABLE else "")


def names_setting(key: str) -> str:
    """Return the setting that a key of Invoke's configuration names, as a variable too; empty without one."""
    name = key.upper()
    return name if name in TABLE else _OF_KEYS.get(key.lower(), "")


def _prefix_in_order(name: str) -> str:
    """Return the name with the letters of its prefix in order: ``ERC_TAGS`` becomes ``ECR_TAGS``."""
    order = next((prefix for prefix in PREFIXES if sorted(prefix) == sorted(name[:4])), name[:4])
    return order + name[4:]


def _is_extended(name: str, setting: str) -> bool:
    """Return whether a name is a setting's with a number or a word after it; many AWS_… names are also plurals."""
    ending = name.removeprefix(setting)
    is_plural = ending == "S" and name.startswith("AWS_")
    return name.startswith(setting) and (is_plural or bool(re.fullmatch(r"\d+|_.+", ending)))


def edits(one: str, other: str) -> int:
    """Return how many letters must be added, left out, replaced or swapped with their neighbour to get the other.

    This is the distance of Damerau and Levenshtein in which no part is edited twice (optimal string alignment).
    """
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        current = [row]
        for column, wanted in enumerate(other, 1):
            cost = min(above[column] + 1, current[-1] + 1, above[column - 1] + (letter != wanted))
            if row > 1 and column > 1 and (letter, one[row - 2]) == (other[column - 2], wanted):
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, above = above, current
    return above[-1]


def mentions_setting(text: str) -> bool:
    """Return whether the part of a line before ``=`` has the name of a setting, also a misspelt one."""
    words = re.findall(r"[\w.-]+", text.partition("=")[0])
    return any(word in TABLE or misspelt_setting(word) for word in words)


def foreign_names_warning(names: Iterable[tuple[str, Origin]], effective: Mapping[str, SettingValue]) -> list[str]:
    """Return one sentence about all names that belong to somebody else; an empty list without any.

    It names the setting that one may stand for, unless that is set in the same kind of place or a higher one. A key
    beside ``ecr:`` is a project's own, and worth a word only where it may stand for a setting.
    """
    parts = []
    for name, origin in dict(names).items():
        place = "environment" if origin.kind == "environment" else str(origin)
        is_config = origin.kind == "config"
        is_beside = is_config and name == origin.name
        meant = names_setting(name) if is_beside else meant_by(f"ECR_{origin.name.upper()}" if is_config else name)
        is_set = meant in effective and _RANKS.get(effective[meant].origin.kind, 0) >= _RANKS[origin.kind]
        if meant and not is_set:
            place += f": did you mean {f'ecr.{TABLE[meant].field}' if is_config else meant}?"
        elif is_beside:
            continue
        parts.append(f"{name} ({place})")
    return [f"Not a setting of ecr-tasks, and left alone: {', '.join(parts)}."] if parts else []


def swallowed_settings(value: str) -> Sequence[str]:
    """Return the settings whose lines are a part of this value of several lines: a quote may be missing above."""
    lines = re.findall(r"^[^\S\n]*(?:export[^\S\n]+)?(\w+)[^\S\n]*=", value.partition("\n")[2], re.MULTILINE)
    return [name for name in lines if name in TABLE]
