"""Match a sequence of tokens against a text in time proportional to the text's length, whatever the tokens are.

Python's ``re`` goes back and tries again: ``*a*a*a*a*a*b`` takes hours for a long name. Go's regular expressions, as
in BuildKit, do not, and neither does this: it follows all possible places in the tokens at once, each of them a bit
of a number (bit-parallel simulation: Navarro and Raffinot, "Flexible Pattern Matching in Strings", chapter 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from ecr_tasks.frozen import dataclass

MAX_TOKENS = 10_000
"""The highest number of tokens; a path has at most 4,096 characters."""

Kind = Literal["one", "optional", "any_number", "folders", "begin"]
"""How many characters a token stands for: one, at most one, any number, none or some that end in a slash.

``begin`` is the beginning of the text."""


@dataclass(frozen=True)
class Token:
    """A part of a pattern: how many characters it stands for, and which ones."""

    kind: Kind
    takes: Callable[[str], bool] = lambda character: True


class LinearMatch:
    """One sequence of tokens, which matches from any place in a text, unless its first token is ``begin``."""

    def __init__(self, tokens: Sequence[Token], *, to_end: bool = True) -> None:
        """Prepare the masks. With ``to_end`` the match must end where the text does."""
        self._tokens, self._to_end = tokens, to_end
        self._final = 1 << len(tokens)
        self._folders = _bits(number for number, token in enumerate(tokens) if token.kind == "folders")
        optional = {n for n, token in enumerate(tokens) if token.kind in ("optional", "any_number", "folders")}
        begin = optional | {number for number, token in enumerate(tokens) if token.kind == "begin"}
        self._skips, self._skips_at_begin = _Skips(optional), _Skips(begin)
        self._moves: dict[str, tuple[int, int]] = {}

    def matches(self, text: str) -> bool:
        """Return whether the sequence matches the text."""
        places, inside = self._skips_at_begin.follow(1), 0  # inside: in the folders of a ``folders`` token
        fresh = self._skips.follow(1)  # at each character; a ``begin`` leads no further then
        for character in text:
            if places & self._final and not self._to_end:
                return True
            moves, stays = self._moves.get(character) or self._move(character)
            in_folders = (places | inside) & self._folders
            places = ((places & moves) << 1) | (places & stays)
            if character == "/":
                places |= in_folders << 1
            inside = 0 if character == "\n" else in_folders
            places = self._skips.follow(places) | fresh
        return bool(places & self._final)

    def _move(self, character: str) -> tuple[int, int]:
        """Return the places that a character leads on from, and those where it stays."""
        taking = [number for number, token in enumerate(self._tokens) if token.takes(character)]
        move = (
            _bits(number for number in taking if self._tokens[number].kind in ("one", "optional")),
            _bits(number for number in taking if self._tokens[number].kind == "any_number"),
        )
        self._moves[character] = move
        return move


class _Skips:
    """The tokens that may stand for nothing: a place at one of them is at the next one, too."""

    def __init__(self, skipped: set[int]) -> None:
        self.first = _bits(number for number in skipped if number - 1 not in skipped)
        self.last = _bits(number + 1 for number in skipped if number + 1 not in skipped)
        self.all = _bits({*skipped, *(number + 1 for number in skipped)})

    def follow(self, places: int) -> int:
        """Return the places, and those that are reached from them without a character."""
        if not self.all & places:
            return places
        # In each run of such tokens, the subtraction changes the bits up to its first place; those above are reached.
        ended = places | self.last
        return places | (self.all & ~((ended - self.first) ^ ended))


def _bits(numbers: Iterable[int]) -> int:
    """Return the number that has these bits."""
    text = bytearray()
    for number in numbers:
        if number >= len(text):
            text.extend(bytes(number + 1 - len(text)))
        text[number] = 1
    return int(text[::-1].translate(_DIGITS) or b"0", 2)


_DIGITS = bytes(48 + (number & 1) for number in range(256))
