"""How shell blocks and their comments are read (tests/engine/test_documentation.py runs them)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.shell_blocks import CHECKOUT, LANGUAGES, SHELL_LANGUAGES, UnknownComment, pages, parse

PAGE = """\
Text.

<!-- not run: needs an AWS account -->
```sh
aws one
```

<!-- exit code: 6 -->
<!-- run in: monorepo -->

```console
$ inv plan
what it prints
$ inv repo.ensure --check
```

- an item
  ```sh
  inv three
  ```

```yaml
- $ no command
```
"""


def test_blocks_have_their_commands_and_what_the_comments_say() -> None:
    one, two, three = parse(PAGE, "page.md")
    assert (one.commands, one.not_run, str(one)) == ("aws one", "needs an AWS account", "page.md:4")
    assert (two.commands, two.exit_code, two.example) == ("inv plan\ninv repo.ensure --check", 6, "monorepo")
    assert (three.commands.strip(), three.not_run, three.exit_code, three.example) == (
        "inv three",
        None,
        0,
        "service",
    )


def test_a_page_for_another_place_says_it_once() -> None:
    page = "<!-- not run on this page: needs a Mac -->\n```sh\none\n```\n<!-- run in: compose -->\n```sh\ntwo\n```\n"
    assert [block.not_run for block in parse(page, "page.md")] == ["needs a Mac", None]


def test_a_comment_is_of_the_block_right_after_it() -> None:
    (block,) = parse("<!-- not run: needs a Mac -->\n\nText.\n\n```sh\ninv\n```\n", "page.md")
    assert block.not_run is None


@pytest.mark.parametrize("comment", ["<!-- not run -->", "<!-- not run needs it -->", "<!--not run: x-->"])
def test_a_comment_that_is_nearly_one_is_an_error(comment: str) -> None:
    with pytest.raises(UnknownComment):
        parse(f"{comment}\n```sh\ninv\n```\n", "page.md")


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_shell_blocks_are_of_the_languages_that_are_run(path: Path) -> None:
    languages = set(re.findall(r"^ *(?:```+|~~~+)([\w-]+)", path.read_text("utf-8"), re.MULTILINE))
    assert languages & SHELL_LANGUAGES <= LANGUAGES
