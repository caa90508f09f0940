"""Reads repositories and images through the API: answers whole, errors as ours, a wrong account named as such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import error_code, translated, wrong_account
from ecr_tasks.clients.ecr.parse import refuse_unreadable, repository_of, stored_image
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, MANIFEST_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef, ImageTypeDef

PARALLEL = 8
"""How many batches are read at once; far below ECR's 2,000 BatchGetImage a second."""

BATCH = 100
"""BatchGetImage takes at most 100 ids (API model, ImageIdentifierList)."""


class Reader:
    """One account's registry in one region; ``account`` None is the caller's, ``region`` None the settings' own."""

    def __init__(self, aws: AwsSession, account: str | None, region: str | None) -> None:
        self.aws = aws
        self._account = account
        self._region = region

    def client(self) -> ECRClient:
        """The client, made once; threads must not be the first to ask for it."""
        return self.aws.ecr(self._region)

    @property
    def registry_id(self) -> Any:
        """The registry's account as a parameter, where the settings name one; the caller's is ECR's default."""
        return {"registryId": self._account} if self._account else {}

    def describe(self, name: str) -> Repository | None:
        """DescribeRepositories; None where there is none. A wrong account is named as such."""
        from botocore.exceptions import ClientError

        elsewhere = f" of {self._account} in {self._region}" if self._region else ""
        with self.asking(f"look at the repository {name}{elsewhere}"):
            try:
                answer = self.client().describe_repositories(**self.registry_id, repositoryNames=[name])
            except ClientError as error:
                if error_code(error) != "RepositoryNotFoundException":
                    raise
                self._check_account(error)
                return None
        return repository_of(answer["repositories"][0])

    @contextmanager
    def asking(self, doing: str) -> Iterator[None]:
        """Errors as ours; a wrong account is named as such."""
        from botocore.exceptions import ClientError

        with translated(doing):
            try:
                yield
            except ClientError as error:
                self._check_account(error)
                raise

    def _check_account(self, error: Exception) -> None:
        """Names a wrong account, where that is why ECR said no; asked only then, so that it costs nothing."""
        unseen = error_code(error) in ("RepositoryNotFoundException", "AccessDeniedException")
        if not unseen or self._account is None or self._region is not None:  # elsewhere, another account is meant
            return
        try:
            caller = self.caller_account()
        except EcrTasksError:  # the first error says more than a second one about the same credentials
            return
        if caller != self._account:
            raise wrong_account(self._account, caller) from error

    def caller_account(self) -> str:
        """The account that the credentials belong to (STS GetCallerIdentity)."""
        with translated("ask who we are (sts:GetCallerIdentity)"):
            return self.aws.sts().get_caller_identity()["Account"]

    def get(self, name: str, ids: Sequence[ImageIdentifierTypeDef]) -> dict[str, StoredImage]:
        """BatchGetImage by the key asked for; every media type is accepted, so that none is translated."""
        found: dict[str, StoredImage] = {}
        for image in self.batch(name, ids):
            found[image["imageId"].get("imageTag") or image["imageId"]["imageDigest"]] = stored_image(image)
        return found

    def batch(self, name: str, ids: Sequence[ImageIdentifierTypeDef]) -> list[ImageTypeDef]:
        """BatchGetImage as it answers, at most a hundred ids; RegistryError for images that ECR can't read."""
        with self.asking(f"read images of {name} (ecr:BatchGetImage)"):
            answer = self.client().batch_get_image(
                **self.registry_id,
                repositoryName=name,
                imageIds=ids,
                acceptedMediaTypes=[*INDEX_MEDIA_TYPES, *MANIFEST_MEDIA_TYPES],
            )
        refuse_unreadable(name, answer.get("failures", ()))
        return answer["images"]

    def all(self, name: str, digests: Sequence[str]) -> dict[str, StoredImage]:
        """BatchGetImage of any number, several batches at once."""
        batches: list[list[ImageIdentifierTypeDef]] = [
            [{"imageDigest": digest} for digest in digests[start : start + BATCH]]
            for start in range(0, len(digests), BATCH)
        ]
        answers = map_parallel(lambda batch: self.get(name, batch), batches, PARALLEL, self.aws.retrier)
        return {image.digest: image for answer in answers for image in answer.values()}


def identifier(reference: str) -> ImageIdentifierTypeDef:
    """How the API names a tag or a digest."""
    return {"imageDigest": reference} if reference.startswith("sha256:") else {"imageTag": reference}
