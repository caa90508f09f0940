"""Docker commands on python-on-whales' command line, for the cases in which its API (0.81) would lose something.

- ``buildx bake``: the API runs ``bake --print`` as well after each build; on a terminal it gives us either the live
  progress or the failing step, not both; it has no working directory, and takes no variable out of the environment.
- ``push`` and ``pull``: the API inspects the image as well, and prints the progress on stdout, which is for data.
- ``imagetools create``: the API has no ``--prefer-index`` and shows no progress.
- ``imagetools inspect``: the API gives some fields of the manifest, neither its bytes nor its digest.
- ``buildx inspect``: the API runs ``buildx ls`` as well, which connects to every builder.
- ``login`` and ``logout``: the API lets docker print on stdout.

A publication needs only these, so that python-on-whales, whose import takes a seventh of a second, is imported only
for the others.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ecr_tasks.clients.docker import errors, process, transient
from ecr_tasks.clients.docker.config import CONFIG, PrivateConfig
from ecr_tasks.clients.docker.known_errors import OWN_WORDS
from ecr_tasks.clients.docker.retry import LOOKUP
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import BuildError, EcrTasksError, Refused
from ecr_tasks.files import is_file, read_text
from ecr_tasks.model.child_environment import docker_environment, reading_environment
from ecr_tasks.plan.other_client import DOCKER, PODMAN, no_buildx
from ecr_tasks.redaction import redact
from ecr_tasks.terminal.held_output import held_output

if TYPE_CHECKING:
    from python_on_whales import DockerClient

_PODMANS_LOGINS = "REGISTRY_AUTH_FILE"
_INTERRUPTED = 130
"""The exit code of docker after Ctrl-C, which it may receive before we do."""


_READ_SECONDS = 30.0
_CALLS_NOTHING = r"unknown flag: --call|unsupported (?:request|subrequest|frontend)|does not support"
"""What an older buildx or another frontend says, where it can't be asked for what it would build."""

_WORD = r"\w+"
_READS_OTHERS = r"\b(?:include|extends|env_file)\b"
_VARIABLE = r"\$\{(\w+)(?::?-([^}]{0,200}))?\}|\$(\w+)"
_OTHER_FILE = r"(?<![\w./-])(?:[\w./-]+\.ya?ml\b|[\w./-]*\.env\b[\w.-]*)"


class CommandLine:
    """Runs docker and buildx commands in a private configuration, for one project.

    With ``live``, docker draws its live progress where stderr is a terminal; without, a build does so only when
    BUILDKIT_PROGRESS asks for it. Commands that only ask may take ``seconds``, if that is given.
    """

    def __init__(
        self,
        config: PrivateConfig,
        project: Path,
        *,
        live: bool = True,
        seconds: float | None = None,
        program: str = DOCKER,
    ) -> None:
        self.program = program
        self._config = config
        self.seconds = seconds
        self._project = project
        self._live = live

    @cached_property
    def client(self) -> DockerClient:
        """python-on-whales' client in the private configuration, whose commands get no secrets.

        The API starts docker with our own environment; env(1) takes out of it what docker has no use for.
        """
        environment = self.environment()
        withheld = [word for name in os.environ if name not in environment for word in ("-u", name)]
        plain = self._whales()
        env = shutil.which("env")
        if not withheld or env is None:
            return plain
        program = str(plain.client_config.get_client_call_with_path()[0])
        added = [f"{name}={environment[name]}" for name in (_PODMANS_LOGINS,) if name in environment]
        return self._whales([env, *withheld, *added, program])

    def _whales(self, call: Sequence[str] = ()) -> DockerClient:
        """Return python-on-whales' client of our program; another one than docker's knows no --config."""
        from python_on_whales import DockerClient

        if self.program != DOCKER:
            return DockerClient(client_call=list(call) or [self.program])
        config = self._config.environment()["DOCKER_CONFIG"]
        return DockerClient(config=config, client_call=list(call)) if call else DockerClient(config=config)

    def environment(self, needed: Collection[str] = ()) -> dict[str, str]:
        """Return the environment of a docker command; ``needed`` are the variables that it refers to."""
        own = self._config.environment()
        if self.program == PODMAN:  # it reads docker's file, by a name of its own (containers-auth.json(5))
            own[_PODMANS_LOGINS] = str(Path(own["DOCKER_CONFIG"], CONFIG))
        return self._environment(os.environ, needed) | own

    def _environment(self, environ: Mapping[str, str], needed: Collection[str]) -> dict[str, str]:
        return docker_environment(environ, needed=needed, starts_programs=self._config.starts_programs())

    def docker(self, *arguments: str) -> list[str]:
        """Return the command line of a docker command. Raises BuildError when there is no docker client."""
        check_arguments(*arguments)
        if self.program != DOCKER:
            return [_program(self.program), *arguments]
        return [_program(), "--config", self._config.environment()["DOCKER_CONFIG"], *arguments]

    @property
    def only_prints(self) -> bool:
        """Whether a command's progress is plain lines that are shown at once."""
        return held_output() is None and not process.draws(live=self._live)

    def engine_socket(self) -> str | None:
        """Return the path of the socket where docker finds its engine, if it is known and on this machine.

        Where a script in docker's place leads, it alone knows. Raises BuildError when there is no docker client.
        """
        with suppress(OSError), Path(_program(self.program)).open("rb") as program:
            return None if program.read(2) == b"#!" else self._config.engine_socket()
        return None

    def buildx(self, *arguments: str) -> list[str]:
        """Return the command line of a buildx command; it calls the plugin directly if docker would use the same.

        docker looks through all its plugins before it starts one, which costs a tenth of a second. buildx also runs
        by itself, with the same configuration and contexts.
        """
        if self.program != DOCKER:
            raise no_buildx(self.program)
        plugin = self._config.buildx_plugin()
        if plugin is None:
            return self.docker("buildx", *arguments)
        check_arguments(*arguments)
        return [plugin, *arguments]  # the private configuration comes by DOCKER_CONFIG

    def output(
        self,
        action: str,
        command: Sequence[str],
        retrier: Retrier | None = None,
        without: re.Pattern[str] | None = None,
        seconds: float | None = None,
        reference: str = "",
    ) -> str:
        """Run a command that prints nothing for people and return its stdout, without the last line break.

        With a ``retrier`` it is repeated after a transient failure of a registry. Lines of stderr that match
        ``without`` are no failure, if there are no others. Raises BuildError that says which ``action`` failed and
        why, also when there is no answer within ``seconds``; NoSuchImage where a registry that was asked for the
        image ``reference`` has none.
        """
        with translate_errors(action, reference=reference):
            for attempt in count(1):
                try:
                    return self._answer(action, command, seconds or self.seconds)
                except CommandFailedError as error:
                    lines = error.stderr.split("\n")
                    if without and any(lines) and all(without.fullmatch(line) for line in lines if line):
                        return error.stdout.removesuffix("\n")
                    reason = transient.reason(error.stderr.splitlines()) if retrier else None
                    if retrier is None or reason is None or not retrier.wait(LOOKUP, attempt, reason):
                        raise
        raise AssertionError("unreachable")

    def _answer(self, action: str, command: Sequence[str], seconds: float | None) -> str:
        if seconds is None:
            return _run(command, self.environment())
        return _within(action, command, self.environment(), seconds)

    def read_definition(
        self, files: Sequence[str], folder: Path, environ: Mapping[str, str], *, group: str = ""
    ) -> tuple[str, str]:
        """Return what bake prints of a definition that is read in ``folder`` with this environment, and its stderr.

        It is that of the group ``default`` where ``group`` names no other. The first text is empty after an error.
        """
        options = [word for file in files for word in ("--file", file)]
        needed = _named_variables([folder / file for file in files], environ)
        environ = reading_environment(environ, os.environ, needed)
        command = self.buildx("bake", "--print", *options, *([group] if group else []))
        with self._ssh_agent(environ) as agent:
            result = subprocess.run(  # noqa: S603 - our own command line
                command,
                cwd=folder,
                env={**self._environment(environ, needed), **agent, **self._config.environment()},
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        stdout, stderr = (stream.decode("utf-8", "replace") for stream in (result.stdout, result.stderr))
        return (stdout if result.returncode == 0 else "", stderr)

    def read_only_bake(self, *options: str) -> list[str] | None:
        """Run a bake that builds nothing, in the project. Return the lines of one that fails, else None.

        Raises NoAnswer where the builder takes too long.
        """
        environment = {**self.environment(), "BUILDX_BAKE_ENTITLEMENTS_FS": "0"}
        action = "read the Dockerfile"
        with translate_errors(action):
            command = self.buildx("bake", *options)
            seconds = self.seconds or _READ_SECONDS
            answer = process.answer(command, env=environment, seconds=seconds, folder=self._project)
        if answer is None:
            raise errors.no_answer(action, seconds)
        code, _, stderr = answer
        if code != 0 and not re.search(_CALLS_NOTHING, stderr):
            return stderr.splitlines()
        return None

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
        needed: Collection[str] = (),
        build: bool = False,
        last_line: str = "",
    ) -> process.ProcessResult:
        """Run a command with its progress on our stderr, with these variables and the ``needed`` ones of our own.

        ``last_line`` is not shown when it is the last one: the caller prints it.

        Raises KeyboardInterrupt when it was interrupted.
        """
        environment = {**self.environment(needed), **variables, **self._config.environment()}
        # Where nobody asks for provenance in the metadata file, reading it back from the builder costs time.
        environment.setdefault("BUILDX_METADATA_PROVENANCE", "disabled")
        # The settings and the project's files decide which paths may be read; bake's own check would ask about each
        # path outside the working directory, which a CI can't answer.
        environment["BUILDX_BAKE_ENTITLEMENTS_FS"] = "0"
        try:
            live = self._live or (build and environment.get("BUILDKIT_PROGRESS") == "tty")
            result = process.run(
                command, env=environment, cwd=str(self._project), live=live, build=build, last_line=last_line
            )
        except OSError as error:
            raise errors.broken_program(command[0], error.strerror or str(error)) from None
        if result.code == _INTERRUPTED:
            raise KeyboardInterrupt
        return result


class CommandFailedError(Exception):
    """A command ended with an error; its text has no command line."""

    def __init__(self, stdout: str, stderr: str) -> None:
        super().__init__("a command failed")
        self.stdout, self.stderr = stdout, stderr


def _program(name: str = DOCKER) -> str:
    """Return the docker client that is on PATH, or another one. Raises BuildError when there is none."""
    program = shutil.which(name)
    if program is None:
        raise errors.no_docker(name)
    return program


def check_arguments(*arguments: str) -> None:
    """Raise Refused for an argument with a secret: every user of this machine can read a program's arguments."""
    for argument in arguments:
        if redact(argument, arguments=False) != argument:
            raise Refused(
                f"docker would get a secret on its command line, where every user of this machine can read it: "
                f"{argument}.",
                "Take the secret out of that name; a build gets one by ECR_SECRETS.",
            )


def run_in_own_config(action: str, *arguments: str, stdin: str = "", program: str = DOCKER) -> None:
    """Run a docker command in the user's own configuration. Raises BuildError like :meth:`CommandLine.output`.

    A login goes to the user's credential helper.
    """
    with translate_errors(action):
        command = [_program(program), *arguments]
        _run(command, docker_environment(os.environ, starts_programs=True), stdin.encode())


def ask(action: str, *arguments: str, seconds: float) -> str:
    """Run a docker command in the user's own configuration and return its stdout, without the last line break.

    Raises BuildError that says which ``action`` failed, also when there is no answer within ``seconds``.
    """
    with translate_errors(action):
        command = [_program(), *arguments]
        check_arguments(*arguments)
        return _within(action, command, docker_environment(os.environ, starts_programs=True), seconds)


def ask_other_client(program: str, *arguments: str, seconds: float) -> str:
    """Run a command of a client in docker's place, and return its stdout. Raises BuildError with its own words."""
    command = [_program(program), *arguments]
    answer = process.answer(command, env=docker_environment(os.environ, starts_programs=True), seconds=seconds)
    code, stdout, stderr = answer or (1, "", f"no answer within {seconds:.0f} seconds")
    if code != 0:
        lines = (stderr.strip() or stdout.strip() or f"exit code {code}").splitlines()
        words = lines[-1].removeprefix("Error: ").rstrip(".")
        raise BuildError(
            f"{program} does not work here: {words}.",
            f"Make `{program} {' '.join(arguments)}` answer, or build with docker (ECR_CLIENT=docker).",
        )
    return stdout.strip()


def _within(action: str, command: Sequence[str], environment: Mapping[str, str], seconds: float) -> str:
    """Run a command like :func:`_run`. Raises BuildError when there is no answer within ``seconds``."""
    answer = process.answer(command, env=environment, seconds=seconds)
    if answer is None:
        raise errors.no_answer(action, seconds)
    code, stdout, stderr = answer
    if code != 0 and '"ServerErrors":[' not in stdout:  # where `docker info` has the engine's errors
        raise CommandFailedError(stdout, stderr)
    return stdout.removesuffix("\n")


def _run(command: Sequence[str], environment: Mapping[str, str], stdin: bytes | None = None) -> str:
    """Run a command and return its stdout, without the last line break. Raises CommandFailedError."""
    result = subprocess.run(  # noqa: S603 - our own command line
        list(command), env=dict(environment), input=stdin, capture_output=True, check=False
    )
    stdout, stderr = (stream.decode("utf-8", "replace") for stream in (result.stdout, result.stderr))
    if result.returncode != 0:
        raise CommandFailedError(stdout, stderr)
    return stdout.removesuffix("\n")


def _named_variables(files: Iterable[Path], environ: Mapping[str, str]) -> Collection[str]:
    """Return the variables that definition files name, and the files that compose reads for them.

    All of them, where these are not known.
    """
    names, texts, pending = set[str](), dict[Path, str](), list(files)
    while pending:
        file = pending.pop()
        if file in texts:
            continue
        with suppress(OSError):  # which bake says better
            texts[file] = text = read_text(file, errors="replace")
            names |= set(re.findall(_WORD, text))
            literal = re.sub(_VARIABLE, lambda match: environ.get(match[1] or match[3]) or match[2] or "", text)
            others = (
                [file.parent / name for name in re.findall(_OTHER_FILE, literal)]
                if re.search(_READS_OTHERS, text)
                else []
            )
            if re.search(_READS_OTHERS, text) and not any(map(is_file, others)):
                return environ
            pending += others
    return names


@contextmanager
def translate_errors(action: str, remedy: str = OWN_WORDS, reference: str = "") -> Iterator[None]:
    """Raise python-on-whales' exceptions as our errors, without the command line that their text contains.

    ``action`` completes "docker could not …".
    """
    try:
        yield
    except EcrTasksError:
        raise
    except CommandFailedError as error:
        raise errors.command_failed(action, error.stderr or error.stdout, remedy, reference) from None
    except OSError as error:
        raise errors.broken_program(str(error.filename or "docker"), error.strerror or str(error)) from None
    except UnicodeDecodeError as error:  # python-on-whales decodes what docker says of a file that is no UTF-8
        raise errors.command_failed(action, error.object.decode("utf-8", "replace"), remedy) from None
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:  # pydantic's, json's, its own
        raise errors.unreadable_answer(action) from error
    except Exception as error:
        translated = _translated(error, action, remedy)
        if translated is None:
            raise
        raise translated from None


def _translated(error: Exception, action: str, remedy: str) -> EcrTasksError | None:
    """Return python-on-whales' exception as our error; None for another one."""
    from python_on_whales.client_config import ClientNotFoundError
    from python_on_whales.exceptions import DockerException

    if isinstance(error, ClientNotFoundError):
        return errors.no_docker()
    if isinstance(error, DockerException):
        return errors.command_failed(action, error.stderr or error.stdout or "", remedy)
    return None
