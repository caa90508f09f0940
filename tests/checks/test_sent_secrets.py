"""Secrets in everything that docker sends to the builder are refused, with the file, the line and what helps."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.checks.leaked_keys import check_leaked_keys, needless_entries
from ecr_tasks.errors import ExitCode, Refused
from ecr_tasks.model.image import BuildDefinition
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
    return [*notes, *needless_entries(settings)]


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
    assert len(notes) == 2
    assert notes[0].endswith(
        "certs/local.key is allowed to hold a private key (line 1): made for localhost, and only there "
        "(ECR_ALLOW_KEYS_IN)."
    )
    assert notes[1].endswith("conf/id is allowed to hold a private key (line 1): ECR_ALLOW_KEYS_IN gives no reason.")


def test_an_entry_that_nothing_needs_is_named(tmp_path: Path) -> None:
    definition = plant(tmp_path, {"project/a.txt": "nothing"})
    (note,) = check(definition, ECR_ALLOW_KEYS_IN="a.txt: a test's")
    assert "needs no entry for a.txt" in note


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


VALUES: list[tuple[dict[str, Any], str]] = [
    ({"args": {"NPM_TOKEN": f"npm_{some(36)}"}}, "build-arg:NPM_TOKEN"),
    ({"args": {"AWS_SECRET_ACCESS_KEY": SECRET}}, "build-arg:AWS_SECRET_ACCESS_KEY"),
    ({"args": {"AWS_SESSION_TOKEN": TOKEN}}, "build-arg:AWS_SESSION_TOKEN"),
    ({"args": {"SSH_KEY": KEY}}, "build-arg:SSH_KEY"),
    ({"labels": {"com.example.token": f"ghp_{some(36)}"}}, "label:com.example.token"),
    ({"annotations": {"index:token": f"ghp_{some(36)}"}}, "annotation:index:token"),
]


@pytest.mark.parametrize(("fields", "entry"), VALUES)
def test_values_that_the_image_shows_are_refused(tmp_path: Path, fields: dict[str, Any], entry: str) -> None:
    definition = BuildDefinition(str(tmp_path), **fields)
    with pytest.raises(Refused) as caught:
        check(definition)
    assert entry in caught.value.remedy
    (value,) = next(iter(fields.values())).values()
    assert value not in str(caught.value)
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
