"""Parsers of the settings about signatures: how images are signed, and whose signature they must have."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal

from ecr_tasks.errors import nearest
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.lists import csv_fields, split_signers
from ecr_tasks.settings.parse.values import boolean

if TYPE_CHECKING:
    from ecr_tasks.model.signing import Signer, SignWith


# ECR's API model, SigningProfileArn; notation's signatures may also name a version of a profile.
_PROFILE = (
    r"arn:aws(?:-[a-z]+)*:signer:[a-z0-9-]+:[0-9]{12}:/signing-profiles/[a-zA-Z0-9_]{2,64}(?:/[a-zA-Z0-9]{10})?"
)
_PROFILE_EXAMPLE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"

# sigstore/sigstore, pkg/signature/kms/aws: the references that its client of AWS KMS takes.
_KMS = (
    r"awskms://[^/]*/(?:(?:arn:aws(?:-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:)?alias/.+"
    r"|(?:arn:aws(?:-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/)?(?:mrk-[a-f0-9]{32}|[A-Fa-f0-9]{8}(?:-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}))"
)
_SCHEMES = ("awskms", "azurekms", "env", "gcpkms", "gitlab", "hashivault", "http", "https", "k8s")
"""The schemes of cosign's addresses of keys (sigstore/cosign, pkg/signature/keys.go and pkg/blob)."""

_ANYBODY = (
    "anybody@nowhere.invalid",
    "anybody@gmail.com",
    "https://nowhere.invalid/anybody/else/.github/workflows/any.yml@refs/heads/any",
    "https://github.com/anybody/else/.github/workflows/any.yml@refs/heads/any",
    "https://gitlab.com/anybody/else//.gitlab-ci.yml@refs/heads/any",
    "",
)
"""Whom a regular expression of expected signers must not match: who has an account where everybody gets one, too."""

_SIGN_EXAMPLES = f"cosign,key=cosign.key, cosign, notation,profile={_PROFILE_EXAMPLE} or managed"
_HEADS = ("key", "identity", "identity-regexp", "certificate", "profile")
_FIELDS: Mapping[str, Collection[str]] = {
    "key": ("key", "log"),
    "identity": ("identity", "issuer", "issuer-regexp", "trusted-root", "log"),
    "identity-regexp": ("identity-regexp", "issuer", "issuer-regexp", "trusted-root", "log"),
    "certificate": ("certificate", "subject"),
    "profile": ("profile",),
}
_SIGN_FIELDS: Mapping[str, Collection[str]] = {
    "cosign": ("key", "log"),
    "notation": ("key", "profile"),
    "managed": (),
}


def sign_with(text: str) -> SignWith:
    """Parse how images are signed: a program, or managed, and its fields."""
    word, _, rest = text.strip().partition(",")
    tool = word.strip().lower()
    if tool not in _SIGN_FIELDS:
        raise Malformed(f"must be such as {_SIGN_EXAMPLES}, not {word[:80]!r}")
    fields = _fields(rest, _SIGN_FIELDS[tool], f"{tool} takes") if rest.strip() else {}
    profile = fields.get("profile", "")
    if profile:
        _check_profile(profile)
    if tool == "notation" and bool(fields.get("key")) == bool(profile):
        raise Malformed("must say notation's key or the signing profile, one of them: notation,key=NAME")
    if tool == "cosign":
        _check_key(fields.get("key", ""))
    log = _flag(fields, default=not fields.get("key"))
    if tool == "cosign" and not fields.get("key") and not log:
        raise Malformed("can't be cosign without a key and with log=false: such a signature is proved by the log")
    from ecr_tasks.model.signing import SignWith

    known: Literal["cosign", "notation", "managed"] = tool  # type: ignore[assignment] # it is one of the keys
    return SignWith(known, fields.get("key", ""), profile, log=log and tool == "cosign")


def signers(text: str) -> tuple[Signer, ...]:
    """Parse whose signatures count: one signer a line, or with commas between them."""
    return tuple(_signer(entry) for entry in split_signers(text))


def _signer(entry: str) -> Signer:
    from ecr_tasks.model.signing import CertificateSigner, IdentitySigner, KeySigner, ProfileSigner

    names = [field.key for field in csv_fields(entry)]
    head = next((name for name in _HEADS if name in names), None)
    if head is None:
        raise Malformed(
            "must be such as key=cosign.pub, identity=…,issuer=…, certificate=ca.pem or "
            f"profile={_PROFILE_EXAMPLE}, not {entry[:80]!r}"
        )
    fields = _fields(entry, _FIELDS[head], f"a signer with {head}= takes")
    if head == "key":
        _check_key(fields["key"])
        return KeySigner(fields["key"], log=_flag(fields, default=False))
    if head == "certificate":
        _check_subject(fields.get("subject", ""))
        return CertificateSigner(fields["certificate"], fields.get("subject", ""))
    if head == "profile":
        _check_profile(fields["profile"])
        return ProfileSigner(fields["profile"])
    for name in ("identity-regexp", "issuer-regexp"):
        _check_pattern(name, fields.get(name, ""))
    if bool(fields.get("issuer")) == bool(fields.get("issuer-regexp")):
        raise Malformed(
            "needs the issuer of an identity too, or anybody's issuer could certify it: "
            "issuer=https://token.actions.githubusercontent.com"
        )
    return IdentitySigner(
        fields.get("identity", ""),
        fields.get("identity-regexp", ""),
        fields.get("issuer", ""),
        fields.get("issuer-regexp", ""),
        fields.get("trusted-root", ""),
        log=_flag(fields, default=True),
    )


def _fields(entry: str, allowed: Collection[str], whose: str) -> dict[str, str]:
    """Return the fields of an entry. Raises Malformed for an unknown, an empty or a repeated one."""
    pairs = [(field.key or field.text.lower(), field.text.partition("=")[2].strip()) for field in csv_fields(entry)]
    fields = dict(pairs)
    for name, value in fields.items():
        if name not in allowed:
            guess = nearest(name, tuple(allowed), 0.6)
            known = f"{whose} {', '.join(f'{key}=' for key in allowed) or 'nothing more'}"
            raise Malformed(f"has {name[:40]!r}, and {known}{f': did you mean {guess}=?' if guess else ''}")
        if not value or value.startswith("-") or re.search(r"[\x00-\x1f\x7f]", value):
            raise Malformed(f"has no usable value for {name}=")
    if len(fields) < len(pairs):  # the last would win, and the other would go unseen
        raise Malformed("has a field twice in one entry")
    return fields


def _flag(fields: Mapping[str, str], *, default: bool) -> bool:
    try:
        return boolean(fields["log"]) if "log" in fields else default
    except Malformed as error:
        raise Malformed(f"has a log= that {error.messages[0]}") from None


def _check_profile(arn: str) -> None:
    if not re.fullmatch(_PROFILE, arn):
        raise Malformed(f"must name a signing profile by its ARN, such as {_PROFILE_EXAMPLE}, not {arn[:120]!r}")


def _check_pattern(name: str, pattern: str) -> None:
    if re.search(r"\[:\^?\w+:\]", pattern):  # cosign's Go knows these; Python reads them as sets of letters
        raise Malformed(f"has a {name}= with a class such as [:alpha:]: write its characters, such as a-z")
    try:
        re.compile(pattern)
    except re.error as error:
        raise Malformed(f"has a {name}= that is no regular expression ({error})") from None
    is_whole = pattern.startswith("^") and pattern.endswith("$")
    if pattern and (not is_whole or any(re.fullmatch(pattern, text) for text in _ANYBODY)):
        raise Malformed(f"must have in {name}= an expression that begins with ^, ends with $ and names somebody")


def _check_key(key: str) -> None:
    """Raise Malformed for a key's address that cosign knows nothing of. Whatever else it is, it is a file."""
    scheme, separator, _ = key.partition("://")
    if scheme == "awskms" and not re.fullmatch(_KMS, key):
        raise Malformed(f"must name a key in KMS as awskms:///alias/NAME, or by its id or ARN, not {key[:120]!r}")
    if separator and scheme not in _SCHEMES:
        raise Malformed(f"has a key at {scheme[:40]}://, and cosign knows {', '.join(_SCHEMES)}, and files")


def _check_subject(subject: str) -> None:
    """Raise Malformed for a subject that says too little for notation (trust policy of the Notary Project)."""
    names = {part.partition("=")[0].strip().upper() for part in re.split(r"(?<!\\)[,+]", subject)}
    if subject and not (names >= {"C", "O"} and names & {"ST", "S"}):
        raise Malformed(
            f"must have a subject= with C, ST and O at least, such as C=US, ST=WA, O=acme, not {subject[:80]!r}"
        )
