"""After a push: wait for ECR's managed signing of what was pushed, and tell where it failed, with ECR's reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ecr_tasks.console import say, warn, working
from ecr_tasks.errors import EcrTasksError, RegistryError

if TYPE_CHECKING:
    from ecr_tasks.model.ports import Evidence
    from ecr_tasks.model.receipt import Published, Receipt
    from ecr_tasks.model.registry import Repository
    from ecr_tasks.plan.gates import Failed, Verdict
    from ecr_tasks.runner.run import Run


def wait_for_managed_signing(run: Run, receipt: Receipt) -> EcrTasksError | None:
    """Wait until ECR has signed the images that this run pushed, where the registry signs them.

    Return the error of an image that is not signed although ECR_SIGN is managed. What fails without that setting is a
    warning: the image is published, and nobody asked this run for a signature.
    """
    pushed = [image.published[0] for image in receipt.images if image.published]
    pushed = [item for item in pushed if item.state == "pushed"]
    if not pushed:
        return None
    wanted = run.settings.sign is not None and run.settings.sign.tool == "managed"
    try:
        return _wait(run, pushed, wanted=wanted)
    except EcrTasksError as error:
        if wanted:
            return error
        warn(f"Whether ECR signs what was pushed could not be asked: {error.cause}")
        return None


def _wait(run: Run, pushed: list[Published], *, wanted: bool) -> EcrTasksError | None:
    evidence = run.registry.evidence
    judges: list[Callable[[], Verdict]] = []
    failures: list[Failed] = []
    for item, repository in _repositories(run, pushed):
        profiles = evidence.signing_profiles(repository)
        if profiles:
            judges.append(partial(signing_verdict, evidence, repository, item.digest, profiles))
        elif wanted:
            from ecr_tasks.plan.managed_signing import not_configured

            failures.append(not_configured(repository, known=profiles is not None))
    if judges:
        from ecr_tasks.execute.wait_for_verdicts import wait_for_verdicts
        from ecr_tasks.plan.gates import WAITS, Failed

        with working("waiting for ECR's signatures"):
            verdicts, _ = wait_for_verdicts(judges, say, WAITS)
        failures += [verdict for verdict in verdicts if isinstance(verdict, Failed)]
        for verdict in verdicts:
            if not isinstance(verdict, Failed):
                say(verdict.words)
    if wanted and failures:
        return RegistryError(failures[0].cause, failures[0].remedy, [item.cause for item in failures[1:]])
    for failure in failures:
        warn(f"{failure.cause} {failure.remedy}")
    return None


def _repositories(run: Run, pushed: list[Published]) -> Iterator[tuple[Published, Repository]]:
    from ecr_tasks.model.registry import Repository

    account = run.settings.account_id or run.registry.caller_account()
    for item in pushed:
        yield item, Repository(item.repository, account, f"{item.registry}/{item.repository}")


def signing_verdict(evidence: Evidence, repository: Repository, digest: str, profiles: Sequence[str]) -> Verdict:
    """Return the verdict on what ECR says now of its signing of an image with these profiles."""
    from ecr_tasks.plan.managed_signing import judge_managed_signing

    return judge_managed_signing(repository, digest, profiles, evidence.signing_statuses(repository, digest))
