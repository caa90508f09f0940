"""Recognize binary files that hold a private key: DER, PKCS #12 and Java's key stores.

A store of certificates alone (a trust store) has none of what a key's entry has.
"""

from __future__ import annotations

import re

_LENGTH = rb"(?:[\x00-\x80]|\x81.|\x82..|\x83...)"
"""The length of a DER value; 0x80 stands for one that isn't known at its beginning."""

_DER = tuple(
    re.compile(rb"\x30" + _LENGTH + rest, re.DOTALL)
    for rest in (
        rb"\x02\x01[\x00\x01]\x30" + _LENGTH + rb"\x06",  # PKCS #8 (RFC 5958): a version and the algorithm's name
        rb"\x02\x01\x00\x02" + _LENGTH + rb".{32}",  # PKCS #1 (RFC 8017, A.1.2): a version and a long number
        rb"\x02\x01\x01\x04[\x14-\x42]",  # SEC 1 (RFC 5915): a version and the key
        rb"\x30"
        + _LENGTH
        + rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05[\x01-\x0d]\x30",  # encrypted PKCS #8 (RFC 8018)
    )
)
_PKCS12 = re.compile(rb"\x30" + _LENGTH + rb"\x02\x01\x03\x30", re.DOTALL)
_KEY_BAGS = (b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x01", b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01\x02")
"""What PKCS #12 calls the entry of a key (RFC 7292, 4.2): keyBag and pkcs8ShroudedKeyBag."""

_JAVA = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_JAVA_KEYS = (b"\x2b\x06\x01\x04\x01\x2a\x02\x11\x01\x01", b"\x2b\x06\x01\x04\x01\x2a\x02\x13\x01")
"""What Java's key stores (JKS, JCEKS) call the encryption of a key (sun.security.provider.KeyProtector)."""


def find_binary_key(content: bytes) -> str | None:
    """Return what a binary file holds, in words, if that is a private key."""
    if content.startswith(_JAVA):
        return "a private key in a Java key store" if any(key in content for key in _JAVA_KEYS) else None
    if not content.startswith(b"\x30"):
        return None
    if _PKCS12.match(content):
        return "a private key in a PKCS #12 file" if any(bag in content for bag in _KEY_BAGS) else None
    return "a private key in DER" if any(pattern.match(content) for pattern in _DER) else None
