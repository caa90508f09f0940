"""A built image's manifest from what its build and the engine tell, without a program of buildx that reads it.

BuildKit writes a manifest from the layers that the provenance names and the configuration, of which only the size is
told nowhere: it is what is left of the image's whole size. The digest shows whether the text is the manifest's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.digest import sha256_digest

_METADATA = "https://mobyproject.org/buildkit@v1#metadata"
"""Where provenance of version 0.2 has what only BuildKit says (BuildKit, docs/attestations/slsa-definitions.md)."""

_CONFIGS = {
    "application/vnd.oci.image.manifest.v1+json": "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json": "application/vnd.docker.container.image.v1+json",
}
"""The configuration's type by the manifest's."""

_LAYERS = {
    "application/vnd.oci.image.layer.v1.tar": "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip": "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd": "application/vnd.docker.image.rootfs.diff.tar.zstd",
}
"""Docker's types of layers by OCI's."""


@dataclass(frozen=True)
class ManifestParts:
    """What a build tells of the manifest that it made; ``chains`` are the lists of layers of its steps."""

    media_type: str
    digest: str
    size: int
    config: str
    chains: Sequence[Sequence[Mapping[str, Any]]]
    annotations: Mapping[str, str] = field(default_factory=dict)

    def compose(self, image_size: int) -> str | None:
        """Return the manifest of the image, whose manifest, configuration and layers have this size in bytes.

        None where the parts don't make the manifest with that digest.
        """
        is_oci = "oci" in self.media_type
        types = {of_docker: oci for oci, of_docker in _LAYERS.items()} if is_oci else _LAYERS
        for chain in self.chains:
            layers = [{**layer, "mediaType": types.get(layer["mediaType"], layer["mediaType"])} for layer in chain]
            document = {
                "schemaVersion": 2,
                "mediaType": self.media_type,
                "config": {
                    "mediaType": _CONFIGS[self.media_type],
                    "digest": self.config,
                    "size": image_size - self.size - sum(layer["size"] for layer in layers),
                },
                "layers": layers,
            }
            if self.annotations:
                document["annotations"] = dict(sorted(self.annotations.items()))
            text = _as_go_does(document)
            if sha256_digest(text) == self.digest:
                return text
        return None


def manifest_parts(metadata: Mapping[str, Any], annotations: Mapping[str, str]) -> ManifestParts | None:
    """Return the parts of the manifest of a build, by its metadata and its annotations; None for an index.

    Raises LookupError, TypeError, ValueError or AttributeError where the metadata has another shape.
    """
    descriptor = metadata["containerimage.descriptor"]
    if descriptor["mediaType"] not in _CONFIGS:
        return None
    layers = metadata["buildx.build.provenance"]["metadata"][_METADATA]["layers"]
    chains = [[_checked(layer) for layer in chain] for chains in layers.values() for chain in chains]
    chains.sort(key=len, reverse=True)
    config, size = metadata["containerimage.config.digest"], int(descriptor["size"])
    return ManifestParts(descriptor["mediaType"], descriptor["digest"], size, config, chains, annotations)


def _checked(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the descriptor of a layer with what a manifest has of it, in that order."""
    return {**layer, "mediaType": str(layer["mediaType"]), "size": int(layer["size"])}


def _as_go_does(document: Mapping[str, Any]) -> str:
    """Return a document as Go's json.MarshalIndent writes it."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
