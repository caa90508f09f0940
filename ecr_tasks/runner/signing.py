"""Sign published images by their digest, where that is not done yet, and check that the expected signer did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ecr_tasks.console import say, working
from ecr_tasks.errors import Refused, RegistryError, SettingsError
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_tasks.model.publication import PublishedImage
    from ecr_tasks.model.signing import Signer, SignWith
    from ecr_tasks.plan.gates import Verdict
    from ecr_tasks.runner.run import Run

State = Literal["signed", "already-signed", "signed-by-ecr"]


def sign_method(run: Run) -> SignWith:
    """Return how images are signed, once it is known that it can be done here.

    Raises SettingsError without ECR_SIGN, and for a program that is missing.
    """
    method = run.settings.sign
    if method is None:
        raise SettingsError(
            "ECR_SIGN is not set, so nothing says how to sign.",
            "Set it: ECR_SIGN=cosign,key=cosign.key (or a KMS key), cosign (keyless), notation,key=NAME, "
            "notation,profile=ARN, or managed (docs/signing.md).",
        )
    if method.tool != "managed":
        run.signatures.check_installed(method.tool)
    return method


def sign_image(run: Run, published: PublishedImage, method: SignWith) -> State:
    """Sign one image in one registry, or wait until ECR has done it; return what became of it.

    An image that an expected signer (ECR_SIGNED_BY) has signed already is left alone. Raises RegistryError when it
    could not be signed, and Refused when the new signature is no expected signer's.
    """
    account = run.settings.account_id or run.registry.caller_account()
    repository = Repository(published.repository, account, published.address)
    signers = run.settings.signed_by
    is_main = run.is_main(published.registry)
    if method.tool == "managed":
        _wait_for_ecr(run, repository, published.digest)
        return "signed-by-ecr"
    if signers and is_main:
        run.expected_signers()
        with working(f"looking at the signatures of {published.repository}"):
            if _passes(_verdict(run, repository, published.digest, signers)):
                return "already-signed"
    with working(f"signing {published.address}"):
        run.signatures.sign(repository, published.digest, method)
    if signers and is_main:
        from ecr_tasks.plan.gates import Failed

        verdict = _verdict(run, repository, published.digest, signers)
        if isinstance(verdict, Failed):
            raise Refused(
                f"{published.reference} was signed with {method}, and not by an expected signer. {verdict.cause}",
                "Correct ECR_SIGN or ECR_SIGNED_BY: `verify` would not accept this signature.",
            )
    return "signed"


def _passes(verdict: Verdict) -> bool:
    from ecr_tasks.plan.gates import Passed

    return isinstance(verdict, Passed)


def _verdict(run: Run, repository: Repository, digest: str, signers: Sequence[Signer]) -> Verdict:
    from ecr_tasks.execute.signatures import check_signature

    image = StoredImage(digest, "", "")
    return check_signature(run.registry, run.registry.evidence, run.signatures, repository, image, signers)


def _wait_for_ecr(run: Run, repository: Repository, digest: str) -> None:
    """Wait for ECR's managed signing of an image. Raises RegistryError where it fails, or there is none."""
    from functools import partial

    from ecr_tasks.execute.wait_for_verdicts import wait_for_verdicts
    from ecr_tasks.plan.gates import WAITS, Failed
    from ecr_tasks.plan.managed_signing import not_configured
    from ecr_tasks.runner.managed_signing import signing_verdict

    evidence = run.registry.evidence
    profiles = evidence.signing_profiles(repository)
    if not profiles:
        failure = not_configured(repository, known=profiles is not None)
        raise RegistryError(failure.cause, failure.remedy)
    judge = partial(signing_verdict, evidence, repository, digest, profiles)
    (verdict,), _ = wait_for_verdicts([judge], say, WAITS)
    if isinstance(verdict, Failed):
        raise RegistryError(verdict.cause, verdict.remedy)
