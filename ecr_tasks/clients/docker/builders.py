"""Creates, shows and removes buildx's builders.

Builders and docker contexts belong to the user and last, so docker is called in the user's own configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from ecr_tasks.clients.docker import errors
from ecr_tasks.clients.docker.command_line import ask
from ecr_tasks.clients.docker.parse import parse_builder
from ecr_tasks.clients.docker.unreached_builder import check_reached
from ecr_tasks.documents import parse_json
from ecr_tasks.errors import BuildError, EcrTasksError
from ecr_tasks.files import read_bytes
from ecr_tasks.model.builder import Builder, Node, WantedBuilder
from ecr_tasks.model.digest import sha256_digest
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.builder import TLS_FILES, TLS_OPTIONS, context_name, create_commands

ASK_SECONDS = 60.0
START_SECONDS = 600.0
"""How long a builder may take to start: its image may have to be pulled, and a pod to be scheduled."""

_OWN_ENGINE = re.compile("DOCKER_(?:HOST|CONTEXT|CERT_PATH|TLS_VERIFY)|ECR_BUILDER")
"""What a remedy for the engine that docker uses, or for the builder that builds use, tells people to set."""

_MISSING = re.compile(r"There is no builder")


class Builders:
    """The builders of this user, with docker's variables of ``environ``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def find(self, name: str | None) -> Builder | None:
        """Return a builder, buildx's current one without a name; None where there is none of that name.

        Raises BuildError for a docker or buildx that can't be asked.
        """
        if name and name.startswith("-"):  # buildx would take it for a flag, and show its current builder
            return None
        try:
            text = ask("show its builder", "buildx", "inspect", *([name] if name else []), seconds=ASK_SECONDS)
        except BuildError as error:
            if name and _MISSING.match(error.cause):
                return None
            raise
        with errors.reading_answer("show its builder"):
            return parse_builder(text)

    def create(self, wanted: WantedBuilder) -> Builder:
        """Create a builder, start it, and return it as it is then. Raises BuildError, and leaves nothing behind."""
        made: list[str] = []
        try:
            for command in create_commands(wanted, self._environ, Path.home()):
                with _nodes_blamed(wanted):
                    ask(f"create the builder {wanted.name}", *command, seconds=ASK_SECONDS)
                made.append(command[2] if command[0] == "context" else "")
            return self.start(wanted)
        except BaseException:
            with suppress(EcrTasksError):
                self._remove(wanted.name, [name for name in made if name], builder="" in made)
            raise

    def start(self, wanted: WantedBuilder) -> Builder:
        """Start a builder that is there and return it. Raises BuildError for one whose nodes don't all answer."""
        name = wanted.name
        action = f"start the builder {name}"
        if wanted.driver == "remote" and (there := self.find(name)):
            check_reached(there)
        with _nodes_blamed(wanted):
            text = ask(action, "buildx", "inspect", "--bootstrap", name, seconds=START_SECONDS)
        with errors.reading_answer(action):
            builder = parse_builder(text)
        for node in builder.nodes:
            if node.error or node.status not in ("running", ""):
                raise BuildError(
                    f"The node {node.name} of the builder {name} ({node.endpoint}) does not answer: "
                    f"{(node.error or node.status).rstrip('.')}.",
                    "Start what listens there, or correct the address, or its TLS files (--tls).",
                )
        return builder

    def with_tls(self, builder: Builder) -> Builder:
        """Return a builder with its nodes' TLS files, and their addresses in place of the contexts made for them.

        Raises BuildError for a context that docker doesn't show.
        """
        nodes = (
            self._with_tls(node, context_name(builder.name, number)) for number, node in enumerate(builder.nodes)
        )
        return replace(builder, nodes=tuple(nodes))

    def _with_tls(self, node: Node, context: str) -> Node:
        if node.endpoint != context:
            return replace(node, tls=tls_digests([node.options.get(name, "") for name in TLS_OPTIONS]))
        action = f"show the context {context}"
        text = ask(action, "context", "inspect", context, seconds=ASK_SECONDS)
        with errors.reading_answer(action):
            (document,) = parse_json(text)
            folder = Path(document["Storage"]["TLSPath"], "docker")
            address = str(document["Endpoints"]["docker"]["Host"])
        return replace(node, endpoint=address, tls=tls_digests([str(folder / name) for name in TLS_FILES]))

    def remove(self, builder: Builder, *, keep_cache: bool) -> Sequence[str]:
        """Remove a builder and the docker contexts that were created for it, whose names are returned.

        Raises BuildError for one that buildx doesn't remove.
        """
        names = {context_name(builder.name, number) for number in range(len(builder.nodes))}
        contexts = [node.endpoint for node in builder.nodes if node.endpoint in names]
        self._remove(builder.name, contexts, builder=True, options=("--keep-state",) if keep_cache else ())
        return contexts

    def _remove(self, name: str, contexts: Sequence[str], *, builder: bool, options: Sequence[str] = ()) -> None:
        if builder:
            ask(f"remove the builder {name}", "buildx", "rm", *options, name, seconds=START_SECONDS)
        if contexts:
            ask("remove its contexts", "context", "rm", "--force", *contexts, seconds=ASK_SECONDS)


def tls_digests(files: Sequence[str]) -> tuple[str, ...]:
    """Return the digests of TLS files, an empty one for a file that can't be read; nothing where none is named."""
    return tuple(map(_digest, files)) if any(files) else ()


def _digest(file: str) -> str:
    try:
        return sha256_digest(read_bytes(file))
    except OSError:
        return ""


@contextmanager
def _nodes_blamed(wanted: WantedBuilder) -> Iterator[None]:
    """Say how to correct the address of a node, where a remedy is for the engine that docker uses by itself."""
    try:
        yield
    except BuildError as error:
        addresses = [node.address for node in wanted.nodes if node.address]
        if not addresses or not _OWN_ENGINE.search(error.remedy):
            raise
        by_ssh = any(address.startswith("ssh:") for address in addresses)
        raise BuildError(
            error.cause,
            f"Start what listens at {name_some(addresses)}, or correct --node and --tls"
            f"{'; `ssh HOST docker version` must work without a question' if by_ssh else ''}.",
        ) from error
