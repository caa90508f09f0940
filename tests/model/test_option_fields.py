"""Options in buildx's short syntax."""

from __future__ import annotations

import pytest

from ecr_tasks.model.option_fields import join_fields, secret_id, split_fields


def test_the_names_of_fields_are_in_lower_case_and_a_field_without_a_value_stays_as_it_is() -> None:
    assert split_fields('TYPE=local, Src="a,b"') == {"type": "local", "src": '"a', 'b"': ""}
    assert split_fields('type=local,"src=a,b"') == {"type": "local", "src": "a,b"}
    assert split_fields("host/cache:Main") == {"host/cache:Main": ""}
    assert split_fields("") == {}


def test_a_value_with_a_comma_survives() -> None:
    fields = {"type": "local", "dest": 'a,"b"'}
    assert split_fields(join_fields(fields)) == fields


def test_a_malformed_option_has_no_fields() -> None:
    assert split_fields("type=local\rsrc=a") == {}


@pytest.mark.parametrize(
    ("secret", "name"),
    [
        ("id=npm,env=NPM_TOKEN", "npm"),
        ("env=NPM_TOKEN", "NPM_TOKEN"),
        ("ID=npm,src=token", "npm"),
        ('type=file,"src=a,b"', "a,b"),
        ("type=file", ""),
    ],
)
def test_a_secret_without_an_id_has_the_name_of_its_source(secret: str, name: str) -> None:
    assert secret_id(secret) == name
