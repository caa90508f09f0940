"""Makes slugs, the readable part of a web address, of any text."""

import re
import unicodedata


def slug(text: str) -> str:
    """Lower-case ASCII letters, digits and single hyphens; what has no ASCII form is left out.

    >>> slug("Crème brûlée, twice!")
    'creme-brulee-twice'
    >>> slug("  ...  ")
    ''
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
