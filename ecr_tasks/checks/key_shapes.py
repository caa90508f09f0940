"""Tell an access key from a placeholder for one, by its shape."""

from __future__ import annotations

import re
from itertools import pairwise

# AKIA begins an access key's id, ASIA a temporary one's, ABIA and ACCA those of bearer tokens and of other services
# (IAM User Guide, "Unique identifiers"); the rest is base32.
_KEY_ID = re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Z0-9])")
_REFERENCE = re.compile(r"\$\{[^${}:-]*(?::?-(?P<default>(?:[^${}]|\$(?!\{))*))?\}")

# A secret has 40 characters in AWS, and 31 or more where other stores speak the S3 API; a session token has hundreds.
_SHORTEST = {"AWS_SECRET_ACCESS_KEY": 24, "AWS_SESSION_TOKEN": 48}
_CHARACTERS = r"[A-Za-z0-9+/=_-]+"
_WORD = r"[A-Z]?[a-z]+|[A-Z]+|\d+"
_PLACEHOLDER_WORDS = (
    r"(?i)exampl|placeholder|change_?me|replace|your_?(aws|access|secret|key|session)|access_?key|not_?a_?real"
    r"|secret|s[e3]cr[e3]t|dummy|fakekey|sample|qwerty|insert_?your"
)
_MIN_WORD = 4

# In a random text, few characters are the next one of the alphabet after the one before them, nor is every other
# character (``a1b2c3d4``).
_MAX_RUNS = 0.6
_LOOKED_AT = 256
"""The characters in which a repetition is looked for, which takes time with their square."""


def find_key_id(text: str) -> re.Match[str] | None:
    """Return the first id of an access key in a text; the ids in AWS's documentation and other samples are none."""
    return next((match for match in _KEY_ID.finditer(text) if is_random(match[0][4:], distinct=7)), None)


def is_key(name: str, value: str) -> bool:
    """Return whether a value could be the key that its variable is for: AWS_ACCESS_KEY_ID and the two of a secret.

    A reference to another variable is none, but its default (``${NAME:-default}``) can be one.
    """
    name = name.upper()
    value = _REFERENCE.sub(lambda match: match["default"] or "", value).strip()
    if name == "AWS_ACCESS_KEY_ID":
        return find_key_id(value) is not None
    shortest = _SHORTEST.get(name)
    return (
        shortest is not None
        and len(value) >= shortest
        and re.fullmatch(_CHARACTERS, value) is not None
        and not is_words(value)
        and is_random(value, distinct=8)
    )


def is_random(text: str, *, distinct: int) -> bool:
    """Return whether a text could be random: ``distinct`` characters, no repetition, alphabet or sample's word."""
    return (
        len(set(text)) >= distinct
        and max(_runs(text), min(_runs(text[::2]), _runs(text[1::2]))) < _MAX_RUNS
        and not re.search(r"(.{6,})\1", text[:_LOOKED_AT])
        and not re.search(_PLACEHOLDER_WORDS, text)
    )


def is_placeholder(value: str) -> bool:
    """Return whether a value says that it stands for a secret: ``changeme``, ``your-token``, one character only."""
    return len(set(value)) < 3 or re.search(_PLACEHOLDER_WORDS, value) is not None


def _runs(text: str) -> float:
    """Return the share of characters that are the next one of the alphabet after the one before them, or the same."""
    codes = text.lower().encode()
    return sum(abs(one - next_one) <= 1 for one, next_one in pairwise(codes)) / max(1, len(text))


def is_words(text: str) -> bool:
    """Return whether a text consists of words and numbers: ``put-your-secret-here``, ``SecretFromVault2024``."""
    pieces = [piece for piece in re.split(r"[^A-Za-z0-9]+", text) if piece]
    if len(pieces) > 3 and all(re.fullmatch(_WORD, piece) for piece in pieces):
        return True
    words = [word for piece in pieces for word in re.findall(_WORD, piece) if word.isalpha()]
    is_hexadecimal = re.fullmatch("[0-9a-f]+", text) is not None
    return not words or (not is_hexadecimal and sum(map(len, words)) >= _MIN_WORD * len(words))
