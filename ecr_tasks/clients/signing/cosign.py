"""cosign 3: signatures as sigstore bundles that refer to the image (OCI 1.1), by a key, KMS or without a key."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from ecr_tasks.clients.signing.program import INTERACTIVE_SECONDS, Answer, Program, last_error, sign_failed
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import IdentitySigner, KeySigner, Signer, SignWith, Verification

# sigstore/protobuf-specs: SigningConfig and TrustedRoot without a service, so that nothing is asked or told.
_NO_SERVICES = '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}'
_NO_ROOTS = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'

_SIGNATURES = ("https://sigstore.dev/cosign/sign/v1", "cosign container image signature")
"""The types of what says no more than who signs an image (sigstore/cosign, pkg/types and its SIGNATURE_SPEC.md). With
the same key somebody may have attested anything of the image, such as that its tests failed."""

_PROVIDERS = {"azurekms": "AZURE_", "gcpkms": "GOOGLE_", "hashivault": "VAULT_", "k8s": "KUBE", "gitlab": "GITLAB_"}
"""By the scheme of a key's address, what the names begin with of the variables that its service is reached by."""

_IDENTITY = re.compile(
    r"ACTIONS_ID_TOKEN_REQUEST_\w+|BUILDKITE_AGENT_ACCESS_TOKEN|GOOGLE_APPLICATION_CREDENTIALS|CI_JOB_ID"
)
"""The variables that cosign's providers of identities read (sigstore/cosign, pkg/providers)."""

_UNREACHED = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|deadline exceeded|TLS handshake"
    r"|x509: certificate signed by|tuf|TUF|UNAUTHORIZED|DENIED|status code 5\d\d|TOOMANYREQUESTS"
    r"|MANIFEST_UNKNOWN|no answer within|AccessDenied|ExpiredToken|NoCredentialProviders|get credentials"
    r"|verifier public key|parsing regexp"
)
_NONE = 10
_LOOKED = (_NONE, 12, 13)
"""cosign's exit codes where an image has no signature, or none that is the signer's
(cmd/cosign/errors/exit_code_lookup.go)."""


class Cosign:
    """Runs cosign."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def check(self) -> None:
        """Raise SettingsError where cosign is not installed, or is one that keeps signatures under tags."""
        self._program.check()

    def sign(self, repository: Repository, digest: str, method: SignWith) -> None:
        """Sign an image by its digest. Raises RegistryError with cosign's own message."""
        self.check()
        self._program.log_in(repository)
        with self._program.folder() as folder:
            arguments = self._sign_arguments(repository, digest, method, folder)
            if method.key:
                answer = self._run(arguments, method.key)
            else:
                needed = [name for name in self._program.environ if _IDENTITY.fullmatch(name)]
                answer = self._program.run_visibly(*arguments, needed=needed)
        if answer.code != 0:
            raise _sign_error(repository, digest, method, answer)

    def _sign_arguments(self, repository: Repository, digest: str, method: SignWith, folder: Path) -> list[str]:
        """Return cosign's arguments, no secret among them. Without the log, no service of sigstore is asked."""
        arguments = ["sign", "--yes"]
        if method.key:
            arguments.append(f"--key={self._program.key(method.key, 'ECR_SIGN', public=False)}")
        else:
            arguments.append(f"--timeout={INTERACTIVE_SECONDS:.0f}s")
        if not method.log:
            arguments.append(f"--signing-config={_written(folder / 'signing-config.json', _NO_SERVICES)}")
            arguments.append(f"--trusted-root={_written(folder / 'trusted-root.json', _NO_ROOTS)}")
        return [*arguments, *self._insecure(repository), _reference(repository, digest)]

    def verify_key(self, repository: Repository, digest: str, signer: KeySigner) -> Verification:
        """Check an image's signatures with a public key."""
        key = self._program.key(signer.key, "ECR_SIGNED_BY", public=True)
        arguments = [f"--key={key}", *([] if signer.log else ["--insecure-ignore-tlog=true"])]
        with self._program.folder() as folder:
            if not signer.log:
                arguments.append(f"--trusted-root={_written(folder / 'trusted-root.json', _NO_ROOTS)}")
            return self._verify(repository, digest, signer, arguments, signer.key)

    def verify_identity(self, repository: Repository, digest: str, signer: IdentitySigner) -> Verification:
        """Check an image's signatures with an identity and its issuer."""
        named = {
            "certificate-identity": signer.identity,
            "certificate-identity-regexp": _whole(signer.identity_pattern),
            "certificate-oidc-issuer": signer.issuer,
            "certificate-oidc-issuer-regexp": _whole(signer.issuer_pattern),
        }
        arguments = [f"--{name}={value}" for name, value in named.items() if value]
        if signer.trusted_root:
            arguments.append(f"--trusted-root={self._program.file(signer.trusted_root, 'ECR_SIGNED_BY')}")
        if not signer.log:
            arguments += ["--insecure-ignore-tlog=true", "--insecure-ignore-sct=true"]
        return self._verify(repository, digest, signer, arguments)

    def _verify(
        self, repository: Repository, digest: str, signer: Signer, arguments: list[str], key: str = ""
    ) -> Verification:
        self.check()
        self._program.log_in(repository)
        arguments = ["verify", "--output=json", *arguments, *self._insecure(repository)]
        answer = self._run([*arguments, _reference(repository, digest)], key)
        if answer.code == _NONE:  # cosign 2 can make referrers in another format, which are found only this way
            older = self._run([*arguments, "--experimental-oci11=true", _reference(repository, digest)], key)
            answer = older if older.code in (0, *_LOOKED) else answer
        if answer.code == 0:
            if _has_signature(answer.stdout, digest):
                return Verification(signer, accepted=True)
            reason = "it is an attestation of the image, and says more or other than who signs it"
            return Verification(signer, accepted=False, reason=reason)
        reason = last_error(answer)
        looked = answer.code in _LOOKED or reason.startswith("no matching ")
        known = looked and not _UNREACHED.search(reason)
        return Verification(signer, accepted=False, reason=reason, known=known)

    def _run(self, arguments: Sequence[str], key: str) -> Answer:
        """Run cosign with what the service of a key needs: AWS credentials, or the variables that it reads."""
        scheme, _, name = key.partition("://")
        environ, prefix = self._program.environ, _PROVIDERS.get(scheme) if name else None
        needed = [variable for variable in environ if prefix and variable.startswith(prefix)]
        if scheme == "env":
            needed.append(name)
        return self._program.run(*arguments, needed=needed, aws=scheme == "awskms")

    def _insecure(self, repository: Repository) -> list[str]:
        is_plain = self._program.is_plain(repository)
        return ["--allow-http-registry=true", "--allow-insecure-registry=true"] if is_plain else []


def _whole(pattern: str) -> str:
    """Return a regular expression that matches whole texts only: for cosign, ``^a|b$`` is all that begins with a."""
    return f"^(?:{pattern})$" if pattern else ""


def _has_signature(output: str, digest: str) -> bool:
    """Return whether a signature of the image is among what cosign accepted, which may be attested things."""
    try:
        accepted = [item["critical"] for item in json.loads(output)]
        return any(
            item["type"] in _SIGNATURES and item["image"]["docker-manifest-digest"] == digest for item in accepted
        )
    except (ValueError, TypeError, KeyError):
        return False


def _reference(repository: Repository, digest: str) -> str:
    return f"{repository.uri}@{digest}"


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _sign_error(repository: Repository, digest: str, method: SignWith, answer: Answer) -> RegistryError:
    text = last_error(answer)
    remedy = "Mend that and run it again: nothing else was changed."
    if "decrypt" in text or "ioctl" in text:  # the second is what it says where it can't ask for the password
        remedy = "Set COSIGN_PASSWORD in the environment (not in .env) to the key's password."
    elif "unrecognized scheme" in text:
        remedy = "This cosign was built without that service: use its own release, or a key in a file or in AWS KMS."
    elif method.key.startswith("awskms:") and "dial tcp" in text:
        remedy = "KMS was not reached: see to the network, and to the region of the credentials or of the key's ARN."
    elif method.key.startswith("awskms:"):
        remedy = "The credentials need kms:Sign, kms:GetPublicKey and kms:DescribeKey for that key."
    elif not method.key and _UNREACHED.search(text):
        remedy = (
            "Signing without a key needs sigstore's services on the network; or sign with a key: "
            "ECR_SIGN=cosign,key=cosign.key or key=awskms:///alias/sign."
        )
    elif not method.key:
        remedy = (
            "Give the job a token for sigstore (GitHub: `permissions: id-token: write`; else SIGSTORE_ID_TOKEN), or "
            "sign with a key: ECR_SIGN=cosign,key=…"
        )
    return sign_failed("cosign", repository, digest, answer, remedy)
