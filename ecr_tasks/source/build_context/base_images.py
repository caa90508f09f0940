"""The images that a Dockerfile builds on: those of every stage that the target needs, with its variables. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ecr_tasks.source.build_context.dockerfile import Dockerfile, Instruction, Stage, listed
from ecr_tasks.source.build_context.shell_words import expand
from ecr_tasks.source.build_context.unknown import Unknown

_REMOTE = re.compile(r"(?:https?|git|ssh)://|git@|[\w.-]+@[\w.-]+:")
_AT_COMMIT = re.compile(r"#(?:[0-9a-f]{40}|[0-9a-f]{64})(?::.*)?$")
_FRONTEND = "BUILDKIT_SYNTAX"
"""The build argument that takes the place of ``# syntax=``."""


@dataclass(frozen=True, order=True)
class BaseImage:
    """An image that is needed, as it is written, and the platform that it is needed for."""

    reference: str
    platform: str


def base_images(
    dockerfile: Dockerfile,
    *,
    target: str | None,
    platform: str,
    build_platform: str,
    args: Mapping[str, str],
    contexts: Mapping[str, str],
) -> frozenset[BaseImage]:
    """The images that building ``target`` (the last stage without one) for a platform reads.

    A name that ``contexts`` has is that context instead, and no image. Raises Unknown for what only the build can
    know: an address that ``ADD`` reads from without a checksum, an expression we can't work out, a frontend that
    reads another language. What a base image's own ``ONBUILD`` reads is not seen.
    """
    return frozenset(_Reader(dockerfile, target, platform, build_platform, args, contexts).run())


def familiar_name(reference: str) -> str:
    """A reference in the form that docker shows: without docker.io/library, and with a tag or digest."""
    name = re.sub(r"^(?:index\.)?docker\.io/", "", reference)
    name = name.removeprefix("library/")
    return name if "@" in name or ":" in name.rpartition("/")[2] else f"{name}:latest"


def repository_of(reference: str) -> str:
    """The registry and repository of a reference, without tag and digest, in the form that docker shows."""
    return re.sub(r":[^:/]*$", "", familiar_name(reference).partition("@")[0])


def pinned_digest(reference: str) -> str | None:
    """The digest that a reference names itself."""
    found = re.search(r"@(sha256:[0-9a-f]{64})$", reference)
    return found[1] if found else None


class _Reader:
    def __init__(
        self,
        dockerfile: Dockerfile,
        target: str | None,
        platform: str,
        build_platform: str,
        args: Mapping[str, str],
        contexts: Mapping[str, str],
    ) -> None:
        self.file, self.target, self.args = dockerfile, target, args
        self.platform = platform
        self.contexts = frozenset(contexts)
        automatic = {**_platform_arguments("BUILD", build_platform), **_platform_arguments("TARGET", platform)}
        automatic["TARGETSTAGE"] = target or "default"
        self.globals = {name: args.get(name, value) for name, value in automatic.items()}
        self.seen: set[int] = set()

    def run(self) -> Iterator[BaseImage]:
        frontend = self.args.get(_FRONTEND) or self.file.syntax
        if frontend is not None:
            if "dockerfile" not in frontend.rpartition("/")[2]:
                raise Unknown(f"its Dockerfile is written for another frontend, {frontend}")
            yield BaseImage(frontend, self.platform)
        for instruction in self.file.arguments:
            self._declare(instruction, self.globals, {})
        if self.file.stages:
            yield from self._stage(self._target())

    def _target(self) -> int:
        if self.target is None:
            return len(self.file.stages) - 1
        found = self._find(self.target, len(self.file.stages), numbered=False)
        if found is None:
            raise Unknown(f"its Dockerfile has no stage {self.target}")
        return found

    def _find(self, name: str, before: int, *, numbered: bool = True) -> int | None:
        """The last stage of a name before a position, or the one of that number."""
        for index in reversed(range(before)):
            if self.file.stages[index].name == name.lower():
                return index
        return int(name) if numbered and name.isdecimal() and int(name) < len(self.file.stages) else None

    def _stage(self, index: int) -> Iterator[BaseImage]:
        stage = self.file.stages[index]
        if index in self.seen or (stage.name and self._is_context(stage.name, self.platform)):
            return
        self.seen.add(index)
        base = self._expand(stage.base, self.globals)
        if not base:
            raise Unknown(f"{stage.base[:80]} in the Dockerfile is no image's name")
        parent = self._find(base, index, numbered=False)
        if parent is not None:
            yield from self._stage(parent)
        else:
            platform = self._expand(stage.platform, self.globals) if stage.platform else self.platform
            yield from self._image(base, platform or self.platform)
        for instruction in stage.instructions:
            yield from self._sources(instruction)
        self._check_added(index)

    def _sources(self, instruction: Instruction) -> Iterator[BaseImage]:
        """What ``COPY --from`` and mounts of ``RUN`` read; neither takes variables."""
        for name in _sources(instruction):
            if "$" in name:
                raise Unknown(f"{name[:80]} in the Dockerfile can't be worked out")
            stage = self._find(name, len(self.file.stages))
            if stage is not None:
                yield from self._stage(stage)
            else:
                yield from self._image(name, self.platform)

    def _image(self, reference: str, platform: str) -> Iterator[BaseImage]:
        if reference != "scratch" and not self._is_context(reference, platform):
            yield BaseImage(reference, platform)

    def _is_context(self, name: str, platform: str) -> bool:
        """Whether a named context takes a name's place, for all platforms or this one (dockerui/namedcontext.go).

        bake hands contexts' names on as they are written; what they are compared with is the familiar form.
        """
        known = familiar_name(name).removesuffix(":latest")
        return known in self.contexts or f"{known}::{platform}" in self.contexts

    def _check_added(self, index: int) -> None:
        """Raises Unknown for an ``ADD`` of an address whose content is not pinned."""
        variables = self._inherited(index)
        for instruction in self.file.stages[index].instructions:
            self._declare(instruction, variables, self.globals)
            if instruction.name != "add" or instruction.flag("checksum"):
                continue
            for word in listed(instruction)[:-1]:
                source = self._expand(word, variables)
                if _REMOTE.match(source) and not _AT_COMMIT.search(source):
                    raise Unknown("its Dockerfile adds a file from an address, without --checksum")

    def _inherited(self, index: int) -> dict[str, str]:
        """The variables that a stage has from the stage it is built on."""
        stage: Stage = self.file.stages[index]
        parent = self._find(self._expand(stage.base, self.globals), index, numbered=False)
        if parent is None:
            return {}
        variables = self._inherited(parent)
        for instruction in self.file.stages[parent].instructions:
            self._declare(instruction, variables, self.globals)
        return variables

    def _declare(self, instruction: Instruction, variables: dict[str, str], outer: Mapping[str, str]) -> None:
        """``ARG`` and ``ENV``, into the variables; a build argument beats ``ARG``, and is taken as it is."""
        words = instruction.words
        if instruction.name == "env" and words and "=" not in words[0]:
            words = (f"{words[0]}={' '.join(words[1:])}",)
        if instruction.name not in ("arg", "env"):
            return
        for word in words:
            name, has_value, value = word.partition("=")
            if instruction.name == "arg" and name in self.args:
                variables[name] = self.args[name]
            elif has_value:
                variables[name] = self._expand(value, variables)
            elif name in outer:
                variables[name] = outer[name]

    def _expand(self, word: str, variables: Mapping[str, str]) -> str:
        return expand(word, variables, self.file.escape)


def _sources(instruction: Instruction) -> Iterator[str]:
    if instruction.name == "copy" and (source := instruction.flag("from")):
        yield source
    for mount in (value for name, value in instruction.flags if instruction.name == "run" and name == "mount"):
        fields = dict(part.partition("=")[::2] for row in csv.reader([mount]) for part in row)
        if fields.get("type", "bind") in ("bind", "cache") and fields.get("from"):
            yield fields["from"]


def _platform_arguments(prefix: str, platform: str) -> dict[str, str]:
    system, architecture, variant = (*platform.split("/"), "", "")[:3]
    return {
        f"{prefix}PLATFORM": platform,
        f"{prefix}OS": system,
        f"{prefix}ARCH": architecture,
        f"{prefix}VARIANT": variant,
    }
