"""Tests of model/platform: one platform has one form, as containerd's platforms package has it."""

from __future__ import annotations

import pytest

from ecr_tasks.model.platform import one_form, parse_platform

FORMS = {
    "linux/amd64": ("amd64", "AMD64", "x86_64", "x86-64", "linux/x86_64", "linux/amd64/v1", "Linux/amd64"),
    "linux/amd64/v3": ("linux/amd64/v3", "linux/x86_64/V3"),
    "linux/arm64": ("arm64", "aarch64", "linux/aarch64", "linux/arm64/v8", "linux/arm64/8"),
    "linux/arm64/v9": ("linux/arm64/v9", "linux/arm64/9"),
    "linux/arm/v7": ("arm", "armhf", "linux/arm", "linux/arm/7", "linux/armhf"),
    "linux/arm/v6": ("armel", "linux/arm/6", "linux/arm/v6"),
    "linux/386": ("386", "i386", "linux/i386"),
    "linux/riscv64": ("riscv64", " linux/riscv64 "),
    "windows/amd64": ("windows/amd64",),
    "darwin/arm64": ("macos/arm64",),
    "local": ("local", "Local"),
}


@pytest.mark.parametrize(("form", "text"), [(form, text) for form, texts in FORMS.items() for text in texts])
def test_a_platform_has_one_form(form: str, text: str) -> None:
    assert parse_platform(text) == form
    assert parse_platform(form) == form


@pytest.mark.parametrize("text", ["", "linux", "lokal", "nix/amd64", "linux/", "/amd64", "a/b/c/d", "linux/arm/v7/x"])
def test_what_names_no_platform_is_none(text: str) -> None:
    assert parse_platform(text) is None


def test_duplicates_count_once_and_local_is_the_engines() -> None:
    names = ("local", "linux/arm64/v8", "arm64", "linux/arm64", "amd64", "what")
    assert one_form(names, lambda: "linux/arm64") == ("linux/arm64", "linux/amd64", "what")


def test_the_engine_is_asked_only_for_local() -> None:
    def ask() -> str:
        raise AssertionError

    assert one_form(("linux/amd64",), ask) == ("linux/amd64",)
