"""The inputs of an image that are on this machine: its context, its Dockerfile, and named contexts in folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ecr_tasks.frozen import dataclass
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.parse.build_options import is_folder, is_remote
from ecr_tasks.source.build_context.base_images import pinned_digest
from ecr_tasks.source.build_context.references import IMAGE, LAYOUT, read_dockerfile
from ecr_tasks.source.build_context.unknown import Unknown
from ecr_tasks.source.git.index import Indexes
from ecr_tasks.source.inputs.digest import local_digest
from ecr_tasks.source.inputs.files import Folder, read_folder


@dataclass(frozen=True)
class Local:
    """The local inputs of a definition.

    ``folders`` are the named contexts that are folders, by name; ``linked`` are the inputs of the targets that it
    links to, by the target's name.
    """

    context: Folder
    dockerfile: bytes
    folders: Mapping[str, Folder]
    linked: Mapping[str, Local]

    @property
    def digest(self) -> str:
        """Return the digest of all local inputs."""
        folders = {name: folder.digest for name, folder in self.folders.items()}
        linked = {name: local.digest for name, local in self.linked.items()}
        return local_digest(self.context.digest, self.dockerfile, folders, linked)

    @property
    def tracked_digest(self) -> str:
        """Return the digest of the tracked inputs as git stores them; every clone of the commit has the same."""
        folders = {name: folder.tracked_digest for name, folder in self.folders.items()}
        linked = {name: local.tracked_digest for name, local in self.linked.items()}
        dockerfile = self.dockerfile.replace(b"\r\n", b"\n")
        return local_digest(self.context.tracked_digest, dockerfile, folders, linked)

    def unshared(self, definition: BuildDefinition) -> tuple[str, ...]:
        """Return the files that git ignores, relative to the context; a named context's begin with its path."""
        unshared = list(self.context.unshared)
        for name, folder in self.folders.items():
            unshared += [str(Path(definition.contexts[name], path)) for path in folder.unshared]
        for name, local in self.linked.items():
            linked = definition.linked[name]
            unshared += [str(Path(linked.context, path)) for path in local.unshared(linked)]
        return tuple(dict.fromkeys(unshared))


def read_local(definition: BuildDefinition, project: Path, read_index: Indexes) -> Local:
    """Read the local inputs of a definition. Paths are relative to ``project``.

    Raises Unknown for inputs that docker itself fetches and for files that don't exist, SettingsError for a malformed
    .dockerignore.
    """
    if is_remote(definition.context):
        raise Unknown("docker fetches the context itself")
    context = Path(definition.context)
    if not context.is_dir():
        raise Unknown(f"the context {context} is not there")
    content, dockerfile = read_dockerfile(definition)
    folders = {}
    for name, value in definition.contexts.items():
        if value.removeprefix("target:") in definition.linked:
            continue
        if not is_folder(value):
            if not value.startswith(IMAGE) and not (value.startswith(LAYOUT) and pinned_digest(value)):
                raise Unknown(f"the named context {name} is fetched by docker itself")
        elif not (project / value).is_dir():
            raise Unknown(f"the named context {name} is not there")
        else:
            folders[name] = read_folder(project / value, None, read_index)
    linked = {name: read_local(target, project, read_index) for name, target in definition.linked.items()}
    return Local(read_folder(context, dockerfile, read_index), content, folders, linked)
