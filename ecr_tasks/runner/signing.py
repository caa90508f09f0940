"""Sign published images by their digest, where that is not done yet, and check that the expected signer did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn, working
from ecr_tasks.errors import EcrTasksError, Refused, RegistryError, SettingsError
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.signing import SignedImage, profile_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_tasks.model.ports import Target
    from ecr_tasks.model.publication import PublishedImage
    from ecr_tasks.model.signing import Signer, SignWith
    from ecr_tasks.plan.gates import Verdict
    from ecr_tasks.runner.run import Run


@dataclass(frozen=True)
class _Place:
    """A registry with an image in it."""

    registry: Target
    repository: Repository
    digest: str

    @property
    def reference(self) -> str:
        return f"{self.repository.uri}@{self.digest}"


def expected_signers(run: Run) -> tuple[Signer, ...]:
    """Return whose signature counts, once it is known that it can be checked here.

    Raises SettingsError without ECR_SIGNED_BY, and for a program that is missing.
    """
    from ecr_tasks.plan.signature_gate import require_signers

    signers = require_signers(run.settings.signed_by)
    for tool in dict.fromkeys(signer.tool for signer in signers if run.signatures.can_check(signer)):
        run.signatures.check_installed(tool)
    return signers


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
        if run.settings.signed_by:
            expected_signers(run)
    return method


def sign_image(run: Run, published: PublishedImage, method: SignWith) -> SignedImage:
    """Sign one image in the settings' registry, or wait until ECR has done it; return what became of it.

    An image that an expected signer (ECR_SIGNED_BY) has signed already is left alone. Raises RegistryError when it
    could not be signed, and Refused when the new signature is no expected signer's.
    """
    account = run.settings.account_id or run.registry.caller_account()
    repository = Repository(published.repository, account, published.address)
    return _sign(run, _Place(run.registry, repository, published.digest), method)


def sign_copies(
    run: Run, published: PublishedImage, method: SignWith, errors: dict[str, EcrTasksError]
) -> Iterator[SignedImage]:
    """Sign an image at each of ECR_DESTINATIONS that has it, and yield what became of it there.

    What is wrong at one of them is put into ``errors``, by its address, and stops no other.
    """
    from ecr_tasks.plan.destinations import unique_destinations

    for destination in unique_destinations(run.settings.destinations, published.repository):
        name = destination.name_of(published.repository)
        address = f"{name} in the {destination.registry}"
        try:
            registry = run.target(destination)
            repository = registry.describe({name: ()})[name].repository
            if repository is None or not registry.existing_digests(repository, [published.digest]):
                warn(f"There is no {published.digest} in {address} to be signed: `inv push` copies it.")
                continue
            if method.tool == "managed" and not registry.evidence.signing_profiles(repository):
                warn(
                    f"Nothing is known to sign the image in {address}: ECR_SIGN is managed, and no rule of a signing "
                    "configuration there can be read."
                )
                continue
            yield _sign(run, _Place(registry, repository, published.digest), method)
        except EcrTasksError as error:
            warn(f"{published.name} is not signed in {address}: {error}")
            errors[address] = error


def _sign(run: Run, place: _Place, method: SignWith) -> SignedImage:
    from ecr_tasks.execute.signatures import signatures_of
    from ecr_tasks.plan.gates import Failed, Passed

    def signatures() -> list[str]:
        return signatures_of(place.registry, place.repository, place.digest)

    if method.tool == "managed":
        profiles = _wait_for_ecr(place)
        return SignedImage(place.reference, "signed-by-ecr", "ecr", profiles, tuple(signatures()))
    signers = run.settings.signed_by
    with working(f"looking at the signatures of {place.repository.uri}"):
        before = signatures()
        verdict = _verdict(run, place, before) if signers else None
    if isinstance(verdict, Passed):
        facts = verdict.facts
        return SignedImage(place.reference, "already-signed", facts["checked_by"], facts["signed_by"], tuple(before))
    with working(f"signing {place.repository.uri}"):
        run.signatures_at(place.registry).sign(place.repository, place.digest, method)
    after = signatures()
    if signers and isinstance(verdict := _verdict(run, place, after), Failed):
        raise Refused(
            f"{place.reference} was signed with {method}, and not by an expected signer. {verdict.cause}",
            "Correct ECR_SIGN or ECR_SIGNED_BY: `verify` would not accept this signature.",
        )
    new = tuple(digest for digest in after if digest not in before)
    return SignedImage(place.reference, "signed", method.tool, method.signer, new)


def _verdict(run: Run, place: _Place, signatures: Sequence[str]) -> Verdict:
    from ecr_tasks.execute.signatures import check_signature

    image, programs = StoredImage(place.digest, "", ""), run.signatures_at(place.registry)
    return check_signature(place.registry, programs, place.repository, image, run.settings.signed_by, signatures)


def _wait_for_ecr(place: _Place) -> str:
    """Wait for ECR's managed signing of an image and return with which profiles.

    Raises RegistryError where it fails, or there is none.
    """
    from functools import partial

    from ecr_tasks.execute.wait_for_verdicts import wait_for_verdicts
    from ecr_tasks.plan.gates import WAITS, Failed
    from ecr_tasks.plan.managed_signing import not_configured
    from ecr_tasks.runner.managed_signing import signing_verdict

    evidence = place.registry.evidence
    profiles = evidence.signing_profiles(place.repository)
    if not profiles:
        failure = not_configured(place.repository, known=profiles is not None)
        raise RegistryError(failure.cause, failure.remedy)
    judge = partial(signing_verdict, evidence, place.repository, place.digest, profiles)
    (verdict,), _ = wait_for_verdicts([judge], say, WAITS)
    if isinstance(verdict, Failed):
        raise RegistryError(verdict.cause, verdict.remedy)
    return ", ".join(f"signing profile {profile_name(profile)}" for profile in profiles)
