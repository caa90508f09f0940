"""notation: signatures of the Notary Project, by a key of its own list or by AWS Signer's plugin."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ecr_tasks.clients.signing.program import Answer, Program, last_error, sign_failed
from ecr_tasks.errors import SettingsError
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import CertificateSigner, ProfileSigner, Signer, SignWith, Verification

PLUGIN = "com.amazonaws.signer.notation.plugin"
SIGNER_STORE = "aws-signer-ts"
"""AWS Signer's plugin and its trust store, as AWS installs them (AWS Signer Developer Guide, "Install Notation")."""

_REASON = re.compile(r"failed verification with error: (?P<reason>.*)")
_COPIED = (
    *(("arget artifact", ""), ("content descriptor mismatch", "")),
    *(("digest", "mismatch"), ("does not match ", "descriptor")),
)
"""What notation says of a signature of another image: a text, and another one somewhere after it."""
_UNREACHED = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|deadline exceeded|x509: certificate signed by|unauthorized"
    r"|failed to get manifest descriptor|response status code [45]\d\d|no answer within|AccessDenied|plugin"
    r"|^trust policy: |^failed to (?:read|validate) the trusted certificate"
)


class Notation:
    """Runs notation."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def check(self) -> None:
        """Raise SettingsError where notation is not installed, or too old."""
        self._program.check()

    def has_signer_plugin(self) -> bool:
        """Return whether notation and AWS Signer's plugin are installed, with the certificate that AWS signs with."""
        has_program = shutil.which(self._program.name, path=self._program.environ.get("PATH")) is not None
        return has_program and (self._libexec / "plugins" / PLUGIN).is_dir() and self._signer_store.is_dir()

    def sign(self, repository: Repository, digest: str, method: SignWith) -> None:
        """Sign an image by its digest. Raises RegistryError with notation's own message."""
        self.check()
        self._program.log_in(repository)
        key = ["--plugin", PLUGIN, "--id", method.profile] if method.profile else ["--key", method.key]
        answer = self._program.run(
            "sign",
            "--force-referrers-tag=false",
            *key,
            *self._insecure(repository),
            f"{repository.uri}@{digest}",
            aws=bool(method.profile),
        )
        if answer.code != 0:
            raise sign_failed("notation", repository, digest, answer, _sign_remedy(method))

    def verify_certificate(self, repository: Repository, digest: str, signer: CertificateSigner) -> Verification:
        """Check an image's signatures with the certificate of an authority, and a subject."""
        certificate = self._program.file(signer.certificate, "ECR_SIGNED_BY")
        with self._program.folder() as folder:
            store = folder / "truststore" / "x509" / "ca" / "expected"
            store.mkdir(parents=True)
            shutil.copyfile(certificate, store / "expected.crt")
            identity = f"x509.subject: {signer.subject}" if signer.subject else "*"
            return self._verify(repository, digest, signer, folder, "ca:expected", identity)

    def verify_profile(self, repository: Repository, digest: str, signer: ProfileSigner) -> Verification:
        """Check an image's signatures with a signing profile of AWS Signer, by its plugin."""
        if not self.has_signer_plugin():
            raise SettingsError(
                f"A signature with {signer} is checked by notation and AWS Signer's plugin, which are not installed.",
                "Install AWS Signer's installer of both (AWS Signer Developer Guide, Install Notation).",
            )
        with self._program.folder() as folder:
            store = folder / "truststore" / "x509" / "signingAuthority" / SIGNER_STORE
            shutil.copytree(self._signer_store, store)
            identity = signer.profile
            where = f"signingAuthority:{SIGNER_STORE}"
            return self._verify(repository, digest, signer, folder, where, identity, aws=True)

    def _verify(
        self,
        repository: Repository,
        digest: str,
        signer: Signer,
        folder: Path,
        store: str,
        identity: str,
        *,
        aws: bool = False,
    ) -> Verification:
        self.check()
        self._program.log_in(repository)
        policy = {
            "name": "expected-signer",
            "registryScopes": ["*"],
            "signatureVerification": {"level": "strict"},
            "trustStores": [store],
            "trustedIdentities": [identity],
        }
        document = json.dumps({"version": "1.0", "trustPolicies": [policy]})
        (folder / "trustpolicy.json").write_text(document, encoding="utf-8")
        answer = self._program.run(
            "verify",
            "--verbose",
            *self._insecure(repository),
            f"{repository.uri}@{digest}",
            variables={"NOTATION_CONFIG": str(folder), "NOTATION_LIBEXEC": str(self._libexec)},
            aws=aws,
        )
        if answer.code == 0:
            return Verification(signer, accepted=True)
        reason = _reason(answer)
        return Verification(signer, accepted=False, reason=reason, known=not _UNREACHED.search(reason))

    def _insecure(self, repository: Repository) -> Sequence[str]:
        return ["--insecure-registry"] if self._program.is_plain(repository) else []

    @property
    def _libexec(self) -> Path:
        """The folder with the user's plugins (notation-go, dir)."""
        return Path(self._program.environ.get("NOTATION_LIBEXEC") or _user_folder(self._program.environ))

    @property
    def _signer_store(self) -> Path:
        folder = Path(self._program.environ.get("NOTATION_CONFIG") or _user_folder(self._program.environ))
        return folder / "truststore" / "x509" / "signingAuthority" / SIGNER_STORE


def _user_folder(environ: Mapping[str, str]) -> str:
    """Return notation's folder for a user (notation-go, dir: os.UserConfigDir)."""
    home = Path(environ.get("HOME") or Path.home())
    mac = home / "Library" / "Application Support"
    base = mac if sys.platform == "darwin" else Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return str(base / "notation")


def _reason(answer: Answer) -> str:
    """Return why notation accepted no signature: what it says of the last one, else its own error."""
    reasons = [match["reason"] for match in map(_REASON.search, answer.stderr.splitlines()) if match]
    text = (reasons or [last_error(answer)])[-1].replace('\\"', '"')
    is_copied = any(first in text and then in text.partition(first)[2] for first, then in _COPIED)
    return "it is the signature of another image" if is_copied else text


def _sign_remedy(method: SignWith) -> str:
    if method.profile:
        return (
            f"It needs the plugin {PLUGIN} (AWS Signer Developer Guide, Install Notation), and credentials with "
            "signer:SignPayload and signer:GetSigningProfile (`inv iam.policy sign`)."
        )
    return "`notation key list` has the keys that ECR_SIGN can name; mend that and run it again."
