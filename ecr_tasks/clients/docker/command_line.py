"""Docker commands on python-on-whales' command line, for the cases in which its API (0.81) would lose something.

- ``buildx bake``: the API runs ``bake --print`` as well after each build; on a terminal it gives us either the live
  progress or the failing step, not both; it has no working directory, and takes no variable out of the environment.
- ``push`` and ``pull``: the API inspects the image as well, and prints the progress on stdout, which is for data.
- ``imagetools create``: the API has no ``--prefer-index`` and shows no progress.
- ``imagetools inspect``: the API gives some fields of the manifest, neither its bytes nor its digest.
- ``buildx inspect``: the API runs ``buildx ls`` as well, which connects to every builder.
- ``login`` and ``logout``: the API lets docker print on stdout.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ecr_tasks.clients.docker import errors, process
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.known_errors import OWN_WORDS
from ecr_tasks.clients.docker.retry import LOOKUP
from ecr_tasks.clients.retry import Retrier

if TYPE_CHECKING:
    from python_on_whales import DockerClient

_INTERRUPTED = 130
"""The exit code of docker after Ctrl-C, which it may receive before we do."""


class CommandLine:
    """Runs docker and buildx commands in a private configuration, for one project.

    With ``live``, docker draws its live progress where stderr is a terminal; without, a build does so only when
    BUILDKIT_PROGRESS asks for it.
    """

    def __init__(self, config: PrivateConfig, project: Path, *, live: bool = True) -> None:
        self._config = config
        self._project = project
        self._live = live

    @cached_property
    def client(self) -> DockerClient:
        """python-on-whales' client in the private configuration."""
        from python_on_whales import DockerClient

        return DockerClient(config=self.environment()["DOCKER_CONFIG"])

    def environment(self) -> dict[str, str]:
        """Return what docker needs in addition to our own environment."""
        return self._config.environment()

    def docker(self, *arguments: str) -> list[str]:
        """Return the command line of a docker command. Raises BuildError when there is no docker client."""
        with translate_errors("start"):
            return [*map(str, self.client.client_config.docker_cmd), *arguments]

    def buildx(self, *arguments: str) -> list[str]:
        """Return the command line of a buildx command; it calls the plugin directly if docker would use the same.

        docker looks through all its plugins before it starts one, which costs a tenth of a second. buildx also runs
        by itself, with the same configuration and contexts.
        """
        plugin = self._config.buildx_plugin()
        if plugin is None:
            return self.docker("buildx", *arguments)
        from python_on_whales import DockerClient

        buildx = DockerClient(client_call=[plugin])  # the private configuration comes by DOCKER_CONFIG
        return [*map(str, buildx.client_config.docker_cmd), *arguments]

    def output(self, action: str, command: Sequence[str], retrier: Retrier | None = None) -> str:
        """Run a command that prints nothing for people and return its stdout, without the last line break.

        With a ``retrier`` it is repeated after a transient failure of a registry. Raises BuildError that says which
        ``action`` failed and why.
        """
        from python_on_whales.exceptions import DockerException
        from python_on_whales.utils import run

        with translate_errors(action):
            for attempt in count(1):
                try:
                    stdout: str = run(list(command), env=self.environment(), return_stderr=False)
                    break
                except DockerException as error:
                    reason = errors.transient_reason((error.stderr or "").splitlines()) if retrier else None
                    if retrier is None or reason is None or not retrier.wait(LOOKUP, attempt, reason):
                        raise
        return stdout

    def read_definition(self, files: Sequence[str], folder: Path, environ: Mapping[str, str]) -> tuple[str, str]:
        """Return what bake prints of a definition that is read in ``folder`` with this environment, and its stderr.

        The first text is empty after an error.
        """
        options = [word for file in files for word in ("--file", file)]
        command = self.buildx("bake", "--print", *options)
        with self._ssh_agent(environ) as agent:
            result = subprocess.run(  # noqa: S603 - our own command line
                command,
                cwd=folder,
                env={**environ, **agent, **self.environment()},
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        stdout, stderr = (stream.decode("utf-8", "replace") for stream in (result.stdout, result.stderr))
        return (stdout if result.returncode == 0 else "", stderr)

    @contextmanager
    def _ssh_agent(self, environ: Mapping[str, str]) -> Iterator[dict[str, str]]:
        """Yield a variable with the socket of an ssh agent that nobody answers at, where ``environ`` has none.

        bake looks for the agent that a definition names also when it only prints the definition, which tasks that
        build nothing need too; a build fails without one.
        """
        if environ.get("SSH_AUTH_SOCK") or not hasattr(socket, "AF_UNIX"):
            yield {}
            return
        with self._config.scratch_folder() as folder, socket.socket(socket.AF_UNIX) as agent:
            with suppress(OSError):  # a path that is too long for a socket, for docker too
                agent.bind(str(folder / "agent"))
            yield {"SSH_AUTH_SOCK": str(folder / "agent")}

    def show(
        self,
        command: Sequence[str],
        variables: Mapping[str, str] = MappingProxyType({}),
        *,
        build: bool = False,
    ) -> process.ProcessResult:
        """Run a command with its progress on our stderr, with these variables added to its environment.

        Raises KeyboardInterrupt when it was interrupted.
        """
        environment = {**os.environ, **variables, **self.environment()}
        # Provenance in the metadata file is of no use here, and reading it back from the builder costs time.
        environment.setdefault("BUILDX_METADATA_PROVENANCE", "disabled")
        # The settings and the project's files decide which paths may be read; bake's own check would ask about each
        # path outside the working directory, which a CI can't answer.
        environment["BUILDX_BAKE_ENTITLEMENTS_FS"] = "0"
        try:
            live = self._live or (build and environment.get("BUILDKIT_PROGRESS") == "tty")
            result = process.run(command, env=environment, cwd=str(self._project), live=live)
        except OSError as error:
            raise errors.broken_program(command[0], error.strerror or str(error)) from None
        if result.code == _INTERRUPTED:
            raise KeyboardInterrupt
        return result


def run_in_own_config(action: str, *arguments: str, stdin: str = "") -> None:
    """Run a docker command in the user's own configuration. Raises BuildError like :meth:`CommandLine.output`."""
    from python_on_whales import DockerClient
    from python_on_whales.utils import run

    with translate_errors(action):
        run([*DockerClient().client_config.docker_cmd, *arguments], input=stdin.encode())


@contextmanager
def translate_errors(action: str, remedy: str = OWN_WORDS) -> Iterator[None]:
    """Raise python-on-whales' exceptions as our errors, without the command line that their text contains.

    ``action`` completes "docker could not …".
    """
    from python_on_whales.client_config import ClientNotFoundError
    from python_on_whales.exceptions import DockerException

    try:
        yield
    except ClientNotFoundError:
        raise errors.no_docker() from None
    except OSError as error:
        raise errors.broken_program(str(error.filename or "docker"), error.strerror or str(error)) from None
    except ValueError as error:  # pydantic's and json's errors are ValueErrors
        raise errors.unreadable_answer(action) from error
    except DockerException as error:
        raise errors.command_failed(action, error.stderr or error.stdout or "", remedy) from None
