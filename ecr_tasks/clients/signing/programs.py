"""The Signatures port on cosign and notation, each started with the run's private docker configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.signing.cosign import Cosign
from ecr_tasks.clients.signing.notation import Notation
from ecr_tasks.clients.signing.program import Login, Program
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import (
    CertificateSigner,
    IdentitySigner,
    KeySigner,
    ProfileSigner,
    Signer,
    SignWith,
    Tool,
    Verification,
)


class SigningPrograms:
    """Signs and verifies by digest. ``log_in`` is called before a program reaches a registry's host.

    ``credentials`` returns the variables with AWS's credentials, for keys in KMS and for AWS Signer.
    """

    def __init__(
        self, config: PrivateConfig, project: Path, log_in: Login, credentials: Callable[[], Mapping[str, str]]
    ) -> None:
        self._cosign = Cosign(Program("cosign", config, project, log_in, credentials, os.environ))
        self._notation = Notation(Program("notation", config, project, log_in, credentials, os.environ))

    def check_installed(self, tool: Tool) -> None:
        """Raise SettingsError where a program is not installed, or too old."""
        program = self._cosign if tool == "cosign" else self._notation
        program.check()

    def can_check(self, signer: Signer) -> bool:
        """Return whether a signer's signatures can be checked here: AWS Signer's need its plugin of notation."""
        return not isinstance(signer, ProfileSigner) or self._notation.has_signer_plugin()

    def verify(self, repository: Repository, digest: str, signer: Signer) -> Verification:
        """Return whether an image has a signature of a signer that covers this digest.

        Raises SettingsError for a missing program or file, and the errors of logging in.
        """
        if isinstance(signer, KeySigner):
            return self._cosign.verify_key(repository, digest, signer)
        if isinstance(signer, IdentitySigner):
            return self._cosign.verify_identity(repository, digest, signer)
        if isinstance(signer, CertificateSigner):
            return self._notation.verify_certificate(repository, digest, signer)
        return self._notation.verify_profile(repository, digest, signer)

    def sign(self, repository: Repository, digest: str, method: SignWith) -> None:
        """Sign an image by its digest; the signature refers to it (OCI 1.1), so no tag is set.

        Raises RegistryError with the program's own message, and SettingsError for a missing program or file.
        """
        (self._cosign if method.tool == "cosign" else self._notation).sign(repository, digest, method)
