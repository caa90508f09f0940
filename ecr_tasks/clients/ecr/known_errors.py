"""The catalogue of botocore's errors about credentials, configuration and connections. It is read from top to bottom.

A row names botocore's exception by its class; an exception of a subclass fits too. The first row that fits decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from shlex import quote

from ecr_tasks.clients.ecr.install_command import install_command
from ecr_tasks.errors import AwsError
from ecr_tasks.frozen import dataclass

CRT = "botocore[crt]"
CREDENTIAL_HINT = (
    "Set AWS_PROFILE or keys (in the environment or an ignored .env), run `aws sso login`, "
    "or use `inv local …`, which needs no account."
)
_CONFIGURATION = "Correct the AWS configuration that it names (~/.aws/config, ~/.aws/credentials, .env, environment)."
_PROFILE_HINT = " (with --profile NAME for a profile other than the default)"
_LOGIN = f"Run `aws login`{_PROFILE_HINT}."
_SSO_LOGIN = f"Run `aws sso login`{_PROFILE_HINT}."


@dataclass(frozen=True)
class KnownError:
    """One row: the exception's class (or classes, with ``|`` between), a pattern of its text, the cause, the remedy.

    The cause may name ``{text}`` (the exception's own words), ``{action}`` (what we wanted) and the exception's keys.
    """

    classes: str
    cause: str
    remedy: str
    text: str = ""


KNOWN_ERRORS = (
    KnownError("NoCredentialsError", "There are no AWS credentials to {action} with.", CREDENTIAL_HINT),
    KnownError(
        "PartialCredentialsError",
        "Only a part of the AWS credentials is set: {cred_var} is missing (from {provider}).",
        "Set it where the others are (the environment, .env or the profile), or take those out.",
    ),
    KnownError("ProfileNotFound", "{text}.", "Correct AWS_PROFILE, or run `aws configure --profile …`."),
    KnownError(
        "MissingDependencyException",
        "The session of `aws login` needs a part of botocore that is not installed ({package}).",
        "Run `{install}`, then run it again.",
    ),
    KnownError(
        "LoginInsufficientPermissions",
        "The session of `aws login` could not be renewed: {text}.",
        "Allow signin:CreateOAuth2Token (AWS's policy SignInLocalDevelopmentAccess), or use another profile.",
    ),
    KnownError("LoginError", "The session of `aws login` has ended or was never begun: {text}.", _LOGIN),
    KnownError("SSOError", "The AWS SSO session has ended or was never begun: {text}.", _SSO_LOGIN),
    KnownError("TokenRetrievalError", "The AWS SSO session has ended or was never begun: {text}.", _SSO_LOGIN),
    KnownError(
        "CredentialRetrievalError",
        "The credential_process of the AWS profile gave no credentials: {error_msg}.",
        "Run that command by hand: it has to print the keys as JSON, as the AWS SDKs' guide describes it.",
        text="from custom-process",
    ),
    KnownError("CredentialRetrievalError", "The AWS credentials could not be had: {text}.", CREDENTIAL_HINT),
    KnownError(
        "MFACodeNeeded",
        "The AWS profile's role needs an MFA code, and there is nobody to ask for it here.",
        "Run it on a terminal, or give it a session that has one (`aws sts get-session-token`, `aws sso login`).",
    ),
    KnownError(
        "ProxyConnectionError",
        "The proxy {proxy_url} can't be reached, so we could not {action}.",
        "Correct HTTPS_PROXY or NO_PROXY, or start the proxy.",
    ),
    KnownError(
        "HTTPClientError",
        "The address of the proxy can't be read, so we could not {action}: {error}.",
        "Correct HTTPS_PROXY (or HTTP_PROXY): http://HOST:PORT, with a port up to 65535.",
        text="Failed to parse|Invalid IPv6 URL|not a valid host or port",
    ),
    KnownError(
        "SSLError",
        "The file of certificates to trust (AWS_CA_BUNDLE, or ca_bundle in the profile) can't be used: {error}.",
        "Correct it, or leave it out where AWS is reached directly.",
        text=r"No such file|NO_CERTIFICATE_OR_CRL|Permission denied|Is a directory",
    ),
    KnownError(
        "SSLError",
        "The certificate of {endpoint_url} is not accepted, so we could not {action}: {error}.",
        "Set AWS_CA_BUNDLE to the certificate of its authority (or of a proxy that opens TLS); correct this "
        "machine's clock, if it is wrong.",
    ),
    KnownError(
        "ConnectionClosedError",
        "The connection to {endpoint_url} ended before the whole answer was here, so we could not {action}.",
        "Run it again; it takes up where it stopped.",
    ),
    KnownError(
        "HTTPClientError|ConnectionError",
        "Nothing answers at {endpoint_url}, so we could not {action}.",
        "Start the local ECR with `inv local.up`, or run `inv local …` as the first task.",
        text=r"//(?:127\.0\.0\.1|localhost)[:/]",
    ),
    KnownError(
        "HTTPClientError|ConnectionError",
        "{endpoint_url} could not be reached, so we could not {action} ({name}).",
        "Check the network, the proxy settings and the region.",
    ),
    KnownError(
        "ResponseParserError",
        "What answered is not AWS, so we could not {action}: its answer can't be read.",
        "Correct the endpoint (AWS_ENDPOINT_URL…), or log in to the network or proxy that answers in its place.",
    ),
    KnownError(
        "RuntimeError",
        "The AWS credentials have expired, so we could not {action}.",
        "Get new ones: `aws sso login`, or a new session of the tool that set AWS_CREDENTIAL_EXPIRATION.",
        text="credentials are still expired",
    ),
    KnownError("BotoCoreError", "The AWS configuration can't be used to {action}: {text}.", _CONFIGURATION),
    KnownError("OSError", "We could not {action}: {filename} can't be used: {strerror}.", _CONFIGURATION),
    KnownError("ValueError", "The AWS configuration can't be used to {action}: {text}.", _CONFIGURATION),
)


def explain(error: Exception, action: str) -> AwsError | None:
    """Return the error of the first row that fits; None when none does. ``action`` is such as "log in to ECR"."""
    names = [kind.__name__ for kind in type(error).__mro__]
    for row in KNOWN_ERRORS:
        if not {*row.classes.split("|")}.isdisjoint(names) and re.search(row.text, str(error)):
            values = _Values(_values(error, action))
            return AwsError(row.cause.format_map(values), row.remedy.format_map(values))
    return None


def for_profile(remedy: str, profile: str) -> str:
    """Return a remedy whose commands that log in name a profile."""
    option = "" if profile == "default" else f" --profile {quote(profile)}"
    return re.sub(r"`(aws (?:sso )?login)`", lambda match: f"`{match[1]}{option}`", remedy.replace(_PROFILE_HINT, ""))


class _Values(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return {"endpoint_url": "The AWS endpoint", "error_msg": "it failed without a word"}.get(key, "unknown")


def _values(error: Exception, action: str) -> Mapping[str, str]:
    """Return what a cause and a remedy may name, each on one line and without a full stop."""
    values = {
        **{key: value for key, value in getattr(error, "kwargs", {}).items() if value},
        "filename": getattr(error, "filename", None) or "a file of the AWS configuration",
        "strerror": getattr(error, "strerror", None) or str(error),
        "text": str(error),
        "name": type(error).__name__,
    }
    texts = {key: " ".join(str(value).split()).rstrip(".: ") for key, value in values.items()}
    return {**texts, "action": action, "package": CRT, "install": install_command(CRT)}
