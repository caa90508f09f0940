"""Log docker in to the ECR registries that images are read from and caches written to, each host once a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_tasks.console import say, warn
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.ecr_host import host_of, parse_ecr_host
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.build_context.references import BuildReferences, read_references

if TYPE_CHECKING:
    from ecr_tasks.clients.docker.client import WhalesDocker
    from ecr_tasks.clients.ecr.registry import EcrRegistry
    from ecr_tasks.model.registry import RegistryToken
    from ecr_tasks.settings.settings import Settings


class RegistryLogins:
    """The hosts that docker was logged in to in this run, and the errors of those that gave no token."""

    def __init__(self, settings: Settings, registry: EcrRegistry, docker: WhalesDocker) -> None:
        self._settings, self._registry, self._docker = settings, registry, docker
        self._errors: dict[str, EcrTasksError | None] = {}
        """By host; None for a host without an error."""
        self._own_error: EcrTasksError | None = None
        self._reported: set[str] = set()

    def log_in(self, references: Iterable[str]) -> dict[str, EcrTasksError]:
        """Log docker in to the ECR registries of references; return the errors, by reference.

        No error is raised: an image may be in the local store, ECR Public needs no login, and docker may have a
        login of its own, which is kept where there is no token of ours.
        """
        errors = {}
        for reference in references:
            host = host_of(reference)
            if host is not None and (error := self._log_in_once(host)) is not None:
                errors[reference] = error
        return errors

    def log_in_to_own(self) -> None:
        """Log docker in to the settings' registry, from which a build may read what can't be known before.

        An error is only remembered: most of these builds read nothing there.
        """
        try:
            token = self._registry.token()
        except EcrTasksError as error:
            self._own_error = error
        else:
            self._errors[token.host] = None
            self._docker.authorize(token)

    def explain(self, error: EcrTasksError) -> EcrTasksError:
        """Return the error of a missing token if that is why a build failed; else the build's error."""
        if not _is_unauthorized(error.cause):
            return error
        named = ((host, refusal) for host, refusal in self._errors.items() if refusal and host in error.cause)
        host, refusal = next(named, ("the registry", self._own_error))
        if refusal is None:
            return error
        return type(refusal)(f"{host} refused the build, which had no token for it: {refusal.cause}", refusal.remedy)

    def log_in_for_builds(self, definitions: Sequence[BuildDefinition], builder_platform: Callable[[], str]) -> None:
        """Log docker in to the ECR registries of builds, and say which one gives no token.

        ``builder_platform`` returns the builder's own platform.
        """
        builds = {index: read_references(item, builder_platform) for index, item in enumerate(definitions)}
        if any(references.may_be_more for references in builds.values()):
            self.log_in_to_own()
        for index, references in builds.items():
            errors = self.log_in(sorted(references.all))
            pulls = bool(definitions[index].extra.get("pull"))
            missing = [reference for reference in errors if pulls or not self._is_stored(reference, references)]
            for host in dict.fromkeys(host_of(reference) or "" for reference in missing):
                self._report(host, self._errors[host])

    def _is_stored(self, reference: str, references: BuildReferences) -> bool:
        """Return whether the engine's store has an image, so that a build needs no login for it."""
        is_image = reference not in references.caches
        return is_image and self._docker.image_id(reference) is not None

    def _report(self, host: str, error: EcrTasksError | None) -> None:
        if error is None or host in self._reported:
            return
        self._reported.add(host)
        if (ecr := parse_ecr_host(host)) and ecr.is_public:
            say(f"{host} is read without a login, at its lower rate: {error.cause}")
        else:
            warn(f"No token of ours for {host}, only what docker has by itself: {error.cause}")

    def _log_in_once(self, host: str) -> EcrTasksError | None:
        if host not in self._errors:
            self._errors[host] = None
            try:
                if token := self._token(host):
                    self._docker.authorize(replace(token, host=host))
            except EcrTasksError as error:
                self._errors[host] = error
        return self._errors[host]

    def _token(self, host: str) -> RegistryToken | None:
        """Return a token that a host takes; None for a host that is not ECR's.

        The local ECR's tokens (and LocalStack's) are for its own hosts only, AWS's are for those of AWS.
        """
        aws = parse_ecr_host(host)
        if aws is None:
            return self._local_token(host)
        token = self._public_token() if aws.is_public else self._registry.token(aws.region)
        return token if parse_ecr_host(token.host) else None

    def _local_token(self, host: str) -> RegistryToken | None:
        """Return a token for a registry at the endpoint of the settings; None for other hosts.

        The local ECR has a port for each registry, and lists them. LocalStack's registries have hosts like AWS's.
        """
        from ecr_tasks.local_ecr import process
        from ecr_tasks.local_ecr.constants import PUBLIC_REGION, STATUS_PATH

        endpoint = urlsplit(self._settings.aws_endpoint_url_ecr or "")
        if not endpoint.netloc:
            return None
        if host == endpoint.netloc:
            return self._registry.token()
        if urlsplit(f"//{host}").hostname == endpoint.hostname:
            status = process.request(endpoint.geturl(), STATUS_PATH) or {}
            regions = [other["region"] for other in status.get("registries", ()) if other["registry"] == host]
            if regions:
                return self._public_token() if regions[0] == PUBLIC_REGION else self._registry.token(regions[0])
        if ".dkr.ecr." in host and (token := self._registry.token()).host == host:
            return token
        return None

    def _public_token(self) -> RegistryToken:
        return self._registry.public("", lambda reference: self._docker.manifest(reference)).token()


def _is_unauthorized(cause: str) -> bool:
    """Return whether a build failed because a registry wants a login, by its cause."""
    if "did not complete successfully" in cause:  # a step's own words
        return False
    return re.search(r"\b401\b|\b403\b|no basic auth|authoriz|denied", cause) is not None
