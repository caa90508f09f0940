"""ECR_DESTINATIONS as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.destination import Destination
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.registry import destination, destinations


def test_what_a_destination_looks_like() -> None:
    assert destination("123456789012/eu-west-1") == Destination("123456789012", "eu-west-1")
    public = destination("public.ecr.aws/team/tools/app")
    assert (public.is_public, public.alias, public.repository) == (True, "team", "tools/app")
    parsed = destinations("123456789012/eu-west-1, 123456789012/eu-west-1,public.ecr.aws/team")
    assert [str(item) for item in parsed] == ["123456789012/eu-west-1", "public.ecr.aws/team"]
    mixed = destinations("123456789012/eu-west-1\n123456789012/eu-west-2, public.ecr.aws/team,\n")
    assert [str(item) for item in mixed] == [
        "123456789012/eu-west-1",
        "123456789012/eu-west-2",
        "public.ecr.aws/team",
    ]


@given(
    st.lists(
        st.builds(
            Destination,
            st.from_regex(r"[0-9]{12}", fullmatch=True),
            st.sampled_from(["eu-west-1", "us-gov-east-1"]),
            st.none() | st.from_regex(r"[a-z]{2,9}(/[a-z0-9]{1,9}){0,2}", fullmatch=True),
        ),
        unique=True,
        max_size=4,
    )
)
def test_every_list_of_destinations_can_be_written_and_read(expected: list[Destination]) -> None:
    for separator in (",", "\n"):
        text = separator.join(map(str, expected)) + ("\n" if separator == "\n" else "")
        assert destinations(text) == tuple(expected)


@pytest.mark.parametrize(
    "entry",
    [
        "eu-west-1",
        "123/eu-west-1",
        "123456789012/europe",
        "123456789012/eu-west-1/",
        "public.ecr.aws/X",
    ],
)
def test_what_is_none_is_named(entry: str) -> None:
    with pytest.raises(Malformed) as error:
        destinations(f"123456789012/eu-west-1,{entry}")
    assert repr(entry) in error.value.messages[0]
