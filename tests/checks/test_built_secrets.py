"""What a built image shows is looked at before it is pushed, and what the settings allow stays allowed there."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.checks.built_secrets import check_built
from ecr_tasks.errors import ExitCode, Refused
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.image_config import ImageConfig, parse_image_config
from ecr_tasks.settings.load import load
from tests.checks.test_secret_shapes import some

TOKEN = f"ghp_{some(36)}"
ARGUMENT = some(32)

CASES: list[tuple[dict[str, Any], str]] = [
    ({"environment": {"GH": TOKEN}}, "github-token env:GH"),
    ({"environment": {"GH_TOKEN": ARGUMENT}}, "named-secret env:GH_TOKEN"),
    ({"labels": {"a.b": TOKEN}}, "github-token label:a.b"),
    ({"history": ("FROM", f"|1 GH={TOKEN} /bin/sh -c make")}, "github-token history:2"),
    ({"history": (f"RUN |1 NPM_TOKEN={ARGUMENT} /bin/sh -c npm ci # buildkit",)}, "named-secret history:1"),
    ({"history": ("RUN pip install -i https://me:h7Kq2Vn5L@pypi.company.io",)}, "address-password history:1"),
    ({"commands": {"Cmd": f"serve\n--token={TOKEN}"}}, "github-token config:Cmd"),
]


def check(
    tmp_path: Path,
    config: ImageConfig,
    *provenance: str,
    allowed: str = "",
    definition: BuildDefinition | None = None,
) -> list[str]:
    notes: list[str] = []
    image = Image("app", "team/app", definition or BuildDefinition(str(tmp_path)), ())
    settings = load(tmp_path, environ={"ECR_ALLOW_KEYS_IN": allowed} if allowed else {})
    check_built(image, [ImageConfig(), config], provenance, settings, {}, notes.append)
    return notes


@pytest.mark.parametrize(("fields", "entry"), CASES)
def test_a_secret_that_the_image_shows_is_refused(tmp_path: Path, fields: dict[str, Any], entry: str) -> None:
    with pytest.raises(Refused, match="Nothing was pushed") as caught:
        check(tmp_path, ImageConfig(**fields))
    assert caught.value.code == ExitCode.REFUSED
    assert f"write {entry}: REASON into" in caught.value.remedy
    assert not any(secret in str(caught.value) for secret in (TOKEN, ARGUMENT, "h7Kq2Vn5L"))
    (note,) = check(tmp_path, ImageConfig(**fields), allowed=f"{entry}: opens nothing")
    assert note.endswith("opens nothing (ECR_ALLOW_KEYS_IN).")
    other = f"stripe-key {entry.partition(' ')[2]}: opens nothing"
    with pytest.raises(Refused):
        check(tmp_path, ImageConfig(**fields), allowed=other)


def test_an_entry_that_the_image_does_not_need_is_named(tmp_path: Path) -> None:
    config = ImageConfig(environment={"GH": "x"}, history=("FROM",))
    notes = check(tmp_path, config, allowed="env:GH: once\nhistory:1: once\nhistory:9: another image's\n")
    assert [note.partition(" needs ")[2][:16] for note in notes] == ["no entry for env", "no entry for his"]


def test_what_is_allowed_in_the_settings_is_allowed_where_the_image_shows_it(tmp_path: Path) -> None:
    definition = BuildDefinition(str(tmp_path), args={"GH": TOKEN})
    config = ImageConfig(history=(f"|1 GH={TOKEN} /bin/sh -c make",))
    with pytest.raises(Refused):
        check(tmp_path, config, definition=definition)
    check(tmp_path, config, definition=definition, allowed="github-token build-arg:GH: revoked")
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nENV GH={TOKEN}\n", encoding="utf-8")
    config = ImageConfig(environment={"GH": TOKEN}, history=(f"ENV GH={TOKEN}",))
    with pytest.raises(Refused):
        check(tmp_path, config)
    check(tmp_path, config, allowed="github-token Dockerfile: revoked")


@pytest.mark.parametrize(
    ("document", "entry"),
    [
        (
            {"invocation": {"parameters": {"args": {"build-arg:GH_TOKEN": ARGUMENT}}}},
            "named-secret build-arg:GH_TOKEN",
        ),
        ({"steps": [{"exec": {"meta": {"env": ["A=b", f"GH_TOKEN={ARGUMENT}"]}}}]}, "named-secret provenance:env"),
        (
            {"source": {"infos": [{"data": b64encode(f"FROM a\n# {TOKEN}\n".encode()).decode()}]}},
            "github-token provenance:data",
        ),
    ],
)
def test_provenance_is_looked_at(tmp_path: Path, document: Any, entry: str) -> None:
    with pytest.raises(Refused, match="in its provenance") as caught:
        check(tmp_path, ImageConfig(), json.dumps(document))
    assert entry in caught.value.remedy
    assert check(tmp_path, ImageConfig(), json.dumps(document), allowed=f"{entry}: revoked")


def test_a_plain_image_passes(tmp_path: Path) -> None:
    config = parse_image_config(
        {
            "Env": ["PATH=/usr/local/bin:/usr/bin", "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "EMPTY="],
            "Labels": None,
            "Cmd": ["python3"],
            "Healthcheck": {"Test": ["CMD", "true"]},
        },
        ["/bin/sh -c #(nop) ADD file:1f2e3d4c5b6a798817263544536271801f2e3d4c5b6a79881726354453627180 in / "],
    )
    assert dict(config.commands) == {"Cmd": "python3", "Healthcheck": "CMD\ntrue"}
    assert config.environment["EMPTY"] == ""
    assert check(tmp_path, config) == []
