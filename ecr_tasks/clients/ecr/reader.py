"""Calls that read repositories and images, with checked answers and an error of its own for a wrong account."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr import errors
from ecr_tasks.clients.ecr.parse import parse_image, parse_repository, refuse_unreadable
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, MANIFEST_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef, ImageTypeDef

PARALLEL = 8
"""How many batches are read at a time; far below ECR's 2,000 BatchGetImage a second."""

BATCH = 100
"""The most ids that BatchGetImage takes (API model, ImageIdentifierList)."""


class Reader:
    """Reads one account's registry in one region.

    ``account`` None is the caller's own, ``region`` None the settings' own.
    """

    def __init__(self, aws: AwsSession, account: str | None, region: str | None) -> None:
        self.aws = aws
        self._account = account
        self._region = region

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
                answer = self.client().describe_repositories(**self.registry_id, repositoryNames=[name])
            except ClientError as error:
                if errors.error_code(error) != "RepositoryNotFoundException":
                    raise
                self._check_account(error)
                return None
        return parse_repository(answer["repositories"][0])

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

        The account is asked for only after an error, so that it costs nothing else.
        """
        unseen = errors.error_code(error) in ("RepositoryNotFoundException", "AccessDeniedException")
        if not unseen or self._account is None or self._region is not None:  # a destination may be another account's
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

    def images_by_id(self, name: str, ids: Sequence[ImageIdentifierTypeDef]) -> dict[str, StoredImage]:
        """Return images by the tag or digest that was asked for; at most a hundred ids."""
        images: dict[str, StoredImage] = {}
        for image in self.batch_get_image(name, ids):
            images[image["imageId"].get("imageTag") or image["imageId"]["imageDigest"]] = parse_image(image)
        return images

    def batch_get_image(self, name: str, ids: Sequence[ImageIdentifierTypeDef]) -> list[ImageTypeDef]:
        """Return BatchGetImage's answer; at most a hundred ids.

        Every media type is accepted, so that ECR converts no manifest. Raises RegistryError for an image that exists
        and can't be read.
        """
        with self.translate_errors(f"read images of {name} (ecr:BatchGetImage)"):
            answer = self.client().batch_get_image(
                **self.registry_id,
                repositoryName=name,
                imageIds=ids,
                acceptedMediaTypes=[*INDEX_MEDIA_TYPES, *MANIFEST_MEDIA_TYPES],
            )
        refuse_unreadable(name, answer.get("failures", ()))
        return answer["images"]

    def images_by_digest(self, name: str, digests: Sequence[str]) -> dict[str, StoredImage]:
        """Return any number of images by digest, several batches at a time; missing ones are left out."""
        batches: list[list[ImageIdentifierTypeDef]] = [
            [{"imageDigest": digest} for digest in digests[start : start + BATCH]]
            for start in range(0, len(digests), BATCH)
        ]
        answers = map_parallel(lambda batch: self.images_by_id(name, batch), batches, PARALLEL, self.aws.retrier)
        return {image.digest: image for answer in answers for image in answer.values()}


def image_id(reference: str) -> ImageIdentifierTypeDef:
    """Return a tag or digest as the API's ImageIdentifier."""
    return {"imageDigest": reference} if reference.startswith("sha256:") else {"imageTag": reference}
