"""What AWS says when it denies something: which action, on what, to whom, and by which policy.

Source: IAM user guide, "Troubleshoot access denied error messages". A registry often answers a request of docker's
with its status alone; then the request tells the action.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.destination import PUBLIC_HOST
from ecr_tasks.model.ecr_host import PUBLIC_HOSTS, parse_ecr_host

_tasks: list[Callable[[str], str]] = []
_registries: set[str] = set()


def name_policies(task_for: Callable[[str], str]) -> None:
    """Let remedies name the task that runs from now on; ``task_for`` returns its name in the table of rights.

    Its argument is the action that is missing, or empty. Who is denied something doesn't know the task.
    """
    _tasks[:] = [task_for]


def name_registry(host: str) -> None:
    """Take a host for one of ECR's from now on: one that ECR gave a token for, which its own name may not tell."""
    _registries.add(host)


def policy_command(action: str = "") -> str:
    """Return the command that prints the policy in which a missing action is, for the task that runs."""
    return f"inv iam.policy --for {_tasks[0](action)}" if _tasks else "inv iam.policy"


_DENIED = (
    r"(?a)(?:User: (?P<caller>\S+) )?is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r"(?: on resource: (?P<resource>[^\s,]+))?(?P<reason>.*)"
)
_STATUS = (
    r"(?i)(?P<method>HEAD|GET|POST|PUT|PATCH) (?:request to )?\"?https?://(?P<host>[^/\s\"]+)/v2/"
    r"(?P<name>[^\s\"?]{1,256}?)/(?P<kind>manifests|blobs/uploads|blobs)/[^\s\"]{0,300}?\"?: 403\b"
)
_ACTIONS = {
    "HEAD manifests": "BatchGetImage",
    "GET manifests": "BatchGetImage",
    "PUT manifests": "PutImage",
    "HEAD blobs": "BatchCheckLayerAvailability",
    "GET blobs": "GetDownloadUrlForLayer",
    "POST blobs/uploads": "InitiateLayerUpload",
    "PATCH blobs/uploads": "UploadLayerPart",
    "PUT blobs/uploads": "CompleteLayerUpload",
}
"""The actions of the registry's requests (ECR user guide, "IAM permissions for pushing an image")."""

_EXPLICIT = r"explicit deny(?: in an?)? ?(?P<policy>[\w -]{0,60}policy|permissions boundary)?"
_MISSING = r"because no (?P<policy>[\w -]{1,60}?) allows"
_ITS_OWN = "identity-based policy"


@dataclass(frozen=True)
class Denial:
    """An action that AWS denied; what it doesn't say is empty. ``reason`` is its own clause about the policies."""

    action: str
    caller: str = ""
    resource: str = ""
    reason: str = ""

    @property
    def words(self) -> str:
        """Return who lacks what, as a clause."""
        on = f" on {self.resource}" if self.resource else ""
        return f"{self.caller or 'the caller'} may not do {self.action}{on}{self.reason}"

    @property
    def remedy(self) -> str:
        """Return what mends it, by the kind of policy that AWS names."""
        policy = f"`{policy_command(self.action)}`"
        if explicit := re.search(_EXPLICIT, self.reason):
            where = (explicit["policy"] or "policy").strip()
            return f"Ask those who manage that {where}: it forbids this, whatever {policy} prints would allow."
        missing = re.search(_MISSING, self.reason)
        if missing is not None and missing["policy"] == "resource-based policy":
            return f"The repository's account has to let it in: {policy[:-1]} --side repository` prints that policy."
        if missing is not None and missing["policy"] != _ITS_OWN:
            return (
                f"Ask those who manage the {missing['policy']} to allow it, too; {policy} prints all that is needed."
            )
        return f"{policy} prints the policy that allows it: give that to {self.caller or 'the role or user'}."


def find_denial(text: str) -> Denial | None:
    """Return what a message says was denied; None where it names no action and no request to ECR."""
    if match := re.search(_DENIED, text):
        reason = match["reason"].strip().rstrip(".")
        words = f", {reason}" if reason and not reason.startswith(",") else reason
        return Denial(match["action"], match["caller"] or "", (match["resource"] or "").rstrip("."), words)
    match = re.search(_STATUS, text)
    if match is None or not _is_ecr(match["host"]):
        return None
    action = _ACTIONS.get(f"{match['method'].upper()} {match['kind']}")
    service = "ecr-public" if match["host"] in PUBLIC_HOSTS else "ecr"
    return Denial(f"{service}:{action}", resource=f"{match['host']}/{match['name']}") if action else None


def _is_ecr(host: str) -> bool:
    return host == PUBLIC_HOST or host in _registries or parse_ecr_host(host) is not None
