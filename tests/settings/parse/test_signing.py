"""How images are signed, and whose signature they must have, as settings say it."""

from __future__ import annotations

import pytest

from ecr_tasks.model.signing import (
    CertificateSigner,
    IdentitySigner,
    KeySigner,
    ProfileSigner,
    Signer,
    SignWith,
)
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.signing import sign_with, signers

PROFILE = "arn:aws:signer:eu-west-1:123456789012:/signing-profiles/release"
ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOW = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cosign", SignWith("cosign", log=True)),
        ("cosign,key=cosign.key", SignWith("cosign", "cosign.key")),
        (" Cosign , key=awskms:///alias/sign,log=true ", SignWith("cosign", "awskms:///alias/sign", log=True)),
        ("notation,key=acme", SignWith("notation", "acme")),
        (f"notation,profile={PROFILE}", SignWith("notation", profile=PROFILE)),
        ("managed", SignWith("managed")),
    ],
)
def test_how_images_are_signed(text: str, expected: SignWith) -> None:
    assert sign_with(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpg", "managed"),
        ("cosign.key", "must be such as"),
        ("cosign,keys=a", "key="),
        ("cosign,key=", "usable value"),
        ("cosign,key=--yes", "usable value"),
        ("cosign,key=a,key=b", "twice"),
        ("cosign,log=false", "log"),
        ("cosign,key=a,log=perhaps", "true or false"),
        ("notation", "key=NAME"),
        (f"notation,key=a,profile={PROFILE}", "one of them"),
        ("notation,profile=release", "ARN"),
        ("managed,key=a", "nothing more"),
        ("cosign,key=awskms://alias/sign", "awskms:///alias/NAME"),
        ("cosign,key=awskmss:///alias/sign", "cosign knows awskms"),
    ],
)
def test_how_they_are_not_signed(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        sign_with(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("key=cosign.pub", (KeySigner("cosign.pub"),)),
        ("key=a.pub,log=true,key=b.pub", (KeySigner("a.pub", log=True), KeySigner("b.pub"))),
        ("key=a.pub\n# the new one\nkey=b.pub\n", (KeySigner("a.pub"), KeySigner("b.pub"))),
        (f"identity={WORKFLOW},issuer={ISSUER}", (IdentitySigner(WORKFLOW, issuer=ISSUER),)),
        (f"issuer={ISSUER},identity={WORKFLOW}", (IdentitySigner(WORKFLOW, issuer=ISSUER),)),
        (
            f"identity-regexp=^https://github.com/acme/.*$,issuer={ISSUER},trusted-root=root.json,log=false",
            (IdentitySigner("", "^https://github.com/acme/.*$", issuer=ISSUER, trusted_root="root.json", log=False),),
        ),
        ('certificate=ca.pem,"subject=C=US, ST=WA, O=acme"', (CertificateSigner("ca.pem", "C=US, ST=WA, O=acme"),)),
        ('certificate=ca.pem,"subject=C=US, ST=WA, O=acme"\n', (CertificateSigner("ca.pem", "C=US, ST=WA, O=acme"),)),
        (f"profile={PROFILE},key=a.pub", (ProfileSigner(PROFILE), KeySigner("a.pub"))),
        (f"profile={PROFILE}/Ab12345678", (ProfileSigner(f"{PROFILE}/Ab12345678"),)),
    ],
)
def test_whose_signature_counts(text: str, expected: tuple[Signer, ...]) -> None:
    assert signers(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cosign.pub", "key=cosign.pub"),
        (f"identity={WORKFLOW}", "issuer"),
        (f"identity={WORKFLOW},issuer={ISSUER},issuer-regexp=^x$", "issuer"),
        (f"identity-regexp=acme,issuer={ISSUER}", r"begins with \^"),
        (f"identity-regexp=^.*$,issuer={ISSUER}", "names somebody"),
        (f"identity-regexp=^[^@]+@.+$,issuer={ISSUER}", "names somebody"),
        (f"identity-regexp=^https://github.com/.*$,issuer={ISSUER}", "names somebody"),
        ("identity-regexp=^https://gitlab.com/[^/]+/.+$,issuer=https://gitlab.com", "names somebody"),
        ("identity-regexp=^.+@.+[.]com$,issuer=https://accounts.google.com", "names somebody"),
        (f"identity-regexp=^[[:print:]]+$,issuer={ISSUER}", "such as a-z"),
        (f"identity-regexp=^[a[:^cntrl:]]+$,issuer={ISSUER}", "such as a-z"),
        ("identity=a@acme.example,issuer-regexp=^https://.*$", "names somebody"),
        ('certificate=ca.pem,"subject=CN=release"', "C, ST and O"),
        ("key=awskms://key/1", "awskms:///alias/NAME"),
        (f"identity-regexp=^($,issuer={ISSUER}", "no regular expression"),
        ("certificate=ca.pem,issuer=x", "subject="),
        ("profile=release", "ARN"),
        ("key=a.pub,subject=x", "log="),
        ("key=a.pub,log=true,log=false", "twice"),
        ("issuer=x", "must be such as"),
    ],
)
def test_what_says_of_nobody_whose_signature_counts(text: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        signers(text)
