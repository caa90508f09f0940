"""The check that the engine reaches the local ECR, which a virtual machine's 127.0.0.1 is not."""

from __future__ import annotations

from collections.abc import Iterator

from ecr_tasks.errors import EcrTasksError, ExitCode
from ecr_tasks.model.finding import Finding, Section

LOCAL = Section("Local ECR", ExitCode.REGISTRY)


def check_local_registry(registry: str, reason: str | EcrTasksError, *, chosen: bool) -> Iterator[Finding]:
    """Yield whether the engine reaches the local ECR at ``registry``; ``reason`` is why not, or empty.

    It is in the way of a push where the local ECR is ``chosen``.
    """
    if isinstance(reason, EcrTasksError):
        yield LOCAL.unknown("engine", reason.cause)
    elif not reason:
        yield LOCAL.fine("engine", f"reaches {registry}")
    else:
        state = LOCAL.wrong if chosen else LOCAL.warning
        yield state(
            "engine",
            f"The Docker engine does not reach the local ECR at {registry}: {reason.rstrip('.')}.",
            "Run it in a container beside the engine: `inv local.down`, then `inv local.up --container`.",
        )
