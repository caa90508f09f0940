"""Certificates of an authority of the tests' own, and signatures that real programs would not make any more."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ISSUER = "https://oidc.acme.example"

_STATEMENT = "application/vnd.in-toto+json"
_ISSUER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")  # sigstore/fulcio, docs/oid-info.md: Issuer


@dataclass(frozen=True)
class Certified:
    """A key and its certificate."""

    key: Any
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


class Authority:
    """A certificate authority for keys that sign code."""

    def __init__(self, organization: str = "acme") -> None:
        self.organization = organization
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
        now = datetime.now(timezone.utc)
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.certificate = (
            _builder(self.name("authority"), self.name("authority"), self.key, now - timedelta(days=90), now)
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def name(self, common: str) -> x509.Name:
        """Return a subject of the authority's organization."""
        parts = {
            NameOID.COUNTRY_NAME: "US",
            NameOID.STATE_OR_PROVINCE_NAME: "WA",
            NameOID.ORGANIZATION_NAME: self.organization,
            NameOID.COMMON_NAME: common,
        }
        return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def certify(self, *, ended: timedelta = timedelta(days=-1), email: str = "") -> Certified:
        """Return a new key with a certificate that ended so long ago, by default in a day.

        It is for code of the organization; or for the OIDC identity of an ``email``, as Fulcio would certify it.
        """
        now = datetime.now(timezone.utc)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([]) if email else self.name("release")
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        builder = (
            _builder(subject, self.certificate.subject, key, now - timedelta(days=60), now - ended)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if email:
            names = x509.SubjectAlternativeName([x509.RFC822Name(email)])
            builder = builder.add_extension(names, critical=True).add_extension(
                x509.UnrecognizedExtension(_ISSUER_OID, ISSUER.encode()), critical=False
            )
        return Certified(key, builder.sign(self.key, hashes.SHA256()))

    def trusted_root(self) -> str:
        """Return the authority as a trusted root of sigstore (sigstore/protobuf-specs, TrustedRoot)."""
        raw = _base64(self.certificate.public_bytes(Encoding.DER))
        authority = {
            "subject": {"organization": self.organization, "commonName": "authority"},
            "uri": "https://fulcio.acme.example",
            "certChain": {"certificates": [{"rawBytes": raw}]},
            "validFor": {"start": "2020-01-01T00:00:00Z"},
        }
        media_type = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
        return json.dumps({"mediaType": media_type, "certificateAuthorities": [authority]})


def keyless_bundle(signer: Certified, digest: str) -> bytes:
    """Return a signature of an image as cosign makes it with a certificate of Fulcio's."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": "https://sigstore.dev/cosign/sign/v1",
        "predicate": {},
    }
    payload = json.dumps(statement).encode()
    # secure-systems-lab/dsse, protocol.md: the pre-authentication encoding.
    encoded = b"DSSEv1 %d %s %d %s" % (len(_STATEMENT), _STATEMENT.encode(), len(payload), payload)
    signature = signer.key.sign(encoded, ec.ECDSA(hashes.SHA256()))
    raw = _base64(signer.certificate.public_bytes(Encoding.DER))
    return json.dumps(
        {
            "mediaType": BUNDLE,
            "verificationMaterial": {"certificate": {"rawBytes": raw}},
            "dsseEnvelope": {
                "payload": _base64(payload),
                "payloadType": _STATEMENT,
                "signatures": [{"sig": _base64(signature)}],
            },
        }
    ).encode()


def notation_key(folder: Path, name: str, signer: Certified, authority: Authority) -> None:
    """Add a key to notation's list in its folder (notation-go, config: signingkeys.json)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.crt").write_bytes(signer.pem + authority.pem)
    (folder / f"{name}.key").write_bytes(signer.key_pem)
    file = folder / "signingkeys.json"
    keys = json.loads(file.read_text(encoding="utf-8"))["keys"] if file.exists() else []
    entry = {"name": name, "keyPath": str(folder / f"{name}.key"), "certPath": str(folder / f"{name}.crt")}
    file.write_text(json.dumps({"keys": [*keys, entry]}), encoding="utf-8")


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    end = end if subject != issuer else end + timedelta(days=90)
    return x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), start, end)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
