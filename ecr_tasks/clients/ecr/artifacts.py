"""The Artifacts port on ECR's API: documents that have an image as their subject are attached, listed and read.

Nothing of docker is needed for it, so that it works with every image store.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ecr_tasks.clients.ecr.download import download
from ecr_tasks.clients.ecr.errors import result_or_none, translate_errors
from ecr_tasks.clients.ecr.listing import referrers
from ecr_tasks.clients.manifest_cache import ManifestCache, artifact_folder
from ecr_tasks.errors import RegistryError
from ecr_tasks.model.artifact import EMPTY_CONFIG, MAX_DOCUMENT, Artifact, Document, ListedArtifact, layers_of
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.manifest import MANIFEST_MEDIA_TYPES, StoredImage
from ecr_tasks.model.registry import Repository

if TYPE_CHECKING:
    from mypy_boto3_ecr.client import ECRClient


R = TypeVar("R", bound="ManifestReader")


class ManifestReader(Protocol):
    """Reads manifests of one registry, and keeps them."""

    cache: ManifestCache

    def client(self) -> Any:
        """Return the API client, which uploads."""

    def read(self, name: str, image: StoredImage) -> StoredImage:
        """Return an image with its manifest."""

    def known(self, name: str, details: Sequence[StoredImage], read: bool) -> dict[str, StoredImage]:
        """Return by digest the images whose manifests are kept; with ``read``, read the others."""

    def with_cache(self: R, cache: ManifestCache) -> R:
        """Return a reader of the same registry with another cache."""


class EcrArtifacts:
    """Attaches, lists and reads artifacts of a registry's images."""

    _service = "ecr"

    def __init__(self, reader: ManifestReader) -> None:
        self._reader = reader
        # Artifacts have a cache of their own: many of them must not displace images' manifests, whose reading counts.
        self._kept = reader.with_cache(ManifestCache(artifact_folder(os.environ)))

    def prepare(self, repository: Repository) -> None:
        """Upload what all artifacts consist of besides their documents, unless it is there: the next needs it."""
        with translate_errors(f"prepare {repository.name} for artifacts ({self._service}:UploadLayerPart)"):
            upload_layer(self._client(), self._in(repository), EMPTY_CONFIG)

    def attach(self, repository: Repository, subject: StoredImage, artifact: Artifact) -> str:
        """Push an artifact of an image without a tag and return its digest; one that is there already is no error.

        The subject's manifest is read where it is not known, which counts as a pull of it. Immutable repositories
        take it, as no tag is set. Raises the errors of AWS.
        """
        subject = self._reader.read(repository.name, subject)
        manifest = artifact.manifest(subject)
        digest = sha256_digest(manifest)
        with translate_errors(
            f"attach {artifact.artifact_type} to {repository.name}@{subject.digest} ({self._service}:PutImage)"
        ):
            if artifact.documents or not self._put(repository, manifest, digest):
                for content in dict.fromkeys([EMPTY_CONFIG, *(item.content for item in artifact.documents)]):
                    upload_layer(self._client(), self._in(repository), content)
                if not self._put(repository, manifest, digest):
                    raise RegistryError(
                        f"ECR lacks what was just uploaded for an artifact of {repository.name}.", "Run it again."
                    )
        self._kept.cache.put(manifest)
        return digest

    def _put(self, repository: Repository, manifest: str, digest: str) -> bool:
        """Put an artifact's manifest, unless it is there; return False where the repository lacks its documents."""

        def put() -> bool:
            _unless(
                "ImageAlreadyExistsException",
                lambda: self._client().put_image(
                    **self._in(repository),
                    imageManifest=manifest,
                    imageManifestMediaType=MANIFEST_MEDIA_TYPES[0],
                    imageDigest=digest,
                ),
            )
            return True

        return result_or_none(put, "LayersNotFoundException") is True

    def list(self, repository: Repository, digest: str) -> tuple[ListedArtifact, ...]:
        """Return the artifacts that have an image as their subject (ListImageReferrers), which is no pull."""
        with translate_errors(f"list what refers to {repository.name}@{digest} (ecr:ListImageReferrers)"):
            items = referrers(self._client(), repository, digest)
        return tuple(
            ListedArtifact(item["digest"], item.get("artifactType", ""), item["size"], item.get("annotations", {}))
            for item in items
        )

    def manifests(self, name: str, digests: Sequence[str]) -> Mapping[str, str]:
        """Return the manifests of artifacts that exist, a hundred in a call; each is read once and then kept."""
        images = [StoredImage(digest, "", MANIFEST_MEDIA_TYPES[0]) for digest in digests]
        found = self._kept.known(name, images, read=True)
        return {digest: image.manifest for digest, image in found.items()}

    def read(self, repository: Repository, digest: str) -> Artifact:
        """Return an artifact with its documents (GetDownloadUrlForLayer).

        Raises RegistryError when it is missing, a document is larger than MAX_DOCUMENT, or its bytes aren't those
        that its digest promises.
        """
        wanted = StoredImage(digest, "", MANIFEST_MEDIA_TYPES[0])
        image = self._kept.read(repository.name, wanted)
        documents = []
        for media_type, layer, size, notes in layers_of(image.manifest):
            if size > MAX_DOCUMENT:
                raise RegistryError(
                    f"A document of {repository.name}@{digest} has {size} bytes, more than are read here.",
                    "Fetch it with a client such as oras.",
                )
            documents.append(Document(media_type, self._layer(repository, layer, size), notes))
        document = image.document
        return Artifact(document.get("artifactType", ""), tuple(documents), document.get("annotations", {}))

    def _layer(self, repository: Repository, digest: str, size: int) -> bytes:
        with translate_errors(f"read {digest} of {repository.name} (ecr:GetDownloadUrlForLayer)"):
            response = self._client().get_download_url_for_layer(**self._in(repository), layerDigest=digest)
        try:
            content = download(response["downloadUrl"], size + 1)
        except OSError as error:
            raise RegistryError(
                f"{digest} of {repository.name} could not be read: {error}.", "Run it again."
            ) from error
        if sha256_digest(content) != digest:
            raise RegistryError(
                f"What ECR gave as {digest} of {repository.name} has another digest.",
                "Run it again; if it stays so, attach the document anew.",
            )
        return content

    def _client(self) -> ECRClient:
        client: ECRClient = self._reader.client()
        return client

    def _in(self, repository: Repository) -> Any:
        """Return the parameters that name a repository."""
        return {"registryId": repository.account, "repositoryName": repository.name}


def upload_layer(client: Any, place: Any, content: bytes) -> None:
    """Upload one layer, unless the repository has it (API model: InitiateLayerUpload … CompleteLayerUpload).

    ``client`` is of ECR or of ECR Public, ``place`` the parameters that name the repository.
    """
    digest = sha256_digest(content)
    there = client.batch_check_layer_availability(**place, layerDigests=[digest])
    if any(layer.get("layerAvailability") == "AVAILABLE" for layer in there.get("layers", ())):
        return
    upload = client.initiate_layer_upload(**place)
    size = upload["partSize"]
    for start in range(0, len(content), size):
        part = content[start : start + size]
        client.upload_layer_part(
            **place,
            uploadId=upload["uploadId"],
            partFirstByte=start,
            partLastByte=start + len(part) - 1,
            layerPartBlob=part,
        )
    _unless(
        "LayerAlreadyExistsException",
        lambda: client.complete_layer_upload(**place, uploadId=upload["uploadId"], layerDigests=[digest]),
    )


def _unless(code: str, call: Callable[[], object]) -> None:
    """Make a call whose error with this code says that it is done already."""
    result_or_none(call, code)
