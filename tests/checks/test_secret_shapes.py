"""Secrets are found by their shape, and what only stands for one, or opens nothing, is not."""

from __future__ import annotations

import json
import string
from base64 import b64encode, encodebytes
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


JWT = f"eyJhbGciOiJSUzI1NiJ9.{some(300)}.{some(342)}"
PULL_SECRET = b64encode(json.dumps({"auths": {"a": {"auth": LOGIN}}}).encode()).decode()


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
        *(
            ("wrapped.yaml", encodebytes(pem(kind).encode()).decode(), "a private key in base64")
            for kind in ("EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK")
        ),
        ("kube", f"kind: Config\nusers:\n- user:\n    token: {JWT}\n", "a Kubernetes login"),
        ("kube", f"kind: Config\nusers:\n- user:\n    password: {some(12)}\n", "a Kubernetes login"),
        ("pull.yaml", f"data:\n  .dockerconfigjson: {PULL_SECRET}\n", "a docker login"),
        ("prod.tfvars", f'aws_secret_key = "{SECRET}"', "an AWS secret access key"),
        (".env.keys", f'DOTENV_PRIVATE_KEY_PRODUCTION="{some(64, "0123456789abcdef")}"', "a dotenvx key"),
        ("a", f"SG.{some(22)}.{some(43)}", "a SendGrid key"),
        ("a", f"token=hvs.{some(95)}", "a Vault token"),
        ("a", f"glsa_{some(32)}_{some(8)}", "a Grafana token"),
        ("a", f"shpat_{some(32, '0123456789abcdef')}", "a Shopify token"),
        ("a", f"dop_v1_{some(64, '0123456789abcdef')}", "a DigitalOcean token"),
        ("a", f'secret = "{some(3)}8Q~{some(34)}"', "an Azure client secret"),
        ("a", f"glrt-{some(20)}", "a GitLab token"),
        ("a/.yarnrc", f'"//r.example.com/:_authToken" {some(30)}', "a registry's password"),
        (
            "settings.xml",
            f"<servers><server>\n<id>a</id><password>{some(12)}</password></server></servers>",
            "a registry's password",
        ),
        ("config/master.key", some(32, "0123456789abcdef"), "Rails' master key"),
        (".git/config", f"url = https://bob:{some(20)}@example.com/a", "a password"),
        (".git/config", f"extraheader = AUTHORIZATION: basic {b64encode(b'x:ghp_ab3').decode()}", "a password"),
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


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_any_encoding(encoding: str) -> None:
    (secret,) = find_secrets("a", f"first line, é\n{KEY}".encode(encoding))
    assert secret == ("a private key", 2)
    (secret,) = find_secrets("a", json.dumps({"auths": {"a": {"auth": LOGIN}}}).encode(encoding))
    assert secret.what == "a docker login"


def der(tag: int, *parts: bytes) -> bytes:
    """Return a DER value."""
    content = b"".join(parts)
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


RSA = der(0x30, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00")
PBES2 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"
BAG = b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01"
KEY_OF_JAVA = b"\x06\x0a\x2b\x06\x01\x04\x01\x2a\x02\x11\x01\x01"
BINARY_KEYS = {
    "pkcs8.der": der(0x30, b"\x02\x01\x00", RSA, der(4, RANDOM.randbytes(900))),
    "pkcs1.der": der(0x30, b"\x02\x01\x00", der(2, b"\0" + RANDOM.randbytes(256)), b"\x02\x03\x01\x00\x01"),
    "ec.der": bytes([0x30, 0x77, 2, 1, 1, 4, 32]) + RANDOM.randbytes(112),
    "encrypted.der": der(0x30, der(0x30, PBES2, der(0x30, RANDOM.randbytes(50))), der(4, RANDOM.randbytes(900))),
    "a.p12": der(0x30, b"\x02\x01\x03", der(0x30, RANDOM.randbytes(300), b"\x06\x0b" + BAG + b"\x02")),
    "a.jks": b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\1" + KEY_OF_JAVA + RANDOM.randbytes(500),
}
"""Built by the rules of the formats; OpenSSL's and keytool's files begin in the same way."""


@pytest.mark.parametrize("name", BINARY_KEYS)
def test_a_binary_key(name: str) -> None:
    (secret,) = find_secrets(name, BINARY_KEYS[name])
    assert secret.what.startswith("a private key in ")
    assert not find_secrets(f"tests/{name}", BINARY_KEYS[name])


@pytest.mark.parametrize(
    "content",
    [
        der(0x30, der(0x30, b"\xa0\x03\x02\x01\x02", b"\x02\x01\x01", RSA)),  # a certificate
        der(0x30, RSA, der(3, RANDOM.randbytes(270))),  # a public key
        der(0x30, b"\x02\x01\x03", der(0x30, RANDOM.randbytes(300), b"\x06\x0b" + BAG + b"\x03")),  # certificates
        b"\xfe\xed\xfe\xed\0\0\0\2\0\0\0\1\0\0\0\2" + RANDOM.randbytes(900),  # certificates
        b"\x7fELF" + BAG + b"\x02" + KEY_OF_JAVA,  # a library that can read them
    ],
)
def test_no_binary_key(content: bytes) -> None:
    assert not find_secrets("a", content)


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
        (
            "docs/tls.yaml",
            f"tls.key: {b64encode(b'-----BEGIN PRIVATE KEY-----' + b'-----END PRIVATE KEY-----').decode()}",
        ),
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
        (".git/config", f"url = https://gitlab-ci-token:{some(20)}@gitlab.com/a"),
        (".git/config", f"AUTHORIZATION: basic {b64encode(b'x-access-token:ghs_' + KEY[40:76].encode()).decode()}"),
        (".git/config", "url = https://example.com/a\n[user]\nname = b"),
        ("map.yaml", f"kind: ConfigMap\ndata:\n  token: {JWT}\n"),
        ("settings.xml", "<server><password>${env.TOKEN}</password></server>"),
        ("settings.xml", "<server><password>{COQLCE6DU6GtcS5P=}</password></server>"),
        ("pull.yaml", ".dockerconfigjson: eyJhdXRocyI6IHt9fSAgICAgICAgICAg"),
        ("pull.yaml", ".dockerconfigjson: AAAAAAAAAAAAAAAAAAAAA"),
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
    if path == "a":
        find_secrets(path, b'{"auths"' + content)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a", ".npmrc", ".netrc", ".pgpass", ".dockercfg"]))
def test_any_bytes(content: bytes, path: str) -> None:
    find_secrets(path, content)
    find_secrets(path, b'{"auths": {"a": {"auth": "' + content + b'"}}}')
