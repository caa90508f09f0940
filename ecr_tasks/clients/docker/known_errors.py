"""The catalogue of docker's and buildx's errors: what each one means and what helps. It is read from top to bottom.

Real programs printed these texts; ``tests/data/docker`` has the recordings. The first row that matches decides, so
the special ones stand before the general ones. One situation has one sentence, whichever command meets it: a build,
a push, a pull, a copy or a question to the engine.
"""

from __future__ import annotations

from dataclasses import dataclass

from ecr_tasks.model.refusals import NO_SSH_AGENT


@dataclass(frozen=True)
class KnownError:
    """One row: the texts that show the situation, the cause and the remedy.

    ``error`` is searched in the last error with all its lines, and ``printed``, if any, in the whole output. The
    cause and the remedy may name the groups of both, ``{failed}`` ("The build failed at STEP", "Pushing NAME
    failed"), ``{detail}`` (the error's own words), ``{registry}`` (its host) and ``{policy}`` (the command that
    prints the policy for this).
    """

    error: str
    cause: str
    remedy: str
    printed: str = ""


FAILED = "{failed}: {detail}."
START_ENGINE = "Start Docker (or correct DOCKER_HOST or `docker context use`) and run it again."
RUN_AGAIN = "Run it again: what has arrived is not sent twice, and no moving tag has been touched."
_CHOOSE_BUILDER = "choose another builder with ECR_BUILDER or BUILDX_BUILDER (`docker buildx ls` lists them)."
_TLS_FILES = (
    "Correct DOCKER_CERT_PATH (it needs ca.pem, cert.pem and key.pem), or unset it and DOCKER_TLS_VERIFY for an "
    "engine without TLS."
)
_STEP = r'" did not complete successfully: '


def _all(*texts: str) -> str:
    """Return the beginning of a pattern that matches only where all these texts are.

    It is tried only once: to look for the second one behind each of a thousand first ones takes minutes.
    """
    return r"\A" + "".join(f"(?=(?s:.*){text})" for text in texts)


_CONNECT = "error during connect: "

STEPS = (  # they stand first, because what they quote is the user's own and could be any other row's text
    KnownError(
        r"failed to solve: (?:dockerfile parse error|unterminated heredoc|failed to parse stage name)",
        FAILED,
        "Mend the Dockerfile there.",
    ),
    KnownError(
        _STEP + r"exit code: 137\b",
        "{failed}: the step was killed (exit code: 137), as it is when memory runs out: {detail}.",
        "Give the engine or builder more memory, or let the step need less; its output stands above.",
    ),
    KnownError(
        _STEP,
        "{failed}: {program} is made for another platform than the one it was run on: {detail}.",
        "Build for that platform (ECR_PLATFORMS), or let the builder run its programs (`docker buildx ls` shows for "
        "which platforms it can; QEMU adds some).",
        printed=r"exec (?P<program>\S+): exec format error",
    ),
    KnownError(
        _STEP,
        "{failed}: an ssh server accepted none of the keys that it was offered: {detail}.",
        "Give the build a key that it accepts: `ssh-add -l` lists those of the agent, and ECR_SSH can name a key's "
        "file.",
        printed=r"Permission denied \([a-z,-]*publickey",
    ),
    KnownError(_STEP, FAILED, "Mend that step of the Dockerfile, or what it reads; its output stands above."),
)

ENGINE = (  # these and BUILDERS are errors of the machine that builds, whichever command meets them
    KnownError(
        r"permission denied while trying to connect to the (?:Docker daemon socket|docker API) at (?P<host>\S+?):?\s",
        "This user may not use the Docker engine at {host}: permission denied.",
        "Add the user to the group that owns the socket (`sudo usermod -aG docker USER`, then log in again), or give "
        "the CI's job access to it.",
    ),
    KnownError(
        r"Docker Desktop is manually paused",
        "Docker Desktop is paused.",
        "Resume it (in its menu or its dashboard) and run it again.",
    ),
    KnownError(
        r"(?:Cannot connect to the Docker daemon|failed to connect to the docker API) at (?P<host>[^\s;]+?)[.;]*\s",
        "No Docker engine answers at {host}.",
        START_ENGINE,
    ),
    KnownError(
        r"Cannot connect to the Docker daemon|failed to connect to the docker API|docker daemon is not running",
        "No Docker engine answers.",
        START_ENGINE,
    ),
    KnownError(
        _all(_CONNECT, r"command \[ssh ") + r"(?s:.*)stderr=(?P<ssh>[^\n]*)",
        "ssh does not reach the Docker engine that DOCKER_HOST or the docker context names: {ssh}.",
        "Make `ssh HOST docker version` work without a question, or correct DOCKER_HOST.",
    ),
    KnownError(
        _all(_CONNECT) + r"(?s:.*)lookup (?P<host>[^\s:]+)(?: on \S+)?: ",
        "The Docker engine's host {host} is unknown here (no such host).",
        "Correct DOCKER_HOST, or start what it names: in CI, the service with Docker (docker:dind) under that name.",
    ),
    KnownError(
        _all(_CONNECT) + "(?s:.*)(?:server gave HTTP response to HTTPS client|does not look like a TLS handshake)",
        "The Docker engine answers without TLS, and docker was told to use it: {detail}.",
        "Unset DOCKER_TLS_VERIFY, or name the engine's port with TLS in DOCKER_HOST (2376 by custom).",
    ),
    KnownError(
        r"Client sent an HTTP request to an HTTPS server",
        "The Docker engine wants TLS, and docker was not told to use it.",
        "Set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or name the engine's port without TLS in DOCKER_HOST.",
    ),
    KnownError(
        _all(_CONNECT) + r"(?s:.*?)(?P<tls>x509: [^\n]*|remote error: tls: [^\n]*)",
        "docker and the Docker engine do not accept each other's certificates: {tls}.",
        _TLS_FILES,
    ),
    KnownError(
        r"unable to resolve docker endpoint: open (?P<file>[^\n:]+): "
        r"(?P<why>no such file or directory|permission denied)",
        "docker can't read the TLS file {file}: {why}.",
        _TLS_FILES,
    ),
    KnownError(
        r"failed to retrieve context tls info: (?P<why>.+)", "docker can't use its TLS files: {why}.", _TLS_FILES
    ),
    KnownError(
        r'context "(?P<name>[^"]+)": context not found',
        "There is no docker context {name}.",
        "Correct DOCKER_CONTEXT, or run `docker context use`; `docker context ls` lists them.",
    ),
    KnownError(
        r"(?:invalid bind address format|unable to parse docker host)[^:]{0,200}: (?P<host>\S+)",
        "{host} is no address of a Docker engine.",
        "Write DOCKER_HOST as unix:///path, tcp://host:port or ssh://user@host, or unset it.",
    ),
    KnownError(
        r'docker endpoint for "[^"]*" not found',
        "buildx can't use the address of the Docker engine.",
        "Correct DOCKER_HOST, DOCKER_CERT_PATH or DOCKER_CONTEXT; `docker version` says what is wrong.",
    ),
    KnownError(
        r"client version \S+ is too new\. Maximum supported API version is [\d.]+\d",
        "The Docker engine is older than what docker was told to speak: {detail}.",
        "Unset DOCKER_API_VERSION, or update the engine.",
    ),
    KnownError(
        r"client version \S+ is too old\. Minimum supported API version is [\d.]+\d",
        "The Docker engine no longer speaks with a client as old as this one: {detail}.",
        "Unset DOCKER_API_VERSION, or update docker's client and buildx.",
    ),
    KnownError(
        r"check if the server supports the requested API version",
        "What answers is no Docker engine, or one that has not started: {detail}.",
        "Wait until Docker has started, or correct DOCKER_HOST.",
    ),
    KnownError(_CONNECT, "The connection to the Docker engine failed: {detail}.", START_ENGINE),
    KnownError(
        r"failed to receive status|error reading from server|code = Unavailable|no active session",
        "The connection to the engine or builder broke off during the build: {detail}.",
        "See whether it still runs, and whether it ran out of memory; then run it again.",
    ),
    KnownError(
        r"unknown command: docker buildx|'buildx' is not a docker command|docker buildx: command not found|"
        # A docker client without the plugin may also ignore the word `buildx` and refuse the first flag after it.
        + _all("unknown (?:shorthand )?flag: ", r"Usage: +docker \[OPTIONS\] COMMAND"),
        "This docker has no buildx that it can start.",
        "Install docker's buildx plugin (the package docker-buildx-plugin or docker-buildx), 0.13 or newer.",
    ),
    KnownError(
        r"failed to get console: provided file is not a console",
        "BUILDKIT_PROGRESS is tty, and there is no terminal.",
        "Unset BUILDKIT_PROGRESS, or set it to plain.",
    ),
    KnownError(
        r"unknown flag: --prefer-index",
        "This buildx can't copy an image with its digest (imagetools create --prefer-index).",
        "Update docker's buildx plugin.",
    ),
    KnownError(
        r"unknown (?:shorthand )?flag: \S+",
        "This docker or its buildx is too old: {detail}.",
        "Update docker and its buildx plugin to 0.13 or newer.",
    ),
    KnownError(
        r'error (?:getting|storing|erasing) credentials - err: exec: "(?P<helper>[^"]+)": executable file not found',
        "docker's configuration names the credential helper {helper}, which is not installed.",
        "Install it, or take it out of docker's config.json (credsStore, credHelpers).",
    ),
    KnownError(
        r"error (?:getting|storing|erasing) credentials - err: (?P<why>[^,`]+)",
        "docker's credential helper failed ({why}).",
        "Make it work (unlock its store, `docker login`), or take it out of docker's config.json (credsStore, "
        "credHelpers).",
    ),
    KnownError(
        r"(?:open|mkdir) (?=[^\s:]*buildx)(?P<path>[^\s:]+): (?P<why>permission denied|read-only file system)",
        "buildx can't write {path}: {why}.",
        "Let this user write in buildx's folder, or name another one in BUILDX_CONFIG.",
    ),
    KnownError(
        r"The path (?P<path>.{1,1000}?) is not shared from the host",
        "Docker Desktop does not share the folder {path} with its engine.",
        "Share it in Docker Desktop's settings (Resources, File sharing).",
    ),
)

OTHER_CONTEXT = KnownError(
    r"use `docker --context=(?P<name>\S+) buildx` to switch to context",
    "The builder {name} is a docker context, whose engine builds for itself, and docker uses another one.",
    "Choose the context for docker too (DOCKER_CONTEXT={name}, without DOCKER_HOST), or a builder that `docker "
    "buildx create` has made (ECR_BUILDER, BUILDX_BUILDER).",
)
BUILDERS = (
    OTHER_CONTEXT,
    KnownError(
        r'no builder "(?P<name>[^"]*)" found|failed to find builder "?(?P<other>[^"\s]*)',
        "There is no builder or docker context {name}{other}.",
        "Correct ECR_BUILDER, BUILDX_BUILDER or DOCKER_CONTEXT; `docker buildx ls` lists the builders.",
    ),
    KnownError(
        r"context deadline exceeded",
        "The builder does not answer.",
        f"Start it, or {_CHOOSE_BUILDER}",
        printed=r"\[internal\] waiting for connection",
    ),
    KnownError(
        r".",
        "The builder can't be started: {detail}.",
        f"Mend that, or {_CHOOSE_BUILDER}",
        printed=r"> \[internal\] booting buildkit",
    ),
    KnownError(
        r"is not supported for the docker driver|docker exporter does not currently support exporting manifest lists"
        r"|for multi-node builds currently not supported",
        "This builder can't do what is asked: {detail}.",
        "Turn on the engine's containerd image store, or choose a builder of another driver with ECR_BUILDER "
        "(`docker buildx create --name NAME --driver docker-container`).",
    ),
    KnownError(
        r"unknown cache (?:im|ex)porter: |registry cache (?:im|ex)porter requires ref|unknown attestation type"
        r'|exporter "[^"]*" could not be found',
        "The builder does not know what is asked: {detail}.",
        "Correct ECR_CACHE or the definition's cache, attest and output.",
    ),
    KnownError(
        r"additional privileges requested",
        "The build asks for a privilege that it was not given: {privilege}.",
        "Allow it with ECR_ALLOW={privilege}, or take it out (network and entitlements in the definition).",
        printed=r"--allow=(?P<privilege>[\w.]+)",
    ),
    KnownError(
        r"(?:granting entitlement )?(?P<privilege>network\.host|security\.insecure|device) is not allowed"
        r" by build daemon configuration",
        "The builder does not allow the entitlement {privilege}.",
        "Use a builder that allows it (`docker buildx create --buildkitd-flags '--allow-insecure-entitlement "
        "{privilege}'`), or do without it.",
    ),
    KnownError(
        r"(?P<privilege>network\.host|security\.insecure|device) is not allowed",
        "The Dockerfile asks for the entitlement {privilege}, which the build was not given.",
        "Allow it with ECR_ALLOW={privilege}, or take it out of the Dockerfile.",
    ),
)

INPUTS = (
    KnownError(
        r"invalid empty ssh agent socket",
        *NO_SSH_AGENT,
    ),
    KnownError(
        r"failed to (?:convert agent config.{0,200}?: failed to )?parse (?P<file>\S+): ssh: "
        r"(?P<why>.{0,200}?passphrase protected)",
        "The ssh key {file} is protected with a passphrase, which a build can't ask for.",
        "Add it to an ssh agent (`ssh-add`) and set ECR_SSH=default.",
    ),
    KnownError(
        r"failed to convert agent config.{0,200}?: (?:stat|failed to parse) (?P<file>\S+): (?P<why>.+)",
        "The build can't use the ssh key or agent {file}: {why}.",
        "Correct ECR_SSH (or ssh in the definition), or SSH_AUTH_SOCK.",
    ),
    KnownError(
        r"unset ssh forward key (?P<name>\S+)",
        "The Dockerfile requires the ssh agent or key {name}, which the build was not given.",
        "Set ECR_SSH={name}, or ECR_SSH={name}=PATH of a key.",
    ),
    KnownError(
        r"secret (?P<name>\S+): not found",
        "The Dockerfile requires the secret {name}, which the build was not given.",
        "Add it to ECR_SECRETS: id={name},env=VARIABLE or id={name},src=FILE.",
    ),
    KnownError(
        r"failed to stat (?P<file>.{1,1000}?): stat ",
        "There is no file {file} to take a secret from.",
        "Correct ECR_SECRETS (or the definition's secret), or write the file.",
    ),
    KnownError(
        r'unable to prepare context: path "(?P<path>[^"]+)" not found'
        r"|failed to get build context \S+: stat (?P<other>.{1,1000}?): no such",
        "There is no folder {path}{other} to build from.",
        "Correct ECR_CONTEXT, ECR_BUILD_CONTEXTS or the definition's contexts.",
    ),
    KnownError(
        r"error from sender: open (?P<path>.{1,1000}?): permission denied",
        "This user may not read {path}, which is in the build context.",
        "Give read permission there, or leave it out by .dockerignore.",
    ),
    KnownError(
        r"required variable (?P<name>\w+) is missing a value",
        FAILED,
        "Set {name} in the environment, or in the .env beside that file (a CI has none), or give it a default there.",
    ),
    KnownError(  # docker compose builds without it; bake does not
        r"env file (?P<file>.{1,1000}?) not found: stat ",
        "docker buildx bake reads a service's env_file, too, and {file} is not there.",
        "Create it (an empty one does for a build), or write it as `path: {file}` with `required: false`.",
    ),
    KnownError(
        r"failed to find target default\b",
        "The definition has no group or target default, so it doesn't say what to publish.",
        'Write group "default" {{ targets = ["NAME"] }} in it, or in one more file (ECR_BAKE_FILE=FILE,MORE.hcl).',
    ),
    KnownError(
        r"failed to find target (?P<name>\S+)",
        "There is no target {name} in the definition.",
        "Correct the name in the bake or compose file; `docker buildx bake --print` shows its targets.",
    ),
    KnownError(
        r'target stage "[^"]*" could not be found',
        FAILED,
        "Correct ECR_TARGET (or target in the definition), or name the stage so in the Dockerfile.",
    ),
    KnownError(
        r"failed to read dockerfile: open [^:]+: no such file",
        FAILED,
        "Correct ECR_DOCKERFILE (or dockerfile in the definition), which counts from the build context.",
    ),
    KnownError(
        r"the Dockerfile cannot be empty",
        FAILED,
        "Write something into it, or let this user read it, if it isn't empty.",
    ),
    KnownError(
        r"base name \([^)]{0,200}\) should not be blank",
        FAILED,
        "Set the build argument in that FROM (ECR_BUILD_ARGS), or give its ARG a default.",
    ),
    KnownError(
        r"failed to (?:compute cache key|calculate checksum).{0,1000}?: not found$",
        FAILED,
        "Correct that path in the Dockerfile, or the .dockerignore that leaves it out.",
    ),
    KnownError(
        r"no space left",
        "{failed}, because a disk is full: {detail}.",
        "Free space there (for the engine's disk: `docker system df`, `docker buildx prune`) and run it again; it "
        "takes up where it stopped.",
    ),
)

# A number in a name or an address (``app:403``) is no status.
REFUSED = (
    r"(?<![\w:@/.-])40[13]\b|no basic auth|(?<!permission )\bdenied\b|not authorized|unauthorized"
    r"|authentication required|insufficient_scope"
)

EXPIRED = r"token has expired"
"""ECR's words: "Your authorization token has expired. Reauthenticate and try again."."""

_OTHER_PLATFORM = KnownError(
    r"no match for platform|no matching manifest for",
    FAILED,
    "Choose among the platforms of that image (`docker buildx imagetools inspect` lists them), or another image.",
)

DENIED = KnownError(
    REFUSED,
    FAILED,
    "Check the image's name, and that these credentials may do this in its registry (`docker login`; in ECR "
    "ecr:BatchGetImage, and to push ecr:PutImage and the layer actions: `{policy}`).",
)
"""A registry's refusal; where it says more, ``model/denial.py`` reads it."""

REGISTRIES = (
    _OTHER_PLATFORM,
    KnownError(
        EXPIRED,
        "The token of the registry {registry} had expired, and no newer one was accepted: {detail}.",
        "Run it again with new credentials: a token ends with the session that it comes from. A session that ends "
        "before the build does (a role's, the CI's) must last longer.",
    ),
    KnownError(
        _all(r"docker\.io/", "(?:toomanyrequests|429 Too Many)") + "|pull rate limit",
        "Docker Hub allows no more pulls for now: {detail}.",
        "Log docker in to it (`docker login`), which allows more, wait, or take its official images from "
        "public.ecr.aws/docker/library.",
    ),
    KnownError(
        r"(?i)toomanyrequests|too many requests|Rate exceeded",
        "The registry {registry} asks to slow down: {detail}.",
        RUN_AGAIN,
    ),
    KnownError(
        r"x509: |certificate is not trusted",
        "The certificate of the registry {registry} is not accepted: {detail}.",
        "Give the certificate of its authority (or of a proxy that opens TLS) to the engine and the builder "
        "(/etc/docker/certs.d), or correct the clock if it has expired.",
    ),
    KnownError(
        r"server gave HTTP response to HTTPS client|does not look like a TLS handshake",
        "The registry {registry} does not speak TLS: {detail}.",
        "Correct its address, or name it in the engine's insecure-registries.",
    ),
    KnownError(
        r"proxyconnect tcp: (?P<why>.+)",
        "The proxy on the way to the registry {registry} can't be reached: {why}.",
        "Correct HTTPS_PROXY and NO_PROXY (the engine and a builder have their own), or start the proxy.",
    ),
    KnownError(
        r"lookup (?P<host>\S+?)(?: on \S+)?: |Could not resolve host: (?P<other>\S+)",
        "The host {host}{other} is unknown here (no such host): {detail}.",
        "Correct the name, or the network of the engine and builder (VPN, DNS, proxy).",
    ),
    KnownError(
        r"failed to load cache key: ",
        FAILED,
        "Correct that address (an ADD in the Dockerfile, or the context), or let the builder reach it.",
    ),
    KnownError(
        REFUSED,
        "The build's cache could not be written: {detail}.",
        "Let these credentials push to the cache's repository (in ECR by what `{policy}` prints, elsewhere by "
        "`docker login`), or leave the cache out: ECR_CACHE=off.",
        printed=r"> exporting cache to",
    ),
    KnownError(
        r"repository with name '(?P<name>[^']+)' does not exist in the registry",
        "The build's cache could not be written: there is no repository {name} in the registry {registry}.",
        "Create it, with tags that may move (`aws ecr create-repository --repository-name {name}`), or correct the "
        "cache's name (ECR_CACHE, or cache-to in the definition).",
        printed=r"> exporting cache to",
    ),
    KnownError(
        r".",
        "The build's cache could not be written: {detail}.",
        "Correct ECR_CACHE (or cache-to in the definition), or leave it out: ECR_CACHE=off.",
        printed=r"> exporting cache to",
    ),
    KnownError(
        r"does not exist in the registry",
        FAILED,
        "Create the repository with `inv repo.ensure`, or correct the name.",
    ),
    DENIED,
    KnownError(
        r"failed to resolve source metadata for (?P<image>\S+): .{0,1000}?(?:not found|manifest unknown)",
        "There is no base image {image}: {detail}.",
        "Correct its name in the Dockerfile, or push that base image first.",
    ),
    KnownError(
        r"failed to push (?P<repository>(?:localhost|127\.)\S+): .{0,1000}?connection refused",
        "The builder can't push to {repository}: {detail}.",
        "In a builder's container, 127.0.0.1 is the container itself: create the builder with `--driver-opt "
        "network=host`, or start it where the registry is.",
        printed=r"> (?:\S+ )?exporting to image",
    ),
    KnownError(
        r"connection refused|i/o timeout|no route to host|network is unreachable|connection timed out",
        "The registry {registry} can't be reached: {detail}.",
        RUN_AGAIN,
    ),
    KnownError(
        r"(?<![\w:@/.-])50[0234]\b|\bEOF\b|connection reset|broken pipe|error from registry: "
        r"|closed network connection|connection broken|TLS handshake timeout|Client\.Timeout"
        r"|context deadline exceeded",
        FAILED,
        RUN_AGAIN,
    ),
    KnownError(
        r"failed to bind host port|port is already allocated|address already in use",
        FAILED,
        "Choose another port, or stop the program that has it.",
    ),
)

PULLED = (
    _OTHER_PLATFORM,
    KnownError(
        r"not found$|manifest unknown|does not exist in the registry",
        "There is no {reference}: {detail}.",
        "Check the tag or digest, or push it first.",
    ),
)
"""What a pull meets, where ``{reference}`` is what was to be pulled."""

OWN_WORDS = "These are docker's own words; its output above, if there is any, may say more."
"""The remedy of an error that is not in the catalogue: it invents nothing."""

KNOWN_ERRORS = (*STEPS, *ENGINE, *BUILDERS, *INPUTS, *REGISTRIES)
