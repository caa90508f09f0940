"""Errors of the machine that builds, the engine or the builder, whichever command meets them."""

from __future__ import annotations

from ecr_tasks.clients.docker.known_errors.row import KnownError, all_of

START_ENGINE = "Start Docker (or correct DOCKER_HOST or `docker context use`) and run it again."
_CHOOSE_BUILDER = "choose another builder with ECR_BUILDER or BUILDX_BUILDER (`docker buildx ls` lists them)."
_TLS_FILES = (
    "Correct DOCKER_CERT_PATH (it needs ca.pem, cert.pem and key.pem), or unset it and DOCKER_TLS_VERIFY for an "
    "engine without TLS."
)
_CONNECT = "error during connect: "

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
        all_of(_CONNECT, r"command \[ssh ") + r"(?s:.*)stderr=(?P<ssh>[^\n]*)",
        "ssh does not reach the Docker engine: {ssh}.",
        "Make `ssh HOST docker version` work without a question, or correct DOCKER_HOST or the docker context.",
    ),
    KnownError(
        all_of(_CONNECT) + r"(?s:.*)lookup (?P<host>[^\s:]+)(?: on \S+)?: (?P<why>[^\n]+)",
        "The Docker engine's host {host} can't be found from here: {why}.",
        "Correct DOCKER_HOST (unix:///path, tcp://host:port, ssh://user@host), or start what it names: in CI, the "
        "service with Docker (docker:dind) under that name.",
    ),
    KnownError(
        all_of(_CONNECT) + "(?s:.*)(?:server gave HTTP response to HTTPS client|does not look like a TLS handshake)",
        "The Docker engine answers without TLS, and docker was told to use it: {detail}.",
        "Unset DOCKER_TLS_VERIFY, or name the engine's port with TLS in DOCKER_HOST (2376 by custom).",
    ),
    KnownError(
        r"Client sent an HTTP request to an HTTPS server",
        "The Docker engine wants TLS, and docker was not told to use it.",
        "Set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or name the engine's port without TLS in DOCKER_HOST.",
    ),
    KnownError(
        all_of(_CONNECT) + r"(?s:.*?)(?P<tls>x509: [^\n]*|remote error: tls: [^\n]*)",
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
        r"(?:failed to retrieve context tls info: |Failed to initialize: (?=no valid private key))(?P<why>.+)",
        "docker can't use its TLS files: {why}.",
        _TLS_FILES,
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
        r"^(?:ERROR: |Failed to initialize: )?protocol not available$",
        "This system has no such address as the Docker engine's is to be.",
        "Write DOCKER_HOST as unix:///path, tcp://host:port or ssh://user@host, or unset it.",
    ),
    KnownError(
        r'Unix socket path "(?P<path>[^"]{1,4096})" is too long',
        "The path of the Docker engine's socket is too long for this system: {path}.",
        "Name a shorter one in DOCKER_HOST, such as a link to it.",
    ),
    KnownError(
        r"failed to read metadata: parsing [^\n:]{0,4096}/(?P<file>contexts/meta/[^\s/:]+/meta\.json): "
        r"(?P<why>[^\n]+)",
        "docker can't read a context, {file} in its folder: {why}.",
        "Mend that file, or remove its folder; docker's own is ~/.docker, or that in DOCKER_CONFIG.",
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
        r"Error response from daemon: page not found(?:$|:)",
        "The Docker engine knows no such API: {detail}.",
        "Unset DOCKER_API_VERSION, or set a version that `docker version` shows, such as 1.44.",
    ),
    KnownError(
        r"check if the server supports the requested API version",
        "What answers is no Docker engine, or one that has not started: {detail}.",
        "Wait until Docker has started, or correct DOCKER_HOST.",
    ),
    KnownError(_CONNECT, "The connection to the Docker engine failed: {detail}.", START_ENGINE),
    KnownError(
        r"\bno such job [a-z0-9]{20,}$",
        "The builder lost one of many builds: {detail}.",
        "Run it again: what is built is not built again. If it ends so once more, build some at a time (--image).",
    ),
    KnownError(
        r"failed to receive status|error reading from server|code = Unavailable|no active session",
        "The connection to the engine or builder broke off during the build: {detail}.",
        "See whether it still runs, and whether it ran out of memory; then run it again.",
    ),
    KnownError(
        r"unknown command: docker buildx|'buildx' is not a docker command|docker buildx: command not found|"
        # A docker client without the plugin may also ignore the word `buildx` and refuse the first flag after it.
        + all_of("unknown (?:shorthand )?flag: ", r"Usage: +docker \[OPTIONS\] COMMAND"),
        "This docker has no buildx that it can start.",
        "Install docker's buildx plugin (the package docker-buildx-plugin or docker-buildx), 0.13 or newer.",
    ),
    KnownError(
        r"failed to get console: provided file is not a console",
        "BUILDKIT_PROGRESS is tty, and there is no terminal.",
        "Unset BUILDKIT_PROGRESS, or set it to plain.",
    ),
    KnownError(
        r"invalid progress mode (?P<mode>\S+)",
        "BUILDKIT_PROGRESS is {mode}, which buildx doesn't know.",
        "Unset BUILDKIT_PROGRESS, or set it to plain.",
    ),
    KnownError(
        r"DOCKER_CUSTOM_HEADERS environment variable: ",
        "docker can't use DOCKER_CUSTOM_HEADERS.",
        "Unset it, or write name=value in it, with commas between several.",
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
        r"(?:stat|open|mkdir) (?P<path>[^\s:]+)/instances: not a directory",
        "buildx's folder {path} is no folder.",
        "Name a folder in BUILDX_CONFIG, or unset it.",
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
    "Choose the context for docker too (DOCKER_CONTEXT={name}, without DOCKER_HOST), or a builder that `inv "
    "builder.create` has made (ECR_BUILDER, BUILDX_BUILDER).",
)
BUILDERS = (
    OTHER_CONTEXT,
    KnownError(
        r"cannot determine Kubernetes namespace|no configuration has been provided, try setting KUBERNETES_MASTER",
        "There is no Kubernetes cluster to build in: no configuration of kubectl's is found.",
        "Set KUBECONFIG, or let `kubectl config current-context` name a cluster; in a pod, give its service account "
        "the right to create deployments.",
    ),
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
        "(`inv builder.create NAME` makes one).",
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
