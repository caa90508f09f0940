"""docker's and buildx's last words as our errors: the failing step and what to do, never an argv. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ecr_tasks.errors import BuildError, EcrTasksError, Refused, RegistryError, redact

_STEP = re.compile(r"^ ?> (\[[^\]]*\] .+?):?\s*$")
_CAUSE = re.compile(r"^ERROR: (?:(?:target \S+|failed to build|failed to solve): )*(.+)$")
_MISSING = re.compile(r'failed to (?:compute cache key|calculate checksum).*: ("[^"]+"): not found$')
_PROGRESS = re.compile(r"#(?P<step>\d+) (?P<text>.+)")
_PUSHING = re.compile(r"\[internal\] pushing (?P<target>\S+)")
_NO_ENGINE = (
    "Cannot connect to the Docker daemon",
    "failed to connect to the docker API",
    "docker daemon is not running",
)
_NO_BUILDX = (
    "unknown command: docker buildx",
    "'buildx' is not a docker command",
    "docker buildx: command not found",
)

_WITHOUT_PLUGIN = re.compile(r"unknown (?:flag|shorthand flag): .*\n+.*Usage: +docker \[OPTIONS\] COMMAND", re.DOTALL)
"""A docker client without the plugin takes `buildx` for nothing and stumbles over the first flag behind it."""

_LASTING = re.compile(
    r"denied|unauthorized|no basic auth|not found|does not exist|name unknown|manifest unknown|immutable"
    r"|already exists|no space left|digest mismatch|did not match|unexpected commit digest|failed precondition"
    r"|no such host|connection refused|certificate",
    re.IGNORECASE,
)
"""What no waiting mends, whatever else the same error says."""

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
_TROUBLE = re.compile(r"error from registry: (?:unknown|internal (?:server )?error)", re.IGNORECASE)
_BEGINS = re.compile(r"ERROR: |error: |error from registry: |Error response from daemon: ")
_QUOTED = re.compile(r'"[^"]*"|https?://\S+')

_NAMED_MEANWHILE = re.compile(r'image "[^"]+": already exists$')
"""containerd's image store looks whether a name is taken, then makes it: of two builds that give one name to their
images at once (`latest`, a branch's), the second one fails."""

NO_ENGINE_REMEDY = "Start Docker (or correct DOCKER_HOST or `docker context use`) and run it again."
NO_BUILDX_REMEDY = (
    "Install docker's buildx plugin (the package docker-buildx-plugin or docker-buildx), 0.13 or newer."
)


def no_docker() -> BuildError:
    """There is no docker client to call."""
    return BuildError("The docker command was not found.", "Install Docker (client and buildx) and run it again.")


def build_failed(lines: Sequence[str], secrets: Iterable[str]) -> EcrTasksError:
    """Why a build failed, from what buildx printed last; build-argument values are left out."""
    common = _common(lines)
    if common is not None:
        return common
    steps = [found.group(1) for line in lines if (found := _STEP.match(line))]
    causes = [found.group(1) for line in lines if (found := _CAUSE.match(line))]
    cause = redact(_MISSING.sub(r"\1 is not in the build context", causes[-1] if causes else _last(lines)), secrets)
    if "no space left on device" in cause:
        return _full_disk(cause)
    where = f" at {redact(steps[-1], secrets)}" if steps else ""
    return BuildError(f"The build failed{where}: {cause.rstrip('.')}.", _build_remedy(cause))


def named_meanwhile(lines: Sequence[str]) -> bool:
    """Whether a build failed only because another one gave the same name to its image at that very moment."""
    causes = [found.group(1) for line in lines if (found := _CAUSE.match(line))]
    return bool(causes) and _NAMED_MEANWHILE.fullmatch(causes[-1]) is not None


def push_failed(reference: str, lines: Sequence[str]) -> EcrTasksError:
    """Why a push failed; a locked tag is a refusal, everything else the registry's trouble."""
    common = _common(lines)
    if common is not None:
        return common
    said = _last(lines)
    if re.search(r"already exists.*immutable|tag is immutable", said):
        return Refused(
            f"The registry refused to move the tag of {reference}: it is immutable and points at another image.",
            "Run it again: it will say what the tag holds and what can be done.",
        )
    return RegistryError(f"Pushing {reference} failed: {said.rstrip('.')}.", _transfer_remedy(said))


def pull_failed(reference: str, lines: Sequence[str]) -> EcrTasksError:
    """Why a pull failed."""
    common = _common(lines)
    if common is not None:
        return common
    said = _last(lines)
    if re.search(r"not found|manifest unknown|does not exist", said):
        return RegistryError(
            f"There is no {reference}: {said.rstrip('.')}.", "Check the tag or digest, or push it first."
        )
    return RegistryError(f"Pulling {reference} failed: {said.rstrip('.')}.", _transfer_remedy(said))


def copy_failed(source: str, target: str, lines: Sequence[str]) -> EcrTasksError:
    """Why a copy from registry to registry failed; a buildx that can't copy unchanged is too old."""
    common = _common(lines)
    if common is not None:
        return common
    said = _last(lines)
    if "unknown flag: --prefer-index" in said:
        return BuildError(
            "This buildx can't copy an image with its digest (imagetools create --prefer-index).",
            "Update docker's buildx plugin.",
        )
    there = target.partition("@")[0]  # under the same digest
    return RegistryError(f"Copying {source} to {there} failed: {said.rstrip('.')}.", _transfer_remedy(said))


def copies_failed(source: str, targets: Sequence[str], lines: Sequence[str]) -> dict[str, EcrTasksError]:
    """Why a copy to some of several registries failed, by target; what nothing is said of has arrived.

    What is wrong with all of them (a missing buildx, a source that can't be read) is said once, of each.
    """
    told = _by_target(lines)
    failed = {target: copy_failed(source, target, told[target]) for target in targets if target in told}
    return failed or {target: copy_failed(source, target, lines) for target in targets}


def copies_passing(targets: Sequence[str], lines: Sequence[str]) -> str | None:
    """The same as :func:`passing` of a copy to several registries: something that passes in at least one of them."""
    told = _by_target(lines)
    reasons = (passing(told[target]) for target in targets if target in told)
    return next((why for why in reasons if why), None) if told else passing(lines)


def _by_target(lines: Sequence[str]) -> dict[str, list[str]]:
    """buildx's plain progress: ``#2 [internal] pushing TARGET``, then ``#2 ERROR: why`` and lines that go on."""
    names: dict[str, str] = {}
    told: dict[str, list[str]] = {}
    current = ""
    for line in lines:
        found = _PROGRESS.match(line)
        if found is None:
            if current and line.strip() and not line.startswith("---"):
                told[current].append(line)
            else:
                current = ""
            continue
        current, text = "", found["text"]
        if pushing := _PUSHING.fullmatch(text):
            names[found["step"]] = pushing["target"]
        elif text.startswith("ERROR: ") and found["step"] in names:
            current = names[found["step"]]
            told[current] = [text]
    return told


def passing(lines: Sequence[str]) -> str | None:
    """What a push, pull or copy failed of, if it is something that passes; None where trying again is of no use.

    The registry was busy (429), failed (500, 502, 503, 504), did not answer in time, or the connection ended.
    Words in a URL or in quotes are names, and tell nothing.
    """
    said = _QUOTED.sub("", _last_error(lines))
    if _common(lines) is not None or _LASTING.search(said):
        return None
    status = _STATUS.search(said)
    if status is not None:
        return f"the registry answered {status.group(1)}"
    if _THROTTLED.search(said):
        return "the registry asks to slow down (too many requests)"
    for pattern, why in ((_SLOW, "the registry does not answer in time"), (_LOST, "the connection was lost")):
        if found := pattern.search(said):
            return f"{why} ({found.group(0)})"
    return "the registry has trouble" if _TROUBLE.search(said) else None


def command_failed(doing: str, text: str, remedy: str = NO_ENGINE_REMEDY) -> EcrTasksError:
    """Why some other docker command failed."""
    lines = text.splitlines()
    return _common(lines) or BuildError(f"docker could not {doing}: {_last(lines).rstrip('.')}.", remedy)


def _common(lines: Sequence[str]) -> EcrTasksError | None:
    text = "\n".join(lines)
    if any(words in text for words in _NO_ENGINE):
        return BuildError("No Docker engine answers.", NO_ENGINE_REMEDY)
    if any(words in text for words in _NO_BUILDX) or _WITHOUT_PLUGIN.search(text):
        return BuildError("This docker has no buildx.", NO_BUILDX_REMEDY)
    return None


def _build_remedy(cause: str) -> str:
    if re.search(r"failed to resolve source metadata|pull access denied|failed to do request", cause):
        return "Check that the base image exists and can be reached from here, and log in to its registry."
    if "no builder" in cause or "failed to find builder" in cause:
        return "Correct ECR_BUILDER; `docker buildx ls` lists the builders."
    return "Mend that step of the Dockerfile, or what it reads; its output stands above."


def _full_disk(cause: str) -> BuildError:
    return BuildError(
        f"The Docker engine's disk is full: {cause.rstrip('.')}.",
        "Free space (`docker system df`, `docker buildx prune`) and run it again.",
    )


def _transfer_remedy(said: str) -> str:
    if "no basic auth credentials" in said or "denied" in said or "403" in said:
        return "Check that the credentials may do this (iam: ecr:BatchGetImage, ecr:PutImage and the layer actions)."
    if "no space left" in said:
        return "Free space on the disk it names and run it again; it takes up where it stopped."
    return "Run it again: what has arrived is not sent twice, and no moving tag has been touched."


def _last(lines: Sequence[str]) -> str:
    """The last line that says something, without docker's prefix; of a usage error, what was wrong with it."""
    said = [line.strip() for line in lines if line.strip() not in ("", "unknown")]
    said = [line for line in said if line.startswith("unknown ")][:1] or said
    return re.sub(r"^(?:ERROR|error|Error response from daemon): ", "", said[-1]) if said else "it said nothing"


def _last_error(lines: Sequence[str]) -> str:
    """The last error in full: buildx and docker sometimes say the status in one line and the reason in the next."""
    said = [line.strip() for line in lines if line.strip()]
    begins = [at for at, line in enumerate(said) if _BEGINS.match(line)]
    return "\n".join(said[begins[-1] :] if begins else said[-1:])
