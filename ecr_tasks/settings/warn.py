"""What is allowed and yet likely to surprise: the environment overriding what a file chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecr_tasks.settings.layers import KEYS, PROFILES, Given, Layer, decides_credentials

_TELLING = ("AWS_ACCOUNT_ID", "AWS_REGION", "ECR_REPOSITORY", "ECR_REPOSITORY_PREFIX")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


def warnings(files: Sequence[Layer], environment: Layer, given: Mapping[str, Given]) -> tuple[str, ...]:
    """A sentence for each value of the environment that beats a file's account, region, repository or keys.

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
    return (*found, *_credentials(files, environment, given))


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


def _of_files(files: Sequence[Layer], names: Sequence[str]) -> Given | None:
    """What the files say: the highest one that says anything, by the first of the names."""
    return next((layer[name] for layer in reversed(files) for name in names if name in layer), None)
