"""The Docker port: python-on-whales' API, and :mod:`command_line` where that API would lose something."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.docker import errors, transient
from ecr_tasks.clients.docker.bake import (
    CACHE_ONLY,
    bake_document,
    failed_inputs,
    parse_bake,
    serialize,
    target_names,
)
from ecr_tasks.clients.docker.command_line import (
    CommandLine,
    ask_other_client,
    run_in_own_config,
    translate_errors,
)
from ecr_tasks.clients.docker.composed_manifest import ManifestParts, manifest_parts
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.image_store import NAME_ATTEMPTS, ImageStore
from ecr_tasks.clients.docker.lost_caches import lost_caches
from ecr_tasks.clients.docker.parse import (
    build_result,
    loaded_config,
    parse_builder,
    parse_config,
    parse_engine,
    registry_digest,
)
from ecr_tasks.clients.docker.process import ProcessResult, show_held
from ecr_tasks.clients.docker.retry import retry_transient
from ecr_tasks.clients.docker.valid_tokens import ValidTokens
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError, EcrTasksError
from ecr_tasks.files import read_bytes
from ecr_tasks.model.builder import Builder
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.image import BakeFile, BuildDefinition, BuildInput
from ecr_tasks.model.image_config import ImageConfig
from ecr_tasks.model.platform import parse_platform
from ecr_tasks.model.ports import BuildResult, Engine
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.plan.other_client import (
    DOCKER,
    PODMAN,
    argument_variables,
    build_words,
    check_client,
    platform_format,
    tls_options,
)
from ecr_tasks.redaction import keep_build_arguments
from ecr_tasks.settings.parse.build_options import referenced_variables
from ecr_tasks.settings.parse.lists import csv_fields

if TYPE_CHECKING:
    from python_on_whales import SystemInfo

_INFO_SECONDS = 60.0
"""How long a client in docker's place may take to say what machine it runs on, which may have to start."""

_WITHOUT_TRUST = {"DOCKER_CONTENT_TRUST": "0"}
"""docker pushes first, and fails then for want of a notary (https://docs.docker.com/engine/security/trust/)."""

_PROVENANCE = "BUILDX_METADATA_PROVENANCE"
"""Whether the metadata file tells how each image was built: its layers, too, of which the manifest consists."""

_METADATA_BYTES = 512 * 1024 * 1024
"""The size of the largest metadata file: provenance names the layers before each step, 0.9 MB of eighty steps."""

_CACHE_VARIABLES = {"s3": "AWS_", "gha": "ACTIONS_RUNTIME_TOKEN"}


class WhalesDocker(ImageStore):
    """A docker CLI with buildx, in a private configuration, for one project.

    ``variables`` are the variables of the dotenv files; a build gets those that its secrets are read from. ``mask``
    is called with each token before docker gets it. With ``live``, docker draws its live progress on a terminal;
    without, it prints plain lines. Commands that only ask may take ``seconds``, if that is given.
    """

    def __init__(
        self,
        config: PrivateConfig,
        project: Path,
        variables: Mapping[str, str],
        mask: Callable[[RegistryToken], None] = lambda token: None,
        retrier: Retrier | None = None,
        live: bool = True,
        seconds: float | None = None,
        program: str = DOCKER,
    ) -> None:
        self._retrier = retrier or Retrier()
        commands = CommandLine(config, project, live=live, seconds=seconds, program=program)
        super().__init__(config, commands, self._retrier.report)
        self._variables = variables
        self._mask = mask
        self._tokens = ValidTokens(config, mask, self._retrier)
        self._remote: Builder | None = None
        self._is_trust_told = False
        self._manifest_parts: dict[str, ManifestParts | None] = {}

    def engine(self, builder: str | None) -> Engine:
        """Return the engine's store and platform, and the driver of the builder, with two docker calls.

        Raises BuildError when there is no engine, no buildx or no such builder, and for a docker context that is not
        the current one: buildx shows contexts as builders, but builds only in the engine that docker uses. A builder
        on other machines needs no engine here.
        """
        if self._commands.program != DOCKER:
            return self._other_engine
        try:
            info = self._info()
        except BuildError:
            if not self._config.builds_elsewhere(builder):
                raise
            info = None
        command = self._commands.buildx("inspect", *([builder] if builder else []))
        answer = self._commands.output("ask buildx for its builder", command)
        engine = parse_engine(info, answer)
        self._remote = parse_builder(answer) if engine.driver == "remote" else None
        # A context whose engine doesn't answer has no driver; a builder that was created always has one.
        if engine.driver in ("docker", "") and (builder or os.environ.get("BUILDX_BUILDER")):
            current = self._commands.output("name its context", self._commands.docker("context", "show"))
            if engine.builder != current:
                raise errors.other_context(engine.builder)
        return engine

    @cached_property
    def _other_engine(self) -> Engine:
        """The machine of the client in docker's place."""
        program = self._commands.program
        answer = ask_other_client(program, "info", "--format", platform_format(program), seconds=_INFO_SECONDS)
        return Engine(False, parse_platform(answer) or "", program, program)

    def _info(self) -> SystemInfo | None:
        with translate_errors("ask the engine what it is"):
            info = self._commands.client.system.info()
            if not info.server_version:  # older clients report a missing engine here with exit code 0
                self._commands.client.version()
                raise errors.other_client()
            return info

    def _check_remote(self) -> None:
        """Raise BuildError for a remote builder that doesn't answer."""
        if self._remote is not None:
            from ecr_tasks.clients.docker.unreached_builder import check_reached

            check_reached(self._remote)

    def builds_elsewhere(self, builder: str | None) -> bool:
        """Return whether the builder's machines are others than the engine's, without asking any."""
        return self._config.builds_elsewhere(builder)

    def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        """Build all inputs with one `buildx bake` and return their results by name.

        The definition goes through a private file: build arguments stay out of argv. The digests come from bake's
        metadata file. A build is repeated after a transient failure of a registry; a cache that can't be reached is
        reported. Inputs with ``push`` are pushed by digest. Raises BuildError with the failing step, RegistryError
        when a push fails, and AwsError where a right is missing for it; the error's ``about`` has the builds that
        failed, where buildx says it.
        """
        if self._commands.program != DOCKER:
            return {item.name: self._build_without_buildx(item) for item in inputs}
        self._check_remote()  # what was built before can be pushed without it
        with self._config.scratch_folder() as folder:
            inputs = self._config.names.for_builds(inputs)
            definition, metadata_file = folder / "bake.json", folder / "metadata.json"
            definition.touch(0o600)
            document = bake_document(inputs)
            definition.write_text(serialize(document), encoding="utf-8")
            options = ["--file", str(definition), "--metadata-file", str(metadata_file)]
            definitions = [item for build_input in inputs for item in build_input.definition.with_links()]
            for item in definitions:
                keep_build_arguments(item.args)
            allowed = dict.fromkeys(name for item in definitions for name in item.entitlements)
            options += [word for name in allowed for word in ("--allow", name)]
            names_read = referenced_variables((), [secret for item in definitions for secret in item.secrets])
            known = dict(self._variables)
            for item in definitions:
                known = {**item.variables, **known}
            needed = {*names_read, *_cache_variables(definitions, {*os.environ, *self._variables})}
            variables = {name: value for name, value in known.items() if name in needed}
            asks = any(map(_is_composed, inputs)) and _PROVENANCE not in os.environ
            if asks or any(build_input.provenance for build_input in inputs):
                variables[_PROVENANCE] = "max"
            if not any(map(_tells_git, inputs)):
                variables["BUILDX_GIT_INFO"] = "0"
            command = self._commands.buildx("bake", *options, *_builder_option(builder))
            looked_at = {name for item in inputs if _is_composed(item) for name in item.references[:1]}
            with self.looking_ahead(looked_at):
                result = retry_transient(
                    lambda: self._bake(command, variables, needed),
                    transient.build_reason,
                    self._retrier,
                )
            if result.code != 0:
                is_refused = errors.is_address_refused(result.lines)
                if is_refused or errors.is_engine_away(result.lines):
                    self._config.names.not_given(inputs)
                if is_refused:
                    self._check_engine_address()
                error = _told_once(errors.build_failed(result.lines), result)
                if target := errors.failed_target(result.lines):
                    error.about = failed_inputs(inputs, document, target)
                raise error
            for word in lost_caches(result.lines):
                self._retrier.report(word)
            with errors.reading_answer("say what it has built"):
                metadata = parse_json(read_bytes(metadata_file, _METADATA_BYTES), values=_METADATA_BYTES // 32)
                targets = [dict(metadata[name]) for name in target_names(inputs)]
        return {item.name: self._build_result(item, target) for item, target in zip(inputs, targets, strict=True)}

    def _build_without_buildx(self, item: BuildInput) -> BuildResult:
        """Build one image with Podman, Finch or nerdctl, which makes its manifest at the push."""
        program, definition = self._commands.program, item.definition
        check_client(item.name, definition, program)
        keep_build_arguments(definition.args)
        if program != PODMAN and definition.annotations_at("manifest"):
            self._retrier.report(f"{item.name}: {program} gives images no annotations; the labels say the same")
        variables = argument_variables(definition, os.environ)
        for name in referenced_variables((), definition.secrets):
            if name in {**definition.variables, **self._variables}:
                variables[name] = {**definition.variables, **self._variables}[name]
        with self._config.scratch_folder() as folder:
            id_file = folder / "id"
            command = self._commands.docker(*build_words(item, str(id_file), program))
            result = retry_transient(
                lambda: self._tokens.run(
                    lambda: self._commands.show(command, variables, needed=variables, build=True)
                ),
                transient.build_reason,
                self._retrier,
            )
            if result.code != 0:
                raise _told_once(errors.build_failed(result.lines), result)
            with errors.reading_answer("say what it has built"):
                image_id = id_file.read_text("utf-8").strip()
        return BuildResult(item.name, None, image_id, definition.platforms)

    def read_dockerfiles(self, definitions: Mapping[str, BuildDefinition], builder: str | None) -> None:
        """Let the builder read the Dockerfiles of builds, by name, and look for base images; nothing is built.

        Raises BuildError for one that can't be built, and RegistryError for an image that a registry doesn't give,
        both with that build's name where it is known. A buildx that can't be asked for it (before 0.17) is no error.
        """
        if self._commands.program != DOCKER:
            return
        self._check_remote()
        with self._config.scratch_folder() as folder:
            (folder / "linked").mkdir()
            inputs = []
            for name, item in definitions.items():
                keep_build_arguments(item.args)
                # What a target links to would have to be built first: an empty folder stands for it.
                targets = [name for name, value in item.contexts.items() if value.startswith("target:")]
                plain = BuildDefinition(
                    context=item.context,
                    dockerfile=item.dockerfile,
                    target=item.target,
                    args=item.args,
                    contexts={**item.contexts, **dict.fromkeys(targets, str(folder / "linked"))},
                    platforms=item.platforms,
                    extra={key: value for key, value in item.extra.items() if key == "dockerfile-inline"},
                )
                inputs.append(BuildInput(name, plain, (), "builder"))
            file = folder / "bake.json"
            file.touch(0o600)
            document = bake_document(inputs)
            for target in document["target"].values():  # an outline is exported too, as the same empty image for all
                target["output"] = [CACHE_ONLY]
            file.write_text(serialize(document), encoding="utf-8")
            options = ["--progress", "plain", "--call", "outline,format=json", "--file", str(file)]
            self._tokens.renew()
            if (lines := self._commands.read_only_bake(*options, *_builder_option(builder))) is not None:
                error = errors.dockerfile_refused(lines)
                if target := errors.failed_target(lines):
                    error.about = failed_inputs(inputs, document, target)
                raise error

    def targets(self, files: Sequence[str], folder: Path, environ: Mapping[str, str], *, group: str = "") -> BakeFile:
        """Return the targets of bake or compose files, as buildx resolves them in ``folder`` with this environment.

        Those of ``group``, or else of the group ``default``. Paths are relative to ``folder``. Raises BuildError with
        the place of an error in the files.
        """
        with translate_errors("start"):
            stdout, stderr = self._commands.read_definition(files, folder, environ, group=group)
        if not stdout:
            raise errors.definition_failed(files, stderr)
        with errors.reading_answer(f"read {', '.join(Path(file).name for file in files)}"):
            return parse_bake(parse_json(stdout))

    def image_digest(
        self, reference: str, builder: str | None, *, local: bool, seconds: float | None = None
    ) -> str | None:
        """Return a base image's digest: the local store's (None without the image) if ``local``, else the registry's.

        The digest of a local image is the one in the registry that it came from, if any: it is the same on every
        machine. Else it is the image's id. Of a reference with a digest it is that of what the registry sends for it.
        A registry that is busy is asked again. Raises NoSuchImage when the registry has none, other errors when it
        doesn't say, and NoAnswer when an answer takes it more than so many ``seconds``.
        """
        from ecr_tasks.source.build_context.base_images import pinned_digest

        if local:
            image = self._image(reference)
            return (registry_digest(reference, image.repo_digests or ()) or image.id) if image else None
        self._tokens.renew()
        action = f"find {reference}"
        if pinned := pinned_digest(reference):
            command = self._commands.buildx("imagetools", *_builder_option(builder), "inspect", "--raw", reference)
            manifest = self._commands.output(action, command, self._retrier, seconds=seconds, reference=reference)
            return pinned if _with_digest(manifest, pinned) is not None else sha256_digest(manifest)
        options = [*_builder_option(builder), "inspect", "--format", "{{json .Manifest}}", reference]
        command = self._commands.buildx("imagetools", *options)
        descriptor = self._commands.output(action, command, self._retrier, seconds=seconds, reference=reference)
        with errors.reading_answer(action):
            return str(parse_json(descriptor)["digest"])

    def push(self, reference: str) -> None:
        """Push one name. Raises RegistryError, Refused for an immutable tag, or AwsError for a missing right."""
        command = self._commands.docker("push", *tls_options(reference, self._commands.program), reference)
        if os.environ.get("DOCKER_CONTENT_TRUST", "").lower() in ("1", "t", "true") and not self._is_trust_told:
            self._is_trust_told = True
            self._retrier.report("DOCKER_CONTENT_TRUST signs nothing here: ECR has no notary; `inv sign` does it")
        result = self._retried(
            lambda: self._push_by_api(reference) or self._commands.show(command, _WITHOUT_TRUST), reference
        )
        if result.code != 0:
            raise _told_once(errors.push_failed(reference, result.lines), result)

    def pull(self, reference: str, platform: str | None) -> None:
        """Pull one name. Raises RegistryError with the registry's own message."""
        options = [*(["--platform", platform] if platform else []), *tls_options(reference, self._commands.program)]
        result = self._transfer(self._commands.docker("pull", *options, reference), reference, last_line=reference)
        if result.code != 0:
            raise _told_once(errors.pull_failed(reference, result.lines), result)

    def copy(self, source: str, targets: Sequence[str]) -> Mapping[str, EcrTasksError]:
        """Copy an image between registries, to all targets at once, and return the errors of those that failed.

        Every reference is by digest: with a tag in the target, a buildx before 0.22 pushes the children under that
        tag too, which immutable repositories refuse (buildx#1660). --prefer-index=false (buildx#2482) makes no index
        of a single manifest. Layers that a target has are not sent again. One target's failure doesn't stop others.
        """
        # With several targets only the plain progress tells which one an error is about.
        options = ["--prefer-index=false", *(["--progress", "plain"] if len(targets) > 1 else [])]
        tags = [word for target in targets for word in ("--tag", target)]
        command = self._commands.buildx("imagetools", "create", *options, *tags, source)
        result = self._transfer(command, source, lambda lines: transient.copy_reason(targets, lines))
        if result.code == 0:
            return {}
        failed = errors.copies_failed(source, targets, result.lines)
        if not any(errors.repeats(error, result.held_line) for error in failed.values()):
            show_held(result)
        return failed

    def built_manifest(self, digest: str, record: str) -> str | None:
        """Return a manifest that a build made; None where it isn't there (any more).

        What a build of this run and the engine have told makes it up at once. Else it is in the builder's history:
        ``record`` is BUILDER/NODE/ID, and buildx can ask since 0.21.
        """
        parts = self._manifest_parts.get(digest)
        size = self.content_size(digest) if parts else None
        if parts and size and (text := parts.compose(size)):
            return text
        with suppress(EcrTasksError):
            return _with_digest(self._attachment(record, digest), digest)
        return None

    def builder_config(self, digest: str, record: str) -> ImageConfig | None:
        """Return the configuration of a manifest that a build made, from the builder's history.

        None where that gives other bytes. Raises BuildError with docker's reason where it gives none.
        """
        manifest = _with_digest(self._attachment(record, digest), digest)
        with errors.reading_answer("show what it has built"):
            config = parse_json(manifest)["config"]["digest"] if manifest else None
            text = _with_digest(self._attachment(record, config), config) if config else None
            return parse_config(parse_json(text)) if text else None

    def provenance(self, record: str, platform: str | None) -> str | None:
        """Return the document of a build's provenance, from the builder's history; None where it isn't there."""
        with suppress(EcrTasksError):
            return self._attachment(record, *(["--platform", platform] if platform else []), "--type", "provenance")
        return None

    def authorize(self, token: RegistryToken) -> None:
        """Add a token to the private configuration."""
        self._tokens.authorize(token)

    def login(self, token: RegistryToken) -> None:
        """Run `docker login` in the user's own configuration, with the password on stdin."""
        self._mask(token)
        options = [*tls_options(token.host, self._commands.program), "--username", token.username, "--password-stdin"]
        words = ("login", *options, token.host)
        run_in_own_config(f"log in to {token.host}", *words, stdin=token.password, program=self._commands.program)

    def logout(self, host: str) -> None:
        """Run `docker logout` in the user's own configuration."""
        run_in_own_config(f"log out of {host}", "logout", host, program=self._commands.program)

    def run_service(
        self, name: str, image: str, command: Sequence[str], *, port: int, mounts: Mapping[str, str]
    ) -> None:
        """Run a container in the background and publish its port on 127.0.0.1 only.

        ``mounts`` has a path in the container for each path on the host. A container of that name is replaced. The
        files that it writes belong to the user of this process.
        """
        self.remove_service(name)
        user = ["--user", f"{os.getuid()}:{os.getgid()}"] if hasattr(os, "getuid") else []
        volumes = [word for path, target in mounts.items() for word in ("--volume", f"{path}:{target}")]
        options = ["--detach", "--name", name, "--publish", f"127.0.0.1:{port}:{port}", *user, *volumes]
        result = self._commands.show(self._commands.docker("run", *options, image, *command))
        if result.code != 0:
            raise _told_once(errors.command_failed(f"run {image}", "\n".join(result.lines)), result)

    def install_emulation(self, image: str, architectures: Sequence[str]) -> None:
        """Install QEMU for these architectures into the kernel of the engine's machine, by a privileged container.

        It lasts until that machine is restarted (https://github.com/tonistiigi/binfmt). Raises BuildError.
        """
        names = ",".join(architectures)
        command = self._commands.docker("run", "--privileged", "--rm", image, "--install", names)
        result = self._commands.show(command)
        if result.code != 0:
            text = "\n".join(result.lines)
            raise _told_once(errors.command_failed(f"install the emulation of {names}", text), result)

    def remove_service(self, name: str) -> None:
        """Stop and remove a container, if there is one of that name."""
        from python_on_whales.exceptions import NoSuchContainer

        with translate_errors(f"remove {name}"), suppress(NoSuchContainer):
            self._commands.client.container.remove(name, force=True)

    def _attachment(self, record: str, *options: str) -> str:
        """Return an attachment of a build from the builder's history."""
        builder, _, build = record.partition("/")
        inspect = ["inspect", "attachment", "--builder", builder, build.rpartition("/")[2]]
        return self._commands.output("read", self._commands.buildx("history", *inspect, *options))

    def _check_engine_address(self) -> None:
        """Raise BuildError with what is wrong with the engine's address: docker says it, buildx doesn't."""
        with translate_errors("reach the engine"):
            self._commands.client.version()

    def _bake(self, command: Sequence[str], variables: Mapping[str, str], needed: Collection[str]) -> ProcessResult:
        """Run a build; repeat it when another build takes its image's name at the same moment."""

        def build() -> ProcessResult:
            return self._commands.show(command, variables, needed=needed, build=True)

        result = self._tokens.run(build)
        for _ in range(NAME_ATTEMPTS - 1):
            if result.code == 0 or not errors.is_name_taken(result.lines):
                break
            self._retrier.report("another build gave its image the same name at that moment: once more")
            result = build()
        return result

    def _build_result(self, build_input: BuildInput, metadata: Mapping[str, Any]) -> BuildResult:
        """Return one build's result; ask the store only about an image that another builder loaded into it.

        Of several platforms, the metadata file has no provenance, and the builder's history has each one's.
        """
        instances = Path(self._config.environment()["BUILDX_CONFIG"], "instances")
        config = loaded_config(metadata, instances) if build_input.keep == "store" else None
        result = build_result(build_input, metadata, loaded_as=self.image_id(config) if config else None)
        if result.digest and _is_composed(build_input):
            annotations = build_input.definition.annotations_at("manifest", *result.platforms[:1])
            with suppress(
                LookupError, TypeError, ValueError, AttributeError
            ):  # an older BuildKit doesn't tell all of it
                self._manifest_parts[result.digest] = manifest_parts(metadata, annotations)
        if build_input.provenance and not result.provenance and result.record:
            texts = {name: self.provenance(result.record, name) for name in result.platforms}
            with errors.reading_answer("say how it built"):
                return replace(result, provenance={name: parse_json(text) for name, text in texts.items() if text})
        return result

    def _push_by_api(self, reference: str) -> ProcessResult | None:
        """Push a name by the engine's API; None where only docker's command can: it draws, or asks a helper."""
        token = next((token for token in self._config.tokens if reference.startswith(f"{token.host}/")), None)
        if token is None or not self._commands.only_prints:
            return None
        from ecr_tasks.clients.docker.engine_push import push_by_api

        return push_by_api(self._api, reference, token)

    def _transfer(
        self,
        command: Sequence[str],
        reference: str,
        transient_reason: Callable[[Sequence[str]], str | None] = transient.transfer_reason,
        last_line: str = "",
    ) -> ProcessResult:
        """Run a pull or the copy of a reference, and repeat it after a transient failure."""
        return self._retried(lambda: self._commands.show(command, last_line=last_line), reference, transient_reason)

    def _retried(
        self,
        transfer: Callable[[], ProcessResult],
        reference: str,
        transient_reason: Callable[[Sequence[str]], str | None] = transient.transfer_reason,
    ) -> ProcessResult:
        """Transfer a reference with valid tokens, and repeat it after a transient failure."""
        return retry_transient(lambda: self._tokens.run(transfer, reference), transient_reason, self._retrier)


def _with_digest(stdout: str, digest: str) -> str | None:
    """Return the text that has a digest: an output lost a line break that may have been the text's own."""
    return next((text for text in (stdout, f"{stdout}\n") if sha256_digest(text) == digest), None)


def _told_once(error: EcrTasksError, result: ProcessResult) -> EcrTasksError:
    """Return the error of a command, after showing what docker said in its last line if the error doesn't say it."""
    if not errors.repeats(error, result.held_line):
        show_held(result)
    return error


def _builder_option(builder: str | None) -> list[str]:
    return ["--builder", builder] if builder else []


def _is_composed(build_input: BuildInput) -> bool:
    """Return whether the manifest of a build can be made of what the build and the engine tell of it."""
    return build_input.keep == "store" and not build_input.layout and not build_input.definition.makes_index


def _tells_git(build_input: BuildInput) -> bool:
    """Return whether a build's provenance says what buildx asks git about: it starts git seven times a target."""
    definition = build_input.definition
    return build_input.provenance or definition.attests or not definition.attest


def _cache_variables(definitions: Iterable[BuildDefinition], names: Iterable[str]) -> set[str]:
    """Return those variables from which buildx takes the credentials of caches (buildx, build/opt.go)."""
    caches = [entry for item in definitions for entry in (*item.cache_from, *item.cache_to)]
    types = {field.text.partition("=")[2] for entry in caches for field in csv_fields(entry) if field.key == "type"}
    prefixes = tuple(prefix for kind, prefix in _CACHE_VARIABLES.items() if kind in types)
    return {name for name in names if prefixes and name.startswith(prefixes)}
