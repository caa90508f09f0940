"""Starts a signing program quietly: by argument lists without secrets, with the few variables that it needs."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ecr_tasks.clients.docker import process
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.errors import RegistryError, SettingsError
from ecr_tasks.files import is_file, read_text
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.child_environment import docker_environment
from ecr_tasks.model.ecr_host import is_on_this_machine
from ecr_tasks.model.registry import Repository
from ecr_tasks.redaction import keep_secret

Login = Callable[[Repository], None]

SECONDS = 180.0
"""How long a program may take: KMS, a transparency log and revocation lists are asked over the network."""

INTERACTIVE_SECONDS = 600.0

GRACE = 30.0
"""How much longer than it was told to a program may take, before it is killed."""

_OWN = ("COSIGN_", "SIGSTORE_", "NOTATION_", "TUF_")
"""The prefixes of what the programs read, their passwords included (COSIGN_PASSWORD)."""

_REGISTRY_VARIABLES = re.compile(r"(?:COSIGN|NOTATION)_(?:DOCKER_MEDIA_TYPES|USERNAME|PASSWORD_FILE|REPOSITORY)")
"""Variables that would send a program to another place, or with another login, than this run's."""

_NEEDLESS = re.compile(r"error during command execution: |signing \[[^\]]*\]: |signing digest: ")
"""What cosign puts before its errors: our own sentence has it."""

_ADDRESS = re.compile(r"[a-z0-9][a-z0-9+.-]*://")
_PRIVATE_KEY = "PRIVATE KEY-----"


@dataclass(frozen=True)
class Needed:
    """The version of a program that is needed, how the help of ``sign`` tells it, and what an older one would do."""

    version: str
    has: re.Pattern[str]
    otherwise: str
    where: str


_NEEDED = {
    "cosign": Needed(
        "3",
        re.compile(r"--use-signing-config(?:=true\b|[^\n]*default true)"),  # cosign 2 has it off
        "it would keep signatures under tags",
        "https://docs.sigstore.dev/cosign/system_config/installation/",
    ),
    "notation": Needed(
        "1.2",
        re.compile(r"--force-referrers-tag\b"),  # notation 1.0 reads the user's own trust policy (no NOTATION_CONFIG)
        "it would keep signatures under tags, or not ask for the signer that is expected",
        "https://notaryproject.dev/docs/user-guides/installation/cli/",
    ),
}


@dataclass(frozen=True)
class Answer:
    """What a program came to: its exit code, stdout and stderr."""

    code: int
    stdout: str
    stderr: str


class Program:
    """One of the programs, by its name on PATH, as a run of a project starts it."""

    def __init__(
        self,
        name: str,
        config: PrivateConfig,
        project: Path,
        log_in: Login,
        credentials: Callable[[], Mapping[str, str]],
        environ: Mapping[str, str],
    ) -> None:
        self.name, self.environ = name, environ
        self._config, self._project = config, project
        self._log_in, self._credentials = log_in, credentials
        self._checked = False

    def check(self) -> None:
        """Raise SettingsError where the program is not installed, doesn't run, or is too old."""
        if self._checked:
            return
        needed = _NEEDED[self.name]
        answer = self.run("sign", "--help")
        if answer.code != 0:
            raise SettingsError(
                f"The {self.name} that is installed does not run: {last_error(answer)}.",
                f"Install it anew ({needed.where}), or correct PATH.",
            )
        if not needed.has.search(answer.stdout + answer.stderr):
            raise SettingsError(
                f"The {self.name} that is installed is older than version {needed.version}: {needed.otherwise}.",
                f"Install {self.name} {needed.version} or newer.",
            )
        self._checked = True

    def check_installed(self) -> str:
        """Return the program's path. Raises SettingsError where it is not installed."""
        path = shutil.which(self.name, path=self.environ.get("PATH"))
        if path is None:
            raise SettingsError(
                f"{self.name} is not installed here, and the settings ask for it.",
                f"Install it ({_NEEDED[self.name].where}), or change ECR_SIGN and ECR_SIGNED_BY.",
            )
        return path

    def run(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        needed: Collection[str] = (),
        aws: bool = False,
        seconds: float = SECONDS,
    ) -> Answer:
        """Run the program to its end, without output. Raises SettingsError where it can't be started.

        ``needed`` are more variables that it may read; with ``aws`` it gets the run's AWS credentials.
        """
        command = [self.check_installed(), *arguments]
        env = self._environment(needed) | self._config.environment()
        if aws:
            env |= self._credentials()
        try:
            answer = process.answer(command, env={**env, **(variables or {})}, seconds=seconds, folder=self._project)
        except OSError as error:
            raise SettingsError(
                f"{self.name} can't be started: {error.strerror}.", "Install it anew, or correct PATH."
            ) from error
        return Answer(*answer) if answer else Answer(-1, "", f"it gave no answer within {seconds:.0f} s")

    def run_visibly(self, *arguments: str, needed: Collection[str] = ()) -> Answer:
        """Run the program with its output on our stderr: it may say where a person has to log in."""
        env = self._environment(needed) | self._config.environment()
        command = [self.check_installed(), *arguments]
        result = process.run(
            command, env=env, cwd=str(self._project), live=False, seconds=INTERACTIVE_SECONDS + GRACE
        )
        return Answer(result.code, "", "\n".join(result.lines))

    def log_in(self, repository: Repository) -> None:
        """Add the registry's token to the private docker configuration."""
        self._log_in(repository)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Make a private folder for the time of the context."""
        with self._config.scratch_folder() as folder:
            yield folder

    def is_plain(self, repository: Repository) -> bool:
        """Return whether the registry is one on this machine, which speaks plain HTTP as docker expects there."""
        return is_on_this_machine(f"http://{repository.host}")

    def key(self, key: str, setting: str, *, public: bool) -> str:
        """Return a key for an argument: an address as it is, a file's absolute path.

        Raises SettingsError for a file that is missing, and for a private key where a ``public`` one is meant.
        """
        return key if _ADDRESS.match(key) else str(self.file(key, setting, public=public))

    def file(self, name: str, setting: str, *, public: bool = True) -> Path:
        """Return the absolute path of a file of the settings. Raises SettingsError for a missing or a wrong one."""
        path = self._project / Path(name).expanduser()
        if not is_file(path):
            raise SettingsError(
                f"{setting} names the file {name}, which isn't there.",
                "Correct its name: it is looked for beside tasks.py.",
            )
        if public and _PRIVATE_KEY in _text(path):
            raise SettingsError(
                f"{setting} names {name}, which is a private key.",
                "Name the public one: whoever verifies needs no more.",
            )
        return path

    def _environment(self, needed: Collection[str]) -> dict[str, str]:
        own = [name for name in self.environ if name.startswith(_OWN)]
        keep_secret(*(self.environ[name] for name in own if "PASSWORD" in name))
        allowed = docker_environment(self.environ, needed=[*own, *needed])
        return {name: text for name, text in allowed.items() if not _REGISTRY_VARIABLES.fullmatch(name)}


def _text(path: Path) -> str:
    try:
        return read_text(path, errors="replace")
    except (OSError, ValueError):  # the program says better what is wrong with it
        return ""


def last_error(answer: Answer) -> str:
    """Return a program's own message: the last line that says Error, else the last one."""
    lines = [line.strip() for line in (answer.stderr or answer.stdout).splitlines() if line.strip()]
    errors = [line.partition("rror: ")[2] for line in lines if re.match(r"[Ee]rror: ", line)]
    text = (errors or lines or [f"exit code {answer.code}"])[-1]
    return _NEEDLESS.sub("", text).rstrip(".")


def sign_failed(name: str, repository: Repository, digest: str, answer: Answer, remedy: str) -> RegistryError:
    """Return the error of a program that did not sign."""
    return RegistryError(f"{name} did not sign {repository.name}@{digest}: {last_error(answer)}.", remedy)
