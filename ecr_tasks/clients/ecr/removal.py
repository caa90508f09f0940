"""Implements the Removal port: delete, archive and restore images, and look at them just before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.errors import error_code, error_message, result_or_none
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.errors import AwsError
from ecr_tasks.model.inventory import ImageDetail

if TYPE_CHECKING:
    from ecr_tasks.clients.ecr.reader import Reader

PARALLEL = 8
"""How many images change their storage class at a time: ECR takes one in a call."""

BATCH = 100
"""The maximum number of ids in one BatchDeleteImage (API model, ImageIdentifierList)."""


class EcrRemoval:
    """Removes the images of one account's registry in one region."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def details(self, name: str) -> list[ImageDetail]:
        """Return every manifest of a repository, archived ones too, a thousand in a call."""
        from ecr_tasks.clients.ecr import listing

        with self._reader.translate_errors(f"list the images of {name} (ecr:DescribeImages)"):
            return listing.describe_images(self._reader.client(), name, self._reader.registry_id)

    def manifests(self, name: str, details: Sequence[ImageDetail]) -> dict[str, Mapping[str, Any]]:
        """Return by digest the manifests of these images; those that this machine doesn't know are read as a pull."""
        return {digest: image.document for digest, image in self._reader.known(name, details, read=True).items()}

    def unknown(self, details: Sequence[ImageDetail]) -> list[ImageDetail]:
        """Return those of the images whose manifests this machine doesn't know."""
        return [detail for detail in details if self._reader.cache.get(detail.digest) is None]

    def tags(self, name: str, digests: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the tags that images have now, by digest; at most a hundred. Missing ones are left out."""
        from ecr_tasks.clients.ecr import listing

        with self._reader.translate_errors(f"look at images of {name} again (ecr:DescribeImages)"):
            found = listing.details_of(self._reader.client(), name, self._reader.registry_id, digests)
            if found is None:  # one of them is missing, and ECR doesn't say which
                singles = map_parallel(
                    lambda one: listing.details_of(self._reader.client(), name, self._reader.registry_id, [one]),
                    digests,
                    PARALLEL,
                    self._reader.aws.retrier,
                )
                found = [detail for one in singles if one for detail in one]
        return {detail.digest: detail.tags for detail in found}

    def delete(self, name: str, images: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Delete images by their digests, and return by digest why some were not.

        One that has tags loses those that are given, and goes with the last one: a tag that another run has set
        meanwhile keeps it. At most a hundred digests.
        """
        ids = [
            {"imageDigest": digest, **({"imageTag": tag} if tag else {})}
            for digest, tags in images.items()
            for tag in (tags or ("",))
        ]
        failed: dict[str, str] = {}
        with self._reader.translate_errors(f"delete images of {name} (ecr:BatchDeleteImage)"):
            for start in range(0, len(ids), BATCH):
                response = self._reader.client().batch_delete_image(
                    **self._reader.registry_id,
                    repositoryName=name,
                    imageIds=ids[start : start + BATCH],  # type: ignore[arg-type]
                )
                for failure in response.get("failures", []):
                    if failure.get("failureCode") != "ImageNotFound":  # it went with its subject
                        digest = failure.get("imageId", {}).get("imageDigest", "")
                        failed[digest] = f"{failure.get('failureReason', '')} ({failure.get('failureCode', '')})"
        return failed

    def set_storage_class(self, name: str, digests: Sequence[str], storage_class: str) -> dict[str, str]:
        """Archive images (``ARCHIVE``) or restore them (``STANDARD``), and return by digest why some were not.

        Raises AwsError for an SDK that can't, and for credentials that may not.
        """
        from botocore.exceptions import ClientError

        client: Any = self._reader.client()
        if not hasattr(client, "update_image_storage_class"):
            raise AwsError("This boto3 can't archive or restore images.", "Update boto3.")

        def change(digest: str) -> str:
            try:
                client.update_image_storage_class(
                    **self._reader.registry_id,
                    repositoryName=name,
                    imageId={"imageDigest": digest},
                    targetStorageClass=storage_class,
                )
            except ClientError as error:
                if error_code(error) not in (
                    "ImageStorageClassUpdateNotSupportedException",
                    "ImageNotFoundException",
                ):
                    raise
                return f"{error_message(error)} ({error_code(error)})"
            return ""

        with self._reader.translate_errors("change the storage class of images (ecr:UpdateImageStorageClass)"):
            reasons = map_parallel(change, digests, PARALLEL, self._reader.aws.retrier)
        return {digest: reason for digest, reason in zip(digests, reasons, strict=True) if reason}

    def policies(self, name: str) -> list[str]:
        """Return the texts of the policies that say who may pull from a repository, as far as there are any.

        With the account setting REGISTRY_POLICY_SCOPE=V2, the registry's policy may, too; ECR tells the caller's own.
        """
        client = self._reader.client()
        with self._reader.translate_errors(f"read who may pull from {name} (ecr:GetRepositoryPolicy)"):
            own = result_or_none(
                lambda: client.get_repository_policy(**self._reader.registry_id, repositoryName=name),
                "RepositoryPolicyNotFoundException",
            )
        with self._reader.translate_errors("read the registry's policy (ecr:GetRegistryPolicy)"):
            whole = result_or_none(client.get_registry_policy, "RegistryPolicyNotFoundException")
        return [found["policyText"] for found in (own, whole) if found]

    def deletes_elsewhere(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return the accounts and regions to which ECR replicates a repository's deletions (DescribeRegistry)."""
        from ecr_tasks.clients.ecr import replication

        with self._reader.translate_errors("read the registry's replication rules (ecr:DescribeRegistry)"):
            rules = replication.rules(self._reader.client())
        deleting: list[Any] = [rule for rule in rules if replication.replicates_deletions(rule)]
        return tuple(sorted(replication.places(deleting, name)))
