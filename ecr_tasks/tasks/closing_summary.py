"""The closing summary of a push of many images: a line for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ecr_tasks.console import Column, Meaning, Styled, Text, say, table
from ecr_tasks.model.wording import FEW

if TYPE_CHECKING:
    from ecr_tasks.model.receipt import ImageReceipt, Receipt

MOST_UNCHANGED = 20
"""How many images that were published before, and stay as they were, get a line; more are counted together."""

_WORDS: dict[str, tuple[str, Meaning | None]] = {
    "pushed": ("pushed", "good"),
    "retagged": ("tags set", "good"),
    "already-published": ("published before", "dim"),
    "part": ("one platform pushed", "good"),
    "built": ("built, not published", "warning"),
    "not-begun": ("not done", "warning"),
    "incomplete": ("not everywhere", "bad"),
    "failed": ("failed", "bad"),
}


def show_summary(receipt: Receipt) -> None:
    """Print what became of each image, on stderr, the failed ones last, where a person looks first."""
    images = receipt.images
    if len(images) <= FEW:
        return
    results = {image.name: _result(image) for image in images}
    counts = Counter(results.values())
    hidden = "already-published" if counts["already-published"] > MOST_UNCHANGED else None
    shown = [image for image in images if results[image.name] != hidden]
    if shown:
        columns = Column("digest", 2, meaning="id", cut=12), Column("tags", 1), Column("seconds", 3, right=True)
        in_order = sorted(shown, key=lambda image: _is_bad(results[image.name]))
        table(("image", "result", *columns), [*_rows(in_order, results)])
    parts: list[str | Styled] = [Styled(f"{len(images)} images", "strong"), ": "]
    for number, (result, (word, meaning)) in enumerate((key, _WORDS[key]) for key in _WORDS if counts[key]):
        parts += [", "] if number else []
        parts.append(Styled(f"{counts[result]} {word}", meaning))
    say(tuple(parts))


def _result(image: ImageReceipt) -> str:
    """Return the word for what became of an image: its outcome, or how it came to be published."""
    return image.published[0].state if image.outcome == "published" else image.outcome


def _is_bad(result: str) -> bool:
    return result in ("failed", "incomplete", "not-begun")


def _rows(images: Iterable[ImageReceipt], results: dict[str, str]) -> Iterable[tuple[Text, ...]]:
    from ecr_tasks.model.manifest import short_digest, short_tags

    for image in images:
        word, meaning = _WORDS[results[image.name]]
        published = image.published[0] if image.published else None
        digest = Styled(published.digest, short=short_digest(published.digest)) if published else ""
        tags = short_tags(published.tags) if published else ""
        yield Styled(image.name, "strong"), Styled(word, meaning), digest, tags, f"{image.seconds:.1f}"
