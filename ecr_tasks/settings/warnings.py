"""What is allowed and yet likely to surprise: the environment beating a file, a misspelt AWS_… name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecr_tasks.errors import nearest
from ecr_tasks.settings.precedence import KEYS, PROFILES, Given, Layer, decides_credentials
from ecr_tasks.settings.schema import TABLE

_TELLING = ("AWS_ACCOUNT_ID", "AWS_REGION", "ECR_REPOSITORY", "ECR_REPOSITORY_PREFIX")
_LIKELY = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCOUNT_ID", "AWS_PROFILE", *KEYS)
# botocore's older names for a profile and a session's token.
_ALSO_READ = ("AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def warnings(files: Sequence[Layer], environment: Layer, given: Mapping[str, Given]) -> tuple[str, ...]:
    """A sentence for each value of the environment that beats a file's account, region, repository or keys,
    and for each AWS_… name in a file that is nearly one of ours.

    ``given`` is what counts in the end: where an override took over, there is nothing to warn of.
    """
    found = []
    for name in _TELLING:
        counts = given.get(name)
        beaten = _of_files(files, _REGIONS if name in _REGIONS else (name,))
        if counts and beaten and counts.origin.kind == "environment" and counts.text != beaten.text:
            found.append(
                f"The environment's {counts.origin.name}={counts.text.strip()} beats "
                f"{beaten.origin.name}={beaten.text.strip()} in {beaten.origin}."
            )
    return (*found, *_credentials(files, environment, given), *_misspelt(files))


def _credentials(files: Sequence[Layer], environment: Layer, given: Mapping[str, Given]) -> list[str]:
    if not decides_credentials(environment):
        return []
    winner = next(name for name in (KEYS[0], *PROFILES) if name in environment)
    if given.get(winner) != environment[winner]:
        return []
    for name in (*PROFILES, KEYS[0]):
        beaten = _of_files(files, (name,))
        if beaten and (name not in environment or environment[name].text != beaten.text):
            said = name if name in KEYS else f"{name}={beaten.text}"
            return [f"The environment's {winner} beats {said} in {beaten.origin}."]
    return []


def _misspelt(files: Sequence[Layer]) -> list[str]:
    """Names in files that look like one of ours. No error: an SDK may know what we don't."""
    found = []
    for layer in files:
        for name, given in layer.items():
            if name in TABLE or name in _ALSO_READ or not name.startswith("AWS_"):
                continue
            meant = nearest(name, _LIKELY, cutoff=0.85)
            if meant:
                found.append(f"{given.origin}: {name} means nothing to us: did you mean {meant}?")
    return found


def _of_files(files: Sequence[Layer], names: Sequence[str]) -> Given | None:
    """What the files say: the highest one that says anything, by the first of the names."""
    return next((layer[name] for layer in reversed(files) for name in names if name in layer), None)
