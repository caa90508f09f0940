"""cosign 3: signatures as sigstore bundles that refer to the image (OCI 1.1), by a key, KMS or without a key."""

from __future__ import annotations

import re
from pathlib import Path

from ecr_tasks.clients.signing.program import INTERACTIVE_SECONDS, Answer, Program, last_error, sign_failed
from ecr_tasks.errors import RegistryError, SettingsError
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import IdentitySigner, KeySigner, Signer, SignWith, Verification

# sigstore/protobuf-specs: SigningConfig and TrustedRoot without a service, so that nothing is asked or told.
_NO_SERVICES = '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}'
_NO_ROOTS = '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'

_SIGNS_BUNDLES = re.compile(r"--use-signing-config(?:=true\b|[^\n]*default true)")
"""How cosign 3 describes the flag that cosign 2 has off: its signatures would be tags."""

_IDENTITY = re.compile(
    r"ACTIONS_ID_TOKEN_REQUEST_\w+|BUILDKITE_AGENT_ACCESS_TOKEN|GOOGLE_APPLICATION_CREDENTIALS|CI_JOB_ID"
)
"""The variables that cosign's providers of identities read (sigstore/cosign, pkg/providers)."""

_UNREACHED = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|deadline exceeded|TLS handshake"
    r"|x509: certificate signed by|tuf|TUF|UNAUTHORIZED|DENIED|status code 5\d\d|TOOMANYREQUESTS"
    r"|MANIFEST_UNKNOWN|no answer within|AccessDenied|ExpiredToken|NoCredentialProviders|get credentials"
)
_BAD_KEY = re.compile(r"(?:loading|reading) (?:public |verif|key)|pem|PEM|unmarshal|no such file|unsupported key")
_NOT_FOUND_CODE = 10
"""cosign's exit code where an image has no signature (cmd/cosign/errors/exit_code_lookup.go)."""


class Cosign:
    """Runs cosign."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._checked = False

    def check(self) -> None:
        """Raise SettingsError where cosign is not installed, or is one that keeps signatures under tags."""
        if self._checked:
            return
        answer = self._program.run("sign", "--help")
        if not _SIGNS_BUNDLES.search(answer.stdout + answer.stderr):
            raise SettingsError(
                "The cosign that is installed is older than version 3: it would keep signatures under tags.",
                "Install cosign 3 or newer.",
            )
        self._checked = True

    def sign(self, repository: Repository, digest: str, method: SignWith) -> None:
        """Sign an image by its digest. Raises RegistryError with cosign's own message."""
        self.check()
        self._program.log_in(repository)
        with self._program.folder() as folder:
            arguments = self._sign_arguments(repository, digest, method, folder)
            if method.key:
                needed = [method.key.removeprefix("env://")] if method.key.startswith("env://") else []
                answer = self._program.run(*arguments, needed=needed, aws=method.key.startswith("awskms:"))
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
            return self._verify(repository, digest, signer, arguments, aws=signer.key.startswith("awskms:"))

    def verify_identity(self, repository: Repository, digest: str, signer: IdentitySigner) -> Verification:
        """Check an image's signatures with an identity and its issuer."""
        named = {
            "certificate-identity": signer.identity,
            "certificate-identity-regexp": signer.identity_pattern,
            "certificate-oidc-issuer": signer.issuer,
            "certificate-oidc-issuer-regexp": signer.issuer_pattern,
        }
        arguments = [f"--{name}={value}" for name, value in named.items() if value]
        if signer.trusted_root:
            arguments.append(f"--trusted-root={self._program.file(signer.trusted_root, 'ECR_SIGNED_BY')}")
        if not signer.log:
            arguments += ["--insecure-ignore-tlog=true", "--insecure-ignore-sct=true"]
        return self._verify(repository, digest, signer, arguments)

    def _verify(
        self, repository: Repository, digest: str, signer: Signer, arguments: list[str], *, aws: bool = False
    ) -> Verification:
        self.check()
        self._program.log_in(repository)
        where = [*self._insecure(repository), _reference(repository, digest)]
        answer = self._program.run("verify", "--output=json", *arguments, *where, aws=aws)
        if answer.code == 0:
            return Verification(signer, accepted=True)
        reason = last_error(answer)
        if answer.code != _NOT_FOUND_CODE and _BAD_KEY.search(reason) and isinstance(signer, KeySigner):
            return Verification(signer, accepted=False, reason=f"the key can't be used: {reason}", known=False)
        return Verification(signer, accepted=False, reason=reason, known=not _UNREACHED.search(reason))

    def _insecure(self, repository: Repository) -> list[str]:
        is_plain = self._program.is_plain(repository)
        return ["--allow-http-registry=true", "--allow-insecure-registry=true"] if is_plain else []


def _reference(repository: Repository, digest: str) -> str:
    return f"{repository.uri}@{digest}"


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _sign_error(repository: Repository, digest: str, method: SignWith, answer: Answer) -> RegistryError:
    text = last_error(answer)
    remedy = "Mend that and run it again: nothing else was changed."
    if "decrypt" in text:
        remedy = "Set COSIGN_PASSWORD in the environment (not in .env) to the key's password."
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
