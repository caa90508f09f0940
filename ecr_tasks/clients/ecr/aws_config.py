"""What the AWS SDK knows without a network: the profiles of this machine, and the regions in which ECR is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ecr_tasks.clients.ecr.errors import translate_errors
from ecr_tasks.clients.ecr.session import AwsSession, checked_session, core_session
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.model.aws_profile import AwsProfile
from ecr_tasks.settings.settings import Settings

if TYPE_CHECKING:
    from botocore.session import Session as CoreSession

_ROLE_ACCOUNT = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):role/")


def aws_profiles(environ: Mapping[str, str]) -> tuple[AwsProfile, ...]:
    """Return the profiles of the AWS configuration. Raises AwsError for one that can't be read."""
    with translate_errors("read the AWS configuration"):
        profiles = checked_session(environ).full_config.get("profiles", {})
    return tuple(_profile(name, values) for name, values in profiles.items())


def ecr_regions(session: CoreSession | None = None) -> tuple[str, ...]:
    """Return the regions of all partitions that have ECR, as far as this version of the SDK knows."""
    session = session or core_session({})
    partitions = session.get_available_partitions()
    return tuple(sorted({name for one in partitions for name in session.get_available_regions("ecr", one)}))


def partition_regions(region: str) -> tuple[str, ...]:
    """Return the regions of a region's partition that this version of the SDK knows; of all for an unknown region.

    botocore's partitions.json has newer ones than ECR's endpoints, and ``aws-global`` and its like, which are none.
    """
    session = core_session({})
    partitions = session.get_component("data_loader").load_data("partitions")["partitions"]
    names = [tuple(one["regions"]) for one in partitions]
    known = next((some for some in names if region in some), tuple(name for some in names for name in some))
    return tuple(sorted(name for name in known if not name.endswith("-global")))


def has_credentials(environ: Mapping[str, str]) -> bool:
    """Return whether the SDK finds credentials, those of an EC2 host's role among them, without using them."""
    try:
        return checked_session(environ, asks=False).get_credentials() is not None
    except Exception:  # there are some, and doctor says what is wrong with them
        return True


def caller_account(settings: Settings, region: str) -> str:
    """Return the account of the settings' credentials by one call of STS; empty if that is not to be had."""
    try:
        session = AwsSession(replace(settings, region=region), Retrier(attempts=1), read_seconds=5, asks=False)
        return session.caller().account
    except Exception:  # whatever is wrong: init goes on without the account, and doctor says what it is
        return ""


def _profile(name: str, values: Mapping[str, str]) -> AwsProfile:
    role = _ROLE_ACCOUNT.match(str(values.get("role_arn", "")))
    account = str(values.get("sso_account_id") or (role[1] if role else ""))
    return AwsProfile(name, str(values.get("region", "")), account if re.fullmatch(r"\d{12}", account) else "")
