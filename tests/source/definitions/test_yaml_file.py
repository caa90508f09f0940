"""A compose file takes little memory and time, whatever is in it, and a bad one is named with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.errors import SettingsError
from ecr_tasks.source.definitions.compose import read_services

TENFOLD = "".join(f"b{n}: &b{n} [{','.join([f'*b{n - 1}'] * 10)}]\n" for n in range(1, 9))
MERGED = "".join(f"b{n}: &b{n}\n  <<: [{','.join([f'*b{n - 1}'] * 10)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("b0: &b0 [x,x]\n" + TENFOLD, "more than 100000 values"),
        ("b0: &b0 {x: y}\n" + MERGED, "more than 100000 values"),
        ("a: &a [*a]\n", "more than 100000 values"),
        ("a: " + "[" * 100_000, "nested more than 100 deep"),
        ("a: " + "{a: " * 100_000, "nested more than 100 deep"),
        ("a: b\n" * 300_000, "more than 1,024 KiB"),
        ("? [a]\n: b\n", "unhashable key"),
        ("services: x\n", "in another one's place"),
        ("services: {app: [1]}\n", "in another one's place"),
        ("services: {app: {build: [1]}}\n", "in another one's place"),
        ("services: {app: {build: {args: 5}}}\n", "in another one's place"),
        ("services: {app: {build: ., extends: {file: [1]}}}\n", "in another one's place"),
        ("services: {app: {build: '" + "${B:-" * 190_000 + "'}}", "in another one's place"),
        ("services: {app: {build: '" + "$A" * 20_000 + "'}}", "grows to more than 2 MiB"),
    ],
)
def test_what_would_fill_the_memory_or_is_in_the_wrong_place_is_refused(
    text: str, reason: str, tmp_path: Path
) -> None:
    (file := tmp_path / "compose.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read_services([file], tmp_path, {"A": "x" * 1000})
    assert reason in caught.value.cause


def test_a_dotenv_file_beside_it_can_t_fill_the_memory(tmp_path: Path) -> None:
    lines = "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 40))
    (tmp_path / ".env").write_text("A0=xxxxxxxx\n" + lines, encoding="utf-8")
    (file := tmp_path / "compose.yaml").write_text("services: {app: {build: .}}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="grow to more than 256 KiB"):
        read_services([file], tmp_path, {})
