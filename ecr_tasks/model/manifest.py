"""TODO."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CACHE_TAG = "buildcache"
"""Where the cache lives in the image's own repository."""


INDEX_MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


MANIFEST_MEDIA_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


OCI_KEYS = "org.opencontainers.image."
"""What the OCI pre-defined label and annotation keys begin with."""


VERSION = OCI_KEYS + "version"
"""The OCI pre-defined key that says which version an image is."""


REVISION = OCI_KEYS + "revision"
"""The OCI pre-defined key that says which commit an image was built from."""


INPUTS_TAG = "inputs-"
"""What the tag begins with by which an image is found by its inputs (ECR_SKIP=content)."""


INPUTS_DIGITS = 40
"""How many digits of the inputs' digest follow: 160 bits, as many as a commit's id."""


INPUTS = "io.ecr-tasks.inputs.digest"
"""Our annotation with the digest of all that an image was built from (``inputs/``)."""


INPUTS_TRACKED = "io.ecr-tasks.inputs.tracked"
"""The same of those inputs alone that a commit decides: the context's tracked files, and the Dockerfile."""


@dataclass(frozen=True)
class StoredImage:
    """A manifest (or index) as the registry holds it, byte for byte."""

    digest: str
    manifest: str = field(repr=False)
    media_type: str
    labels: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    """Its configuration's labels, where they were asked for; they say what annotations don't."""

    @property
    def document(self) -> Mapping[str, Any]:
        """The manifest, parsed."""
        parsed = json.loads(self.manifest)
        return parsed if isinstance(parsed, dict) else {}

    @property
    def is_index(self) -> bool:
        """Whether this is an index of images rather than one image."""
        return self.media_type in INDEX_MEDIA_TYPES

    @property
    def manifests(self) -> int:
        """How many manifests it consists of, attestations and itself included."""
        return 1 + (len(self.document.get("manifests", ())) if self.is_index else 0)

    @property
    def revision(self) -> str | None:
        """The commit that the image says it was built from, if its annotations or known labels say."""
        return self._annotation(REVISION) or self.labels.get(REVISION)

    @property
    def version(self) -> str | None:
        """The version that the image says it is, if its annotations say."""
        return self._annotation(VERSION)

    @property
    def inputs(self) -> str | None:
        """The digest of what the image says it was built from, if its annotations say."""
        return self._annotation(INPUTS)

    @property
    def inputs_tracked(self) -> str | None:
        """The part of it that a commit decides, if its annotations say."""
        return self._annotation(INPUTS_TRACKED)

    @property
    def config_digest(self) -> str | None:
        """The image configuration's digest, which is the image's id in a classic docker store."""
        config = self.document.get("config")
        return config.get("digest") if isinstance(config, dict) else None

    @property
    def size(self) -> int | None:
        """Compressed bytes of configuration and layers; None for an index, whose children hold them."""
        if self.is_index:
            return None
        document = self.document
        return int(document["config"]["size"]) + sum(int(layer["size"]) for layer in document["layers"])

    def _annotation(self, key: str) -> str | None:
        annotations = self.document.get("annotations")
        value = annotations.get(key) if isinstance(annotations, dict) else None
        return value if isinstance(value, str) else None

    @property
    def children(self) -> tuple[tuple[str, str], ...]:
        """An index's images as (platform, digest), attestations left out."""
        found = []
        for child in self.document.get("manifests", ()) if self.is_index else ():
            name = platform_name(child.get("platform"))
            if name and name != "unknown/unknown":
                found.append((name, child["digest"]))
        return tuple(found)


def platform_name(platform: Mapping[str, Any] | None) -> str:
    """A descriptor's platform as docker writes it: ``linux/arm/v7``; empty where it has none."""
    parts = ((platform or {}).get(key) for key in ("os", "architecture", "variant"))
    return "/".join(part for part in parts if part)


def short_tag(tag: str) -> str:
    """A tag as people read it: of one that is a digest of inputs, twelve digits."""
    digits = tag.removeprefix(INPUTS_TAG)
    return f"{INPUTS_TAG}{digits[:12]}…" if digits != tag and len(digits) == INPUTS_DIGITS else tag


def short_digest(digest: str | None) -> str:
    """Return a digest as people compare them: the algorithm and twelve digits."""
    return digest[:19] if digest else "none"
