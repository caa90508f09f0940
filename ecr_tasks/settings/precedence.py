"""The places that settings stand in, from low to high: which one's value counts, and what to warn of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from ecr_tasks.errors import nearest
from ecr_tasks.settings.dotenv import DotenvFile
from ecr_tasks.settings.errors import Problems
from ecr_tasks.settings.parse.lists import join
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.setting import Origin, SettingValue

PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

_DESTINATION = ("AWS_ACCOUNT_ID", "AWS_REGION", "ECR_REPOSITORY", "ECR_REPOSITORY_PREFIX")
_OFTEN_MISSPELT = (*REGIONS, "AWS_ACCOUNT_ID", "AWS_PROFILE", *KEYS)
# botocore's older names for a profile and a session's token.
_OLD_NAMES = ("AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN")

Layer = Mapping[str, SettingValue]
"""The settings of one place, by name. A text is never empty but in an override."""


def file_layer(file: DotenvFile) -> Layer:
    """Return the settings among a dotenv file's variables; an empty one counts as not set."""
    return _layer(file.values, lambda name: Origin("file", name, file.path, file.lines[name]))


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """Return the settings in an environment. CI systems export empty variables: an empty one counts as not set."""
    return _layer(environ, lambda name: Origin("environment", name))


def _layer(variables: Mapping[str, str | None], origin: Callable[[str], Origin]) -> Layer:
    return {
        name: SettingValue(text, origin(name))
        for name, text in variables.items()
        if text and name.startswith(("ECR_", "AWS_"))
    }


def override_layer(overrides: Mapping[str, str]) -> Layer:
    """Return the settings that the local ECR sets over all others; an empty text removes a value."""
    return {name: SettingValue(text, Origin("override", "local ECR")) for name, text in overrides.items()}


def config_layer(config: Mapping[str, object], problems: Problems) -> Layer:
    """Return the settings under ``ecr.`` in Invoke's configuration, without keys that begin with ``_``.

    Adds to ``problems`` the keys that are no settings, and values that no dotenv file could hold.
    """
    names = {setting.field: name for name, setting in TABLE.items()}
    layer: dict[str, SettingValue] = {}
    for key, value in config.items():
        if key.startswith("_"):
            continue
        name = names.get(key.lower()) or (key.upper() if key.startswith("aws_") else None)
        origin = Origin("config", key)
        if name is None:
            problems.add_at(origin, key, f"is not a setting: did you mean ecr.{nearest(key, list(names))}?")
            continue
        try:
            text = _config_text(value)
        except ValueError as error:
            problems.add_at(origin, key, f"can't be used: {error}")
            continue
        if text:
            layer[name] = SettingValue(text, origin)
    return layer


def _config_text(value: object) -> str:
    """Return a configured value as it would stand in a dotenv file. Raises ValueError when no text can hold it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if hasattr(value, "keys") and hasattr(value, "__getitem__"):
        # Not only Mapping: Invoke's DataProxy has the methods and not the class.
        pairs = ((key, value[key]) for key in value.keys())  # noqa: SIM118 - a DataProxy iterates otherwise
        return join(str(key) if item is None else f"{key}={_scalar_text(item)}" for key, item in pairs)
    if isinstance(value, Iterable):
        return join(_scalar_text(item) for item in value)
    raise ValueError(f"it is a {type(value).__name__}, not a text, a number, a list or a mapping")


def _scalar_text(value: object) -> str:
    if isinstance(value, (str, int, float)):
        return _config_text(value).strip()
    raise ValueError(f"it holds a {type(value).__name__} where a text belongs")


def report_unknown(origins: Mapping[str, Origin], problems: Problems) -> None:
    """Add to ``problems`` every ``ECR_…`` name that is no setting, with the nearest one that is."""
    # People write ECR_REGION for AWS_REGION: the nearest name is looked for under either prefix.
    candidates = {f"ECR_{name[4:]}": name for name in sorted(TABLE, key=lambda name: name[:4])}
    for name, origin in origins.items():
        if name.startswith("ECR_") and name not in TABLE:
            suggestion = candidates[nearest(name, list(candidates))]
            problems.add_at(origin, name, f"is not a setting: did you mean {suggestion}?")


def merge(layers: Sequence[Layer]) -> dict[str, SettingValue]:
    """Return the value that counts of every name that has one; ``layers`` go from low to high.

    AWS_REGION and AWS_DEFAULT_REGION are one setting (the first counts within a layer, the higher layer between
    two). Credentials belong together: a layer that names a profile, or a key with its secret, removes both of lower
    layers. The SDK would take one place's keys before another's profile, or a key with another key's session token,
    and act for an account that nobody chose.
    """
    merged: dict[str, SettingValue] = {}
    for layer in layers:
        if has_credentials(layer):
            for name in (*PROFILES, *KEYS):
                merged.pop(name, None)
        merged.update(layer)
        region = next((layer[name] for name in REGIONS if name in layer), None)
        if region:
            merged.update(dict.fromkeys(REGIONS, region))
    return merged


def has_credentials(layer: Layer) -> bool:
    """Whether a layer by itself decides whose credentials are used: by a profile, or by a key with its secret."""
    names = {name for name, value in layer.items() if value.text}
    return not names.isdisjoint(PROFILES) or names.issuperset(KEYS[:2])


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
    return [
        f"{value.origin}: {name} means nothing to us: did you mean {suggestion}?"
        for layer in files
        for name, value in layer.items()
        if name.startswith("AWS_") and name not in TABLE and name not in _OLD_NAMES
        if (suggestion := nearest(name, _OFTEN_MISSPELT, cutoff=0.85))
    ]


def _highest(files: Sequence[Layer], names: Sequence[str]) -> SettingValue | None:
    """Return the value of the highest file that has one of the names; within a file, of the first name."""
    return next((layer[name] for layer in reversed(files) for name in names if name in layer), None)
