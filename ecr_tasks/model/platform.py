"""Platforms as docker writes them: ``os/arch[/variant]``, each in one form (containerd/platforms, database.go)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

LOCAL = "local"
"""buildx's word for the platform of the machine itself."""

_SYSTEMS = {
    *("aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux", "netbsd", "openbsd"),
    *("plan9", "solaris", "windows", "zos"),
}
_ARCHITECTURES = {
    *("386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64", "ppc64le"),
    *("riscv64", "s390x", "wasm"),
}
_OTHER_NAMES = {
    "i386": ("386",),
    "x86_64": ("amd64",),
    "x86-64": ("amd64",),
    "aarch64": ("arm64",),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_VARIANTS = {
    ("amd64", "v1"): "",
    **{("arm64", name): "" for name in ("8", "v8", "v8.0")},
    **{("arm64", name): "v9" for name in ("9", "9.0", "v9.0")},
    **{("arm", name): f"v{name}" for name in ("5", "6", "7", "8")},
    ("arm", ""): "v7",
}


def parse_platform(text: str) -> str | None:
    """Return a platform in its one form, or ``local``; None for a text that names no platform.

    An architecture alone is one of Linux: ``amd64``, ``x86_64`` and ``linux/amd64/v1`` are all ``linux/amd64``.
    """
    parts = text.strip().lower().split("/")
    if parts == [LOCAL]:
        return LOCAL
    if len(parts) == 1:
        parts = ["linux", *parts]
        if (_OTHER_NAMES.get(parts[1]) or parts[1:])[0] not in _ARCHITECTURES:
            return None
    system = "darwin" if parts[0] == "macos" else parts[0]
    if system not in _SYSTEMS or len(parts) > 3 or not all(re.fullmatch(r"[a-z0-9_.-]+", part) for part in parts):
        return None
    architecture, variant = [*_OTHER_NAMES.get(parts[1], parts[1:2]), *parts[2:], ""][:2]
    variant = _VARIANTS.get((architecture, variant), variant)
    return "/".join(part for part in (system, architecture, variant) if part)


def one_form(platforms: Iterable[str], local: Callable[[], str]) -> tuple[str, ...]:
    """Return platforms in their one form, each once; ``local`` returns the machine's own.

    What names no platform stays as it is, for buildx to say so.
    """
    names = (parse_platform(text) or text for text in platforms)
    return tuple(dict.fromkeys(local() if name == LOCAL else name for name in names))


def covers(offered: str, platform: str) -> bool:
    """Return whether a machine of one platform runs another one's programs: every variant does the lower ones'.

    linux/amd64/v3 runs linux/amd64 (containerd/platforms, compare.go); 64-bit processors run 32-bit programs only
    where the builder says so.
    """
    return offered == platform or offered.startswith(f"{platform}/")


def architecture_of(text: str) -> str | None:
    """Return the architecture of a platform or of a name of its own; None for no platform."""
    platform = parse_platform(text)
    return None if platform in (None, LOCAL) else str(platform).split("/")[1]
