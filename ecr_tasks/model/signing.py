"""How an image is signed (ECR_SIGN), whose signature it must have (ECR_SIGNED_BY), and what a look at one found."""

from __future__ import annotations

from typing import Any, Literal

from ecr_tasks.frozen import dataclass

Tool = Literal["cosign", "notation"]

KEYLESS = "keyless"


@dataclass(frozen=True)
class SignWith:
    """How `sign` signs. ``tool`` is ``managed`` where ECR does it.

    ``key`` is cosign's (a file, or an address such as ``awskms:///alias/sign``) or the name of a notation key; cosign
    without a key signs with the identity of who runs it. ``profile`` is the ARN of a signing profile of AWS Signer.
    ``log`` is whether the signature goes into sigstore's public transparency log.
    """

    tool: Literal["cosign", "notation", "managed"]
    key: str = ""
    profile: str = ""
    log: bool = False

    def __str__(self) -> str:
        return "ECR's managed signing" if self.tool == "managed" else f"{self.tool}, {self.signer}"

    @property
    def signer(self) -> str:
        """Who signs, in words."""
        if self.profile:
            return f"signing profile {profile_name(self.profile)}"
        return f"key {self.key}" if self.key else KEYLESS


@dataclass(frozen=True)
class KeySigner:
    """Who has the private key of a public one: a file, or an address such as ``awskms:///alias/sign``.

    With ``log``, the signature must be in sigstore's transparency log.
    """

    key: str
    log: bool = False
    tool: Tool = "cosign"

    def __str__(self) -> str:
        return f"key {self.key}"


@dataclass(frozen=True)
class IdentitySigner:
    """Who was certified as an identity by an issuer of OIDC tokens; ``…_pattern`` are regular expressions instead.

    ``trusted_root`` is the file with the certificate authorities of a sigstore of one's own.
    """

    identity: str = ""
    identity_pattern: str = ""
    issuer: str = ""
    issuer_pattern: str = ""
    trusted_root: str = ""
    log: bool = True
    tool: Tool = "cosign"

    def __str__(self) -> str:
        return f"{self.identity or self.identity_pattern} of {self.issuer or self.issuer_pattern}"


@dataclass(frozen=True)
class CertificateSigner:
    """Who has a certificate of an authority, which is a file; with ``subject`` only those of that subject."""

    certificate: str
    subject: str = ""
    tool: Tool = "notation"

    def __str__(self) -> str:
        return f"{self.subject} of {self.certificate}" if self.subject else f"certificate {self.certificate}"


@dataclass(frozen=True)
class ProfileSigner:
    """AWS Signer with a signing profile, by its ARN: through notation, or as ECR's managed signing."""

    profile: str
    tool: Tool = "notation"

    def __str__(self) -> str:
        return f"signing profile {profile_name(self.profile)}"


Signer = KeySigner | IdentitySigner | CertificateSigner | ProfileSigner


def kms_key(address: str) -> str:
    """Return the key of AWS KMS in an address of cosign's (``awskms:///alias/sign``); empty for another key."""
    where = address.removeprefix("awskms://")
    return where.partition("/")[2] if where != address else ""


def profile_name(arn: str) -> str:
    """Return the name in a signing profile's ARN."""
    return arn.rpartition("/signing-profiles/")[2]


@dataclass(frozen=True)
class Signing:
    """The status of ECR's managed signing of an image for one profile: IN_PROGRESS, COMPLETE or FAILED.

    ``code`` and ``reason`` are ECR's, where it failed.
    """

    status: str
    reason: str = ""
    profile: str = ""
    code: str = ""

    @property
    def words(self) -> str:
        """The profile and its status, with what ECR says of a failure."""
        said = ": ".join(filter(None, (self.code, self.reason)))
        name = f"{profile_name(self.profile)} " if self.profile else ""
        return f"{name}{self.status}{f', {said}' if said else ''}"


@dataclass(frozen=True)
class Verification:
    """What a signing program found of an image and one signer; ``reason`` says why it did not accept a signature.

    ``known`` is False where it could not look.
    """

    signer: Signer
    accepted: bool
    reason: str = ""
    known: bool = True


@dataclass(frozen=True)
class SignedImage:
    """What `sign` did with an image in one registry, for the receipt.

    ``reference`` is ``host/repository@sha256:…``. ``tool`` made the signature, or has checked one that was there:
    ``ecr`` for managed signing. ``signatures`` are the digests of the new ones, or of all that are there already.
    """

    reference: str
    state: Literal["signed", "already-signed", "signed-by-ecr"]
    tool: str
    signer: str
    signatures: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the entry for ``signing`` in the receipt."""
        words = {"state": self.state, "tool": self.tool, "signer": self.signer}
        return {**words, "signatures": list(self.signatures)}
