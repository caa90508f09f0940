"""A tag pointed at an image that ECR has, by its API alone."""

from __future__ import annotations

from collections.abc import Callable

from ecr_tasks.clients.ecr.errors import error_code, too_many_tags, translate_errors
from ecr_tasks.clients.ecr.reader import Reader
from ecr_tasks.clients.ecr.retry import before_each_retry
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.refusals import locked_tag
from ecr_tasks.model.registry import Repository


def set_tag(
    reader: Reader, repository: Repository, image: StoredImage, tag: str, again: Callable[[], object]
) -> None:
    """Point a tag at an image (PutImage) with the image's own bytes, media type and digest.

    ``again`` is called before each further attempt, and may raise an error instead.

    Bytes that are neither known nor in the cache are read, which counts as a pull. A tag that points there
    already is left alone. Raises Refused when the repository locks the tag for another image, RegistryError when
    the image can have no more tags.
    """
    from botocore.exceptions import ClientError

    image = reader.read(repository.name, image)
    with translate_errors(f"point the tag {tag} in {repository.name} at {image.digest}"):
        try:
            with before_each_retry(again):
                reader.client().put_image(
                    registryId=repository.account,
                    repositoryName=repository.name,
                    imageManifest=image.manifest,
                    imageManifestMediaType=image.media_type,
                    imageDigest=image.digest,
                    imageTag=tag,
                )
        except ClientError as error:
            # ImageAlreadyExists: the tag points there; another run was faster, or our first answer was lost.
            code = error_code(error)
            if code == "ImageTagAlreadyExistsException":
                _refuse_other(reader, repository, image, tag, error)
            elif code == "LimitExceededException":
                raise too_many_tags(tag, repository.name, image.digest) from error
            elif code != "ImageAlreadyExistsException":
                raise


def _refuse_other(reader: Reader, repository: Repository, image: StoredImage, tag: str, error: Exception) -> None:
    """Raise Refused unless the tag points at the image: an immutable repository reports both as a conflict.

    See aws/containers-roadmap#2179.
    """
    existing = reader.look(repository.name, [tag]).get(tag)
    if existing is None:  # deleted meanwhile
        raise error
    if existing.digest != image.digest:
        raise locked_tag(
            tag,
            f"in {repository.name}",
            existing.digest,
            f"this image is {image.digest}",
            "immutable",
            revision=existing.commit,
            remedy="Publish under another tag, or add an exclusion filter that matches it.",
        ) from error
