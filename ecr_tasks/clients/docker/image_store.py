"""The Docker port's part about the engine's own images: their names, what uses them, and their removal."""

from __future__ import annotations

import json
import math
import re
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from ecr_tasks.clients.docker import errors
from ecr_tasks.clients.docker.command_line import CommandLine, check_arguments, translate_errors
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.engine_api import EngineApi
from ecr_tasks.clients.docker.parse import content_size
from ecr_tasks.clients.docker.temporary_names import BUILD, SECONDS
from ecr_tasks.clients.parallel import Workers, begin, map_parallel
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import EcrTasksError
from ecr_tasks.model.image_config import ImageConfig, parse_image_config
from ecr_tasks.model.local_image import LocalImage

if TYPE_CHECKING:
    from python_on_whales import Image

NAME_ATTEMPTS = 5
"""How many times an image is built or named if another run takes its name at the same moment; a second build is
cached."""

PARALLEL = 4
"""Of how many images is asked at once, where the engine's API doesn't tell by a program of its own for each."""

REMOVALS = 20
"""How many names are removed at once: containerd collects what an image leaves before docker answers, and what
several leave takes it no longer. The two names of each of 20 images took ten threads 1.3 s, and twenty 0.7 s."""

NAMES_OF_PROGRAM = 4
"""How many names a thread removes at least where it starts a program of its own."""

_OK, _CREATED, _CONFLICT = 200, 201, 409

_ALONE = {"noprune": "true"}
"""Has the engine not look for an image's unnamed parents in its whole store: none of BuildKit's images has any."""

_GONE = re.compile(
    r"Error(?: response from daemon)?: (?:No such (?:image|container|object): "
    r"|(?:inspecting object: )?(?:no such container |\S+: image not known)).*",
    re.I,
)
"""docker's and Podman's line about an image or container that is gone, beside what they say of the others."""

_PODMAN_HOST = "localhost/"
"""What Podman puts before a name without a registry."""


class ImageStore:
    """The engine's image store, as docker shows it with a private configuration."""

    def __init__(self, config: PrivateConfig, commands: CommandLine, report: Callable[[str], None]) -> None:
        self._config = config
        self._commands = commands
        self._report = report
        self._api = EngineApi(commands)
        self._closing = Lock()
        self._sizes: dict[str, int] = {}
        self._looked_at: dict[str, ImageConfig] = {}

    def image_id(self, reference: str) -> str | None:
        """Return a local image's id: its manifest's digest in containerd's store, its config's in the classic one.

        None when there is no such image.
        """
        image = self._image(reference)
        return _whole(image.id) if image else None

    def image_configs(self, ids: Sequence[str], platform: str | None) -> Mapping[str, ImageConfig]:
        """Return the configurations of local images by id; of several platforms, those of ``platform`` (docker 28).

        Those that docker doesn't give are left out. Its commands tell the history of one image at a time.
        """
        options = ["--platform", platform] if platform else []
        workers = 1 if self._api.starts_programs else PARALLEL
        asked = map_parallel(self._asked_config, ids, workers, None) if not platform else ()
        known = {image_id: config for image_id, config in zip(ids, asked, strict=False) if config is not None}
        others = [image_id for image_id in ids if image_id not in known]
        if not others:
            return known
        configs = begin(partial(self._configs, others, options))
        histories = map_parallel(partial(self._history, options=options), others, PARALLEL, None)
        return known | {
            image_id: parse_image_config(config, history)
            for image_id, config, history in zip(others, configs(), histories, strict=True)
            if config is not None and history is not None
        }

    @contextmanager
    def looking_ahead(self, names: Collection[str]) -> Iterator[None]:
        """Look at each image that is given one of these names while the block runs, as soon as the engine says so."""
        if not names:
            yield
            return
        seen: set[str] = set()
        with Workers(PARALLEL, None) as workers:

            def hear(event: Any) -> None:
                image_id, name = event["Actor"]["ID"], event["Actor"]["Attributes"]["name"]
                if name in names and image_id not in seen:
                    seen.add(image_id)
                    workers.begin(partial(self._asked_config, image_id, name))

            with self._api.listening({"type": ["image"], "event": ["tag"]}, hear):
                yield

    def _asked_config(self, image_id: str, name: str | None = None) -> ImageConfig | None:
        """Return an image's configuration; None where the engine's API doesn't give it. It is asked once.

        containerd's store finds an image by its ``name`` at once, and by its id only among all images.
        """
        if image_id in self._looked_at:
            return self._looked_at[image_id]
        found_by = name or image_id
        image = self._asked_image(image_id, found_by)
        history = self._api.document(f"/images/{found_by}/history") if image else None
        if not history or (name and history[0].get("Id") != image_id):
            return None
        with suppress(EcrTasksError), errors.reading_answer(f"look at {image_id}"):
            steps = [str(step["CreatedBy"]) for step in reversed(history)]
            self._looked_at[image_id] = parse_image_config(image["Config"] or {}, steps)
        return self._looked_at.get(image_id)

    def content_size(self, image_id: str) -> int | None:
        """Return the bytes of a local image: in containerd's store, of its manifest, configuration and layers.

        They are asked for once. None where the engine's API doesn't tell it.
        """
        if image_id not in self._sizes:
            self._asked_image(image_id, image_id)
        return self._sizes.get(image_id)

    def _asked_image(self, image_id: str, found_by: str) -> Any:
        """Return the document of a local image; None where the engine's API doesn't give it by that name or id."""
        image = self._api.document(f"/images/{found_by}/json", {"manifests": "true"})
        if not isinstance(image, dict) or image.get("Id") != image_id:
            return None
        if size := content_size(image):
            self._sizes[image_id] = size
        return image

    def _configs(self, ids: Sequence[str], options: Sequence[str]) -> list[Mapping[str, Any] | None]:
        """Return what images' configurations have as ``config``; None for an image that docker doesn't give."""
        action = f"look at {', '.join(ids)}"
        with suppress(EcrTasksError):
            command = self._commands.docker("image", "inspect", *options, "--format", "{{json .Config}}", *ids)
            lines = self._commands.output(action, command).splitlines()
            with errors.reading_answer(action):
                return [parse_json(line) or {} for _, line in zip(ids, lines, strict=True)]
        return [config for one in ids for config in self._configs([one], options)] if len(ids) > 1 else [None]

    def _history(self, image_id: str, options: Sequence[str]) -> list[str] | None:
        """Return an image's instructions, the oldest first; None where docker doesn't give them."""
        words = ("--no-trunc", "--format", "{{json .CreatedBy}}", image_id)
        action = f"look at {image_id}"
        with suppress(EcrTasksError):
            steps = self._commands.output(action, self._commands.docker("image", "history", *options, *words))
            with errors.reading_answer(action):
                return [str(parse_json(line)) for line in reversed(steps.splitlines()) if line]
        return None

    def tag(self, source: str, target: str) -> None:
        """Give a local image one more name, also where another run gives it to another image at that moment."""
        repository, _, tag = target.rpartition(":")
        answer = self._api.ask("POST", f"/images/{source}/tag", {"repo": repository, "tag": tag})
        if answer is not None and answer.status == _CREATED:
            return
        for attempt in range(1, NAME_ATTEMPTS + 1):
            try:
                self._commands.output(f"tag {target}", self._commands.docker("image", "tag", source, target))
            except EcrTasksError as error:
                if attempt == NAME_ATTEMPTS or not errors.is_tag_taken(error):
                    raise
            else:
                return

    def tag_for_run(self, source: str, target: str) -> None:
        """Give a local image one more name until the end of the run."""
        self._config.add_names(target)
        self.tag(source, target)

    def keep(self, source: str) -> None:
        """Keep a local image until the end of the run. Raises BuildError when there is none."""
        self.tag_for_run(source, f"{BUILD}:{secrets.token_hex(8)}")

    @property
    def left_names(self) -> Sequence[str]:
        """The names that killed runs have given to images by :meth:`tag_for_run`; the run's end removes them."""
        return self._config.names.left

    def local_names(self, repositories: Sequence[str]) -> Mapping[str, str]:
        """Return the ids of the store's images by the names in these repositories, here and in any registry.

        With those that runs have given to their builds.
        """
        patterns = [text for repository in repositories for text in (repository, f"*/{repository}")]
        patterns.append(BUILD)
        filter_document = json.dumps({"reference": dict.fromkeys(patterns, True)})
        images = self._api.document("/images/json", {"filters": filter_document})
        if images is not None:
            with errors.reading_answer("list its images"):
                names = {name: str(image["Id"]) for image in images for name in image["RepoTags"] or ()}
            return {name: image_id for name, image_id in names.items() if not name.endswith(":<none>")}
        filters = [word for pattern in patterns for word in ("--filter", f"reference={pattern}")]
        options = ["--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}"]
        listed = self._commands.output("list its images", self._commands.docker("image", "ls", *filters, *options))
        pairs = [line.rpartition(" ") for line in listed.splitlines()]
        return {name: image_id for name, _, image_id in pairs if not name.endswith(":<none>")}

    def local_images(self, ids: Sequence[str], known: Sequence[LocalImage] = ()) -> Sequence[LocalImage]:
        """Return those of these images that are there, and the ``known`` ones, of which docker is not asked.

        A container uses an image, also one that has stopped, and so does a run that has not ended: it has given the
        image a name of its own.
        """
        documents, containers = self._inspect("image", ids), self._containers()
        used: set[Any] = {_whole(container.get("Image") or "") for container in containers}
        used |= {(container.get("ImageManifestDescriptor") or {}).get("digest") for container in containers}
        used |= {(container.get("Config") or {}).get("Image") for container in containers}

        def is_used(image_id: str, tags: Sequence[str], digests: Sequence[str] = ()) -> bool:
            plain = [tag.removeprefix(_PODMAN_HOST) for tag in tags]
            in_run = any(tag.startswith(f"{BUILD}:") and tag not in self._config.names.own for tag in plain)
            return in_run or not used.isdisjoint({image_id, *tags, *digests})

        images = {item.id: replace(item, used=is_used(item.id, item.names)) for item in known}
        for document in documents:
            image_id, tags = _whole(document["Id"]), tuple(document.get("RepoTags") or ())
            labels = (document.get("Config") or {}).get("Labels") or {}
            uses = is_used(image_id, tags, document.get("RepoDigests") or ())
            images[image_id] = LocalImage(image_id, tags, labels, uses)
        return list(images.values())

    def remove_names(self, names: Sequence[str]) -> Sequence[str]:
        """Remove names of images, an image with its last one, and return those that are gone.

        What docker refuses, such as the last name of an image that a container got meanwhile, stays. docker looks for
        that where an image has one name, so that two of an image are not to be given at once.
        """
        if not names:
            return ()
        answers = self._removals(names, workers=self._at_once(names))
        others = [name for name in names if name not in answers]
        removed = [name for name in names if answers.get(name)]
        if not others:
            return removed
        try:
            self._commands.output("remove image names", self._commands.docker("image", "rm", *others))
        except EcrTasksError:
            left = self._still_there(others)
            return [*removed, *(name for name in others if name not in left)]
        return [*removed, *others]

    def _still_there(self, names: Sequence[str]) -> list[str]:
        """Return those of the names that images have. Raises BuildError where docker doesn't tell."""
        there = {tag for document in self._inspect("image", names) for tag in document.get("RepoTags") or ()}
        return [name for name in names if name in there]

    def _at_once(self, names: Sequence[str]) -> int:
        """Return how many names are removed at once, each by another thread."""
        return max(1, min(PARALLEL, len(names) // NAMES_OF_PROGRAM)) if self._api.starts_programs else REMOVALS

    def _removals(self, names: Sequence[str], until: float = math.inf, workers: int = 1) -> dict[str, bool]:
        """Remove names and return whether they are gone; without those of which the engine's API doesn't say it.

        It is not asked after the time ``until``, by the monotonic clock. What is between it and us may answer, too.
        """

        def is_removed(name: str) -> bool | None:
            seconds = until - time.monotonic()
            if seconds <= 0:
                return None
            limit = seconds if until < math.inf else None
            answer = self._api.ask("DELETE", f"/images/{name}", _ALONE, seconds=limit)
            if answer is not None and (answer.status in (_OK, _CONFLICT) or answer.says_gone):
                return answer.status != _CONFLICT
            return None

        answers = map_parallel(is_removed, names, workers, None)
        return {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}

    def close(self) -> None:
        """Remove the names that were to last as long as the run, and those that killed runs have left.

        What the engine refuses to remove is reported. Who calls it while another thread does so waits for that.
        """
        names = self._config.names
        with self._closing, suppress(EcrTasksError):
            until = time.monotonic() + SECONDS
            # Each image has one name of its build.
            builds = [name for name in names.own if name.startswith(f"{BUILD}:")]
            others = [name for name in names.all if name not in builds]
            answers = self._removals(builds, until, self._at_once(builds)) | self._removals(others, until)
            names.forget(answers)
            left = [name for name, is_gone in answers.items() if not is_gone]
            # An engine that has not answered in that time doesn't answer docker's own command, either.
            if asked := names.all if until > time.monotonic() else ():
                command, seconds = self._commands.docker("image", "rm"), until - time.monotonic()
                if not names.remove(command, self._commands.environment(), seconds):
                    with suppress(EcrTasksError):
                        left += self._still_there(asked)
            if left:
                words = " ".join(left)
                self._report(
                    f"the engine keeps names that only runs needed: {words} "
                    f"(`{self._commands.program} image rm {words}` says why)"
                )
        self._api.close()

    def _containers(self) -> list[dict[str, Any]]:
        """Return docker's documents of all containers."""
        containers = self._api.document("/containers/json", {"all": "true"})
        if containers is not None:
            with errors.reading_answer("list its containers"):
                ids = [str(container["Id"]) for container in containers]
        else:
            command = self._commands.docker("container", "ls", "-aq")
            ids = self._commands.output("list its containers", command).split()
        return self._inspect("container", ids)

    def _inspect(self, kind: str, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return docker's documents of those of the images or containers that are still there."""
        if not names:
            return []
        check_arguments(*names)
        answers = [self._api.ask("GET", f"/{kind}s/{name}/json") for name in names]
        known = [answer for answer in answers if answer is not None and (answer.status == _OK or answer.says_gone)]
        if len(known) == len(names):
            return [dict(answer.document) for answer in known if answer.status == _OK]
        command = self._commands.docker(kind, "inspect", *names)
        output = self._commands.output(f"look at its {kind}s", command, without=_GONE)
        with errors.reading_answer(f"look at its {kind}s"):
            documents: list[dict[str, Any]] = [dict(document) for document in parse_json(output)]
        return documents

    def _image(self, reference: str) -> Image | None:
        from python_on_whales.exceptions import NoSuchImage

        with translate_errors(f"look at {reference}"), suppress(NoSuchImage):
            check_arguments(reference)
            return self._commands.client.image.inspect(reference)
        return None


def _whole(image_id: str) -> str:
    """Return an image's id as docker has it; Podman's documents leave out its algorithm."""
    return f"sha256:{image_id}" if re.fullmatch("[0-9a-f]{64}", image_id) else image_id
