"""Turns the last lines of docker and buildx into our errors, with the failing step and a remedy, without the argv."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ecr_tasks.clients.docker import known_errors
from ecr_tasks.clients.docker.known_errors import KnownError
from ecr_tasks.errors import (
    AwsError,
    BuildError,
    EcrTasksError,
    LostBuild,
    NoAnswer,
    NoSuchImage,
    Refused,
    RegistryError,
)
from ecr_tasks.model.denial import find_denial, policy_command
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.one_line import one_line
from ecr_tasks.redaction import redact

_STEP = r"^ ?> (\[[^\]]*\] .+?):?$"
_CAUSE = r"^ERROR: (?:(?:target \S+|failed to build|failed to solve|failed to run Build function): )*(.+)"
_TARGET = r"^ERROR: target (\S+): "
_LOST = r"\bno such job [a-z0-9]{20,}$"
_PREFIXES = (
    r"^(?:(?:ERROR|Error|error|docker|unknown|target \S+|failed to build|failed to solve|Failed to initialize"
    r"|ResourceExhausted|Error response from daemon): )+"
)
_SOLVE = r"^(ERROR: (?:(?:target \S+|failed to build): )*)failed to run Build function: "
"""A failed build has two errors, the server's and that of buildx's own call; buildx prints whichever ends first
(BuildKit, client/build.go and client/solve.go). Both carry the same cause."""

_MISSING = r'failed to (?:compute cache key|calculate checksum).{0,1000}?: ("[^"]+"): not found$'
_PROGRESS = r"#(?P<step>\d+) (?P<text>.+)"
_PUSHING = r"\[internal\] pushing (?P<target>\S+)"
_NO_IMAGE = r": not found$|manifest unknown|does not exist in the registry|repository does not exist"
"""The last is Docker Hub's answer to everybody who may not read an image, be it there or not."""

_REGISTRY = r"https?://([^/\"\s]+)/v2/"

# What compose-go says of a .env that it can't read (dotenv/parser.go).
_DOTENV_LINE = r"line (\d+): (?:unexpected character .* in variable name|unterminated quoted value)"
_ERROR_START = (
    r"ERROR: |error: |error from registry: |error during connect: |docker: |Error response from daemon: "
    r"|unknown (?:command|(?:shorthand )?flag)"
)
_STATUS_ONLY = r"(?m)\b40[13] (?:Unauthorized|Forbidden)$|no basic auth credentials$|\bStatusCode: 40[13], \S*$"
_NAMELESS_STATUS = r"failed to read from destination repository \S+: 40[13] \("
"""Podman's of before version 5, which does not say of which registry it is."""

_HALF = 2000
"""How many characters of an error count at its beginning, and how many at its end."""

_NAME_TAKEN = r'image "[^"]+": already exists\.?$'
"""containerd's image store first looks whether a name is taken, then creates it: when two builds give their images
one name at once (`latest`, a branch's), the second one fails."""

_TAG_TAKEN = (
    rf"{_NAME_TAKEN}|creating image \S+ failed because it already exists, but "
    r"|failed to delete previous image |which existed a moment before"
)
"""`docker tag` replaces a name that is taken in three steps (moby, daemon/containerd/image_tag.go), and each of them
may meet what another run has done to that name since the one before."""


def no_docker(program: str = "docker") -> BuildError:
    """Return the error for a missing docker client, or for the one that ECR_CLIENT names."""
    if program != "docker":
        return BuildError(f"The {program} command was not found.", "Install it, or correct ECR_CLIENT.")
    return BuildError("The docker command was not found.", "Install Docker (client and buildx) and run it again.")


def other_client() -> BuildError:
    """Return the error for a program with the name of docker's client that knows of no Docker engine."""
    return BuildError(
        "`docker` is not Docker's own client (it is Podman's, if the package podman-docker is installed), and has no "
        "buildx.",
        "Install Docker's client with buildx (docker-ce-cli and docker-buildx-plugin) in its place; it can also use "
        "Podman's engine: `systemctl --user start podman.socket`, DOCKER_HOST=unix:///run/user/UID/podman/podman.sock.",
    )


def broken_program(path: str, reason: str) -> BuildError:
    """Return the error for a docker or buildx program that the operating system does not start."""
    return BuildError(f"{path} can't be started: {reason}.", "Install it again, for this machine's platform.")


def no_answer(action: str, seconds: float) -> NoAnswer:
    """Return the error for a docker command that hangs."""
    return NoAnswer(
        f"docker could not {action}: there was no answer within {seconds:.0f} seconds.",
        "Restart the Docker engine, or correct DOCKER_HOST or `docker context use`: what it leads to takes the "
        "connection and says nothing.",
    )


def unreadable_answer(action: str) -> BuildError:
    """Return the error for an answer that is not docker's, as another program under its name may give it."""
    return BuildError(
        f"docker could not {action}: its answer can't be read.",
        "See that `docker` is Docker's own client, and that DOCKER_HOST names Docker's own engine.",
    )


@contextmanager
def reading_answer(action: str) -> Iterator[None]:
    """Raise BuildError for whatever is wrong with docker's JSON, of which a block takes values."""
    try:
        yield
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise unreadable_answer(action) from error


def build_failed(lines: Sequence[str]) -> EcrTasksError:
    """Return why a build failed, by buildx's last lines; a builder's push that failed is a RegistryError."""
    step = _failed_step(lines)
    failing_step = f" at {step}" if step else ""
    kind = RegistryError if "failed to push " in _build_cause(lines) else BuildError
    if re.search(_LOST, last_error(lines)):
        kind = LostBuild
    return _explained(lines, f"The build failed{failing_step}", kind, sends=kind is RegistryError)


def _failed_step(lines: Sequence[str]) -> str | None:
    """Return the step at which a build failed, or None where it failed at none or that isn't told.

    Those of a bake's other targets may have failed before they were cancelled. A step that several targets have in
    common is another one's by its title; then its error is the build's, too.
    """
    steps = [match.group(1) for line in lines if (match := re.match(_STEP, line.rstrip()))]
    target = failed_target(lines)
    own = [step for step in steps if target is None or re.match(rf"\[{re.escape(target)}[ \]]", step)]
    if own or not steps:
        return own[-1] if own else None
    titles, failed, cause = dict[str, str](), set[str](), last_error(lines)
    for line in lines:
        if not (match := re.fullmatch(_PROGRESS, line.strip())):
            continue
        if match["text"].startswith("["):
            titles[match["step"]] = match["text"]
        elif match["text"].startswith("ERROR: ") and match["text"].removeprefix("ERROR: ") in cause:
            failed.add(titles.get(match["step"], ""))
    return next((step for step in reversed(steps) if step in failed), None)


def failed_target(lines: Sequence[str]) -> str | None:
    """Return the target of a bake that failed first; buildx cancels the others then. None where it isn't said."""
    targets = (match.group(1) for line in reversed(lines) if (match := re.match(_TARGET, line)))
    return next(targets, None)


def dockerfile_refused(lines: Sequence[str]) -> EcrTasksError:
    """Return why a build would fail, by the last lines of a buildx that was to read the Dockerfile."""
    return _explained(lines, "The build would fail", BuildError, at_registry=RegistryError)


def repeats(error: EcrTasksError, line: str) -> bool:
    """Return whether an error of ours says the whole of an error's line of docker's."""
    return bool(line) and one_line(redact(_detail([line]))) in error.cause


def other_context(name: str) -> BuildError:
    """Return the error for a docker context in place of a builder."""
    row = known_errors.OTHER_CONTEXT
    return BuildError(row.cause.format(name=name), row.remedy.format(name=name))


def is_name_taken(lines: Sequence[str]) -> bool:
    """Return whether a build failed only because another one gave its image the same name at the same moment."""
    return re.fullmatch(_NAME_TAKEN, _build_cause(lines)) is not None


def is_tag_taken(error: EcrTasksError) -> bool:
    """Return whether `docker tag` failed only because another run gave or removed that name at the same moment."""
    return re.search(_TAG_TAKEN, error.cause) is not None


def is_address_refused(lines: Sequence[str]) -> bool:
    """Return whether buildx could not use the engine's address, of which only docker says what is wrong with it."""
    return 'docker endpoint for "' in last_error(lines)


def refused_tokens(lines: Sequence[str], tokens: Iterable[RegistryToken]) -> list[RegistryToken]:
    """Return those tokens that may have expired, by the last lines of a command that failed.

    ECR says so, except in answers to HEAD requests, which have nothing but a status. A registry that says what is
    denied takes the token.
    """
    error = last_error(lines)
    if re.search(rf"{known_errors.EXPIRED}|{_NAMELESS_STATUS}", error):
        return list(tokens)
    if not re.search(_STATUS_ONLY, error):
        return []
    return [token for token in tokens if re.search(rf"(?://| in ){re.escape(token.host)}/", error)]


def push_failed(reference: str, lines: Sequence[str]) -> EcrTasksError:
    """Return why a push failed: Refused for an immutable tag, AwsError for a missing right, else RegistryError."""
    if re.search(r"already exists.{0,200}?immutable|tag is immutable", last_error(lines)):
        return Refused(
            f"The registry refused to move the tag of {reference}: it is immutable and points at another image.",
            "Run it again: it will say what the tag holds and what can be done.",
        )
    return _explained(lines, f"Pushing {reference} failed", RegistryError, reference=reference, sends=True)


def pull_failed(reference: str, lines: Sequence[str]) -> EcrTasksError:
    """Return why a pull failed."""
    rows = (*known_errors.ENGINE, *known_errors.PULLED, *known_errors.INPUTS, *known_errors.REGISTRIES)
    return _explained(lines, f"Pulling {reference} failed", RegistryError, reference=reference, rows=rows)


def copy_failed(source: str, target: str, lines: Sequence[str]) -> EcrTasksError:
    """Return why a copy between registries failed.

    BuildError for a buildx that is too old, AwsError for a missing right, else RegistryError.
    """
    repository = target.partition("@")[0]  # the digest is the source's
    failed = f"Copying {source} to {repository} failed"
    return _explained(lines, failed, RegistryError, reference=target, sends=True)


def copies_failed(source: str, targets: Sequence[str], lines: Sequence[str]) -> dict[str, EcrTasksError]:
    """Return why a copy to several registries failed, by target; the targets without an error have the image.

    An error that names no target (a missing buildx, a source that can't be read) is the error of each.
    """
    by_target = lines_by_target(lines)
    failed = {target: copy_failed(source, target, by_target[target]) for target in targets if target in by_target}
    return failed or {target: copy_failed(source, target, lines) for target in targets}


def lines_by_target(lines: Sequence[str]) -> dict[str, list[str]]:
    """Return each failed target's error lines in buildx's plain progress.

    It has ``#2 [internal] pushing TARGET``, then ``#2 ERROR: …`` and the error's further lines.
    """
    targets: dict[str, str] = {}
    errors: dict[str, list[str]] = {}
    current = ""
    for line in lines:
        match = re.match(_PROGRESS, line)
        if match is None and current and line.strip() and not line.startswith("---"):
            errors[current].append(line)
            continue
        current = ""
        if match is None:
            continue
        if pushing := re.fullmatch(_PUSHING, match["text"]):
            targets[match["step"]] = pushing["target"]
        elif match["text"].startswith("ERROR: ") and match["step"] in targets:
            current = targets[match["step"]]
            errors[current] = [match["text"]]
    return errors


def command_failed(
    action: str, stderr: str, remedy: str = known_errors.OWN_WORDS, reference: str = ""
) -> EcrTasksError:
    """Return why some other docker command failed; ``action`` completes "docker could not …".

    ``remedy`` is for an error that the catalogue does not know. An image that a registry was asked for is its
    ``reference``: where there is none, that is NoSuchImage.
    """
    if reference and re.search(_NO_IMAGE, last_error(lines := stderr.splitlines())):
        return NoSuchImage(
            f"There is no {reference}: {_detail(lines).removeprefix(f'{reference}: ')}.",
            "Correct its name and tag, push it first, or log docker in to its registry if not everybody may see it.",
        )
    return _explained(
        stderr.splitlines(), f"docker could not {action}", BuildError, at_registry=RegistryError, remedy=remedy
    )


def _explained(
    lines: Sequence[str],
    failed: str,
    kind: type[EcrTasksError],
    *,
    at_registry: type[EcrTasksError] | None = None,
    reference: str = "",
    rows: Sequence[KnownError] = known_errors.KNOWN_ERRORS,
    remedy: str = known_errors.OWN_WORDS,
    sends: bool = False,
) -> EcrTasksError:
    """Return the error of the first row of the catalogue that fits, else ``failed`` with docker's own words.

    ``kind`` is the error's class, ``at_registry`` the class when a registry is at fault, if it is another one; when
    the engine is at fault, it is BuildError. ``reference`` is what the command is about, and ``sends`` whether it
    sends an image to a registry: a right that ECR denies is an AwsError then.
    """
    error, output = last_error(lines), "\n".join(lines)
    registry = (
        match.group(1) if (match := re.search(_REGISTRY, error)) else reference.partition("/")[0] or "of the image"
    )
    values = {"detail": _detail(lines), "registry": registry}
    for row in rows:
        if (groups := _match(row, error, output)) is not None:
            words = {key: value.rstrip(".") for key, value in {**values, **groups}.items()}
            words |= {"failed": failed, "reference": reference, "policy": policy_command()}
            words |= {"kept": known_errors.KEPT if sends else ""}
            if row in known_errors.ENGINE or row in known_errors.BUILDERS:
                kind = BuildError
            elif row in known_errors.REGISTRIES:
                kind = at_registry or kind
            if row is known_errors.DENIED and (denial := find_denial(error)):
                # A right that AWS says is missing, whether docker or the SDK has asked for it.
                return (AwsError if sends else kind)(f"{failed}: {denial.words}.", denial.remedy)
            return kind(row.cause.format_map(words), row.remedy.format_map(words))
    return kind(f"{failed}: {values['detail']}.", remedy)


def fits(row: KnownError, lines: Sequence[str]) -> bool:
    """Return whether a row of the catalogue fits the last lines of a command."""
    return _match(row, last_error(lines), "\n".join(lines)) is not None


def is_engine_away(lines: Sequence[str]) -> bool:
    """Return whether a command failed because it did not reach an engine, by its last lines."""
    return any(fits(row, lines) for row in known_errors.ENGINE)


def _match(row: KnownError, error: str, output: str) -> dict[str, str] | None:
    """Return the groups of a row's texts; None when it does not fit."""
    match, printed = re.search(row.error, error, re.MULTILINE), re.search(row.printed, output)
    if match is None or printed is None:
        return None
    return {key: value or "" for key, value in {**match.groupdict(), **printed.groupdict()}.items()}


def definition_failed(files: Sequence[str], stderr: str) -> EcrTasksError:
    """Return why buildx could not read bake or compose files: its cause, which names file and line where it can."""
    names = ", ".join(Path(file).name for file in files)
    if match := re.search(_DOTENV_LINE, stderr):  # its text stays out: it may be a secret
        return BuildError(
            f"docker could not read {names}, because it reads the .env beside it, too, and stops near line "
            f"{match[1]} of that.",
            "Write that line as NAME=VALUE, with a quote at both ends or at none.",
        )
    options = " ".join(f"--file {shlex.quote(file)}" for file in files)
    remedy = f"Mend {names}; `docker buildx bake {options} --print` reads it the same way."
    noise = re.compile(r",? and \d+ other diagnostic\(s\)$|(?<=ERROR: )failed to parse : (?=yaml: )")
    lines = [noise.sub("", line) for line in stderr.splitlines()]
    return _explained(lines, f"docker could not read {names}", BuildError, remedy=remedy)


def _build_cause(lines: Sequence[str]) -> str:
    """Return the last cause that buildx names; empty if there is none."""
    return next((match.group(1) for line in reversed(lines) if (match := re.match(_CAUSE, line))), "")


def _detail(lines: Sequence[str]) -> str:
    """Return the first line of the last error without docker's prefixes and full stop."""
    line = re.sub(_PREFIXES, "", last_error(lines).partition("\n")[0])
    return re.sub(_MISSING, r"\1 is not in the build context", line).rstrip(".: ") or "it said nothing"


def last_error(lines: Sequence[str]) -> str:
    """Return the last error with all its lines: the status is sometimes in one line and the reason in the next.

    A failed build's begins with "failed to solve", whichever of BuildKit's two errors buildx has printed. Of a very
    long one the middle is left out, which is what a step's script or a server's page fills.
    """
    messages = [line.strip() for line in lines if line.strip()]
    starts = [index for index, line in enumerate(messages) if re.match(_ERROR_START, line)]
    error = re.sub(_SOLVE, r"\1failed to solve: ", "\n".join(messages[starts[-1] :] if starts else messages[-1:]))
    return error if len(error) <= 2 * _HALF else f"{error[:_HALF]} … {error[-_HALF:]}"
