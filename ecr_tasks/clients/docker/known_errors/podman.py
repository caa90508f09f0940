"""Errors of Podman's own builds, which have no BuildKit (containers/buildah, imagebuildah)."""

from __future__ import annotations

from ecr_tasks.clients.docker.known_errors.builds import BUILD_FOR_IT, MEND_STEP
from ecr_tasks.clients.docker.known_errors.row import KnownError

_STEP = r'\AError: building at STEP "(?P<step>[^\n]+?)": '

PODMAN = (  # they stand before the registries' rows, because a step is the user's own and could be any row's text
    KnownError(
        r"short-name (?:\S+ did not resolve to an alias|resolution enforced)",
        "Podman does not know from which registry a base image is: {detail}.",
        "Write it in FROM with its registry (docker.io/library/NAME:TAG, public.ecr.aws/docker/library/NAME:TAG), or "
        "name the registries to look in (unqualified-search-registries in registries.conf).",
    ),
    KnownError(
        _STEP,
        "{failed} at {step}: its program is made for another platform than the one it was run on.",
        f"{BUILD_FOR_IT} (the package qemu-user-static adds some).",
        printed=r"(?i)exec format error",
    ),
    KnownError(
        _STEP + r"(?!.{0,200}?(?:initializing source|container registry|copying system image))"
        r"(?:while running runtime: )?(?P<why>[^\n]+)",
        "{failed} at {step}: {why}.",
        MEND_STEP,
    ),
)
