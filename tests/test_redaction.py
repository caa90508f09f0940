"""What may be shown: secrets are hidden in every form, and the causes of errors are not."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks import redaction
from ecr_tasks.console import document, say, serialize
from ecr_tasks.errors import BuildError
from ecr_tasks.one_line import one_line, without_commands
from ecr_tasks.redaction import (
    can_be_secret,
    keep_build_arguments,
    keep_options,
    keep_public,
    keep_secret,
    keep_secret_file,
    keep_variables,
    redact,
)
from ecr_tasks.runner.logs import redact_logs

MARKER = "zq7Marker-x91"

BY_SHAPE = {
    "an address's password": f"fatal: unable to access 'https://user:{MARKER}@example.com/a.git/'",
    "a token as an address's user": f"https://{MARKER}@example.com/a.git",
    "a password with a slash": f"https://user:a/{MARKER}@example.com/a",
    "a query's token": f"GET https://example.com/a?ref=main&access_token={MARKER}&x=1: 403",
    "a signed address": f"https://b.s3.amazonaws.com/k?X-Amz-Signature={MARKER}0a1b2c3d4e5f",
    "a CI's token": f"token: eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiI{MARKER}.c2ln{MARKER} is expired",
    "a cut token": f"the token eyJhbGciOiJSUzI1NiJ9{MARKER}",
    "a session token": "IQoJb3JpZ2luX2VjE" + MARKER + "a" * 80,
    "a forge's token": "remote: ghp_" + "a1B2" * 9,
    "a cache's option": f"type=gha,ghtoken={MARKER},scope=x",
    "a cache's keys": f'"type=s3,secret_access_key={MARKER},session_token={MARKER}"',
    "a key in JSON": f'{{"SecretAccessKey": "{MARKER}0a1b2c3d4e5f"}}',
    "a key that begins like a path": f"key=/{MARKER}0a1b2c3d4e5f+/x0Y",
    "a header": f"Authorization: Bearer {MARKER}0a1b2c3d4e5f",
    "a private key": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{MARKER}\n-----END OPENSSH PRIVATE KEY-----",
}

PLAIN = [
    "[app internal] load build definition from Dockerfile",
    "docker could not find python:3.13-slim-bookworm",
    "There is no file ../conf/.env to take a secret from (.env:3).",
    "Add it to ECR_SECRETS: id=npm,env=NPM_TOKEN or id=npm,src=FILE.",
    "Only a part of the AWS credentials is set: AWS_SECRET_ACCESS_KEY is missing (from env).",
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@sha256:" + "0123456789abcdef" * 4,
    "127.0.0.1:5000/team/app:1.2.3@sha256:" + "0123456789abcdef" * 4,
    "http://127.0.0.1:4510/v2/ is not https://registry.npmjs.org/@scope/pkg",
    "the role arn:aws:iam::123456789012:role/push does not trust the token of GitHub Actions",
    "Basic authentication is needed; the token of GitLab CI has expired",
    'the key "org.opencontainers.image.revision"',
    "a rule has the key 'tagprefixList' in its selection",
    f"base=docker-image://alpine:3.20@sha256:{'0a1b2c3d' * 8}",
    f"oci-layout://./layout:app@sha256:{'0a1b2c3d' * 8}",
    "key=/builds/x9kd72hqz0/team/certs/key.pem",
    "host=tcp://10.0.0.7:2376,ca=/builds/x9kd72hqz0/ca.pem,key=/builds/x9kd72hqz0/key.pem",
    "ssh://git@github.com/team/app.git",
    "DOCKER_HOST=ssh://me@builder.example.com",
    f"isoutput=true;image=host/team/app@sha256:{'0a1b2c3d' * 8}",
]


@pytest.mark.parametrize("text", BY_SHAPE.values(), ids=BY_SHAPE)
def test_a_secret_that_nobody_told_is_known_by_its_shape(text: str) -> None:
    assert MARKER not in redact(text)
    assert "a1B2a1B2" not in redact(text)


BODY = "a1B2"

# In pieces, so that this file has no text that a scanner takes for a live key.
BY_PREFIX = [
    *((prefix, "IOSFODNN7EXA", "MPLE") for prefix in ("AKIA", "ASIA", "ABIA", "ACCA")),
    *((prefix, BODY * 30, "") for prefix in ("FwoG", "FQoG", "IQoJ")),
    *((prefix, BODY * 8, "") for prefix in ("dckr_pat_", "dckr_oat_", "npm_", "glpat-", "gho_", "github_pat_")),
    *((f"https://example.com/a?ref=main{mark}key=", "correcthorse", "&x=1") for mark in "&;#"),
]


@pytest.mark.parametrize(("before", "secret", "after"), BY_PREFIX, ids=[before for before, _, _ in BY_PREFIX])
def test_a_key_is_known_by_how_it_begins(before: str, secret: str, after: str) -> None:
    text = redact(f"{before}{secret}{after} is refused")
    assert secret not in text
    assert text.endswith(f"***{after} is refused")


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "value", ["abc", "app", "internal", "3.13", "python:3.13-slim", "../conf", "true", "linux/amd64"]
)
def test_a_build_argument_that_is_no_secret_hides_no_cause(value: str) -> None:
    keep_build_arguments({"BASE": value})
    text = f"docker could not find {value}: [{value} internal] load metadata"
    assert redact(text) == text


def test_a_hidden_build_argument_is_shown_by_its_name() -> None:
    keep_build_arguments({"BASE": MARKER, "NPM_TOKEN": "hunter2"})
    assert redact(f"docker could not find {MARKER}") == "docker could not find ${BASE}"
    assert redact("RUN echo hunter2 'hunter2' hunter22") == "RUN echo ${NPM_TOKEN} '${NPM_TOKEN}' hunter22"


def test_a_build_argument_that_is_shown_anyway_stays() -> None:
    revision = "0123456789abcdef0123456789abcdef01234567"
    keep_build_arguments({"GIT_SHA": revision})
    keep_public(f"sha-{revision}")
    assert redact(revision) == revision


def test_what_is_shown_anyway_has_nothing_of_a_secret_s_shape() -> None:
    digests = "1 context=4e5ef144c51c secrets=51ab6f12aa01"
    assert redact(digests) != digests
    keep_public(digests)
    assert redact(digests) == digests
    assert redact("secrets=51ab6f12aa02") == "secrets=***"


def test_data_is_not_changed_by_an_argument_that_may_be_no_secret() -> None:
    keep_build_arguments({"BUILD": "20240506-abc12", "API_TOKEN": MARKER})
    assert redact(f"app:20240506-abc12 {MARKER}", arguments=False) == "app:20240506-abc12 ${API_TOKEN}"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=12, max_size=40).map(str.strip))
def test_a_known_secret_is_hidden_in_every_form(value: str) -> None:
    redaction.forget_all()
    keep_secret(value)
    if len(value) >= 6:
        for form in (
            value,
            json.dumps(value),
            json.dumps(value, ensure_ascii=False),
            repr(value),
            quote(value, safe=""),
        ):
            assert form.strip("\"'") not in redact(f"error: <{form}> was not taken") or form.strip("\"'") in "***"


@pytest.mark.parametrize(
    "text",
    [
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/myproject:main",
        "docker.io/library/myproject: not found",
        "myproject:16-alpine: not found",
        "/srv/myproject/Dockerfile",
        "myproject.example.com can't be reached",
        "me@myproject.example.com",
    ],
)
def test_a_password_that_is_a_word_stars_no_name(text: str) -> None:
    keep_variables({"DB_PASSWORD": "myproject"})
    assert redact(text) == text == redact(text, arguments=False)
    assert redact("the password 'myproject' is wrong: myproject.") == "the password '***' is wrong: ***."
    keep_public("team/myproject")
    assert redact("myproject: build") == "myproject: build"


@pytest.mark.parametrize("value", ["hunter2", "MARKER0017", "marker-0017", "zqm4rk3r"])
def test_a_password_that_is_no_word_is_hidden_in_names_too(value: str) -> None:
    keep_variables({"DB_PASSWORD": value})
    keep_public(f"app:{value}")
    assert redact(f"docker.io/a/{value}:1 and app:{value}") == "docker.io/a/***:1 and app:***"


def test_what_a_variable_says_about_a_secret_is_none() -> None:
    texts = {"OIDC_TOKEN_AUDIENCE": "sts.amazonaws.com", "TOKEN_ISSUER": "https://gitlab.example.com"}
    keep_variables({**texts, "JWT_ALGORITHM": "RS256-like", "TOKEN_EXPIRES_IN": "in one hour"})
    for text in texts.values():
        assert redact(f"{text} can't be reached") == f"{text} can't be reached"


@pytest.mark.parametrize("name", ["python:3.13-slim", "reg.example:5000/team/python:3.13-slim"])
def test_the_tag_before_a_digest_is_no_password(name: str) -> None:
    context = f"base=docker-image://{name}@sha256:{'0a1b2c3d' * 8}"
    keep_options(context)
    keep_build_arguments({"BASE": context.partition("=")[2]})
    assert redact(context) == context
    assert redact(f"{name} is missing") == f"{name} is missing"


@pytest.mark.parametrize(
    "text",
    [
        "https://h/#access_token={}",
        "authorization: Basic {}=",
        "Cookie: session={}; Path=/",
        "aws_secret_access_key = {}",
        "machine h login u password {}",
    ],
)
def test_a_secret_is_known_by_what_stands_before_it(text: str) -> None:
    assert MARKER not in redact(f"failed: {text.format(MARKER)}\nthe cause")
    assert redact(f"failed: {text.format(MARKER)}\nthe cause").endswith("\nthe cause")


def test_a_netrcs_password_is_hidden_though_it_is_a_word() -> None:
    for text in ("machine api.example login me password correcthorse", "default login me password correcthorse"):
        assert redact(text) == text.replace("correcthorse", "***")
    assert redact("login with password authentication failed") == "login with password authentication failed"


def test_user_and_password_before_a_registry_are_hidden() -> None:
    assert redact(f"type=registry,ref=u:{MARKER}@reg.example/x") == "type=registry,ref=***@reg.example/x"
    assert MARKER not in redact(f"ssh://me:{MARKER}@builder.example.com https://{MARKER}@github.com/a.git")
    for text in ("app:1.2@sha256:" + "0" * 64, "mailto:me@example.com", "git@github.com:team/app.git", "a: b@c.d"):
        assert redact(text) == text


def test_what_is_secret_in_a_secrets_file_is_hidden() -> None:
    keep_secret_file("registry=https://registry.example.com/\n//registry.example.com/:_authToken=tokentoken\n")
    keep_secret_file("machine github.com login me password hunterhunter\nzq1m4rk3r1zq1m4rk3r1\n")
    keep_secret_file("just one line\n")
    text = "registry=https://registry.example.com/ github.com"
    assert redact(text) == text
    assert redact("got tokentoken hunterhunter zq1m4rk3r1zq1m4rk3r1 just one line.") == "got *** *** *** ***."


def test_the_lines_of_a_secret_are_hidden_too() -> None:
    keep_secret("first-line-of-it\nsecond-line-of-it\n")
    assert redact("a first-line-of-it b second-line-of-it c") == "a *** b *** c"


def test_variables_are_secret_by_their_names() -> None:
    keep_variables(
        {
            "NPM_TOKEN": "token-value-1",
            "CI_JOB_JWT": "token-value-2",
            "AWS_WEB_IDENTITY_TOKEN_FILE": "/run/secrets/token",
            "TOKEN_TYPE": "token-value-3",
            "HTTPS_PROXY": "user:p4ssw0rd@proxy:3128",
            "NO_PROXY": "example.com",
            "ECR_KMS_KEY": "alias/example.com",
        }
    )
    text = redact("token-value-1 token-value-2 token-value-3 /run/secrets/token p4ssw0rd example.com")
    assert text == "*** *** token-value-3 /run/secrets/token *** example.com"


def test_the_secrets_of_a_settings_options_are_known() -> None:
    keep_options("type=s3,region=eu-central-1,secret_access_key=marker-of-a-key,name=app")
    assert redact("region eu-central-1 refuses marker-of-a-key for app") == "region eu-central-1 refuses *** for app"


def test_a_short_value_of_a_telling_name_is_a_secret_and_a_common_word_is_none() -> None:
    assert can_be_secret("DB_PASSWORD", "hunter2")
    assert not can_be_secret("DB_PASSWORD", "abc")
    assert not can_be_secret("SECRET_STORE_TOKEN", "production")
    assert not can_be_secret("STAGE", "production")


HOSTILE_LINES = [
    *("::set-output name=x::y", "  ::add-mask::x", "##vso[task.setvariable variable=x]y", "text ##[command]x"),
    *("##teamcity[buildProblem]", "--- group", "+++ group", "~~~ group", "^^^ +++", "##[error]x"),
]


@pytest.mark.parametrize("line", HOSTILE_LINES)
@pytest.mark.parametrize("before", ["", "a\n", "a\r\n", "a\r", "a\u2028", "a\x0b", "a\x85", "a\x1b[2K\r"])
def test_no_text_from_outside_is_a_command(before: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(before + line)
    raise_and_say = BuildError(f"docker could not find {before}{line}.", before + line)
    say(*raise_and_say.lines)
    for printed in capsys.readouterr().err.splitlines():
        assert not re.match(r"\s*(?:::|---|\+\+\+|~~~|\^\^\^)", printed)
        assert not re.search(r"##\w*\[", printed)
    assert len(raise_and_say.lines) == 2


@given(st.text())
def test_a_line_is_one_line_without_control_characters(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
    assert without_commands(without_commands(line)) == without_commands(line)


def test_json_is_read_back_and_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"##vso[x]": ["a\n::set-output name=x::y", "##[command]", "##teamcity[x]"]}
    assert json.loads(serialize(value)) == value
    document(value)
    assert "##" not in capsys.readouterr().out


def test_the_log_of_invoke_has_no_settings_and_no_secrets() -> None:
    script = (
        "import logging; logging.basicConfig(level=logging.DEBUG)\n"
        "import ecr_tasks.tasks.collection\n"
        "from ecr_tasks.redaction import keep_secret\n"
        f"keep_secret('kept-{MARKER}')\n"
        "config = {'run': {}, 'ecr': {'build_args': 'A=config-" + MARKER + "'}}\n"
        "logging.getLogger('invoke').debug('Project-level config: {!r}'.format(config))\n"
        f"logging.getLogger('x').debug('%s', 'kept-{MARKER}')\n"
        f"logging.getLogger('botocore.parsers').debug('Response body: {MARKER}')\n"
        "try:\n    raise ValueError('kept-" + MARKER + "')\n"
        "except ValueError:\n    logging.exception('it broke')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Project-level config" in done.stderr
    assert "ValueError" in done.stderr
    assert MARKER not in done.stderr


def test_logs_of_others_are_as_they_were() -> None:
    before = logging.getLogRecordFactory()
    try:
        redact_logs()
        record = logging.getLogRecordFactory()("x", 10, "p", 1, "%d of %s", (1, "a"), None)
        assert record.getMessage() == "1 of a"
    finally:
        logging.setLogRecordFactory(before)


@pytest.mark.parametrize(
    "piece", ["://a", "://a:b", "a:b@", "?a=b", "eyJ", "-----BEGIN PRIVATE KEY-----", "a=", "token "]
)
def test_long_texts_are_read_in_time_proportional_to_their_length(piece: str) -> None:
    def seconds(count: int) -> float:
        text = piece * count
        start = time.process_time()
        redact(text)
        return time.process_time() - start

    seconds(10)
    assert min(seconds(16_000) for _ in range(3)) < 40 * max(min(seconds(2_000) for _ in range(3)), 0.002)


@pytest.mark.parametrize("value", ["pass\udcffword\udc80", "pass\ud800word"])
def test_a_secret_that_is_no_utf_8_is_hidden_too(value: str) -> None:
    keep_secret(value)
    assert "word" not in redact(f"it was {value}.")
