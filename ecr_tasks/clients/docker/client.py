"""The Docker port on python-on-whales: the only module that imports it, and only inside functions.

python-on-whales finds the docker client, builds its command line and runs what it covers; what it does not
cover (bake's metadata file, progress on stderr alone) is added to its command line here.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.docker import errors as docker_errors
from ecr_tasks.clients.docker import process as live
from ecr_tasks.clients.docker.bake import bake_document, dump, from_bake, target_names
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.parse import built, engine_of, loaded_config, registry_digest
from ecr_tasks.clients.docker.retry import insist
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.console import say
from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.engine import Engine
from ecr_tasks.model.image import BuildDefinition, BuildInput
from ecr_tasks.model.ports import BuildResult
from ecr_tasks.model.registry import RegistryToken

if TYPE_CHECKING:
    from python_on_whales import DockerClient


NAMING_ATTEMPTS = 5
"""How often a build is begun that another one came before in giving its image a name; all of it is cached then."""

INTERRUPTED = 130
"""What docker ends with after Ctrl-C; it may see it before we do."""


class WhalesDocker:
    """A docker CLI with buildx, in a private configuration, for one project.

    ``variables`` are what a build may need from the dotenv files (secrets and arguments it names), and nothing
    else of them; they reach builds alone. ``mask`` is told each token before docker is.
    """

    def __init__(
        self,
        config: PrivateConfig,
        project: Path,
        variables: Mapping[str, str],
        mask: Callable[[RegistryToken], None] = lambda token: None,
        retrier: Retrier | None = None,
    ) -> None:
        self._config = config
        self._project = project
        self._variables = variables
        self._mask = mask
        self._retrier = retrier or Retrier()
        self._client: DockerClient | None = None

    def engine(self, builder: str | None) -> Engine:
        """Asks the engine for its store and buildx for its driver: two docker calls.

        Raises BuildError when there is no engine or no buildx.
        """
        info = json.loads(self._run("ask the engine what it is", "info", "--format", "{{json .}}"))
        if info.get("ServerErrors"):  # some clients tell of a missing engine only here
            raise docker_errors.command_failed("ask the engine what it is", "\n".join(info["ServerErrors"]))
        listed = self._run("ask buildx for its builder", "buildx", "inspect", *([builder] if builder else []))
        return engine_of(info, listed)

    def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        """Builds everything with one `buildx bake`; the digests come from its metadata file.

        The definition goes through a private file: build arguments stay out of argv.
        """
        with tempfile.TemporaryDirectory(prefix="ecr-tasks-build-") as folder:
            definition, metadata = Path(folder, "bake.json"), Path(folder, "metadata.json")
            definition.touch(0o600)
            definition.write_text(dump(bake_document(inputs)), encoding="utf-8")
            options = ["--file", str(definition), "--metadata-file", str(metadata)]
            command = self._buildx("bake", *options, *(["--builder", builder] if builder else []))
            finished = self._live(command, build=True)
            for _ in range(NAMING_ATTEMPTS - 1):
                if finished.code == 0 or not docker_errors.named_meanwhile(finished.lines):
                    break
                say("another build gave its image the same name at that moment: once more")
                finished = self._live(command, build=True)
            if finished.code != 0:
                values = [value for item in inputs for value in item.definition.args.values()]
                raise docker_errors.build_failed(finished.lines, values)
            said = json.loads(metadata.read_text(encoding="utf-8"))
        names = target_names(inputs)
        return {item.name: self._built(item, said[name]) for name, item in zip(names, inputs, strict=True)}

    def targets(self, file: str) -> Mapping[str, BuildDefinition]:
        """The default group's targets of a bake or compose file, as buildx resolves them."""
        name = Path(file).name
        remedy = f"Mend {name}; `docker buildx bake --file {name} --print` reads it the same way."
        text = self._run(f"read {name}", "buildx", "bake", "--file", file, "--print", build=True, remedy=remedy)
        return from_bake(json.loads(text))

    def image_id(self, reference: str) -> str | None:
        """A local image's id: its manifest's digest in containerd's store, its config's in the classic one."""
        from python_on_whales.exceptions import NoSuchImage

        try:
            return self._docker().image.inspect(reference).id
        except NoSuchImage:
            return None

    def image_digest(self, reference: str, builder: str | None, *, local: bool) -> str | None:
        """A base image's digest: the local store's, None where it has none; else the registry's, or BuildError.

        Of a local image it is the one in the registry that it came from, if it came from one: the same on every
        machine. Else it is the image's id.
        """
        if not local:
            options = ["--builder", builder] if builder else []
            asked = ["buildx", "imagetools", *options, "inspect", "--format", "{{json .Manifest}}", reference]
            said = json.loads(self._run(f"find {reference}", *asked))
            return str(said["digest"])
        from python_on_whales.exceptions import DockerException, NoSuchImage

        try:
            found = self._docker().image.inspect(reference)
            return registry_digest(reference, found.repo_digests or ()) or found.id
        except NoSuchImage:
            return None
        except DockerException as error:
            raise docker_errors.command_failed(f"look at {reference}", error.stderr or "") from None

    def tag(self, source: str, target: str) -> None:
        """Gives a local image one more name."""
        self._run(f"tag {target}", "tag", source, target)

    def push(self, reference: str) -> None:
        """Pushes one name, progress on stderr; RegistryError, or Refused for an immutable tag."""
        finished = self._transfer(self._command("push", reference))
        if finished.code != 0:
            raise docker_errors.push_failed(reference, finished.lines)

    def pull(self, reference: str, platform: str | None) -> None:
        """Pulls one name, progress on stderr; RegistryError with the registry's own words."""
        options = ["--platform", platform] if platform else []
        finished = self._transfer(self._command("pull", *options, reference))
        if finished.code != 0:
            raise docker_errors.pull_failed(reference, finished.lines)

    def copy(self, source: str, targets: Sequence[str]) -> Mapping[str, EcrTasksError]:
        """Copies from registry to registries, all at once, every reference by digest; gives those that failed.

        Without a tag in the target, children go by their digests also with a buildx before 0.22, which else pushes
        them under the tag, against immutable repositories (buildx#1660). --prefer-index=false (buildx#2482) keeps
        a single manifest one. What is there is not sent again. One target's failure leaves the others going.
        """
        # With several targets only the plain progress tells which one an error is about.
        options = ["--prefer-index=false", *(["--progress", "plain"] if len(targets) > 1 else [])]
        names = [word for target in targets for word in ("--tag", target)]
        command = self._buildx("imagetools", "create", *options, *names, source)
        finished = self._transfer(command, lambda lines: docker_errors.copies_passing(targets, lines))
        if finished.code == 0:
            return {}
        return docker_errors.copies_failed(source, targets, finished.lines)

    def manifest(self, reference: str) -> str:
        """The manifest of a reference by digest, as its registry holds it; RegistryError for other bytes."""
        text = self._run(f"read {reference}", "buildx", "imagetools", "inspect", "--raw", reference)
        wanted = reference.rpartition("@sha256:")[2]
        for whole in (text, f"{text}\n"):  # a line break at its end is taken for the terminal's
            if hashlib.sha256(whole.encode()).hexdigest() == wanted:
                return whole
        raise RegistryError(f"What the registry gave as {reference} has another digest.", "Run it again.")

    def authorize(self, token: RegistryToken) -> None:
        """Lets this run in at the token's host, through the private configuration."""
        self._mask(token)
        self._config.authorize(token)

    def login(self, token: RegistryToken) -> None:
        """`docker login` into the user's own configuration, the password on stdin."""
        self._mask(token)
        arguments = ["login", "--username", token.username, "--password-stdin", token.host]
        self._lasting(f"log in to {token.host}", *arguments, password=token.password)

    def logout(self, host: str) -> None:
        """`docker logout` from the user's own configuration."""
        self._lasting(f"log out of {host}", "logout", host)

    def run_service(
        self, name: str, image: str, command: Sequence[str], *, port: int, mounts: Mapping[str, str]
    ) -> None:
        """Runs a container in the background, its port on our 127.0.0.1 alone; ``mounts``: host to container.

        A stopped one of that name is replaced. Files it writes belong to whoever runs this.
        """
        self.remove_service(name)
        user = ["--user", f"{os.getuid()}:{os.getgid()}"] if hasattr(os, "getuid") else []
        volumes = [word for host, inside in mounts.items() for word in ("--volume", f"{host}:{inside}")]
        options = ["--detach", "--name", name, "--publish", f"127.0.0.1:{port}:{port}", *user, *volumes]
        self._run(f"run {image}", "run", *options, image, *command)

    def remove_service(self, name: str) -> None:
        """Stops and removes a container, if there is one of that name."""
        if self._docker().container.exists(name):
            self._docker().container.remove(name, force=True)

    def _docker(self) -> DockerClient:
        """The client in the private configuration."""
        if self._client is None:
            from python_on_whales import DockerClient

            self._client = DockerClient(config=self._config.environment()["DOCKER_CONFIG"])
        return self._client

    def _built(self, item: BuildInput, metadata: Mapping[str, Any]) -> BuildResult:
        """Return what was built; the store is asked only about what a builder beside the engine loaded into it."""
        instances = Path(self._config.environment()["BUILDX_CONFIG"], "instances")
        config = loaded_config(metadata, instances) if item.keep == "store" else None
        return built(item, metadata, loaded_as=self.image_id(config) if config else None)

    def _command(self, *arguments: str) -> list[str]:
        from python_on_whales.client_config import ClientNotFoundError

        try:
            return [str(part) for part in self._docker().client_config.docker_cmd] + list(arguments)
        except ClientNotFoundError as error:
            raise docker_errors.no_docker() from error

    def _environment(self, *, build: bool) -> dict[str, str]:
        return {**self._config.environment(), **(self._variables if build else {})}

    def _run(
        self, doing: str, *arguments: str, build: bool = False, remedy: str = docker_errors.NO_ENGINE_REMEDY
    ) -> str:
        """A quiet docker call, its stdout returned."""
        from python_on_whales.exceptions import DockerException
        from python_on_whales.utils import run

        try:
            said: str = run(self._command(*arguments), env=self._environment(build=build), return_stderr=False)
            return said
        except DockerException as error:
            raise docker_errors.command_failed(doing, error.stderr or error.stdout or "", remedy) from None

    def _lasting(self, doing: str, *arguments: str, password: str = "") -> None:
        """A docker call on the user's own configuration."""
        from python_on_whales import DockerClient
        from python_on_whales.exceptions import DockerException
        from python_on_whales.utils import run

        self._command()
        command = [*DockerClient().client_config.docker_cmd, *arguments]
        try:
            run(command, input=password.encode())
        except DockerException as error:
            raise docker_errors.command_failed(doing, error.stderr or error.stdout or "") from None

    def _buildx(self, *arguments: str) -> list[str]:
        """A command line of buildx, by the plugin itself where docker would take just that one.

        docker looks through all its plugins before it starts one, a tenth of a second; buildx is made to run by
        itself as well, and reads the same configuration and contexts.
        """
        plugin = self._config.buildx()
        if plugin is None:
            return self._command("buildx", *arguments)
        from python_on_whales import DockerClient

        buildx = DockerClient(client_call=[plugin])  # the private configuration comes by DOCKER_CONFIG
        return [*map(str, buildx.client_config.docker_cmd), *arguments]

    def _transfer(
        self, command: Sequence[str], passing: Callable[[Sequence[str]], str | None] = docker_errors.passing
    ) -> live.Finished:
        """The same for what goes to or from a registry, tried again where the reason is one that passes."""
        return insist(lambda: self._live(command), passing, self._retrier)

    def _live(self, command: Sequence[str], *, build: bool = False) -> live.Finished:
        """A docker call that a person watches."""
        environment = {**os.environ, **self._environment(build=build)}
        # Provenance in the metadata file is of no use here, and reading it back from the builder costs time.
        environment.setdefault("BUILDX_METADATA_PROVENANCE", "disabled")
        # What may be read is decided by the settings; bake's own check would ask about each path outside the
        # working directory, which a CI can't answer.
        environment.setdefault("BUILDX_BAKE_ENTITLEMENTS_FS", "0")
        finished = live.run(command, env=environment, cwd=str(self._project))
        if finished.code == INTERRUPTED:
            raise KeyboardInterrupt
        return finished
