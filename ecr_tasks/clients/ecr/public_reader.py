"""Reads ECR Public's manifests, configurations and artifacts from the registry itself: its API gives none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.ecr.artifacts import EcrArtifacts
from ecr_tasks.clients.ecr.image_config import MAX_BYTES
from ecr_tasks.clients.ecr.session import AwsSession
from ecr_tasks.clients.manifest_cache import MAX_MANIFEST, ManifestCache
from ecr_tasks.clients.oci_reading import OciReading
from ecr_tasks.clients.parallel import map_parallel
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import EcrTasksError, RegistryError
from ecr_tasks.model.artifact import ListedArtifact
from ecr_tasks.model.inventory import ImageDetail
from ecr_tasks.model.manifest import StoredImage
from ecr_tasks.model.registry import RegistryToken, Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr_public.client import ECRPublicClient

PARALLEL = 4
"""How many manifests are read at a time: with a login, ECR Public lets ten a second be read (its service quotas)."""


class PublicReader:
    """Reads one public registry; names of repositories are those in addresses, with the alias.

    ``host`` returns the registry's host, ``token`` its token. Where the credentials get none, what everybody may read
    is read without.
    """

    def __init__(
        self, aws: AwsSession, host: Callable[[], str], token: Callable[[], RegistryToken], cache: ManifestCache
    ) -> None:
        self._aws, self._host, self._token = aws, host, token
        self.cache = cache
        self._registries: dict[str, OciReading] = {}

    def client(self) -> ECRPublicClient:
        """Return the API client, created once; the first call must not come from a thread."""
        return self._aws.ecr_public()

    def with_cache(self, cache: ManifestCache) -> PublicReader:
        """Return a reader of the same registry with another cache."""
        reader = copy(self)
        reader.cache = cache
        return reader

    def registry(self, host: str) -> OciReading:
        """Return the registry at a host."""
        return self._registries.setdefault(host, OciReading(host, self._login, self._aws.retrier))

    def read(self, name: str, image: StoredImage) -> StoredImage:
        """Return an image with its manifest: that of the cache, else the registry's.

        Raises RegistryError when the image is gone or has other bytes.
        """
        found = self._read(name, image)
        if found is None:
            raise RegistryError(f"The image {image.digest} of {name} is gone.", "Run it again.")
        return found

    def known(self, name: str, details: Sequence[ImageDetail | StoredImage], read: bool) -> dict[str, StoredImage]:
        """Return by digest the images whose manifests are in the cache; with ``read``, read the others.

        Those that are gone by then are left out.
        """
        wanted = [StoredImage(detail.digest, "", detail.media_type) for detail in details]
        found = map_parallel(lambda image: self._read(name, image, ask=read), wanted, PARALLEL, self._aws.retrier)
        return {image.digest: image for image in found if image is not None}

    def _read(self, name: str, image: StoredImage, *, ask: bool = True) -> StoredImage | None:
        """Return an image with its manifest, or None; without ``ask`` it is that of the cache alone."""
        if image.is_read:
            return image
        if (text := self.cache.get(image.digest)) is not None:
            return image.with_manifest(text)
        text = self._own().manifest(name, image.digest, MAX_MANIFEST) if ask else None
        if text is None:
            return None
        image = image.with_manifest(text)  # which compares the digest before it is kept
        self.cache.put(text)
        return image

    def config(self, name: str, image: StoredImage) -> Mapping[str, Any]:
        """Return the configuration of an image that was read; empty when it has none or that can't be read."""
        digest = image.config_digest
        text = self.cache.get(digest) if digest else None
        try:
            if digest and text is None:
                content = self._own().blob(name, digest, MAX_BYTES)
                text = content.decode() if content is not None else None
                self.cache.put(*([text] if text is not None else []))
            document = parse_json(text) if text is not None else None
        except (EcrTasksError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def _own(self) -> OciReading:
        return self.registry(self._host())

    def _login(self) -> RegistryToken | None:
        try:
            return self._token()
        except EcrTasksError:
            return None


class PublicArtifacts(EcrArtifacts):
    """Attaches by ECR Public's API, whose PutImage takes any manifest; lists and reads by the registry's own.

    That public.ecr.aws lists referrers is no part of AWS's documents; AWS's own projects sign there so
    (aws-observability/aws-otel-python-instrumentation#837).
    """

    _service = "ecr-public"

    def __init__(self, reader: PublicReader) -> None:
        super().__init__(reader)
        self._public = reader

    def list(self, repository: Repository, digest: str) -> tuple[ListedArtifact, ...]:
        """Return the artifacts that have an image as their subject, as the registry lists them."""
        return tuple(
            ListedArtifact(
                item["digest"],
                str(item.get("artifactType") or ""),
                int(item.get("size") or 0),
                {str(key): str(text) for key, text in (item.get("annotations") or {}).items()},
            )
            for item in self._public.registry(repository.host).referrers(repository.name, digest)
        )

    def _layer(self, repository: Repository, digest: str, size: int) -> bytes:
        content = self._public.registry(repository.host).blob(repository.name, digest, size)
        if content is None:
            raise RegistryError(f"{repository.uri} lacks {digest}.", "Attach the document anew.")
        return content

    def _in(self, repository: Repository) -> Any:
        return {"repositoryName": repository.name.partition("/")[2]}
