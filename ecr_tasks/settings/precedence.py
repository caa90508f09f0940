"""Which value counts: the places a setting can stand in, from low to high, and what beats what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ecr_tasks.errors import nearest
from ecr_tasks.settings.dotenv import DotenvFile
from ecr_tasks.settings.errors import Problems
from ecr_tasks.settings.origin import Origin
from ecr_tasks.settings.parse import lists as entries
from ecr_tasks.settings.schema import CONFIG_ALIASES, TABLE

PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True)
class Given:
    """A text, which is never empty but in an override, and where it stands."""

    text: str = field(repr=False)
    origin: Origin


Layer = Mapping[str, Given]


def is_ours(name: str) -> bool:
    """Whether a variable's name is a setting's (or a misspelt one)."""
    return name.startswith(("ECR_", "AWS_"))


def from_file(file: DotenvFile) -> Layer:
    """The settings among a dotenv file's variables; an empty one counts as not set."""
    return {
        name: Given(text, Origin("file", name, file.path, file.lines[name]))
        for name, text in file.values.items()
        if text and is_ours(name)
    }


def from_environment(environ: Mapping[str, str]) -> Layer:
    """The settings in an environment. An empty one counts as not set: CI systems export empty variables."""
    return {
        name: Given(text, Origin("environment", name)) for name, text in environ.items() if text and is_ours(name)
    }


def from_overrides(overrides: Mapping[str, str], who: str) -> Layer:
    """What a selector task sets over everything; an empty text takes a value away."""
    return {name: Given(text, Origin("override", who)) for name, text in overrides.items()}


def from_config(config: Mapping[str, object], problems: Problems) -> Layer:
    """The settings under ``ecr.`` in Invoke's configuration, but for keys that begin with ``_``."""
    layer: dict[str, Given] = {}
    for key, value in config.items():
        if key.startswith("_"):
            continue
        name = _config_name(key)
        origin = Origin("config", key)
        if name not in TABLE and not name.startswith("AWS_"):
            problems.at(origin, key, f"is not a setting: did you mean ecr.{nearest(key, _config_keys())}?")
            continue
        try:
            text = _as_text(value)
        except ValueError as error:
            problems.at(origin, key, f"can't be used: {error}")
            continue
        if text:
            layer[name] = Given(text, origin)
    return layer


def _config_name(key: str) -> str:
    if key in CONFIG_ALIASES:
        return CONFIG_ALIASES[key]
    return key.upper() if key.startswith("aws_") else f"ECR_{key.upper()}"


def _config_keys() -> list[str]:
    return [*CONFIG_ALIASES, *(name.removeprefix("ECR_").lower() for name in TABLE)]


def _as_text(value: object) -> str:
    """A configured value as it would stand in a dotenv file; raises ValueError where nothing could stand."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    if hasattr(value, "keys") and hasattr(value, "__getitem__"):
        # Not only Mapping: Invoke's DataProxy has the methods and not the class.
        pairs = ((key, value[key]) for key in value.keys())  # noqa: SIM118 - a DataProxy iterates otherwise
        return _lines(str(key) if item is None else f"{key}={_scalar(item)}" for key, item in pairs)
    if isinstance(value, Iterable):
        return _lines(_scalar(item) for item in value)
    raise ValueError(f"it is a {type(value).__name__}, not a text, a number, a list or a mapping")


def _scalar(value: object) -> str:
    if isinstance(value, (str, int, float)):
        return _as_text(value).strip()
    raise ValueError(f"it holds a {type(value).__name__} where a text belongs")


def _lines(items: Iterable[str]) -> str:
    return entries.join(items)


def report_unknown(layer: Mapping[str, Origin], problems: Problems, known: Mapping[str, object] = TABLE) -> None:
    """Note every ``ECR_…`` name that is no setting, with the nearest one that is."""
    # People write ECR_REGION for AWS_REGION: the nearest name is looked for under either prefix.
    candidates = {f"ECR_{name[4:]}": name for name in known if name.startswith("AWS_")}
    candidates.update((name, name) for name in known if name.startswith("ECR_"))
    for name, origin in layer.items():
        if name.startswith("ECR_") and name not in known:
            meant = candidates[nearest(name, list(candidates))]
            problems.at(origin, name, f"is not a setting: did you mean {meant}?")


def merge(layers: Sequence[Layer]) -> dict[str, Given]:
    """The value of every name that has one, given the layers from low to high.

    AWS_REGION and AWS_DEFAULT_REGION are one setting (the first wins within a layer, the higher layer between
    two). Credentials go together: a layer that names a profile, or a key with its secret, puts aside what
    lower layers say about either. The SDK would take one place's keys before another's profile, or a key with
    another key's session token, and act for an account that nobody chose.
    """
    merged: dict[str, Given] = {}
    for layer in layers:
        if decides_credentials(layer):
            for name in (*PROFILES, *KEYS):
                merged.pop(name, None)
        merged.update(layer)
        region = next((layer[name] for name in _REGIONS if name in layer), None)
        if region:
            merged.update(dict.fromkeys(_REGIONS, region))
    return merged


def decides_credentials(layer: Layer) -> bool:
    """Whether a layer by itself says whose credentials to use."""

    def given(name: str) -> bool:
        return name in layer and bool(layer[name].text)

    return any(given(name) for name in PROFILES) or (given(KEYS[0]) and given(KEYS[1]))
