"""Errors of what is pushed and pulled: those of registries, of the network and of disks."""

from __future__ import annotations

from ecr_tasks.clients.docker.known_errors.row import FAILED, KnownError, all_of

RUN_AGAIN = "Run it again{kept}."

KEPT = ": layers that have arrived are not sent twice, and no moving tag has been touched"
"""What a remedy says of what was sent, where a command sends an image."""

_UNREACHED = r"connection refused|i/o timeout|no route to host|network is unreachable|connection timed out"

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
        all_of(r"docker\.io/", "(?:toomanyrequests|429 Too Many)") + "|pull rate limit",
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
        "The host {host}{other} can't be found from here: {detail}.",
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
        r"failed to resolve source metadata for (?P<image>\S+@sha256:\S+): .{0,1000}?(?:not found|manifest unknown)",
        "There is no base image {image} (any more): {detail}.",
        "Correct the digest in the Dockerfile; where ecr-bases.lock has it, `inv bases --update` writes it anew.",
    ),
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
        rf"failed to resolve (?:source metadata for|reference) .{{0,1000}}?(?:{_UNREACHED})",
        "The registry {registry} can't be reached: {detail}.",
        "Run it again; if it stays so, correct that image's name, start its registry, or let the engine and builder "
        "reach it (VPN, proxy).",
    ),
    KnownError(
        _UNREACHED,
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
