"""--image: names, patterns and groups choose some of a project's images."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.errors import SettingsError
from ecr_tasks.plan.image_choice import chosen_names

NAMES = ("api", "api-docs", "web", "worker")
GROUPS = {"back": ("worker", "api"), "mixed": ("web", "tool"), "tool": ("tool",)}


def chosen(*words: str) -> tuple[str, ...]:
    return chosen_names(NAMES, words, lambda name: GROUPS.get(name, ()))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), NAMES),
        (("web",), ("web",)),
        (("worker", "api"), ("api", "worker")),
        (("api*",), ("api", "api-docs")),
        (("w?b", "w[eo]*"), ("web", "worker")),
        (("back", "web"), ("api", "web", "worker")),
    ],
)
def test_words_choose_images_in_the_order_of_the_file(words: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert chosen(*words) == names


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("wbe", r"There is no image 'wbe' here\."),
        ("x*", r"No image here has a name like 'x\*'"),
        ("API", "There is no image 'API' here"),
        ("mixed", "The group mixed has tool, which is not published"),
        ("tool", "The target tool makes no image that is published"),
    ],
)
def test_a_word_that_chooses_no_image_is_refused_whatever_the_others_choose(word: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message) as error:
        chosen("web", word)
    assert error.value.remedy.startswith("Did you mean web? Choose one of: api, ") or word != "wbe"
    assert "api" in error.value.remedy or "group default" in error.value.remedy


def test_several_in_one_word_are_told_apart() -> None:
    with pytest.raises(SettingsError, match="is several images") as error:
        chosen("web, api")
    assert error.value.remedy == "Say it once for each: --image web --image api."


def test_an_error_does_not_list_two_hundred_names() -> None:
    with pytest.raises(SettingsError) as error:
        chosen_names([f"svc{number}" for number in range(200)], ["x"])
    assert error.value.remedy.endswith("svc19 and 180 more.")


@given(st.lists(st.from_regex("[a-z]{1,3}", fullmatch=True), unique=True, min_size=1), st.data())
def test_every_name_chooses_itself_and_the_star_all(names: list[str], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.sampled_from(names)))
    assert set(chosen_names(names, some)) == (set(some) or set(names))
    assert chosen_names(names, ["*"]) == tuple(names)
