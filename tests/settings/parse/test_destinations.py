"""ECR_DESTINATIONS as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.model.destination import Destination, Identity
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.parse.destinations import destination, destinations
from ecr_tasks.settings.parse.lists import csv_field


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


ROLES = st.from_regex(r"arn:aws:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_-]{1,9}", fullmatch=True)
EXTERNAL_IDS = st.from_regex(r"[a-zA-Z0-9+=,.@:/_-]{2,9}", fullmatch=True)
PROFILES = st.none() | st.from_regex(r'[a-z0-9 ="._,-]{0,9}[a-z]', fullmatch=True).map(str.strip)
IDENTITIES = st.builds(Identity, profile=PROFILES) | st.builds(
    Identity, role_arn=ROLES, external_id=st.none() | EXTERNAL_IDS, profile=PROFILES
)


def written(item: Destination) -> str:
    """Return a destination as a setting has it."""
    identity = item.identity
    fields = {"role": identity.role_arn, "external-id": identity.external_id, "profile": identity.profile}
    return ",".join([str(item), *(csv_field(f"{key}={value}") for key, value in fields.items() if value)])


@given(
    st.lists(
        st.builds(
            Destination,
            st.from_regex(r"[0-9]{12}", fullmatch=True),
            st.sampled_from(["eu-west-1", "us-gov-east-1"]),
            st.none() | st.from_regex(r"[a-z]{2,9}(/[a-z0-9]{1,9}){0,2}", fullmatch=True),
            identity=IDENTITIES,
        ),
        unique_by=str,
        max_size=4,
    )
)
def test_every_list_of_destinations_can_be_written_and_read(expected: list[Destination]) -> None:
    for separator in (",", "\n"):
        text = separator.join(map(written, expected)) + ("\n" if separator == "\n" else "")
        assert destinations(text) == tuple(expected)


ROLE = "role=arn:aws:iam::210987654321:role/push"


def test_who_copies_follows_the_place() -> None:
    (here, there, public) = destinations(
        "123456789012/eu-west-1, "
        f"210987654321/eu-west-1/app , {ROLE},external-id=a/b, public.ecr.aws/team,profile=x y"
    )
    assert here.identity.is_own
    assert there == Destination(
        "210987654321", "eu-west-1", "app", identity=Identity("arn:aws:iam::210987654321:role/push", "a/b")
    )
    assert public.identity == Identity(profile="x y")
    assert str(there) == "210987654321/eu-west-1/app"
    with_comma = destination(f'210987654321/eu-west-1,{ROLE},"external-id=a,b"')
    assert with_comma.identity.external_id == "a,b"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (",role=push", "has role=, which must be a role's ARN"),
        (",external-id=a", "has external-id=, which must be 2 to 1224"),
        (",external-id=abc", "external-id= and no role="),
        (f",{ROLE},{ROLE}", "has role= twice"),
        (",profile=", "must be a profile's name"),
        (",externalid=abc", "try external-id="),
        (",user=abc", "where role=, external-id= or profile= belongs"),
    ],
)
def test_what_is_wrong_with_who_copies(more: str, words: str) -> None:
    with pytest.raises(Malformed) as error:
        destinations(f"123456789012/eu-west-1{more}")
    assert words in error.value.messages[0]


def test_fields_without_a_place_and_one_place_for_two() -> None:
    with pytest.raises(Malformed, match="no destination before it on its line"):
        destinations(f"123456789012/eu-west-1\n{ROLE}\n")
    with pytest.raises(Malformed, match="twice, for the role"):
        destinations(f"123456789012/eu-west-1,{ROLE},123456789012/eu-west-1,profile=x")
    assert len(destinations(f"123456789012/eu-west-1,{ROLE},123456789012/eu-west-1,{ROLE}")) == 1


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
