"""Reading the claims of a token."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.ci.oidc.tokens import claims
from tests.ci.oidc.jwt import jwt

TOKEN = jwt(sub="repo:o/r", aud="sts.amazonaws.com", iss="https://ci.example")


def test_claims() -> None:
    assert claims(TOKEN) == {"sub": "repo:o/r", "aud": "sts.amazonaws.com", "iss": "https://ci.example"}
    assert claims(jwt(aud=["a", "b"], sub="x\ny", jti="secret")) == {"aud": "a, b", "sub": "x?y"}
    for text in ("", "a", "a.!.c", "a.W10.c", "a.\u00e9.c"):
        assert claims(text) == {}


@given(st.text())
def test_whatever_a_token_is_its_claims_are_read_or_not(text: str) -> None:
    assert claims(text) == {}
