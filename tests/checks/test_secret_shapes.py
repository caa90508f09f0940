"""Secrets are found by their shape, and what only stands for one, or opens nothing, is not."""

from __future__ import annotations

import json
import string
from base64 import b64encode
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.checks.secret_shapes import find_secrets
from tests.support.keys import DOTENV, KEY_ID, SECRET, TEMPORARY_ID

RANDOM = Random(7)  # noqa: S311 - the same values in each run
ALPHANUMERIC = string.ascii_letters + string.digits


def some(count: int, characters: str = ALPHANUMERIC) -> str:
    """Return a random text."""
    return "".join(RANDOM.choices(characters, k=count))


def pem(kind: str = "PRIVATE KEY", size: int = 1200) -> str:
    """Return a PEM block with a random body."""
    body = b64encode(RANDOM.randbytes(size)).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----", ""])


KEY = pem()
LOGIN = b64encode(b"AWS:eyJwYXlsb2FkIjoi").decode()
LITERALS = "\n".join(f'    "{line}\\n"' for line in KEY.splitlines())


@pytest.mark.parametrize(
    ("path", "content", "what"),
    [
        *(
            (f"certs/{kind}.pem", f"text\n{pem(f'{kind}PRIVATE KEY')}", "a private key")
            for kind in ("", "RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ")
        ),
        ("ed25519.pem", pem(size=48), "a private key"),
        ("gpg", pem("PGP PRIVATE KEY BLOCK"), "a private key"),
        ("windows.key", KEY.replace("\n", "\r\n"), "a private key"),
        ("chain.pem", pem("CERTIFICATE") + KEY, "a private key"),
        (
            "old.key",
            KEY.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: A,0F\n\n", 1),
            "a private key",
        ),
        ("account.json", json.dumps({"private_key": KEY}), "a private key"),
        ("key.go", f"var key = (\n{LITERALS}\n)", "a private key"),
        ("kubeconfig", f"client-key-data: {b64encode(KEY.encode()).decode()}", "a private key in base64"),
        ("id.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\n", "a PuTTY private key"),
        (
            "keys.txt",
            f"# created\nAGE-SECRET-KEY-1{some(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}",
            "an age private key",
        ),
        (".aws/credentials", f"[x]\naws_secret_access_key = {SECRET}\n", "an AWS secret access key"),
        (
            "a.py",
            f'client("s3", aws_access_key_id="{KEY_ID}", aws_secret_access_key="{SECRET}")',
            "an AWS access key",
        ),
        ("role.json", json.dumps({"AccessKeyId": TEMPORARY_ID, "SecretAccessKey": SECRET}), "an AWS access key"),
        ("keys.csv", f"Access key ID,Secret access key\r\n{KEY_ID},{SECRET}\r\n", "an AWS access key"),
        ("main.tf", f'access_key = "{KEY_ID}"\nsecret_key = "{SECRET}"\n', "an AWS access key"),
        ("app.ts", f"secretAccessKey: '{SECRET}',", "an AWS secret access key"),
        *(("a.sh", f"TOKEN={kind}_{some(36)}", "a GitHub token") for kind in ("ghp", "gho", "ghu", "ghs", "ghr")),
        ("a.sh", f"github_pat_{some(22)}_{some(59)}", "a GitHub token"),
        (".git/config", f"url = https://me:ghp_{some(36)}@github.com/a/b\n", "a GitHub token"),
        ("a.yml", f"token: glpat-{some(20)}", "a GitLab token"),
        ("a.yml", f"xoxb-{some(12, string.digits)}-{some(12, string.digits)}-{some(24)}", "a Slack token"),
        ("a.yml", f"https://hooks.slack.com/services/T{some(8)}/B{some(10)}/{some(24)}", "a Slack webhook"),
        ("a.rb", f"Stripe.api_key = 'sk_live_{some(24)}'", "a Stripe key"),
        ("a.txt", f"npm_{some(36)}", "an npm token"),
        ("a.txt", f"pypi-AgEIcHlwaS5vcmc{some(60)}", "a PyPI token"),
        ("a.txt", f"dckr_pat_{some(27)}", "a Docker Hub token"),
        ("a.txt", f"AccountKey={b64encode(RANDOM.randbytes(64)).decode()};", "an Azure Storage key"),
        ("adc.json", json.dumps({"refresh_token": f"1//0g{some(60)}"}), "a Google refresh token"),
        (".docker/config.json", json.dumps({"auths": {"https://a": {"auth": LOGIN}}}, indent=1), "a docker login"),
        ("config.json", json.dumps({"auths": {"a": {"identitytoken": some(300)}}}), "a docker login"),
        (".npmrc", f"//registry.example.com/:_authToken={some(36)}", "a registry's password"),
        ("web/.npmrc", "//registry.example.com/:_password=aHVudGVyMg==", "a registry's password"),
        (".yarnrc.yml", 'npmAuthToken: "h7Kq2Vn5L"', "a registry's password"),
        (".pypirc", "[pypi]\nusername = me\npassword = h7Kq2Vn5L\n", "a registry's password"),
        (".netrc", "machine a.example.com\n login me\n password h7Kq2Vn5L\n", "a password"),
        (".git-credentials", "https://me:h7Kq2Vn5L@git.example.com", "a password"),
        ("pip.conf", "[global]\nindex-url = https://me:h7Kq2Vn5L@pypi.example.com/simple", "a password"),
        (".pgpass", "db.example.com:5432:app:me:h7Kq2Vn5L", "a password"),
        ("tests/.netrc", "machine a login b password h7Kq2Vn5L", "a password"),
    ],
)
def test_a_secret(path: str, content: str, what: str) -> None:
    found = find_secrets(path, content.encode())
    assert what in [secret.what for secret in found]
    for secret in found:
        assert not any(word in secret.what for word in (SECRET, "h7Kq2Vn5L"))


def test_its_line() -> None:
    content = f"\n\ntoken: ghp_{some(36)}\n\n{KEY}"
    assert find_secrets("a.yml", content.encode()) == [("a GitHub token", 3), ("a private key", 5)]
    assert find_secrets("a.yml", f"{DOTENV}{KEY}".encode("utf-16"))[0].line == 1


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("cert.pem", pem("CERTIFICATE") + pem("PUBLIC KEY") + pem("RSA PUBLIC KEY")),
        ("id_rsa.pub", f"ssh-rsa AAAA{some(300)} me@example.com"),
        (
            "parse.py",
            'if "-----BEGIN RSA PRIVATE KEY-----" in text and "-----END RSA PRIVATE KEY-----" in text: pass',
        ),
        ("parse.py", "'-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----(.*)-----END \\\\1-----'"),
        ("README.md", "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----"),
        ("README.md", "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA...\n-----END RSA PRIVATE KEY-----"),
        ("values.yaml", "-----BEGIN PRIVATE KEY-----\nyour-private-key-goes-here\n-----END PRIVATE KEY-----"),
        ("values.yaml", f"-----BEGIN PRIVATE KEY-----\n{'x' * 64}\n-----END PRIVATE KEY-----"),
        *(
            (path, KEY)
            for path in ("tests/server.key", "pkg/testdata/key.pem", "src/__fixtures__/a.pem", "key_test.go")
        ),
        *((path, KEY) for path in ("example.pem", "ssl-cert-snakeoil.key", "examples/tls/key.pem", "spec/keys/rsa")),
        *((path, KEY) for path in ("node_modules/a/key.pem", "lib/site-packages/a/key.pem", ".venv/x/key.pem")),
        (
            "a.env",
            "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        ),
        ("a.py", "secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']"),
        ("a.py", "aws_secret_access_key=get_secret_access_key_from_vault_of_team"),
        ("a.py", f"KEY_ID = '{KEY_ID}'\nCOMMIT = '{some(40, '0123456789abcdef')}'"),
        ("a.yml", "token: ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
        ("a.yml", "glpat-EXAMPLEEXAMPLEEXAMPLE"),
        ("a.py", "def npm_install_all_packages_of_the_whole_monorepo(): pass"),
        (".npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\nalways-auth=true"),
        (".npmrc", "save-exact=true\nregistry=https://registry.example.com"),
        (".netrc", "machine a login b password <token>"),
        (".pypirc", "[pypi]\nusername = __token__\npassword =\n"),
        ("pip.conf", "[global]\nindex-url = https://${USER}:${TOKEN}@pypi.example.com/simple"),
        ("config.json", json.dumps({"auths": {"a": {}}, "credsStore": "desktop"})),
        ("config.json", json.dumps({"auths": {"a": {"auth": ""}}})),
        (
            "azurite",
            "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
        ),
        ("a.bin", "\0" + KEY),
        ("", ""),
    ],
)
def test_none(path: str, content: str) -> None:
    assert find_secrets(path, content.encode()) == []


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "-----BEGIN PRIVATE KEY-----\n",
            "_",
            "-",
            "ghp_",
            "xoxb-1-",
            "AKIA",
            KEY_ID,
            '"auth":',
            '{"auths" "auth" : "',
        ),
        *(
            "secret_access_key=",
            "secret_access_key ",
            "A",
            "a:",
            "://",
            "password ",
            "LS0tLS1CRUdJTi",
            "sk-ant-a00-",
            " ",
        ),
        *(f"{KEY_ID} ", "1//", "hooks.slack.com/services/T", "AGE-SECRET-KEY-1", "glpat-"),
    ],
)
@pytest.mark.parametrize("path", ["a", ".pgpass", ".netrc", ".npmrc"])
def test_no_content_takes_long(path: str, unit: str) -> None:
    content = (unit * (1_000_000 // len(unit))).encode()
    find_secrets(path, content)
    find_secrets(path, b'{"auths"' + content)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a", ".npmrc", ".netrc", ".pgpass", ".dockercfg"]))
def test_any_bytes(content: bytes, path: str) -> None:
    find_secrets(path, content)
    find_secrets(path, b'{"auths": {"a": {"auth": "' + content + b'"}}}')
