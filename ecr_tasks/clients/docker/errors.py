"""Turns the last lines of docker and buildx into our errors, with the failing step and a remedy, without the argv."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ecr_tasks.errors import BuildError, EcrTasksError, Refused, RegistryError, redact

_STEP = re.compile(r"^ ?> (\[[^\]]*\] .+?):?\s*$")
_CAUSE = re.compile(r"^ERROR: (?:(?:target \S+|failed to build|failed to solve): )*(.+)$")
_MISSING = re.compile(r'failed to (?:compute cache key|calculate checksum).*: ("[^"]+"): not found$')
_PROGRESS = re.compile(r"#(?P<step>\d+) (?P<text>.+)")
_PUSHING = re.compile(r"\[internal\] pushing (?P<target>\S+)")
_NO_ENGINE = re.compile(
    r"Cannot connect to the Docker daemon|failed to connect to the docker API|docker daemon is not running"
)
_NO_BUILDX = re.compile(
    r"unknown command: docker buildx|'buildx' is not a docker command|docker buildx: command not found"
    r"|unknown (?:flag|shorthand flag): .*\n+.*Usage: +docker \[OPTIONS\] COMMAND",
    re.DOTALL,
)
"""A docker client without the plugin may also ignore the word `buildx` and refuse the first flag after it."""

_LASTING = re.compile(
    r"denied|unauthorized|no basic auth|not found|does not exist|name unknown|manifest unknown|immutable"
    r"|already exists|no space left|digest mismatch|did not match|unexpected commit digest|failed precondition"
    r"|no such host|connection refused|certificate",
    re.IGNORECASE,
)
"""Causes that a retry doesn't remove. They make an error lasting, even if it matches a transient pattern too."""

_STATUS = re.compile(r"(?:status|HTTP)[^\n]{0,60}?\b((?:429|50[0234])\b(?: [A-Z][A-Za-z]+)*)")
_THROTTLED = re.compile(r"toomanyrequests|too many requests|Rate exceeded", re.IGNORECASE)
_LOST = re.compile(
    r"\bEOF\b|connection reset by peer|broken pipe|transport connection broken|use of closed network connection"
    r"|server sent GOAWAY|stream error: .*(?:INTERNAL_ERROR|REFUSED_STREAM)|server closed idle connection"
)
_SLOW = re.compile(
    r"TLS handshake timeout|i/o timeout|Client\.Timeout exceeded|timeout awaiting response headers"
    r"|context deadline exceeded|connection timed out"
)
_FAILING = re.compile(r"error from registry: (?:unknown|internal (?:server )?error)", re.IGNORECASE)
_ERROR_START = re.compile(r"ERROR: |error: |error from registry: |Error response from daemon: ")
_QUOTED = re.compile(r'"[^"]*"|https?://\S+')

_NAME_TAKEN = re.compile(r'image "[^"]+": already exists$')
"""containerd's image store first looks whether a name is taken, then creates it: when two builds give their images
one name at once (`latest`, a branch's), the second one fails."""

NO_ENGINE_REMEDY = "Start Docker (or correct DOCKER_HOST or `docker context use`) and run it again."
_BUILDX_REMEDY = "Install docker's buildx plugin (the package docker-buildx-plugin or docker-buildx), 0.13 or newer."


def no_docker() -> BuildError:
    """Return the error for a missing docker client."""
    return BuildError("The docker command was not found.", "Install Docker (client and buildx) and run it again.")


def build_failed(lines: Sequence[str], secrets: Iterable[str]) -> EcrTasksError:
    """Return why a build failed, by buildx's last lines. The ``secrets``, values of build arguments, are redacted."""
    if missing_docker := _missing_docker(lines):
        return missing_docker
    steps = [match.group(1) for line in lines if (match := _STEP.match(line))]
    cause = _build_cause(lines) or _last_line(lines)
    cause = redact(_MISSING.sub(r"\1 is not in the build context", cause), secrets).rstrip(".")
    if "no space left on device" in cause:
        return BuildError(
            f"The Docker engine's disk is full: {cause}.",
            "Free space (`docker system df`, `docker buildx prune`) and run it again.",
        )
    failing_step = f" at {redact(steps[-1], secrets)}" if steps else ""
    if re.search(r"failed to resolve source metadata|pull access denied|failed to do request", cause):
        remedy = "Check that the base image exists and can be reached from here, and log in to its registry."
    elif "no builder" in cause or "failed to find builder" in cause:
        remedy = "Correct ECR_BUILDER; `docker buildx ls` lists the builders."
    else:
        remedy = "Mend that step of the Dockerfile, or what it reads; its output stands above."
    return BuildError(f"The build failed{failing_step}: {cause}.", remedy)


def is_name_taken(lines: Sequence[str]) -> bool:
    """Return whether a build failed only because another one gave its image the same name at the same moment."""
    return _NAME_TAKEN.fullmatch(_build_cause(lines)) is not None


def push_failed(reference: str, lines: Sequence[str]) -> EcrTasksError:
    """Return why a push failed: Refused for an immutable tag, else RegistryError."""
    if missing_docker := _missing_docker(lines):
        return missing_docker
    message = _last_line(lines)
    if re.search(r"already exists.*immutable|tag is immutable", message):
        return Refused(
            f"The registry refused to move the tag of {reference}: it is immutable and points at another image.",
            "Run it again: it will say what the tag holds and what can be done.",
        )
    return _transfer_failed(f"Pushing {reference}", message)


def pull_failed(reference: str, lines: Sequence[str]) -> EcrTasksError:
    """Return why a pull failed."""
    if missing_docker := _missing_docker(lines):
        return missing_docker
    message = _last_line(lines)
    if re.search(r"not found|manifest unknown|does not exist", message):
        return RegistryError(f"There is no {reference}: {message}.", "Check the tag or digest, or push it first.")
    return _transfer_failed(f"Pulling {reference}", message)


def copy_failed(source: str, target: str, lines: Sequence[str]) -> EcrTasksError:
    """Return why a copy between registries failed: BuildError for a buildx that is too old, else RegistryError."""
    if missing_docker := _missing_docker(lines):
        return missing_docker
    message = _last_line(lines)
    if "unknown flag: --prefer-index" in message:
        return BuildError(
            "This buildx can't copy an image with its digest (imagetools create --prefer-index).",
            "Update docker's buildx plugin.",
        )
    repository = target.partition("@")[0]  # the digest is the source's
    return _transfer_failed(f"Copying {source} to {repository}", message)


def copies_failed(source: str, targets: Sequence[str], lines: Sequence[str]) -> dict[str, EcrTasksError]:
    """Return why a copy to several registries failed, by target; the targets without an error have the image.

    An error that names no target (a missing buildx, a source that can't be read) is the error of each.
    """
    by_target = _lines_by_target(lines)
    failed = {target: copy_failed(source, target, by_target[target]) for target in targets if target in by_target}
    return failed or {target: copy_failed(source, target, lines) for target in targets}


def copy_transient_reason(targets: Sequence[str], lines: Sequence[str]) -> str | None:
    """Return the :func:`transient_reason` of a copy to several registries: the first one among the failed targets."""
    by_target = _lines_by_target(lines)
    reasons = (transient_reason(by_target[target]) for target in targets if target in by_target)
    return next((reason for reason in reasons if reason), None) if by_target else transient_reason(lines)


def _lines_by_target(lines: Sequence[str]) -> dict[str, list[str]]:
    """Return each failed target's error lines in buildx's plain progress.

    It has ``#2 [internal] pushing TARGET``, then ``#2 ERROR: …`` and the error's further lines.
    """
    targets: dict[str, str] = {}
    errors: dict[str, list[str]] = {}
    current = ""
    for line in lines:
        match = _PROGRESS.match(line)
        if match is None and current and line.strip() and not line.startswith("---"):
            errors[current].append(line)
            continue
        current = ""
        if match is None:
            continue
        if pushing := _PUSHING.fullmatch(match["text"]):
            targets[match["step"]] = pushing["target"]
        elif match["text"].startswith("ERROR: ") and match["step"] in targets:
            current = targets[match["step"]]
            errors[current] = [match["text"]]
    return errors


def transient_reason(lines: Sequence[str]) -> str | None:
    """Return why a push, pull or copy failed if another attempt may succeed; None for a lasting failure.

    Transient causes: a registry that is busy (429), fails (500, 502, 503, 504) or does not answer in time, and a lost
    connection. Words in a URL or in quotes are names and are ignored.
    """
    message = _QUOTED.sub("", _last_error(lines))
    if _missing_docker(lines) is not None or _LASTING.search(message):
        return None
    if status := _STATUS.search(message):
        return f"the registry answered {status.group(1)}"
    if _THROTTLED.search(message):
        return "the registry asks to slow down (too many requests)"
    for pattern, reason in ((_SLOW, "the registry does not answer in time"), (_LOST, "the connection was lost")):
        if match := pattern.search(message):
            return f"{reason} ({match.group(0)})"
    return "the registry has trouble" if _FAILING.search(message) else None


def command_failed(action: str, stderr: str, remedy: str = NO_ENGINE_REMEDY) -> EcrTasksError:
    """Return why some other docker command failed; ``action`` completes "docker could not …"."""
    lines = stderr.splitlines()
    return _missing_docker(lines) or BuildError(f"docker could not {action}: {_last_line(lines)}.", remedy)


def _missing_docker(lines: Sequence[str]) -> EcrTasksError | None:
    text = "\n".join(lines)
    if _NO_ENGINE.search(text):
        return BuildError("No Docker engine answers.", NO_ENGINE_REMEDY)
    if _NO_BUILDX.search(text):
        return BuildError("This docker has no buildx.", _BUILDX_REMEDY)
    return None


def _build_cause(lines: Sequence[str]) -> str:
    """Return the last cause that buildx names; empty if there is none."""
    return next((match.group(1) for line in reversed(lines) if (match := _CAUSE.match(line))), "")


def _transfer_failed(action: str, message: str) -> RegistryError:
    if "no basic auth credentials" in message or "denied" in message or "403" in message:
        remedy = (
            "Check that the credentials may do this (iam: ecr:BatchGetImage, ecr:PutImage and the layer actions)."
        )
    elif "no space left" in message:
        remedy = "Free space on the disk it names and run it again; it takes up where it stopped."
    else:
        remedy = "Run it again: what has arrived is not sent twice, and no moving tag has been touched."
    return RegistryError(f"{action} failed: {message}.", remedy)


def _last_line(lines: Sequence[str]) -> str:
    """Return the last meaningful line without docker's prefix and full stop; for a usage error, its first line."""
    messages = [line.strip() for line in lines if line.strip() not in ("", "unknown")]
    messages = [line for line in messages if line.startswith("unknown ")][:1] or messages
    if not messages:
        return "it said nothing"
    return re.sub(r"^(?:ERROR|error|Error response from daemon): ", "", messages[-1]).rstrip(".")


def _last_error(lines: Sequence[str]) -> str:
    """Return the last error with all its lines: the status is sometimes in one line and the reason in the next."""
    messages = [line.strip() for line in lines if line.strip()]
    starts = [index for index, line in enumerate(messages) if _ERROR_START.match(line)]
    return "\n".join(messages[starts[-1] :] if starts else messages[-1:])
