"""Calls that read repositories and images, with checked responses and an error of its own for a wrong account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr import errors
from ecr_tasks.clients.ecr.parse import (
    images_by_reference,
    local_registry_host,
    looked_at,
    parse_repository,
    refuse_unreadable,
)
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.manifest_cache import ManifestCache
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.denial import policy_command
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import INDEX_MEDIA_TYPES, MANIFEST_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef, ImageTypeDef

PARALLEL = 8
"""How many repositories or batches are read at a time; far below ECR's 1,000 and 2,000 requests a second."""

MISSING = "RepositoryNotFoundException"

BATCH = 100
"""The maximum number of ids that DescribeImages and BatchGetImage take (API model, ImageIdentifierList)."""


class Reader:
    """Reads one account's registry in one region.

    ``account`` None means the caller's account, ``region`` None the settings' region.
    """

    def __init__(self, aws: AwsSession, account: str | None, region: str | None, cache: ManifestCache) -> None:
        self.aws = aws
        self.cache = cache
        self.named_account, self.region = account, region
        self.account = account
        """The registry's account, as soon as it is known, also the caller's own."""
        self.local_host: str | None = None
        """The registry's host, as soon as a local ECR has named it."""
        self.awaited: set[str] = set()
        """The repositories that may be missing, because the first push creates them; they hold no images then."""
        self._unseen: set[str] = set()
        """The repositories whose images these credentials may read and not describe."""

    def client(self) -> ECRClient:
        """Return the client, created once; the first call must not come from a thread."""
        return self.aws.ecr(self.region)

    @property
    def registry_id(self) -> Any:
        """The registry's account as a parameter; empty for the caller's own, which is ECR's default."""
        return {"registryId": self.named_account} if self.named_account else {}

    def describe(self, name: str) -> Repository | None:
        """Return a repository (DescribeRepositories), or None when it does not exist.

        Raises AwsError when the credentials belong to another account than the registry.
        """
        from botocore.exceptions import ClientError

        suffix = f" of {self.named_account} in {self.region}" if self.region else ""
        with self.translate_errors(f"look at the repository {name}{suffix}"):
            try:
                response = self.client().describe_repositories(**self.registry_id, repositoryNames=[name])
            except ClientError as error:
                if errors.error_code(error) != MISSING:
                    raise
                self._check_account(error)
                return None
        return parse_repository(response["repositories"][0])

    def describe_all(self, names: Sequence[str]) -> dict[str, Repository]:
        """Return these repositories, a hundred in a call, and none of a call that one is missing in.

        Raises the errors of :meth:`describe`.
        """
        from botocore.exceptions import ClientError

        def describe(some: Sequence[str]) -> list[Repository]:
            with errors.translate_errors("look at the repositories"):
                try:
                    response = self.client().describe_repositories(**self.registry_id, repositoryNames=[*some])
                except ClientError:
                    return []  # which the calls for each tell better
            return [parse_repository(item) for item in response["repositories"]]

        batches = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
        found = map_parallel(describe, batches, PARALLEL, self.aws.retrier)
        return {repository.name: repository for some in found for repository in some}

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
        is_suspicious = errors.error_code(error) in (MISSING, "AccessDeniedException")
        if (
            not is_suspicious or self.named_account is None or self.region is not None
        ):  # a destination may be another's
            return
        try:
            caller = self.caller_account()
        except EcrTasksError:  # the first error says more than a second one about the same credentials
            return
        if caller != self.named_account:
            raise errors.wrong_account(self.named_account, caller) from error

    def caller_account(self) -> str:
        """Return the account that the credentials belong to (STS GetCallerIdentity)."""
        return self.aws.caller().account

    def look(self, name: str, references: Sequence[str], *, expected: bool = False) -> dict[str, StoredImage]:
        """Return those images by tag or digest that exist (DescribeImages), which ECR does not count as a pull.

        A missing image fails a call for several, so each tag has a call of its own, several at a time, unless all are
        ``expected`` to be there. What is in the cache comes with its manifest. Where the credentials lack that
        action, which the policy that AWS documents for a push does not have, BatchGetImage is asked, which does
        count. Raises RegistryError for an archived image.
        """
        if name not in self._unseen:
            try:
                with self.translate_errors(f"look at images of {name} (ecr:DescribeImages)"):
                    images = self._describe_each(name, list(dict.fromkeys(references)), expected)
                return {reference: image for reference, image in images.items() if image is not None}
            except _LookDeniedError:
                self._unseen.add(name)
                self.aws.report_once(
                    f"these credentials may not do ecr:DescribeImages in {name}: its images are looked at with "
                    f"ecr:BatchGetImage, which ECR counts as a pull (`{policy_command()}` has what to allow)"
                )
        return self.images(name, references, PARALLEL)

    def _describe_each(self, name: str, references: Sequence[str], expected: bool) -> dict[str, StoredImage | None]:
        """Return the images, None for those that don't exist. Raises _LookDeniedError and botocore's errors."""
        from botocore.exceptions import ClientError

        def describe(some: Sequence[str]) -> dict[str, StoredImage]:
            try:
                response = self.client().describe_images(
                    **self.registry_id,
                    **self._with_archived,
                    repositoryName=name,
                    imageIds=[_id(one) for one in some],
                )
            except ClientError as error:
                code = errors.error_code(error)
                if code == "ImageNotFoundException" or (code == MISSING and name in self.awaited):
                    return {}
                if code == "AccessDeniedException":
                    raise _LookDeniedError from error
                raise
            details = response["imageDetails"]
            self._learn(response, details)
            images = [(detail, self._with_manifest(looked_at(detail))) for detail in details]
            return {one: image for detail, image in images for one in (image.digest, *detail.get("imageTags", ()))}

        expected = expected or all(reference.startswith("sha256:") for reference in references)
        if expected and 1 < len(references) <= BATCH:  # what has just been pushed: usually all are there
            found = describe(references)
            if found.keys() >= {*references}:
                return {one: found[one] for one in references}
        answers = map_parallel(lambda one: describe([one]), references, PARALLEL, self.aws.retrier)
        return {one: next(iter(images.values()), None) for one, images in zip(references, answers, strict=True)}

    def read(self, name: str, image: StoredImage) -> StoredImage:
        """Return an image with its manifest: that of the cache, else ECR's, which ECR counts as a pull.

        Raises RegistryError when the image is gone or has other bytes.
        """
        if image.is_read or (image := self._with_manifest(image)).is_read:
            return image
        found = self.images(name, [image.digest]).get(image.digest)
        if found is None:
            raise RegistryError(f"The image {image.digest} of {name} is gone.", "Run it again.")
        return image.with_manifest(found.manifest)

    def with_cache(self, cache: ManifestCache) -> Reader:
        """Return a reader of the same registry with another cache."""
        reader = copy(self)
        reader.cache = cache
        return reader

    def known(self, name: str, details: Sequence[ImageDetail | StoredImage], read: bool) -> dict[str, StoredImage]:
        """Return by digest the images whose manifests are in the cache; with ``read``, read the others, as a pull."""
        texts = {detail.digest: self.cache.get(detail.digest) for detail in details}
        images = {
            detail.digest: StoredImage(detail.digest, text, detail.media_type)
            for detail in details
            if (text := texts[detail.digest]) is not None
        }
        missing = [digest for digest in texts if digest not in images] if read else []
        return images | self.images(name, missing, PARALLEL)

    def config(self, name: str, image: StoredImage) -> Mapping[str, Any]:
        """Return the configuration of an image that was read; empty when it has none or that can't be read."""
        from ecr_tasks.clients.ecr.image_config import read_config

        digest = image.config_digest
        return read_config(self.client(), name, self.registry_id, digest, self.cache) if digest else {}

    def _with_manifest(self, image: StoredImage) -> StoredImage:
        text = self.cache.get(image.digest)
        return image.with_manifest(text) if text is not None else image

    def _learn(self, response: Mapping[str, Any], images: Sequence[Mapping[str, Any]]) -> None:
        """Keep what an answer about images says of their registry."""
        self.account = self.account or next((image.get("registryId") for image in images), None)
        self.local_host = self.local_host or local_registry_host(response)

    @cached_property
    def _with_archived(self) -> Any:
        """The parameter that includes archived images; empty for an SDK that doesn't know them."""
        known = self.client().meta.service_model.shape_for("DescribeImagesFilter").members  # type: ignore[attr-defined]
        return {"filter": {"imageStatus": "ANY"}} if "imageStatus" in known else {}

    def batch_get_image(self, name: str, references: Sequence[str]) -> list[ImageTypeDef]:
        """Return BatchGetImage's images by tag or digest, which ECR counts as a pull; at most a hundred references.

        Every media type is accepted, so that ECR converts no manifest. Raises RegistryError for an image that exists
        and can't be read.
        """
        with self.translate_errors(f"read images of {name} (ecr:BatchGetImage)"):
            response = errors.result_or_none(
                lambda: self.client().batch_get_image(
                    **self.registry_id,
                    repositoryName=name,
                    imageIds=[_id(reference) for reference in references],
                    acceptedMediaTypes=[*INDEX_MEDIA_TYPES, *MANIFEST_MEDIA_TYPES],
                ),
                *([MISSING] if name in self.awaited else []),
            )
        if response is None:
            return []
        refuse_unreadable(name, response.get("failures", ()))
        self._learn(response, response["images"])
        return response["images"]

    def images(self, name: str, references: Sequence[str], workers: int = 1) -> dict[str, StoredImage]:
        """Return any number of images with their manifests by tag or digest, ``workers`` batches at a time.

        ECR counts it as a pull of each. Missing ones are left out.
        """
        batches = [references[start : start + BATCH] for start in range(0, len(references), BATCH)]
        responses = map_parallel(lambda batch: self.batch_get_image(name, batch), batches, workers, self.aws.retrier)
        found = images_by_reference([image for response in responses for image in response], references)
        self.cache.put(*{image.manifest for image in found.values()})
        return found


class _LookDeniedError(Exception):
    """The credentials may not describe images."""


def _id(reference: str) -> ImageIdentifierTypeDef:
    return {"imageDigest": reference} if reference.startswith("sha256:") else {"imageTag": reference}
