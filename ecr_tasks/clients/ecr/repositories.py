"""Creates, reads, changes and deletes repositories through ECR's API."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import blamed, error_code, translated
from ecr_tasks.clients.ecr.parse import repository_of
from ecr_tasks.errors import Refused, RegistryError
from ecr_tasks.model.registry import Repository
from ecr_tasks.model.repository import DesiredRepository, RepositoryState

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient

    from ecr_tasks.model.repository import Difference

PREVIEW_SECONDS = 300.0
"""How long a lifecycle policy's preview may take; ECR's looks at every image."""

_PAUSE = 1.0


class EcrRepositories:
    """The repositories of one account in one region."""

    def __init__(self, client: Callable[[], ECRClient], registry_id: Any) -> None:
        """``registry_id`` is the registry's account as a parameter; empty for the caller's own."""
        self._client = client
        self._id = registry_id

    def state(self, name: str) -> RepositoryState | None:
        """All that is set on a repository, in four calls; None where there is none."""
        with translated(f"look at the repository {name} (ecr:DescribeRepositories)"):
            data = self._or_none(
                "RepositoryNotFoundException",
                lambda: self._client().describe_repositories(**self._id, repositoryNames=[name]),
            )
        if data is None:
            return None
        found = data["repositories"][0]
        encryption = found.get("encryptionConfiguration", {"encryptionType": "AES256"})
        with translated(f"read the tags of {name} (ecr:ListTagsForResource)"):
            tags = self._client().list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]
        return RepositoryState(
            repository=repository_of(found),
            arn=found["repositoryArn"],
            scan_on_push=found.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            encryption=encryption["encryptionType"],
            kms_key=encryption.get("kmsKey"),
            tags=MappingProxyType({tag["Key"]: tag["Value"] for tag in tags}),
            lifecycle=self._lifecycle(name),
            policy=self._policy(name),
        )

    def create(self, name: str, wanted: DesiredRepository) -> Repository | None:
        """CreateRepository with all that it takes; None where there is one already. The policies are not set yet."""
        more: dict[str, Any] = {"tags": _tags(wanted)} if wanted.tags else {}
        if wanted.kms_key is not None:
            more["encryptionConfiguration"] = {"encryptionType": "KMS", "kmsKey": wanted.kms_key}
        with translated(f"create the repository {name} (ecr:CreateRepository)"), blamed():
            answer = self._or_none(
                "RepositoryAlreadyExistsException",
                lambda: self._client().create_repository(
                    **self._id,
                    repositoryName=name,
                    imageScanningConfiguration={"scanOnPush": wanted.scan_on_push},
                    **_mutability(wanted),
                    **more,
                ),
            )
        return repository_of(answer["repository"]) if answer is not None else None

    def set_policies(self, name: str, wanted: DesiredRepository) -> None:
        """Sets the policies that are wanted."""
        if wanted.policy is not None:
            self._put_policy(name, wanted.policy)
        if wanted.lifecycle is not None:
            self._put_lifecycle(name, wanted.lifecycle)

    def change(self, state: RepositoryState, difference: Difference, wanted: DesiredRepository) -> None:
        """Makes one aspect as wanted; Refused for what can't be changed."""
        name = state.repository.name
        named = {**self._id, "repositoryName": name}
        if difference.aspect == "mutability":
            with translated(f"set the tag mutability of {name} (ecr:PutImageTagMutability)"):
                self._client().put_image_tag_mutability(**named, **_mutability(wanted))
        elif difference.aspect == "scan-on-push":
            with translated(f"set the scanning of {name} (ecr:PutImageScanningConfiguration)"):
                self._client().put_image_scanning_configuration(
                    **named, imageScanningConfiguration={"scanOnPush": wanted.scan_on_push}
                )
        elif difference.aspect == "tags":
            with translated(f"tag the repository {name} (ecr:TagResource)"), blamed():
                self._client().tag_resource(resourceArn=state.arn, tags=_tags(wanted))
        elif difference.aspect == "lifecycle-policy":
            self._put_lifecycle(name, wanted.lifecycle or "")
        elif difference.aspect == "repository-policy":
            self._put_policy(name, wanted.policy or "")

    def would_expire(self, name: str, lifecycle: str) -> int:
        """How many images a lifecycle policy would expire now, by ECR's own preview, which changes no image."""
        named = {**self._id, "repositoryName": name}
        deadline = time.monotonic() + PREVIEW_SECONDS
        with (
            translated(f"preview the lifecycle policy of {name} (ecr:StartLifecyclePolicyPreview)"),
            _lifecycle_file(),
        ):
            # One at a time: ECR says so while another one, perhaps of another run, is under way.
            while (
                self._or_none(
                    "LifecyclePolicyPreviewInProgressException",
                    lambda: self._client().start_lifecycle_policy_preview(**named, lifecyclePolicyText=lifecycle),
                )
                is None
            ):
                _wait(deadline, name)
        with translated(f"read the preview of {name}'s lifecycle policy (ecr:GetLifecyclePolicyPreview)"):
            while (answer := self._client().get_lifecycle_policy_preview(**named))["status"] == "IN_PROGRESS":
                _wait(deadline, name)
        if answer["status"] != "COMPLETE":
            raise RegistryError(
                f"ECR's preview of the lifecycle policy of {name} ended as {answer['status']}.", "Run it again."
            )
        return int(answer["summary"].get("expiringImageTotalCount", 0))

    def delete(self, name: str, *, force: bool) -> bool:
        """DeleteRepository; False where there is none. Refused for one that holds images, without ``force``."""
        with translated(f"delete the repository {name} (ecr:DeleteRepository)"):
            try:
                done = self._or_none(
                    "RepositoryNotFoundException",
                    lambda: self._client().delete_repository(**self._id, repositoryName=name, force=force),
                )
            except Exception as error:
                if error_code(error) != "RepositoryNotEmptyException":
                    raise
                raise Refused(
                    f"The repository {name} holds images, so it was not deleted.",
                    "Say --force to delete it with everything in it.",
                ) from error
        return done is not None

    def untag(self, name: str, tag: str) -> None:
        """BatchDeleteImage by tag: the tag goes, and with its last tag the image; one that isn't there is as good."""
        with translated(f"take the tag {tag} from its image in {name} (ecr:BatchDeleteImage)"):
            answer = self._client().batch_delete_image(**self._id, repositoryName=name, imageIds=[{"imageTag": tag}])
        for failure in answer.get("failures", []):
            if failure.get("failureCode") not in ("ImageNotFound", "ImageTagDoesNotMatchDigest"):
                raise RegistryError(
                    f"ECR did not delete the tag {tag} in {name}: {failure.get('failureReason', '')}.",
                    "Delete it by hand, or commit, which gives the image another tag.",
                )

    def _lifecycle(self, name: str) -> str | None:
        with translated(f"read the lifecycle policy of {name} (ecr:GetLifecyclePolicy)"):
            found = self._or_none(
                "LifecyclePolicyNotFoundException",
                lambda: self._client().get_lifecycle_policy(**self._id, repositoryName=name),
            )
        return found["lifecyclePolicyText"] if found is not None else None

    def _policy(self, name: str) -> str | None:
        with translated(f"read the policy of {name} (ecr:GetRepositoryPolicy)"):
            found = self._or_none(
                "RepositoryPolicyNotFoundException",
                lambda: self._client().get_repository_policy(**self._id, repositoryName=name),
            )
        return found["policyText"] if found is not None else None

    def _put_lifecycle(self, name: str, text: str) -> None:
        with translated(f"set the lifecycle policy of {name} (ecr:PutLifecyclePolicy)"), _lifecycle_file():
            self._client().put_lifecycle_policy(**self._id, repositoryName=name, lifecyclePolicyText=text)

    def _put_policy(self, name: str, text: str) -> None:
        with (
            translated(f"set the policy of {name} (ecr:SetRepositoryPolicy)"),
            blamed("InvalidParameterException", "ECR_REPOSITORY_POLICY", "Correct the file that it names."),
        ):
            self._client().set_repository_policy(**self._id, repositoryName=name, policyText=text)

    @staticmethod
    def _or_none(code: str, call: Callable[[], Any]) -> Any:
        """A call's answer; None where it ends with this error."""
        from botocore.exceptions import ClientError

        try:
            return call()
        except ClientError as error:
            if error_code(error) != code:
                raise
            return None


def _mutability(wanted: DesiredRepository) -> dict[str, Any]:
    found: dict[str, Any] = {"imageTagMutability": wanted.mutability}
    if wanted.filters:
        filters = [{"filterType": "WILDCARD", "filter": item} for item in wanted.filters]
        found["imageTagMutabilityExclusionFilters"] = filters
    return found


def _tags(wanted: DesiredRepository) -> Sequence[Any]:
    return [{"Key": key, "Value": value} for key, value in wanted.tags.items()]


def _wait(deadline: float, name: str) -> None:
    if time.monotonic() > deadline:
        raise RegistryError(
            f"ECR's preview of the lifecycle policy of {name} did not end within {PREVIEW_SECONDS:.0f} seconds.",
            "Run it again later.",
        )
    time.sleep(_PAUSE)


def _lifecycle_file() -> AbstractContextManager[None]:
    return blamed("InvalidParameterException", "ECR_LIFECYCLE_POLICY", "Correct the file that it names.")
