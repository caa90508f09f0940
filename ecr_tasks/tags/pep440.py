"""Python versions as PEP 440 has them: which texts are versions, how one is written, and which is higher.

The grammar is the PEP's appendix B, a leading ``v`` allowed; :meth:`Version.__str__` is its canonical form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_GRAMMAR = re.compile(
    r"""v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>[0-9]*))?
    (?P<post>-(?P<post_bare>[0-9]+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>[0-9]*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>[0-9]*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_LETTERS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
_MAX_LENGTH = 256

_Rank = tuple[int, str, int]


@dataclass(frozen=True)
class Version:
    """One version, taken apart; None stands for a part that it doesn't have."""

    epoch: int
    release: tuple[int, ...]
    pre: tuple[str, int] | None = None
    post: int | None = None
    dev: int | None = None
    local: str | None = None

    @classmethod
    def parse(cls, text: str) -> Version | None:
        """The version that a text such as ``v1.2.3rc1`` stands for; None when it is none."""
        found = _GRAMMAR.fullmatch(text) if len(text) <= _MAX_LENGTH else None
        if found is None:
            return None
        letter = (found["pre"] or "").lower()
        return cls(
            int(found["epoch"] or 0),
            tuple(int(part) for part in found["release"].split(".")),
            (_LETTERS.get(letter, letter), int(found["pre_number"] or 0)) if letter else None,
            int(found["post_bare"] or found["post_number"] or 0) if found["post"] else None,
            int(found["dev_number"] or 0) if found["dev"] else None,
            _local(found["local"]) if found["local"] else None,
        )

    def __str__(self) -> str:
        epoch = f"{self.epoch}!" if self.epoch else ""
        release = ".".join(map(str, self.release))
        pre = f"{self.pre[0]}{self.pre[1]}" if self.pre else ""
        post = "" if self.post is None else f".post{self.post}"
        dev = "" if self.dev is None else f".dev{self.dev}"
        local = f"+{self.local}" if self.local else ""
        return f"{epoch}{release}{pre}{post}{dev}{local}"

    def part(self, index: int) -> int:
        """Major, minor or patch (0, 1, 2); what isn't written is 0."""
        return self.release[index] if index < len(self.release) else 0

    @property
    def is_prerelease(self) -> bool:
        """Whether it comes before the release that it is named after."""
        return self.pre is not None or self.dev is not None

    @property
    def is_final(self) -> bool:
        """Whether it is neither a pre-release, nor a post-release, nor a development release."""
        return not self.is_prerelease and self.post is None

    @property
    def precedence(self) -> tuple[int, tuple[int, ...], _Rank, int, tuple[int, int]]:
        """A key that sorts as PEP 440 says, but for local versions, which it takes for equal."""
        end = len(self.release)
        while end > 1 and self.release[end - 1] == 0:
            end -= 1
        pre: _Rank = (1, *self.pre) if self.pre else (2, "", 0)
        if self.pre is None and self.post is None and self.dev is not None:
            pre = (0, "", 0)
        dev = (1, 0) if self.dev is None else (0, self.dev)
        return (self.epoch, self.release[:end], pre, -1 if self.post is None else self.post, dev)


def _local(text: str) -> str:
    parts = re.split(r"[-_.]", text.lower())
    return ".".join(str(int(part)) if part.isdecimal() else part for part in parts)
