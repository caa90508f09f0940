"""Secrets in everything that docker sends to the builder are refused, with the file, the line and what helps."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.checks.leaked_keys import check_leaked_keys
from ecr_tasks.checks.needless_entries import needless_entries
from ecr_tasks.errors import ExitCode, Refused
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.tag import Tag
from ecr_tasks.settings.load import load
from tests.checks.test_secret_shapes import KEY, some
from tests.support.build import source
from tests.support.keys import DOTENV, KEY_ID, SECRET, TOKEN

PLANTED: Mapping[str, str] = {
    "project/a/b/c/.env": DOTENV,
    "project/node_modules/x/y/.env.production": DOTENV,
    "project/.aws/credentials": f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n",
    "project/certs/server.key": KEY,
    "project/src/settings.py": f'ID = "{KEY_ID}"\nKEY = "{SECRET}"\n',
    "project/.docker/config.json": '{"auths": {"https://a": {"auth": "bWU6aDdLcTJWbjVM"}}}',
    "project/web/.npmrc": f"//registry.example.com/:_authToken={some(36)}\n",
    "project/.netrc": "machine a login b password h7Kq2Vn5L\n",
    "project/.git/config": f"url = https://x:ghp_{some(36)}@github.com/a/b\n",
    "project/deps/lib/.git/config": f"url = https://bob:{some(20)}@git.example.com/a/b\n",
    "conf/keys.env": DOTENV,
    "conf/deep/er/id_ed25519": KEY,
    "project/with space/[key]": KEY,
}


def plant(folder: Path, files: Mapping[str, str] = PLANTED) -> BuildDefinition:
    """Write files into a project and a folder beside it, and return a build of both."""
    for name, content in {"project/Dockerfile": "FROM scratch\nCOPY . /\nCOPY --from=conf / /\n", **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (folder / "conf").mkdir(exist_ok=True)
    return BuildDefinition(str(folder / "project"), contexts={"conf": "../conf"})


def check(definition: BuildDefinition, **environ: str) -> list[str]:
    """Check a build and return the notes. Raises Refused."""
    notes: list[str] = []
    settings = load(Path(definition.context), environ=environ)
    check_leaked_keys(settings, source(root=None), [definition], notes.append)
    return [*notes, *needless_entries(settings, [(definition, ())], {})]


def test_every_planted_secret_is_named_and_its_line_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = plant(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused) as caught:
        check(definition)
    assert caught.value.code == ExitCode.REFUSED
    for name in PLANTED:
        assert re.search(rf"{re.escape(name)} holds [^;]*\(line \d+\)", caught.value.cause), name
    assert not any(secret in str(caught.value) for secret in (KEY_ID, SECRET, "h7Kq2Vn5L", KEY.splitlines()[1]))
    lines = re.findall(r"add the line (.+?) to (\S+?)(?=; )", caught.value.remedy, re.IGNORECASE)
    assert len(lines) == len(PLANTED)
    for line, file in lines:
        with Path(file).open("a", encoding="utf-8") as ignore:
            ignore.write(f"{line}\n")
    assert check(definition) == []


@pytest.mark.parametrize("name", PLANTED)
def test_each_is_found_alone(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match=re.escape(name.rpartition("/")[2])):
        check(plant(tmp_path, {name: PLANTED[name]}))


def test_the_named_contexts_own_ignore_file_counts(tmp_path: Path) -> None:
    definition = plant(tmp_path, {"conf/id": KEY, "project/.dockerignore": "id\n", "conf/.dockerignore": "id"})
    check(definition)
    (tmp_path / "conf" / ".dockerignore").unlink()
    with pytest.raises(Refused, match=r"add the line id to \S*conf/\.dockerignore|Add the line id to \S*conf"):
        check(definition)


@pytest.mark.parametrize(
    ("dockerfile", "refused"),
    [
        ("FROM scratch\nCOPY src /\n", False),
        ("FROM scratch\nCOPY *.py certs/public.pem /\n", False),
        ("FROM scratch\n", False),
        ("FROM scratch\nCOPY certs /\n", True),
        ("FROM scratch\nCOPY */server.* /\n", True),
        ("FROM scratch\nADD ./certs/../certs/ /\n", True),
        ('FROM scratch\nCOPY ["certs/server.key", "/"]\n', True),
        ("FROM a\nRUN --mount=type=bind,target=/src make\n", True),
        ("FROM a\nRUN --mount=source=certs,target=/src make\n", True),
        ("FROM scratch\nARG WHAT\nCOPY $WHAT /\n", True),
        ("FROM scratch\nCOPY linked /\n", True),
        ("FROM scratch\nCOPY src /\nRUN <<EOF\nEOF\nCOPY certs /\n", True),
        ("# syntax=example.com/frontend\nFROM scratch\nCOPY src /\n", True),
    ],
)
def test_only_what_the_dockerfile_can_take_is_refused(tmp_path: Path, dockerfile: str, refused: bool) -> None:
    definition = plant(
        tmp_path, {"project/certs/server.key": KEY, "project/Dockerfile": dockerfile, "project/src": ""}
    )
    (tmp_path / "project" / "linked").symlink_to("certs")
    if refused:
        with pytest.raises(Refused, match=r"server\.key"):
            check(definition)
    else:
        check(definition)


def test_links_are_not_followed_and_pipes_are_not_opened(tmp_path: Path) -> None:
    definition = plant(tmp_path, {"outside/key": KEY})
    (tmp_path / "project" / "key").symlink_to(tmp_path / "outside" / "key")
    (tmp_path / "project" / "folder").symlink_to(tmp_path / "outside")
    os.mkfifo(tmp_path / "project" / ".env.pipe")
    os.mkfifo(tmp_path / "project" / "pipe")
    assert check(definition) == []


def test_a_folder_of_many_levels(tmp_path: Path) -> None:
    definition = plant(tmp_path, {"conf/z": KEY})
    folder = tmp_path / "conf"
    try:
        for _ in range(15):
            folder = folder / "/".join(["d"] * 100)
            folder.mkdir(parents=True)
        with pytest.raises(Refused, match=r"conf/z holds"):
            check(definition)
    finally:
        subprocess.run(["rm", "-rf", str(tmp_path / "conf" / "d")], check=True)  # pytest can't


def test_an_entry_lets_a_file_through_and_says_why(tmp_path: Path) -> None:
    definition = plant(tmp_path, {"project/certs/local.key": KEY, "conf/id": KEY})
    allowed = "certs/local.key: made for localhost, and only there\n../conf/id\n"
    with pytest.raises(Refused, match=r"conf/id holds"):
        check(definition, ECR_ALLOW_KEYS_IN=allowed.replace("../conf/id\n", ""))
    notes = check(definition, ECR_ALLOW_KEYS_IN=allowed)
    assert len(notes) == 3
    assert notes[0].endswith(
        "certs/local.key is allowed to hold a private key (line 1): made for localhost, and only there "
        "(ECR_ALLOW_KEYS_IN)."
    )
    assert notes[1].endswith(
        "conf/id is allowed to hold a private key (line 1): ECR_ALLOW_KEYS_IN, without a reason."
    )
    assert notes[2].endswith("gives no reason for ../conf/id: write one after a colon.")


def test_an_entry_that_nothing_needs_is_named(tmp_path: Path) -> None:
    definition = plant(tmp_path, {"project/a.txt": "nothing"})
    (note,) = check(definition, ECR_ALLOW_KEYS_IN="a.txt: a test's")
    assert "needs no entry for a.txt" in note


@pytest.mark.parametrize("name", ["certs", "certs/*.key", "certs/?.key", "certs/[a-z].key", "*", ".", "build-arg:*"])
def test_no_guard_is_silenced_as_a_whole_and_an_entry_that_tries_to_is_named(tmp_path: Path, name: str) -> None:
    entry = {"ECR_ALLOW_KEYS_IN": f"private-key {name}: all of them"}
    definition = plant(tmp_path, {"project/certs/a.key": KEY})
    with pytest.raises(Refused, match=r"a\.key holds"):
        check(definition, **entry)
    (tmp_path / "project" / "certs" / "a.key").write_text("nothing")
    (note,) = check(definition, **entry)
    assert f"lets nothing through by {name}: it takes each file or value by its name" in note


@pytest.mark.parametrize(
    "instruction",
    [
        f"ENV AWS_SECRET_ACCESS_KEY={SECRET}",
        f"env AWS_SECRET_ACCESS_KEY {SECRET}",
        f"ARG GH=ghp_{some(36)}",
        f'LABEL token="ghp_{some(36)}"',
        f"RUN curl -H 'Authorization: token ghp_{some(36)}' https://api.github.com",
        f"COPY <<EOF /key\n{KEY}EOF",
    ],
)
@pytest.mark.parametrize("ignored", [True, False])
def test_a_secret_in_an_instruction_is_in_the_image(tmp_path: Path, instruction: str, ignored: bool) -> None:
    """The image's configuration and history have it, whether or not the Dockerfile itself is sent."""
    text = f"FROM scratch\nCOPY src /\n{instruction}\n"
    files = {
        "project/Dockerfile": text,
        "project/src": "",
        "project/.dockerignore": "Dockerfile\n" if ignored else "",
    }
    definition = plant(tmp_path, files)
    with pytest.raises(Refused, match=r"Dockerfile holds .* \(line [34]\).* read instructions") as caught:
        check(definition)
    assert "RUN --mount=type=secret" in caught.value.remedy
    assert not any(secret in str(caught.value) for secret in (SECRET, "ghp_"))
    notes = check(definition, ECR_ALLOW_KEYS_IN="Dockerfile: opens nothing")
    assert any("Dockerfile is allowed to hold" in note for note in notes)
    inline = BuildDefinition(definition.context, extra={"dockerfile-inline": text})
    with pytest.raises(Refused, match="The inline Dockerfile holds"):
        check(inline)
    notes = check(inline, ECR_ALLOW_KEYS_IN="dockerfile:inline: opens nothing\nDockerfile: the file's")
    assert any(re.fullmatch(r"dockerfile:inline is allowed to hold .*: opens nothing .*", note) for note in notes)


@pytest.mark.parametrize(
    "text",
    [
        f"FROM scratch\n# ENV GH=ghp_{some(36)}\nCOPY src /\n",
        "FROM scratch\nENV AWS_SECRET_ACCESS_KEY=${KEY} TOKEN=changeme\nCOPY src /\n",
        "FROM scratch\nRUN --mount=type=secret,id=key AWS_SECRET_ACCESS_KEY=$(cat /run/secrets/key) make\n",
    ],
)
def test_other_instructions_pass(tmp_path: Path, text: str) -> None:
    check(plant(tmp_path, {"project/Dockerfile": text, "project/src": ""}))


def test_only_the_configuration_of_git_is_looked_at(tmp_path: Path) -> None:
    check(plant(tmp_path, {"project/.git/objects/ab/cd": KEY, "project/x/.git/logs/HEAD": KEY}))
    with pytest.raises(Refused, match="objects/key holds"):
        check(plant(tmp_path, {"project/objects/key": KEY}))


JWT_LIKE = some(60)
VALUES: list[tuple[dict[str, Any], str]] = [
    ({"args": {"NPM_TOKEN": f"npm_{some(36)}"}}, "build-arg:NPM_TOKEN"),
    ({"args": {"AWS_SECRET_ACCESS_KEY": SECRET}}, "build-arg:AWS_SECRET_ACCESS_KEY"),
    ({"args": {"AWS_SESSION_TOKEN": TOKEN}}, "build-arg:AWS_SESSION_TOKEN"),
    ({"args": {"SSH_KEY": KEY}}, "build-arg:SSH_KEY"),
    ({"labels": {"com.example.token": f"ghp_{some(36)}"}}, "label:com.example.token"),
    ({"annotations": {"index:token": f"ghp_{some(36)}"}}, "annotation:index:token"),
    ({"args": {"PIP_INDEX_URL": "https://me:h7Kq2Vn5L@pypi.company.io"}}, "address-password build-arg:PIP_INDEX_URL"),
    ({"args": {"API_TOKEN": some(24)}}, "named-secret build-arg:API_TOKEN"),
    ({"contexts": {"lib": "https://me:h7Kq2Vn5L@git.company.io/a.git"}}, "address-password context:lib"),
    ({"cache_to": (f"type=s3,bucket=b,secret_access_key={SECRET}",)}, "aws-access-key cache:s3"),
    ({"cache_from": (f"type=gha,token={JWT_LIKE}",)}, "named-secret cache:gha"),
]


@pytest.mark.parametrize(("fields", "entry"), VALUES)
def test_values_that_the_image_shows_are_refused(tmp_path: Path, fields: dict[str, Any], entry: str) -> None:
    definition = BuildDefinition(str(tmp_path), **fields)
    with pytest.raises(Refused) as caught:
        check(definition)
    assert entry in caught.value.remedy
    values = next(iter(fields.values()))
    (value,) = values.values() if isinstance(values, dict) else [values[0].rpartition("=")[2]]
    assert value not in str(caught.value)
    assert "h7Kq2Vn5L" not in str(caught.value)
    (note,) = check(definition, ECR_ALLOW_KEYS_IN=f"{entry}: opens nothing")
    assert note.endswith("opens nothing (ECR_ALLOW_KEYS_IN).")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("TOKEN", "changeme"),
        ("COMMIT", "1f2e3d4c5b6a79881726354453627180abcdef01"),
        ("CERT", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"),
    ],
)
def test_other_values_pass(tmp_path: Path, name: str, value: str) -> None:
    assert check(BuildDefinition(str(tmp_path), args={name: value}, labels={name: value})) == []


def test_a_known_secret_is_refused_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "npm.txt").write_text("h7Kq2Vn5LwPz\n", encoding="utf-8")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text(
        '{"auths": {"r.company.io": {"auth": "bWU6aDdLcTJWbjVM"}}}', encoding="utf-8"
    )
    secrets = ("id=npm,src=npm.txt", "id=db,env=DB")
    environ = {"DB": "dBp4ssW0rdX", "CI_JOB_TOKEN": "k8Tq3Zx7Lm2Rw9Vb", "DOCKER_CONFIG": str(tmp_path / "docker")}
    (tmp_path / ".dockerignore").write_text("docker\n", encoding="utf-8")
    settings = load(tmp_path, environ={})
    for value, what in (
        ("h7Kq2Vn5LwPz", "the value of the secret npm"),
        ("x-dBp4ssW0rdX", "the value of the secret db"),
        ("k8Tq3Zx7Lm2Rw9Vb", "the value of CI_JOB_TOKEN"),
        ("h7Kq2Vn5L", "the value of docker's login for r.company.io"),
    ):
        definition = BuildDefinition(str(tmp_path), args={"FLAG": value}, secrets=secrets)
        with pytest.raises(Refused, match=f"build argument FLAG is {what}") as caught:
            check_leaked_keys(settings, source(root=None), [definition], environ=environ)
        assert value not in str(caught.value)
        assert "known-secret build-arg:FLAG: REASON" in caught.value.remedy
    (tmp_path / "Dockerfile").write_text("FROM a\nRUN login k8Tq3Zx7Lm2Rw9Vb\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"Dockerfile holds the value of CI_JOB_TOKEN \(line 2\)"):
        check_leaked_keys(settings, source(root=None), [BuildDefinition(str(tmp_path))], environ=environ)


def test_a_tag_is_no_place_for_a_secret(tmp_path: Path) -> None:
    tags = [Tag(f"ghp_{some(36)}", "moving", "type=ref,event=branch", "the branch")]
    with pytest.raises(Refused, match="tag of the rule type=ref is a GitHub token") as caught:
        check_leaked_keys(load(tmp_path, environ={}), source(root=None), [BuildDefinition(str(tmp_path))], tags=tags)
    assert "ghp_" not in str(caught.value)
    assert "github-token tag:ref: REASON" in caught.value.remedy


def test_a_proxy_may_have_a_password_unless_the_provenance_tells_it(tmp_path: Path) -> None:
    proxy = {"HTTPS_PROXY": "http://me:h7Kq2Vn5L@proxy.company.io:3128"}
    assert check(BuildDefinition(str(tmp_path), args=proxy)) == []
    with pytest.raises(Refused, match="build argument HTTPS_PROXY"):
        check(BuildDefinition(str(tmp_path), args=proxy, attest=("type=provenance,mode=max",)))


def test_comments_count_where_the_provenance_has_the_dockerfile(tmp_path: Path) -> None:
    definition = plant(
        tmp_path, {"project/Dockerfile": f"FROM scratch\n# ghp_{some(36)}\nCOPY src /\n", "project/src": ""}
    )
    check(definition)
    with pytest.raises(Refused, match=r"Dockerfile holds a GitHub token \(line 2\)"):
        check(replace(definition, attest=("type=provenance,mode=max",)))


def test_an_entry_with_a_guard_lets_only_that_through(tmp_path: Path) -> None:
    text = f"{KEY}{KEY}{KEY}{KEY}token = ghp_{some(36)}\n"
    definition = plant(tmp_path, {"project/keys.txt": text})
    with pytest.raises(Refused, match=r"keys\.txt holds a GitHub token \(line \d+\), and"):
        check(definition, ECR_ALLOW_KEYS_IN="private-key keys.txt: a test's")
    both = "private-key keys.txt: a test's\ngithub-token keys.txt: revoked\n"
    notes = check(definition, ECR_ALLOW_KEYS_IN=both)
    assert len(notes) == 2
    assert notes[0].endswith("a test's (ECR_ALLOW_KEYS_IN).")
    assert notes[1].endswith("a GitHub token (line 109): revoked (ECR_ALLOW_KEYS_IN).")
    (*_, note) = check(definition, ECR_ALLOW_KEYS_IN=f"{both}npm-token keys.txt: old\n")
    assert note.endswith("needs no npm-token for keys.txt: what is found in it is private-key, github-token.")


def test_an_entry_for_a_value_that_is_no_secret_is_named(tmp_path: Path) -> None:
    definition = BuildDefinition(str(tmp_path), args={"A": "x"})
    (note,) = check(definition, ECR_ALLOW_KEYS_IN="build-arg:A: once\nbuild-arg:B: another image's\n")
    assert "needs no entry for build-arg:A" in note


@pytest.mark.parametrize("entry", ["build-arg:*", "*", ".", "certs", "github-token"])
def test_no_entry_silences_a_guard_as_a_whole(tmp_path: Path, entry: str) -> None:
    definition = plant(tmp_path, {"project/certs/server.key": KEY})
    with pytest.raises(Refused, match=r"server\.key holds"):
        check(definition, ECR_ALLOW_KEYS_IN=f"{entry}: everything")
    with pytest.raises(Refused, match="build argument TOKEN"):
        check(
            BuildDefinition(str(tmp_path / "conf"), args={"TOKEN": f"ghp_{some(36)}"}),
            ECR_ALLOW_KEYS_IN=f"{entry}: all",
        )
