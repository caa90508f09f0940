"""The images that a Dockerfile reads: those of every stage that its target needs. Pure functions.

The rules are those of BuildKit (frontend/dockerfile/dockerfile2llb/convert.go and frontend/dockerui).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.ecr_host import host_of
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.model.option_fields import split_fields
from ecr_tasks.source.build_context.dockerfile import Dockerfile, Instruction, Stage, list_words
from ecr_tasks.source.build_context.shell_words import Allowance, expand
from ecr_tasks.source.build_context.unknown import Unknown

_REMOTE = r"(?:https?|git|ssh)://|git@|[\w.-]+@[\w.-]+:"
_AT_COMMIT = r"#(?:[0-9a-f]{40}|[0-9a-f]{64})(?::[^#]*)?$"
_INDEX = r"\+?0*([0-9]{1,9})"
_ENTRY_COST = 100
"""What a variable costs that a stage takes over from another one, in characters."""

_DOCKERS_FRONTEND = r"(?:^|/)docker/dockerfile(?:-upstream)?(?:[:@]|$)"
_FRONTEND = "BUILDKIT_SYNTAX"
"""The build argument that replaces ``# syntax=``."""


@dataclass(frozen=True, order=True)
class BaseImage:
    """The reference of an image as it is written, and the platform that it is read for."""

    reference: str
    platform: str


@dataclass(frozen=True)
class BaseImages:
    """The images that a build reads, as far as they are known.

    ``unknown`` says why there may be other inputs; with ``may_be_more``, these may be images.
    """

    images: frozenset[BaseImage]
    unknown: str | None = None
    may_be_more: bool = False


def base_images(
    dockerfile: Dockerfile, definition: BuildDefinition, platform: str, build_platform: str
) -> BaseImages:
    """Return the images that a build for one platform reads; ``build_platform`` is the builder's own.

    The definition's target, arguments and named contexts are considered; the name of a named context is no image.
    Some inputs are not known before the build: a URL that ``ADD`` reads without a checksum, an expression that
    ``expand`` doesn't support, a frontend for another language. The images that ``ONBUILD`` instructions of a base
    image read are not included.
    """
    build = _Build(dockerfile, definition, platform, _variables(definition, platform, build_platform))
    return BaseImages(frozenset(build.images()), next(iter(build.unknown), None), build.may_be_more)


def needed_stages(dockerfile: Dockerfile, definition: BuildDefinition) -> tuple[Stage, ...]:
    """Return the stages that the build of a definition's target needs, in their order.

    Those whose place depends on the platform count as for none.
    """
    build = _Build(dockerfile, definition, "", {"TARGETSTAGE": definition.target or "default"})
    for _ in build.images():
        pass
    return tuple(dockerfile.stages[index] for index in sorted(build.variables))


def frontend(dockerfile: Dockerfile, definition: BuildDefinition) -> str | None:
    """Return the image that reads the Dockerfile; None where the builder does."""
    return definition.args.get(_FRONTEND) or dockerfile.syntax


def is_dockers_frontend(image: str) -> bool:
    """Return whether a frontend is docker's own, which takes stages and sources only from the Dockerfile."""
    return re.search(_DOCKERS_FRONTEND, image) is not None


def familiar_name(reference: str) -> str:
    """Return a reference in the form that docker shows: without docker.io/library, and with a tag or digest."""
    name = re.sub(r"^(?:index\.)?docker\.io/", "", reference).removeprefix("library/")
    return name if "@" in name or ":" in name.rpartition("/")[2] else f"{name}:latest"


def repository_of(reference: str) -> str:
    """Return a reference without tag and digest, in the form that docker shows."""
    return re.sub(r":[^:/]*$", "", familiar_name(reference).partition("@")[0])


def full_name(reference: str) -> str:
    """Return a reference with its registry's host and its tag, without its digest; one with a digest needs no tag."""
    name, _, digest = reference.partition("@")
    name = re.sub(r"^index\.docker\.io/", "docker.io/", name)
    if host_of(name) is None:
        name = f"docker.io/{name}"
    if name.startswith("docker.io/") and name.count("/") == 1:
        name = name.replace("/", "/library/", 1)
    return name if digest or ":" in name.rpartition("/")[2] else f"{name}:latest"


def named_context(reference: str) -> str:
    """Return the name of the context that replaces an image (dockerui/namedcontext.go)."""
    return familiar_name(reference).removesuffix(":latest")


def final_base(dockerfile: Dockerfile, definition: BuildDefinition, platform: str, build_platform: str) -> str | None:
    """Return the image that a build's result stands on, as it is written; None for none, or one that isn't known.

    It may be the name of a context, which replaces an image or a stage.
    """
    build = _Build(dockerfile, definition, platform, _variables(definition, platform, build_platform))
    return build.final_base()


def pinned_digest(reference: str) -> str | None:
    """Return the digest in a reference; None where it has none."""
    match = re.search(r"@(sha256:[0-9a-f]{64})$", reference)
    return match[1] if match else None


class _Build:
    """One build of a Dockerfile, for one target and platform."""

    def __init__(self, file: Dockerfile, definition: BuildDefinition, platform: str, given: dict[str, str]) -> None:
        """Take what is built; ``given`` are the variables that ``FROM`` may use."""
        self.file, self.definition, self.platform = file, definition, platform
        self.globals = given
        self.allowance = Allowance()
        self.variables: dict[int, dict[str, str]] = {}
        """The variables of each stage that is needed, by its index."""
        self.stages: dict[str, list[int]] = {}
        """The indexes of the stages that have a name."""
        self.unknown: list[str] = []
        """Why other inputs than the yielded images may be read."""
        self.may_be_more = False
        """Whether these inputs may be images."""

    def images(self) -> Iterator[BaseImage]:
        image = frontend(self.file, self.definition)
        if image is not None:
            if "dockerfile" not in image.rpartition("/")[2]:
                self._miss(f"its Dockerfile is written for another frontend, {image}")
            yield BaseImage(image, self.platform)
        for instruction in self.file.arguments:
            self._declare(instruction, self.globals, {})
        for index, stage in enumerate(self.file.stages):
            if stage.name:
                self.stages.setdefault(stage.name, []).append(index)
        if self.file.stages:
            last = len(self.file.stages) - 1
            target = last if self.definition.target is None else self._stage_index(self.definition.target)
            if target is None:
                self._miss(f"its Dockerfile has no stage {self.definition.target}")
            else:
                yield from self._needed(target)

    def final_base(self) -> str | None:
        """Return the image, or the name of the context, at the bottom of the target's chain of stages."""
        for _ in self.images():
            pass  # the arguments before the first stage are known then, and the names of the stages
        last = len(self.file.stages) - 1
        index = last if self.definition.target is None else self._stage_index(self.definition.target)
        while index is not None and index >= 0:
            stage = self.file.stages[index]
            if stage.name and self._is_context(stage.name, self.platform):
                return stage.name
            base = self._expand(stage.base, self.globals)
            index = self._stage_index(base, index)
            if index is None:
                return (self._context_key(base) or base) if base and base != "scratch" else None
        return None

    def _context_key(self, name: str) -> str | None:
        return key if (key := named_context(name)) in self.definition.contexts else None

    def _stage_index(self, name: str, before: int | None = None) -> int | None:
        """Return the index of the last stage with a name, among all stages or those before the index ``before``."""
        indexes = self.stages.get(name.lower(), [])
        count = len(indexes) if before is None else bisect_left(indexes, before)
        return indexes[count - 1] if count else None

    def _needed(self, target: int) -> Iterator[BaseImage]:
        """Yield the images of all stages that a target needs."""
        parents: dict[int, int | None] = {}
        pending = [target]
        while pending:
            index = pending.pop()
            stage = self.file.stages[index]
            if index in parents or (stage.name and self._is_context(stage.name, self.platform)):
                continue
            base = self._expand(stage.base, self.globals)
            parent = parents[index] = self._stage_index(base, index)
            if parent is not None:
                pending.append(parent)
            elif not base:
                self._miss(f"{stage.base[:80]} in the Dockerfile is no image's name")
            else:
                yield from self._image(base, self._expand(stage.platform or "", self.globals) or self.platform)
            for source in (name for instruction in stage.instructions for name in _source_names(instruction)):
                other = self._source_stage(source)
                if other is None:
                    yield from self._source_image(source)
                else:
                    pending.append(other)
        for index in sorted(parents):  # a stage comes after the one that it is built on
            self._run(index, parents[index])

    def _run(self, index: int, parent: int | None) -> None:
        """Set the variables of a stage, and note what its ``ADD`` instructions fetch."""
        variables = self.variables[index] = dict(self._inherited(parent))
        for instruction in self.file.stages[index].instructions:
            self._declare(instruction, variables, self.globals)
            if instruction.name == "add" and not instruction.flag("checksum"):
                sources = [self._expand(word, variables) for word in list_words(instruction)[:-1]]
                if any(re.match(_REMOTE, source) and not re.search(_AT_COMMIT, source) for source in sources):
                    self.unknown.append("its Dockerfile adds a file from an address, without --checksum")

    def _inherited(self, parent: int | None) -> Mapping[str, str]:
        """Return the variables of the stage that a stage is built on."""
        variables = {} if parent is None else self.variables.get(parent, {})
        try:
            self.allowance.spend(_ENTRY_COST * len(variables))
        except Unknown as error:
            self._miss(str(error))
            return {}
        return variables

    def _source_stage(self, name: str) -> int | None:
        """Return the stage that ``COPY --from`` or a mount names, by its name or its number."""
        stage = self._stage_index(name)
        if stage is None and (number := re.fullmatch(_INDEX, name)) and int(number[1]) < len(self.file.stages):
            return int(number[1])
        return stage

    def _source_image(self, name: str) -> Iterator[BaseImage]:
        """Yield the image that ``COPY --from`` or a mount names; BuildKit expands no variables there."""
        if "$" in name:
            self._miss(f"{name[:80]} in the Dockerfile can't be worked out")
        else:
            yield from self._image(name, self.platform)

    def _image(self, reference: str, platform: str) -> Iterator[BaseImage]:
        if reference != "scratch" and not self._is_context(reference, platform):
            yield BaseImage(reference, platform)

    def _is_context(self, name: str, platform: str) -> bool:
        """Return whether a named context replaces an image, on all platforms or this one (dockerui/namedcontext.go).

        BuildKit compares the names of contexts, as they are written, with the image's familiar name.
        """
        familiar = named_context(name)
        return familiar in self.definition.contexts or f"{familiar}::{platform}" in self.definition.contexts

    def _declare(self, instruction: Instruction, variables: dict[str, str], outer: Mapping[str, str]) -> None:
        """Set the variables of an ``ARG`` or ``ENV``; a build argument replaces ``ARG`` and is not expanded."""
        words = instruction.words if instruction.name in ("arg", "env") else ()
        if instruction.name == "env" and words and "=" not in words[0]:
            words = (f"{words[0]}={' '.join(words[1:])}",)
        for word in words:
            name, has_value, value = word.partition("=")
            if instruction.name == "arg" and name in self.definition.args:
                variables[name] = self.definition.args[name]
            elif has_value:
                variables[name] = self._expand(value, variables)
            elif name in outer:
                variables[name] = outer[name]

    def _expand(self, word: str, variables: Mapping[str, str]) -> str:
        """Return a word with the values of its variables; empty if they can't be worked out."""
        try:
            return expand(word, variables, self.file.escape, self.allowance)
        except Unknown as error:
            self._miss(str(error))
            return ""

    def _miss(self, reason: str) -> None:
        """Keep the reason why an image may be read that is not known."""
        self.unknown.append(reason)
        self.may_be_more = True


def _variables(definition: BuildDefinition, platform: str, build_platform: str) -> dict[str, str]:
    variables = {**_platform_arguments("BUILD", build_platform), **_platform_arguments("TARGET", platform)}
    variables["TARGETSTAGE"] = definition.target or "default"
    return {name: definition.args.get(name, value) for name, value in variables.items()}


def _source_names(instruction: Instruction) -> Iterator[str]:
    if instruction.name == "copy" and (source := instruction.flag("from")):
        yield source
    for mount in (value for name, value in instruction.flags if instruction.name == "run" and name == "mount"):
        fields = split_fields(mount)
        if fields.get("type", "bind") in ("bind", "cache") and fields.get("from"):
            yield fields["from"]


def _platform_arguments(prefix: str, platform: str) -> dict[str, str]:
    system, architecture, variant = (*platform.split("/"), "", "")[:3]
    values = {"PLATFORM": platform, "OS": system, "ARCH": architecture, "VARIANT": variant}
    return {f"{prefix}{name}": value for name, value in values.items()}
