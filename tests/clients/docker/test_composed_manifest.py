"""A manifest made up from a build's metadata is the manifest that BuildKit wrote, byte for byte, or none."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_tasks.clients.docker.composed_manifest import manifest_parts
from ecr_tasks.clients.docker.parse import content_size

OCI, DOCKER = "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"
TYPES = {
    OCI: ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"),
    DOCKER: (
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
}
METADATA = "https://mobyproject.org/buildkit@v1#metadata"


def digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def as_go_writes(document: Any) -> str:
    """Return what Go's json.MarshalIndent makes of a document whose keys are in order."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e").replace("\u2028", r"\u2028")


def build(
    media_type: str, sizes: list[int], config_size: int, annotations: dict[str, str]
) -> tuple[str, dict[str, Any], int]:
    """Return a manifest, the metadata of the build that made it, and the size of its image."""
    config_type, layer_type = TYPES[media_type]
    layers = [
        {"mediaType": layer_type, "digest": digest(f"layer {index}"), "size": size}
        for index, size in enumerate(sizes)
    ]
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {"mediaType": config_type, "digest": digest("config"), "size": config_size},
        "layers": layers,
    }
    if annotations:
        document["annotations"] = dict(sorted(annotations.items()))
    text = as_go_writes(document)
    of_oci = [{**layer, "mediaType": TYPES[OCI][1]} for layer in layers]  # whatever the image has
    steps = {f"step{count}:0": [of_oci[:count]] for count in range(1, len(layers) + 1)}
    metadata = {
        "containerimage.config.digest": digest("config"),
        "containerimage.descriptor": {"mediaType": media_type, "digest": digest(text), "size": len(text.encode())},
        "buildx.build.provenance": {"metadata": {METADATA: {"layers": steps}}},
    }
    return text, metadata, len(text.encode()) + config_size + sum(sizes)


ANNOTATIONS = st.dictionaries(st.sampled_from(["org.a", "org.b", "c"]), st.text('a<>&\u2028ü"\\ ', max_size=9))


@given(
    st.sampled_from([OCI, DOCKER]),
    st.lists(st.integers(1, 10**10), min_size=1, max_size=5),
    st.integers(100, 10**6),
    ANNOTATIONS,
)
def test_it_is_what_buildkit_wrote(
    media_type: str, sizes: list[int], config_size: int, annotations: dict[str, str]
) -> None:
    text, metadata, size = build(media_type, sizes, config_size, annotations)
    parts = manifest_parts(metadata, annotations)
    assert parts is not None
    assert parts.compose(size) == text


@pytest.mark.parametrize("wrong", ["size", "annotations", "layers"])
def test_what_does_not_fit_makes_none(wrong: str) -> None:
    _, metadata, size = build(OCI, [5, 6], 700, {"org.a": "1"})
    if wrong == "layers":
        metadata["buildx.build.provenance"]["metadata"][METADATA]["layers"] = {}
    parts = manifest_parts(metadata, {} if wrong == "annotations" else {"org.a": "1"})
    assert parts is not None
    assert parts.compose(size + (wrong == "size")) is None


@pytest.mark.parametrize("layer", [{}, {"mediaType": "a", "size": "many"}, "text", None])
def test_layers_of_another_shape_are_none(layer: object) -> None:
    _, metadata, _ = build(OCI, [5], 700, {})
    metadata["buildx.build.provenance"]["metadata"][METADATA]["layers"] = {"step1:0": [[layer]]}
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        manifest_parts(metadata, {})


def test_an_index_has_no_such_parts() -> None:
    _, metadata, _ = build(OCI, [5], 700, {})
    metadata["containerimage.descriptor"]["mediaType"] = "application/vnd.oci.image.index.v1+json"
    assert manifest_parts(metadata, {}) is None


@pytest.mark.parametrize(
    ("told", "size"),
    [
        ({"Size": 7}, 7),  # an engine before API 1.48, or a classic store
        ({"Size": 7, "Manifests": None}, 7),
        ({"Size": 9, "Manifests": [{"ID": "sha256:a", "Size": {"Content": 7, "Total": 9}}]}, 7),
        ({"Size": 7, "Manifests": [{"ID": "sha256:b", "Size": {"Content": 5, "Total": 9}}]}, 7),
        ({"Size": 9, "Manifests": [{"ID": "sha256:a"}]}, None),
        ({}, None),
    ],
)
def test_the_size_of_an_image_is_that_of_what_a_registry_gets(told: dict[str, Any], size: int | None) -> None:
    """Without what the engine has unpacked, which a newer one counts."""
    assert content_size({"Id": "sha256:a", **told}) == size
