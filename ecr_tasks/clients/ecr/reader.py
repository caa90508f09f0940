"""Calls that read repositories and images, with checked responses and an error of its own for a wrong account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr import errors
from ecr_tasks.clients.ecr.parse import images_by_reference, parse_repository, refuse_unreadable
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, MANIFEST_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageTypeDef

PARALLEL = 8
"""How many repositories or batches are read at a time; far below ECR's 1,000 and 2,000 requests a second."""

BATCH = 100
"""The maximum number of ids that BatchGetImage takes (API model, ImageIdentifierList)."""


class Reader:
    """Reads one account's registry in one region.

    ``account`` None means the caller's account, ``region`` None the settings' region.
    """

    def __init__(self, aws: AwsSession, account: str | None, region: str | None) -> None:
        self.aws = aws
        self._account, self._region = account, region

    def client(self) -> ECRClient:
        """Return the client, created once; the first call must not come from a thread."""
        return self.aws.ecr(self._region)

    @property
    def registry_id(self) -> Any:
        """The registry's account as a parameter; empty for the caller's own, which is ECR's default."""
        return {"registryId": self._account} if self._account else {}

    def describe(self, name: str) -> Repository | None:
        """Return a repository (DescribeRepositories), or None when it does not exist.

        Raises AwsError when the credentials belong to another account than the registry.
        """
        from botocore.exceptions import ClientError

        suffix = f" of {self._account} in {self._region}" if self._region else ""
        with self.translate_errors(f"look at the repository {name}{suffix}"):
            try:
                response = self.client().describe_repositories(**self.registry_id, repositoryNames=[name])
            except ClientError as error:
                if errors.error_code(error) != "RepositoryNotFoundException":
                    raise
                self._check_account(error)
                return None
        return parse_repository(response["repositories"][0])

    @contextmanager
    def translate_errors(self, action: str) -> Iterator[None]:
        """Raise botocore's errors as ours, and AwsError when the credentials belong to another account."""
        from botocore.exceptions import ClientError

        with errors.translate_errors(action):
            try:
                yield
            except ClientError as error:
                self._check_account(error)
                raise

    def _check_account(self, error: Exception) -> None:
        """Raise AwsError when an error comes from credentials of another account than the settings name.

        The account is requested only after an error, so that other runs save the call.
        """
        is_suspicious = errors.error_code(error) in ("RepositoryNotFoundException", "AccessDeniedException")
        if not is_suspicious or self._account is None or self._region is not None:  # a destination may be another's
            return
        try:
            caller = self.caller_account()
        except EcrTasksError:  # the first error says more than a second one about the same credentials
            return
        if caller != self._account:
            raise errors.wrong_account(self._account, caller) from error

    def caller_account(self) -> str:
        """Return the account that the credentials belong to (STS GetCallerIdentity)."""
        with errors.translate_errors("ask who we are (sts:GetCallerIdentity)"):
            return self.aws.sts().get_caller_identity()["Account"]

    def batch_get_image(self, name: str, references: Sequence[str]) -> list[ImageTypeDef]:
        """Return BatchGetImage's images by tag or digest; at most a hundred references.

        Every media type is accepted, so that ECR converts no manifest. Raises RegistryError for an image that exists
        and can't be read.
        """
        with self.translate_errors(f"read images of {name} (ecr:BatchGetImage)"):
            response = self.client().batch_get_image(
                **self.registry_id,
                repositoryName=name,
                imageIds=[
                    {"imageDigest": reference} if reference.startswith("sha256:") else {"imageTag": reference}
                    for reference in references
                ],
                acceptedMediaTypes=[*INDEX_MEDIA_TYPES, *MANIFEST_MEDIA_TYPES],
            )
        refuse_unreadable(name, response.get("failures", ()))
        return response["images"]

    def images(self, name: str, references: Sequence[str], workers: int = 1) -> dict[str, StoredImage]:
        """Return any number of images by tag or digest, ``workers`` batches at a time; missing ones are left out."""
        batches = [references[start : start + BATCH] for start in range(0, len(references), BATCH)]
        responses = map_parallel(lambda batch: self.batch_get_image(name, batch), batches, workers, self.aws.retrier)
        return images_by_reference([image for response in responses for image in response], references)
