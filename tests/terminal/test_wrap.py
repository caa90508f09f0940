"""Lines wrap between words, and lose nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.terminal.text import Styled, complete
from ecr_tasks.terminal.wrap import block, hanging, wrapped

WORDS = st.lists(st.text("abc-/.é", min_size=1, max_size=15), min_size=1, max_size=12)


@given(st.lists(WORDS, min_size=1, max_size=4), st.integers(1, 100))
def test_every_word_stays_whole_with_its_meaning(parts: list[list[str]], width: int) -> None:
    texts = [" ".join(words) + " " for words in parts]
    styled = [Styled(text, "good" if number % 2 else None) for number, text in enumerate(texts)]
    lines = list(wrapped(styled, width))
    assert [word for line in lines for word in complete(line).split()] == "".join(texts).split()
    good = "".join(part.text for line in lines for part in line if part.meaning == "good")
    assert "".join(good.split()) == "".join(word for words in parts[1::2] for word in words)
    for line in lines:
        text = complete(line)
        assert len(text) <= max(width, 20) or " " not in text.strip()


def test_what_is_indented_stays_as_it_is() -> None:
    text = "  docker run --rm registry/app another-word"
    assert list(wrapped([Styled(text)], 20)) == [(Styled(text),)]


def test_a_block_has_a_bar_that_its_terminal_can_show() -> None:
    lines = [(Styled("cause of the error"),), (Styled("remedy"),)]
    assert [complete(line) for line in block(lines, 80, "utf-8")] == ["▌ cause of the error", "▌ remedy"]
    assert [complete(line) for line in block(lines, 80, "ascii")] == ["| cause of the error", "| remedy"]


def test_a_word_that_fits_no_line_stays_beside_the_one_before() -> None:
    lines = list(hanging([Styled("to registry.example/a/very/long/repository and back")], 30, 2))
    assert [complete(line) for line in lines] == ["  to registry.example/a/very/long/repository", "    and back"]


def test_wide_characters_take_two_cells() -> None:
    lines = [complete(line) for line in wrapped([Styled("ブランチ " * 6 + "ends")], 30)]
    assert lines == ["ブランチ ブランチ ブランチ", "ブランチ ブランチ ブランチ", "ends"]


def test_a_block_goes_on_below_its_beginning() -> None:
    lines = [(Styled("There is no task pusj."),)]
    assert [complete(line) for line in block(lines, 20, "utf-8")] == ["▌ There is no task", "▌ pusj."]


def test_an_errors_details_are_wrapped_below_themselves() -> None:
    lines = [(Styled("2 settings are wrong:"),), (Styled("  ECR_CACHE must be off or registry, not bar."),)]
    assert [complete(line) for line in block(lines, 34, "utf-8")] == [
        "▌ 2 settings are wrong:",
        "▌   ECR_CACHE must be off or",
        "▌     registry, not bar.",
    ]
