"""A push by the engine's own API, told in the words of `docker push`, which is a program to start for each image."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from ecr_tasks.clients.docker import process
from ecr_tasks.clients.docker.engine_api import EngineApi
from ecr_tasks.clients.docker.process import ProcessResult
from ecr_tasks.model.registry import RegistryToken
from ecr_tasks.signals import stop_interrupted_thread


def push_by_api(api: EngineApi, reference: str, token: RegistryToken) -> ProcessResult | None:
    """Push a local name with a token, and show on our stderr what `docker push` prints without a terminal.

    What a layer does is said once, not ten times a second. None where the engine can't be asked so, refuses the
    request, or breaks off: docker's own command says why. Raises KeyboardInterrupt when the run was interrupted.
    """
    repository, _, tag = reference.rpartition(":")
    login = {"username": token.username, "password": token.password, "serveraddress": token.host}
    header = base64.urlsafe_b64encode(json.dumps(login).encode()).decode()
    stop_interrupted_thread()
    result = api.read(f"/images/{repository}/push", {"tag": tag}, {"X-Registry-Auth": header}, _shown)
    if result is None:
        stop_interrupted_thread()
    return result


def _shown(messages: Iterator[Any]) -> ProcessResult:
    """Show the engine's messages and return the result that docker's command would have."""
    has_failed = False
    said: dict[str, str] = {}

    def lines() -> Iterator[str]:
        nonlocal has_failed
        for message in messages:
            if not isinstance(message, dict):
                raise ValueError("no message of an engine")
            has_failed = has_failed or "error" in message
            layer, line = str(message.get("id")), _line(message)
            if line is not None and line != said.get(layer):
                said[layer] = line
                yield line

    return process.show(lines(), lambda: has_failed)


def _line(message: Mapping[str, Any]) -> str | None:
    """Return the line that docker prints of a message; None for a step of a layer's progress, and for a note.

    Raises ValueError for what is no message of an engine.
    """
    detail, progress = (message.get(key) or {} for key in ("errorDetail", "progressDetail"))
    if "error" in message:
        return str((isinstance(detail, dict) and detail.get("message")) or message["error"])
    if not isinstance(progress, dict):
        raise ValueError("no progress of an engine")
    if "status" not in message or progress.get("current") or progress.get("total"):
        return None
    return f"{message['id']}: {message['status']}" if message.get("id") else str(message["status"])
