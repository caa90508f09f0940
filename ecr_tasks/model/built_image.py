"""What a build made on this machine, for tasks that test it before the push."""

from __future__ import annotations

from typing import Any

from ecr_tasks.errors import BuildError
from ecr_tasks.frozen import dataclass


@dataclass(frozen=True)
class BuiltImage:
    """One image that was built.

    ``name`` is the bake file's target or the compose file's service; in a project with one Dockerfile it is the
    repository. ``tags`` are its names in the engine's store, ``repository:tag``, and ``image_id`` is its id there;
    None where the store has no such image. ``builder_platforms`` are platforms whose images stay with the builder,
    which pushes them: they can't be run here. ``digest`` is the manifest's or index's that the push publishes; it is
    None where only the push makes that, with the classic image store and for attestations that a builder makes.
    """

    name: str
    tags: tuple[str, ...]
    image_id: str | None
    digest: str | None
    platforms: tuple[str, ...]
    builder_platforms: tuple[str, ...] = ()

    @property
    def is_local(self) -> bool:
        """Whether the engine's store has it, so that it can be run."""
        return self.image_id is not None

    @property
    def reference(self) -> str:
        """The id by which `docker run` takes exactly this image, whatever its tags point at by then.

        Of several platforms that stay with a builder, the store has one, the engine's own if that is among them.

        Raises BuildError where the image stays with the builder.
        """
        if self.image_id is None:
            raise BuildError(
                f"{self.name} can't be run here: it stays with the builder, which keeps "
                f"{', '.join(self.builder_platforms or self.platforms)} for the push.",
                "Set ECR_PLATFORMS to one platform for the test, or test what was pushed, by its digest.",
            )
        return self.image_id

    def as_json(self) -> dict[str, Any]:
        """Return the image as `build --json` prints it."""
        return {
            "name": self.name,
            "reference": self.image_id,
            "tags": list(self.tags),
            "digest": self.digest,
            "platforms": list(self.platforms),
            "builder_platforms": list(self.builder_platforms),
        }


@dataclass(frozen=True)
class Build:
    """The images that a build made."""

    images: tuple[BuiltImage, ...]

    def image(self, name: str | None = None) -> BuiltImage:
        """Return the image of that name; without a name, the only one.

        Raises LookupError when there is no such image, or when several are there and none is named.
        """
        images = {image.name: image for image in self.images}
        if name is None and len(images) == 1:
            return self.images[0]
        if name is None or name not in images:
            raise LookupError(f"Name one of these images: {', '.join(images) or 'none was built'}.")
        return images[name]
