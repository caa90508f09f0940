"""Log docker in to the registries that images are read from and caches written to, each host once a run.

ECR's get tokens, others what ECR_REGISTRY_LOGINS has for them; for the rest, docker has the user's own logins.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_tasks.console import say, warn
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.destination import PUBLIC_REGION as PUBLIC
from ecr_tasks.model.ecr_host import DOCKER_HUB, EcrHost, host_of, parse_ecr_host
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.source.bases import locked_place
from ecr_tasks.source.build_context.references import BuildReferences, read_references
from ecr_tasks.source.inputs.base_digests import is_taken_from_store

if TYPE_CHECKING:
    from ecr_tasks.clients.docker.client import WhalesDocker
    from ecr_tasks.clients.ecr.registry import EcrRegistry
    from ecr_tasks.model.ports import Engine
    from ecr_tasks.model.registry import RegistryToken
    from ecr_tasks.settings.settings import Settings

_UNAUTHORIZED = r"\b401\b|\b403\b|no basic auth|authoriz|denied"
"""The words of a registry that wants a login."""

_HOST = r"(?<![\w.:-])[\w.:-]+(?=/)"
_LIKE_AWS = r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\."


def _host(reference: str) -> str:
    return host_of(reference) or DOCKER_HUB


class RegistryLogins:
    """The hosts that docker was logged in to in this run, and the errors of those that gave no token.

    Several threads may log in: who comes second to a host goes on when docker has its token.
    """

    def __init__(
        self,
        settings: Settings,
        registry: EcrRegistry,
        docker: WhalesDocker,
        own_token: Callable[[], RegistryToken] | None = None,
    ) -> None:
        self._settings, self._registry, self._docker = settings, registry, docker
        self._own_token = own_token or registry.token
        self._errors: dict[str, EcrTasksError | None] = {}
        """By host; None for a host without an error."""
        self._lock = Lock()
        self._own_error: EcrTasksError | None = None
        self._reported: set[str] = set()

    def log_in(self, references: Iterable[str]) -> dict[str, EcrTasksError]:
        """Log docker in to the ECR registries of references; return the errors, by reference.

        No error is raised: an image may be in the local store, ECR Public needs no login, and docker may have a
        login of its own, which is kept where there is no token of ours.
        """
        errors = {}
        for reference in references:
            if (error := self._log_in_once(_host(reference))) is not None:
                errors[reference] = error
        return errors

    def log_in_to_own(self) -> None:
        """Log docker in to the settings' registries, from which a build may read what can't be known before.

        An error is only remembered: most of these builds read nothing there.
        """
        for host in self._settings.registry_logins:
            self._log_in_once(host)
        try:
            token = self._own_token()
        except EcrTasksError as error:
            self._own_error = error
        else:
            self._errors[token.host] = None
            self._docker.authorize(token)

    def explain(self, error: EcrTasksError) -> EcrTasksError:
        """Return the error of a missing token or a wrong login if that is why a build failed; else the build's."""
        if "did not complete successfully" in error.cause or not re.search(_UNAUTHORIZED, error.cause):
            return error  # the first are the words of a step
        for host in re.findall(_HOST, error.cause):
            refusal = self._errors.get(host) or (self._own_error if parse_ecr_host(host) else None)
            if refusal is not None:
                cause = f"{host} refused the build, which had no token for it: {refusal.cause}"
                return type(refusal)(cause, refusal.remedy)
            if host in self._errors and (secret := self._settings.registry_logins.get(host)):
                remedy = f"Correct the login for {host} in the secret {secret} (ECR_REGISTRY_LOGINS), and its rights."
                return type(error)(error.cause, remedy)
        return error

    def places(self, definitions: Iterable[BuildDefinition]) -> dict[str, EcrHost]:
        """Return the ECR hosts that builds read from or write to, and where their registries are.

        A host that depends on the builder's platform is that of linux/amd64: the engine is not asked.
        """
        every = (read_references(item, lambda: "linux/amd64").all for item in definitions)
        hosts = sorted({host for references in every for reference in references if (host := host_of(reference))})
        return {host: place for host in hosts if (place := self.place(host))}

    def log_in_for_builds(self, definitions: Sequence[BuildDefinition], engine: Callable[[], Engine]) -> None:
        """Log docker in to the ECR registries of builds, and say which one gives no token.

        An image that the build takes from the engine's store needs none. ``engine`` asks for the engine's facts.
        """
        engine = cache(engine)
        builds = [(item, read_references(item, lambda: engine().platform)) for item in definitions]
        if any(references.may_be_more for _, references in builds):
            self.log_in_to_own()
        for definition, references in builds:
            pulls = bool(definition.extra.get("pull"))
            places = {item: locked_place(definition, item) or item for item in sorted(references.all)}
            needed = [
                place
                for item, place in places.items()
                if self._has_login(place) and (pulls or not self._is_stored(item, place, references, engine))
            ]
            for host in dict.fromkeys(_host(reference) for reference in self.log_in(needed)):
                self._report(host, self._errors[host])

    def may_log_in(self, definitions: Sequence[BuildDefinition]) -> bool:
        """Return whether :meth:`log_in_for_builds` may log docker in anywhere, without asking AWS."""
        builds = [read_references(item, lambda: "linux/amd64") for item in definitions]
        return any(item.may_be_more or any(map(self._has_login, item.all)) for item in builds)

    def _has_login(self, reference: str) -> bool:
        """Return whether a reference's registry is ECR's, or one of ECR_REGISTRY_LOGINS."""
        return _host(reference) in self._settings.registry_logins or bool(self.place(host_of(reference)))

    def place(self, host: str | None) -> EcrHost | None:
        """Return where a host's registry is; None for a host that is not ECR's.

        The local ECR has a port for each registry, and lists them. LocalStack's registries have hosts like AWS's.
        """
        from ecr_tasks.local_ecr import process
        from ecr_tasks.local_ecr.constants import PUBLIC_REGION

        endpoint = urlsplit(self._settings.aws_endpoint_url_ecr or "")
        if host is None or (aws := parse_ecr_host(host)) or not endpoint.netloc:
            return aws if host else None
        if host == endpoint.netloc:
            return EcrHost(self._settings.region or "", self._settings.account_id or "")
        if urlsplit(f"//{host}").hostname == endpoint.hostname:
            status = process.status(endpoint.geturl()) or {}
            for other in status.get("registries", ()):
                if other["registry"] == host:
                    is_public = other["region"] == PUBLIC_REGION
                    return EcrHost(PUBLIC) if is_public else EcrHost(other["region"], other["account"])
        match = re.match(_LIKE_AWS, host)
        return EcrHost(match["region"], match["account"]) if match else None

    def _is_stored(
        self, reference: str, place: str, references: BuildReferences, engine: Callable[[], Engine]
    ) -> bool:
        """Return whether the build takes an image from the engine's store: its base images, and no others.

        ``place`` is what it reads for the reference.
        """
        bases = [base for base in references.images if base.reference == reference]
        if not bases or reference == references.frontend:
            return False
        return all(is_taken_from_store(base, engine()) for base in bases) and bool(self._docker.image_id(place))

    def _report(self, host: str, error: EcrTasksError | None) -> None:
        if error is None or host in self._reported:
            return
        self._reported.add(host)
        if (place := self.place(host)) and place.is_public:
            say(f"{host} is read without a login, at its lower rate: {error.cause}")
        else:
            warn(f"No token of ours for {host}, only what docker has by itself: {error.cause}")

    def _log_in_once(self, host: str) -> EcrTasksError | None:
        with self._lock:
            if host not in self._errors:
                self._errors[host] = None
                try:
                    if token := self._token(host):
                        self._docker.authorize(replace(token, host=host))
                except EcrTasksError as error:
                    self._errors[host] = error
            return self._errors[host]

    def _token(self, host: str) -> RegistryToken | None:
        """Return a token that a host takes; None for a host that is not ECR's and not in the settings.

        The local ECR's tokens (and LocalStack's) are for its own hosts only, AWS's are for those of AWS.
        """
        if (secret := self._settings.registry_logins.get(host)) is not None:
            return self._registry.login_from_secret(host, secret)
        place = self.place(host)
        if place is None:
            return None
        registry = self._registry
        token = registry.public("").token() if place.is_public else registry.token(place.region or None)
        if parse_ecr_host(host):
            return token if parse_ecr_host(token.host) else None
        domains = (re.sub(_LIKE_AWS, "", name) for name in (host, token.host) if re.match(_LIKE_AWS, name))
        return token if len(set(domains)) < 2 and not parse_ecr_host(token.host) else None
