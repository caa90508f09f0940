"""Signing programs in memory."""

from __future__ import annotations

from ecr_tasks.errors import SettingsError
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import ProfileSigner, Signer, SignWith, Tool, Verification
from tests.support.fakes.registry import FakeRegistry


class FakeSignatures:
    """Implements the Signatures port; ``signed`` are the digests with the signers whose signature they have."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self.missing: set[Tool] = set()
        self.signed: set[tuple[str, str]] = set()
        self.signs_as = ""
        """The signer, in words, whose signature ``sign`` makes."""

    def check_installed(self, tool: Tool) -> None:
        if tool in self.missing:
            raise SettingsError(f"{tool} is not installed here.", "Install it.")

    def can_check(self, signer: Signer) -> bool:
        return not isinstance(signer, ProfileSigner)

    def verify(self, repository: Repository, digest: str, signer: Signer) -> Verification:
        self._registry.calls.begin("verify", repository.name, digest, str(signer))
        self._registry.calls.end()
        if (digest, str(signer)) in self.signed:
            return Verification(signer, accepted=True)
        return Verification(signer, accepted=False, reason="it is somebody else's")

    def sign(self, repository: Repository, digest: str, method: SignWith) -> None:
        self._registry.calls.begin("sign", repository.name, digest, str(method))
        self.signed.add((digest, self.signs_as))
        self._registry.calls.end()
