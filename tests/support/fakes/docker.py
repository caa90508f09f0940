"""A fake of the docker client, which pushes to a fake registry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ecr_tasks.errors import BuildError, EcrTasksError, NoSuchImage
from ecr_tasks.model.image import BakeFile, BakeTarget, BuildDefinition, BuildInput
from ecr_tasks.model.image_config import ImageConfig
from ecr_tasks.model.local_image import LocalImage
from ecr_tasks.model.manifest import BASE_DIGEST, BASE_NAME, INPUTS, INPUTS_TRACKED, REVISION, StoredImage
from ecr_tasks.model.ports import BuildResult, Engine
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.terminal.held_output import held_output
from tests.support.build import HOST, REVISION_A, digest, index, manifest
from tests.support.fakes.calls import network_error
from tests.support.fakes.registry import FakeRegistry

SBOM = {"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT"}
PROVENANCE = {
    "buildType": "https://mobyproject.org/buildkit@v1",
    "invocation": {"parameters": {"args": {"build-arg:TOKEN": "s3cret-value"}}},
}
"""What the builder tells of a build."""


class FakeDocker:
    """Builds images, keeps them in an image store in memory and pushes them to a FakeRegistry.

    With ``classic`` it has docker's classic image store, which keeps no manifests. With ``unstable`` every build
    gives another digest.
    """

    def __init__(self, registry: FakeRegistry, *, classic: bool = False, unstable: bool = False) -> None:
        self.registry = registry
        self.calls = registry.calls
        self.classic = classic
        self.unstable = unstable
        self.store: dict[str, StoredImage] = {}
        self.inputs: list[BuildInput] = []
        self.authorized: list[RegistryToken] = []
        self.builds = 0
        self.bake_targets: dict[str, BuildDefinition] = {}
        self.bake_groups: dict[str, tuple[str, ...]] = {}
        self.local_bases: dict[str, str] = {}
        self.registry_bases: dict[str, str] = {}
        self.bake_tags: dict[str, tuple[str, ...]] = {}
        """What the files call the images of the targets."""
        self.read_contexts: list[Mapping[str, str]] = []
        self.unreadable: set[str] = set()
        """The contexts whose Dockerfile the builder refuses."""
        """The named contexts of each build whose Dockerfile was read."""
        self.base_error: EcrTasksError | None = None
        """Why registries don't say what base images they have."""
        self.build_error: EcrTasksError | None = None
        self.builders = {"beside", "multi"}
        self.builder, self.driver, self.nodes = "default", "docker", 1
        self.platforms: tuple[str, ...] = ()
        self.temporary: list[str] = []
        self.blobs: dict[str, str] = {}
        """What the builder's history has, by digest: the SBOMs that it made."""
        self.sbom_of: StoredImage | None = None
        """The image that SBOMs are made of, if it isn't the one that was built."""
        self.sboms: Sequence[Any] = (SBOM,)
        """What the generator makes of an image."""
        self.annotations: tuple[str, ...] = (INPUTS, INPUTS_TRACKED, BASE_NAME, BASE_DIGEST)
        """Those of a build that its image has."""
        self.left_names: list[str] = []
        self.local: list[LocalImage] = []
        self.config = ImageConfig()
        self.unreachable: set[str] = set()
        """The references to which a copy fails."""

    def engine(self, builder: str | None) -> Engine:
        self.calls.begin("engine")
        if builder is not None and builder not in self.builders:
            raise BuildError(f'no builder "{builder}" found.', "Correct ECR_BUILDER.")
        self.calls.end()
        return Engine(
            not self.classic, "linux/amd64", builder or self.builder, self.driver, self.nodes, self.platforms
        )

    def builds_elsewhere(self, builder: str | None) -> bool:
        return False

    def build(self, inputs: Sequence[BuildInput], builder: str | None) -> Mapping[str, BuildResult]:
        if (output := held_output()) is not None:
            output.wait()
        self.calls.begin("build", *(item.name for item in inputs))
        if self.build_error is not None:
            raise self.build_error
        self.builds += 1
        self.inputs += inputs
        results = {item.name: self._build(item) for item in inputs}
        self.calls.end()
        return results

    def targets(self, files: Sequence[str], folder: Path, environ: Mapping[str, str], *, group: str = "") -> BakeFile:
        self.calls.begin("targets", *files)
        self.calls.end()
        targets = {
            name: BakeTarget(definition, tags=self.bake_tags.get(name, ()))
            for name, definition in self.bake_targets.items()
        }
        if group and group not in self.bake_groups:
            raise BuildError(f"failed to find target {group}", "Correct it.")
        return BakeFile(targets, self.bake_groups[group] if group else tuple(targets))

    def read_dockerfiles(self, definitions: Mapping[str, BuildDefinition], builder: str | None) -> None:
        self.calls.begin("read_dockerfiles")
        self.read_contexts += [item.contexts for item in definitions.values()]
        self.calls.end()
        for name, item in definitions.items():
            if item.context in self.unreadable:
                error = BuildError("The build would fail: unknown instruction.", "Mend the Dockerfile there.")
                error.about = [name]
                raise error

    def image_id(self, reference: str) -> str | None:
        self.calls.begin("image_id", reference)
        image = self.store.get(reference)
        self.calls.end()
        return self.id_of(image) if image else None

    def image_digest(
        self, reference: str, builder: str | None, *, local: bool, seconds: float | None = None
    ) -> str | None:
        self.calls.begin("image_digest", reference, "local" if local else "registry")
        digest = (self.local_bases if local else self.registry_bases).get(reference)
        if digest is None and not local:
            raise self.base_error or NoSuchImage(f"There is no {reference}: not found.", "Push it first.")
        self.calls.end()
        return digest

    def tag(self, source: str, target: str) -> None:
        self.calls.begin("tag", source, target)
        self.store[target] = self.store[source]
        self.calls.end()

    def tag_for_run(self, source: str, target: str) -> None:
        self.temporary.append(target)
        self.tag(source, target)

    def close(self) -> None:
        """Remove the names of the run. This is not in the port; a run calls it at its end."""
        for name in self.temporary:
            self.store.pop(name, None)

    def keep(self, source: str) -> None:
        if source not in self.store:
            raise BuildError("docker could not tag it: No such image.", "Look above.")
        self.tag_for_run(source, f"ecr-tasks-build:{len(self.temporary)}")

    def push(self, reference: str) -> None:
        self.calls.begin("push", reference)
        self._send(reference, self.store[reference])
        self.calls.end()

    def pull(self, reference: str, platform: str | None) -> None:
        self.calls.begin("pull", reference, platform or "")
        name, _, digest = reference.removeprefix(f"{HOST}/").partition("@")
        self.store[reference] = self.registry.stored[name][digest]
        self.calls.end()

    def copy(self, source: str, targets: Sequence[str]) -> Mapping[str, EcrTasksError]:
        self.calls.begin("copy", source, *targets)
        name, _, digest = source.removeprefix(f"{HOST}/").partition("@")
        image = self.registry.stored[name][digest]
        for target in targets:
            if target not in self.unreachable:
                self.registry.stored[target.partition("/")[2].partition("@")[0]][digest] = image
        self.calls.end()
        return {target: network_error() for target in targets if target in self.unreachable}

    def built_manifest(self, digest: str, record: str) -> str | None:
        self.calls.begin("built_manifest", digest)
        self.calls.end()
        return self.blobs.get(digest)

    def image_configs(self, ids: Sequence[str], platform: str | None) -> Mapping[str, ImageConfig]:
        self.calls.begin("image_configs", *ids)
        self.calls.end()
        return dict.fromkeys(ids, self.config)

    def builder_config(self, digest: str, record: str) -> ImageConfig | None:
        self.calls.begin("builder_config", digest)
        self.calls.end()
        return self.config

    def provenance(self, record: str, platform: str | None) -> str | None:
        self.calls.begin("provenance", record, platform or "")
        self.calls.end()
        return "{}"

    def local_names(self, repositories: Sequence[str]) -> Mapping[str, str]:
        self.calls.begin("local_names", *repositories)
        self.calls.end()
        return {name: image.id for image in self.local for name in image.names}

    def local_images(self, ids: Sequence[str], known: Sequence[LocalImage] = ()) -> Sequence[LocalImage]:
        self.calls.begin("local_images", *ids)
        self.calls.end()
        return [*known, *(image for image in self.local if image.id in ids)]

    def remove_names(self, names: Sequence[str]) -> Sequence[str]:
        self.calls.begin("remove_names", *names)
        self.calls.end()
        return names

    def authorize(self, token: RegistryToken) -> None:
        self.calls.begin("authorize", token.host)
        self.authorized.append(token)
        self.calls.end()

    def login(self, token: RegistryToken) -> None:
        self.calls.begin("login", token.host)
        self.calls.end()

    def logout(self, host: str) -> None:
        self.calls.begin("logout", host)
        self.calls.end()

    def id_of(self, image: StoredImage) -> str:
        """Return the id of an image in the store."""
        return str(image.config_digest) if self.classic else image.digest

    def _build(self, item: BuildInput) -> BuildResult:
        name = item.name.replace(" SBOM", "")
        content = f"{name} build {self.builds}" if self.unstable else f"{name} as built"
        annotations = item.definition.annotations
        inputs = {key: annotations[key] for key in self.annotations if key in annotations and not self.classic}
        image = manifest(content, annotations.get(REVISION, REVISION_A), inputs)
        platforms = item.definition.platforms or ("linux/amd64",)
        os, architecture = platforms[0].split("/")[:2]
        platform = {"os": os, "architecture": architecture}
        descriptor = {
            "mediaType": image.media_type,
            "digest": image.digest,
            "size": len(image.manifest),
            "platform": platform,
        }
        provenance = {"": PROVENANCE} if item.provenance else {}
        if (item.keep == "run" or item.layout) and any("type=sbom" in entry for entry in item.definition.attest):
            index = self._with_sbom(self.sbom_of or image, platform)
            if item.layout:
                (blobs := Path(item.layout, "blobs", "sha256")).mkdir(parents=True)
                for digest, text in self.blobs.items():
                    (blobs / digest.removeprefix("sha256:")).write_text(text, encoding="utf-8")
            return BuildResult(item.name, index, None, platforms, descriptor, "record")
        if item.keep == "builder":
            if item.push:
                name = item.references[0].removeprefix(f"{HOST}/")
                self.registry.put(name, image)
                if item.definition.attests:
                    image = self._attested(image, platform)
                    self.registry.put(name, image)
            return BuildResult(item.name, image.digest, None, platforms, descriptor, None, provenance)
        for name in (*item.references, self.id_of(image)):
            self.store[name] = image
        return BuildResult(
            item.name,
            None if self.classic else image.digest,
            self.id_of(image),
            platforms,
            descriptor,
            None,
            provenance,
        )

    def _with_sbom(self, image: StoredImage, platform: Mapping[str, str]) -> str:
        """Keep an index of an image and its SBOM as BuildKit makes it; return its digest."""

        def keep(document: Mapping[str, Any]) -> str:
            text = json.dumps(document)
            self.blobs[digest(text)] = text
            return digest(text)

        self.blobs[image.digest] = image.manifest
        annotations = {"in-toto.io/predicate-type": "https://spdx.dev/Document"}
        layers = [{"digest": keep({"predicate": item}), "annotations": annotations} for item in self.sboms]
        kind = {"vnd.docker.reference.type": "attestation-manifest"}
        listed = [
            {"digest": image.digest, "mediaType": image.media_type, "platform": dict(platform)},
            {"digest": keep({"layers": layers}), "mediaType": image.media_type, "annotations": kind},
        ]
        return keep({"manifests": listed})

    def _attested(self, image: StoredImage, platform: Mapping[str, str]) -> StoredImage:
        """Return an index of an image and its attestations, which differ at each build because they contain times."""
        attestations = digest(f"attestations of {image.digest}, build {self.builds}")
        return index([(platform, image.digest), ({"os": "unknown", "architecture": "unknown"}, attestations)])

    def _send(self, reference: str, image: StoredImage) -> None:
        name, _, tag = reference.partition("/")[2].rpartition(":")
        self.registry.put(name, image, tag)
