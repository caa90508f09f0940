"""Secrets are found in values by name and place, too; what stands in many a Dockerfile and opens nothing is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.checks.value_shapes import find_in_text, find_in_value
from ecr_tasks.plan.build_settings import _WORDS
from tests.checks.test_secret_shapes import some
from tests.support.keys import SECRET

HEX = some(40, "0123456789abcdef")


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("PIP_INDEX_URL", "https://deploy:h7Kq2Vn5L@pypi.company.io/simple", "a password in an address"),
        ("NPM_REGISTRY", "https://ci:Winter2026!@npm.company.io", "a password in an address"),
        ("DATABASE_URL", f"postgres://app:{some(20)}@db/app", "a password in an address"),
        ("MODEL", f"https://files.company.io/a.tar?private_token={some(24)}", "a token in an address"),
        ("CURL", f"-H 'Authorization: Bearer {some(40)}'", "an authorization header"),
        ("NPM_TOKEN", HEX, "a secret by its name"),
        ("DEPLOY_PASSWORD", some(16), "a secret by its name"),
        ("signing-key", some(32), "a secret by its name"),
        ("CODECOV_TOKEN", "0b7f9a52-4c1d-4e7c-9a35-1f6f2b8d3c44", "a secret by its name"),
        ("FLAGS", f"--define SESSION_SECRET={some(32)}", "a secret by its name"),
        ("WHATEVER", "mounted-h7Kq2Vn5Lw", "the value of the secret npm"),
        ("WHATEVER", "x=mounted-h7Kq2Vn5Lw;", "the value of the secret npm"),
        ("DB_PASSWORD", "correct-horse-battery-staple", "the value of the secret db"),
    ],
)
def test_each_is_found_once(name: str, value: str, what: str) -> None:
    known = {
        "mounted-h7Kq2Vn5Lw": "the value of the secret npm",
        "correct-horse-battery-staple": "the value of the secret db",
    }
    assert [found for found, _ in find_in_value(name, value, known)] == [what]


def test_a_shape_says_more_than_a_name_or_that_it_is_known() -> None:
    token = f"ghp_{some(36)}"
    assert [what for what, _ in find_in_value("GH_TOKEN", token, {token: "the value of GH_TOKEN"})] == [
        "a GitHub token"
    ]
    found = find_in_value("AWS_SECRET_ACCESS_KEY", SECRET, {SECRET: "the value of AWS_SECRET_ACCESS_KEY"})
    assert [what for what, _ in found] == ["an AWS secret access key"]


SETTINGS = "1 " + " ".join(f"{name}={some(12, '0123456789abcdef')}" for name in _WORDS)
"""What the label of the settings is like."""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgres://postgres:postgres@localhost:5432/app"),
        ("DATABASE_URL", "postgres://user:password@db/app"),
        ("DATABASE_URL", "postgres://user:h7Kq2Vn5L@127.0.0.1/app"),
        ("DATABASE_URL", "postgres://user:${DB_PASSWORD}@db.company.io/app"),
        ("DATABASE_URL", "postgres://user:h7Kq2Vn5L@db.example.com/app"),
        ("SENTRY_DSN", f"https://{some(32, '0123456789abcdef')}@o1.ingest.sentry.io/2"),
        ("IMAGE", f"registry.company.io:5000/app@sha256:{some(64, '0123456789abcdef')}"),
        ("SECRET_KEY_BASE", "dummy"),
        ("SECRET_KEY_BASE", "dummy-value-for-assets-precompile"),
        ("DB_PASSWORD", "postgres"),
        ("TOKEN", "${{ secrets.TOKEN }}"),
        ("SECRET", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCd12"),
        ("SECRET_FILE", f"/run/secrets/{some(20)}"),
        ("TOKEN_SHA256", some(64, "0123456789abcdef")),
        ("PASSWORD_HASH", some(40)),
        ("NEXT_PUBLIC_API_KEY", some(40)),
        ("VITE_STRIPE_PUBLISHABLE_KEY", some(40)),
        ("RECAPTCHA_SITE_KEY", some(40)),
        ("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D"),
        ("GIT_SHA", HEX),
        ("CACHE_KEY", HEX),
        ("TOKENIZERS_PARALLELISM", "false"),
        ("USER", "production"),
        ("io.ecr-tasks.settings", SETTINGS),
    ],
)
def test_what_opens_nothing_passes(name: str, value: str) -> None:
    assert list(find_in_value(name, value, {"production": "the value of the secret stage"})) == []


def test_the_position_is_that_of_the_secret_after_other_characters() -> None:
    text = f"ENV NOTE=é\nENV TOKEN=ghp_{some(36)}\nENV API_TOKEN={HEX}\n"
    found = [(text.count("\n", 0, position) + 1, what) for position, what, _ in find_in_text(text, {})]
    assert found == [(2, "a GitHub token"), (3, "a secret by its name")]


@given(st.text(), st.text())
def test_any_text_is_looked_at(name: str, value: str) -> None:
    for what, text in find_in_value(name, value, {}):
        assert what
        assert text in value
