"""The layers of settings, from the lowest to the highest: merge their values, and warn about hidden ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.settings.errors import Problems
from ecr_tasks.settings.parse.lists import csv_field, join
from ecr_tasks.settings.schema import TABLE
from ecr_tasks.settings.setting import Origin, SettingValue
from ecr_tasks.settings.unknown_names import is_foreign, misspelt_key, misspelt_setting, names_setting

if TYPE_CHECKING:
    from ecr_tasks.settings.dotenv import DotenvFile
    from ecr_tasks.settings.invoke_files import InvokeFile

PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

_OF_KEYS = ("AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION")
"""What the SDK takes as part of the keys, too: the token's older name, and when they end (aws-vault and others)."""

_WITH_FIELDS = ("ECR_DESTINATIONS",)
"""The lists whose entries may have fields."""

_DESTINATION_SETTINGS = (
    *("AWS_ACCOUNT_ID", "AWS_REGION", "ECR_REPOSITORY", "ECR_REPOSITORY_PREFIX", "ECR_REPOSITORY_MAP"),
)

Layer = Mapping[str, SettingValue]
"""The settings of one source (a file, the environment, …), by name. Only an override can have an empty text."""


def file_layer(file: DotenvFile) -> Layer:
    """Return the settings in a dotenv file; empty and blank variables count as not set."""
    return _layer(file.values, lambda name: Origin("file", name, file.path, file.lines[name]))


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """Return the settings in the environment; empty and blank ones, which CI systems export, count as not set."""
    return _layer(environ, lambda name: Origin("environment", name))


def _layer(variables: Mapping[str, str | None], origin: Callable[[str], Origin]) -> Layer:
    return {
        name: SettingValue(text, origin(name))
        for name, text in variables.items()
        if text and text.strip() and name.startswith(("ECR_", "AWS_"))
    }


def override_layer(overrides: Mapping[str, str]) -> Layer:
    """Return the settings that the local ECR sets above all others; an empty text removes a value."""
    return {name: SettingValue(text, Origin("override", "local ECR")) for name, text in overrides.items()}


def config_layer(
    config: Mapping[str, object], problems: Problems, files: Sequence[InvokeFile] = (), project: Path = Path()
) -> tuple[Layer, list[tuple[str, Origin]]]:
    """Return the settings under ``ecr.`` in Invoke's configuration, and the keys that are somebody else's.

    Those are named with their section; keys beside it are among them if they have the name of a setting.
    Keys that begin with ``_`` are left out. ``files`` are the files that Invoke has read, the highest first: they
    tell the places. Adds to ``problems`` the misspelt keys, and values that no dotenv file could hold.
    """
    names = {setting.field: name for name, setting in TABLE.items()}
    layer: dict[str, SettingValue] = {}
    others: list[tuple[str, Origin]] = []
    for key, value in config.items():
        if not isinstance(key, str):
            problems.add(f"Invoke configuration ecr: the key {key!r} is no text: put it in quotes.")
            continue
        if key.startswith("_"):
            continue
        name = names.get(key.lower()) or (key.upper() if key.startswith("aws_") else None)
        file = next((file for file in files if key in file.section and file.section[key] == value), None)
        origin = _config_origin(key, file, project)
        if name is None:
            if meant := misspelt_key(key, names):
                problems.add_at(origin, key, f"is not a setting: did you mean ecr.{meant}?")
            else:
                from ecr_tasks.settings.invoke_files import SECTION

                others.append((f"{SECTION}.{key}", origin))
            continue
        try:
            text = (file.texts.get(key) if file else None) or _config_text(value, has_fields=name in _WITH_FIELDS)
        except ValueError as error:
            problems.add_at(origin, key, f"can't be used: {error}")
            continue
        if text.strip():
            layer[name] = SettingValue(text, origin)
    for file in files:
        others += [(key, _config_origin(key, file, project)) for key in file.top_lines if names_setting(key)]
    return layer, others


def _config_origin(key: str, file: InvokeFile | None, project: Path) -> Origin:
    if file is None:  # the collection's own configuration, or a variable INVOKE_ECR_…
        return Origin("config", key)
    shown = file.path.name if file.path.parent == project else str(file.path)
    line = file.lines.get(key) or file.top_lines.get(key)
    return Origin("config", key, file.path, line, shown)


def _config_text(value: object, *, has_fields: bool = False) -> str:
    """Return a configured value as the text of a dotenv file. Raises ValueError when no text can express it.

    With ``has_fields``, an entry of a mapping may be a mapping itself, of the fields that follow it.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if hasattr(value, "keys") and hasattr(value, "__getitem__"):
        # Invoke's DataProxy has the methods of Mapping but is not a subclass.
        pairs = ((key, value[key]) for key in value.keys())  # noqa: SIM118 - a DataProxy iterates otherwise
        if has_fields:
            return join(_with_fields(str(key), entry) for key, entry in pairs)
        return join(str(key) if entry is None else f"{key}={_scalar_text(entry)}" for key, entry in pairs)
    if isinstance(value, Iterable):
        return join("" if entry is None else _scalar_text(entry) for entry in value)
    raise ValueError(f"it is {_kind(value)}, not a text, a number, a list or a mapping")


def _with_fields(key: str, fields: Any) -> str:
    """Return an entry with its fields: ``key,name=value,name=value``."""
    if fields is None:
        return key
    if not hasattr(fields, "keys"):
        raise ValueError(f"what stands below {key} is {_kind(fields)} where a mapping belongs")
    texts = (f"{name}={_scalar_text(fields[name])}" for name in fields.keys())  # noqa: SIM118 - a DataProxy
    return ",".join(csv_field(text) for text in (key, *texts))


def _scalar_text(value: object) -> str:
    if isinstance(value, (str, int, float)):
        return _config_text(value).strip()
    raise ValueError(f"it holds {_kind(value)} where a text belongs")


def _kind(value: object) -> str:
    """Return what a value of Invoke's configuration is, in words."""
    if value is None:
        return "nothing"
    if hasattr(value, "keys"):
        return "a mapping"
    if isinstance(value, (str, int, float)):
        return "a text"
    return "a list" if isinstance(value, Iterable) else f"a {type(value).__name__}"


def report_unknown(names: Iterable[tuple[str, Origin]], problems: Problems) -> list[tuple[str, Origin]]:
    """Add to ``problems`` every misspelt name of a setting; return those of somebody else that are worth a word."""
    others = []
    for name, origin in names:
        if name in TABLE:
            continue
        if meant := misspelt_setting(name):
            problems.add_at(origin, name, f"is not a setting: did you mean {meant}?")
        elif is_foreign(name, origin):
            others.append((name, origin))
    return others


def merge(layers: Sequence[Layer]) -> dict[str, SettingValue]:
    """Return the effective value of every setting; ``layers`` are ordered from the lowest to the highest.

    AWS_REGION and AWS_DEFAULT_REGION are one setting: the higher layer wins, and in one layer AWS_REGION wins.
    Credentials belong together: a layer with a profile, or with a key and its secret, removes profiles and keys of
    lower layers. Otherwise the SDK would prefer the keys of one layer to the profile of another, or combine a key
    with another key's session token, and use an account that nobody chose.
    """
    merged: dict[str, SettingValue] = {}
    for layer in layers:
        if has_credentials(layer):
            for name in (*PROFILES, *KEYS, *_OF_KEYS):
                merged.pop(name, None)
        merged.update(layer)
        region = next((layer[name] for name in REGIONS if name in layer), None)
        if region:
            merged.update(dict.fromkeys(REGIONS, region))
    return merged


def has_credentials(layer: Layer) -> bool:
    """Return whether a layer has complete credentials: a profile, or a key with its secret."""
    names = {name for name, value in layer.items() if value.text}
    return not names.isdisjoint(PROFILES) or names.issuperset(KEYS[:2])


def warnings(files: Sequence[Layer], environment: Layer, effective: Mapping[str, SettingValue]) -> tuple[str, ...]:
    """Return a sentence for each value of a file that the environment overrides.

    Checks account, region, repository and credentials. ``effective`` has the merged values: there is no warning where
    an override replaces both values.
    """
    messages = []
    for name in _DESTINATION_SETTINGS:
        value = effective.get(name)
        file_value = _highest_value(files, REGIONS if name in REGIONS else (name,))
        if value and file_value and value.origin.kind == "environment" and value.text != file_value.text:
            messages.append(
                f"The environment's {value.origin.name}={value.text.strip()} beats "
                f"{file_value.origin.name}={file_value.text.strip()} in {file_value.origin}."
            )
    return (*messages, *_credential_warnings(files, environment, effective))


def builder_warning(builder: SettingValue | None, other: str) -> tuple[str, ...]:
    """Return a sentence where ECR_BUILDER overrides ``other``, the builder that BUILDX_BUILDER names."""
    if builder is None or not builder.text or not other or builder.text.strip() == other:
        return ()
    return (f"ECR_BUILDER={builder.text.strip()} ({builder.origin}) beats BUILDX_BUILDER={other}.",)


def _credential_warnings(
    files: Sequence[Layer], environment: Layer, effective: Mapping[str, SettingValue]
) -> list[str]:
    """Return a sentence when the environment's credentials override those of a file."""
    if not has_credentials(environment):
        return []
    winner = next(name for name in (KEYS[0], *PROFILES) if name in environment)
    if effective.get(winner) != environment[winner]:
        return []
    for name in (*PROFILES, KEYS[0]):
        file_value = _highest_value(files, (name,))
        if file_value and (name not in environment or environment[name].text != file_value.text):
            shown = name if name in KEYS else f"{name}={file_value.text}"
            return [f"The environment's {winner} beats {shown} in {file_value.origin}."]
    return []


def _highest_value(files: Sequence[Layer], names: Sequence[str]) -> SettingValue | None:
    """Return the value in the highest file that has one of the names; in that file, the first name wins."""
    return next((layer[name] for layer in reversed(files) for name in names if name in layer), None)
