"""A kustomize component that sets the images of the manifests it is added to."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ecr_tasks.handoff.handoff import Extras, Handoff
from ecr_tasks.model.publication import PublishedImage


def write(images: Sequence[PublishedImage], extras: Extras) -> Handoff:
    """Return the component: manifests name an image by its repository, with or without the registry.

    ``name`` is compared with the image's whole name without tag and digest (kustomize, api/image/image.go).
    """
    lines = ["apiVersion: kustomize.config.k8s.io/v1alpha1", "kind: Component", "images:"]
    for image in images:
        for name in (image.repository, image.address):
            lines += [
                f"  - name: {json.dumps(name)}",
                f"    newName: {json.dumps(image.address)}",
                f"    digest: {json.dumps(image.digest)}",
            ]
    return Handoff("\n".join(lines))
