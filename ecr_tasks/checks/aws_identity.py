"""The check of who we are to AWS: credentials and their end, the account, the region and its endpoint, the clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ecr_tasks.errors import AwsError, EcrTasksError, ExitCode
from ecr_tasks.model.account import Caller, Credentials, IdentityFacts, Region
from ecr_tasks.model.ecr_host import parse_ecr_host
from ecr_tasks.model.finding import Finding, Section
from ecr_tasks.model.wording import minute

AWS = Section("AWS", ExitCode.AWS)

_SOURCES = {
    "env": "the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "shared-credentials-file": "keys in ~/.aws/credentials",
    "config-file": "keys in ~/.aws/config",
    "sso": "a session of `aws sso login`",
    "login": "a session of `aws login`",
    "custom-process": "the profile's credential_process",
    "assume-role": "an assumed role",
    "assume-role-with-web-identity": "an OIDC token's role",
    "container-role": "the container's role",
    "iam-role": "the instance's role",
}
_RENEWALS = {
    "sso": "Run `aws sso login{profile}`.",
    "login": "Run `aws login{profile}`.",
    "env": "Get new ones and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN together.",
    "shared-credentials-file": "Get new ones with the tool that wrote them to the profile.",
}
_SOON = timedelta(minutes=30)

SKEW_SECONDS = 300.0
"""The difference of the clocks from which AWS refuses a signature (AWS General Reference, Signature Version 4)."""

_NOTABLE_SECONDS = 60.0
_NTP = "Set this machine's clock (`timedatectl set-ntp true`; a virtual machine that slept is often behind)."


def check_credentials(
    facts: Credentials | EcrTasksError, now: datetime, *, can_ask: bool = False
) -> Iterator[Finding]:
    """Yield what is to say of the credentials: their source, kind and end.

    ``can_ask`` tells whether a push could ask for an MFA code here.
    """
    if isinstance(facts, EcrTasksError) and can_ask and "MFA code" in facts.cause:
        remedy = "Run `inv push`, which asks for it, or get a session: `aws sts get-session-token --token-code …`."
        yield AWS.unknown("credentials", "the profile's role needs an MFA code, for which doctor doesn't ask", remedy)
        return
    if isinstance(facts, EcrTasksError):
        yield AWS.error("credentials", facts)
        return
    source = _SOURCES.get(facts.method, facts.method)
    profile = f", profile {facts.profile}" if facts.profile else ""
    kind = "temporary" if facts.is_temporary else "lasting"
    role = f", then the role {facts.role}" if facts.role else ""
    text = f"{source}{profile}{role} ({kind}, …{facts.key_end})" if facts.key_end else f"{source}{profile}{role}"
    option = f" --profile {facts.profile}" if facts.profile and facts.profile != "default" else ""
    remedy = _RENEWALS.get(facts.method, "Renew them where they come from.").format(profile=option)
    if facts.ends is not None and facts.ends <= now:
        yield AWS.wrong("credentials", f"{text}: ended {minute(facts.ends)}.", remedy)
    elif facts.ends is not None and facts.ends - now < _SOON and not facts.renews_itself:
        minutes = (facts.ends - now).total_seconds() / 60
        yield AWS.warning("credentials", f"{text}: they end in {minutes:.0f} minutes, maybe before a push.", remedy)
    else:
        end = f", until {minute(facts.ends)}" if facts.ends else ""
        end = ", which renews itself" if facts.renews_itself else end
        yield AWS.fine("credentials", f"{text}{end}")
    if facts.hidden_profile:
        yield AWS.warning(
            "profile",
            f"The keys in AWS_ACCESS_KEY_ID are used, so AWS_PROFILE={facts.hidden_profile} is not.",
            "Unset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to use the profile, or AWS_PROFILE to use the keys.",
        )


def check_caller(caller: Caller | EcrTasksError, account: str | None, *, is_reached: bool) -> Iterator[Finding]:
    """Yield who we are, and whether that is the account of the settings.

    Another account's registry is reached where its repository policy allows it (``is_reached``).
    """
    if isinstance(caller, EcrTasksError):
        yield AWS.error("caller", caller)
        return
    yield AWS.fine("caller", caller.arn or caller.account)
    if account is None:
        yield AWS.fine("account", f"{caller.account}, the caller's (AWS_ACCOUNT_ID is not set)")
    elif account == caller.account:
        yield AWS.fine("account", f"{account}, as AWS_ACCOUNT_ID says")
    elif is_reached:
        yield AWS.fine("account", f"{account}, whose registry lets account {caller.account} in")
    else:
        yield AWS.wrong(
            "account",
            f"AWS_ACCOUNT_ID is {account}, but the credentials belong to account {caller.account}.",
            "Use the other account's credentials (AWS_PROFILE, ECR_ROLE_ARN), correct AWS_ACCOUNT_ID, or let that "
            "account's repository policy allow this caller (`inv iam.policy --side repository` prints it).",
        )


def check_identities(identities: Sequence[IdentityFacts]) -> Iterator[Finding]:
    """Yield of each identity of destinations whom AWS takes it for, or why it can't be had."""
    for item in identities:
        places = ", ".join(item.destinations)
        if isinstance(item.caller, EcrTasksError):
            yield AWS.error(f"to {places}", item.caller)
        else:
            yield AWS.fine(f"to {places}", f"{item.identity}: {item.caller.arn or item.caller.account}")


def check_clock(ahead: float | EcrTasksError) -> Iterator[Finding]:
    """Yield by how many seconds this machine's clock is ahead of AWS's."""
    if isinstance(ahead, EcrTasksError):
        yield AWS.unknown("clock", ahead.cause)
        return
    word = "ahead of" if ahead > 0 else "behind"
    text = f"This machine's clock is {abs(ahead):.0f} s {word} AWS's"
    if abs(ahead) < _NOTABLE_SECONDS:
        yield AWS.fine("clock", f"{abs(ahead):.0f} s {word} AWS's")
    elif abs(ahead) < SKEW_SECONDS:
        yield AWS.warning("clock", f"{text}; from {SKEW_SECONDS:.0f} s on AWS refuses every call.", _NTP)
    else:
        yield AWS.wrong("clock", f"{text}, and from {SKEW_SECONDS:.0f} s on it refuses every call.", _NTP)


def check_region(region: Region | EcrTasksError, endpoint_setting: str = "") -> Iterator[Finding]:
    """Yield the region, whether there is such a one, and whether the endpoint is in it.

    ``endpoint_setting`` is the variable that sets the endpoint, if one does.
    """
    if isinstance(region, AwsError):  # of the profile, which the credentials' line names
        yield AWS.unknown("region", region.cause)
        return
    if isinstance(region, EcrTasksError):
        yield AWS.error("region", region)
        return
    if region.is_local:
        yield AWS.fine("region", f"{region.name}, at {region.endpoint}")
        return
    place = _region_of(region.endpoint)
    if not region.is_known:
        hint = f" Is {region.similar} meant?" if region.similar else ""
        yield AWS.wrong(
            "region",
            f"The AWS SDK knows no region {region.name} with ECR.",
            f"Correct AWS_REGION.{hint} A region that is new may need a newer boto3.",
        )
    elif place is not None and place != region.name:
        yield AWS.wrong(
            "region",
            f"The region is {region.name}, but {endpoint_setting or 'the endpoint'} leads to {place} "
            f"({region.endpoint}).",
            f"Correct AWS_REGION or {endpoint_setting or 'the endpoint'}, so that both name the same region.",
            code=ExitCode.SETTINGS,
        )
    else:
        where = f", at {region.endpoint} ({endpoint_setting})" if endpoint_setting else ""
        yield AWS.fine("region", f"{region.name}{where}")


def _region_of(endpoint: str) -> str | None:
    """Return the region in an ECR API's address (``api.ecr.REGION.…``, ``…vpce.…``); None where it names none."""
    host = endpoint.partition("://")[2].partition("/")[0].partition(":")[0]
    if (place := parse_ecr_host(host)) is not None:
        return place.region
    labels = host.split(".")
    # api.ecr.REGION.amazonaws.com, ecr-fips.REGION…, vpce-ID.api.ecr.REGION.vpce.amazonaws.com, ecr.REGION.api.aws
    for index, label in enumerate(labels[:-1]):
        if label in ("ecr", "ecr-fips"):
            return labels[index + 1] if labels[index + 1].count("-") >= 2 else None
    return None
