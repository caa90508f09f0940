"""What the registries of a folder hold, whether or not a server runs: count it, list it, delete from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import process
from .constants import CONTENTS_PATH, DEFAULT_ACCOUNT, DEFAULT_REGION, RESET_PATH, STORE_FILE
from .errors import LocalEcrError, folder_errors

NUMBERS = ("repositories", "images", "bytes")


@dataclass(frozen=True)
class StoredRepository:
    """A repository of one registry; ``bytes`` is the size of its layers and manifests."""

    account: str
    region: str
    name: str
    images: int
    bytes: int

    @property
    def registry(self) -> str:
        """Return the registry's name."""
        return f"{self.account}/{self.region}"


def contents(root: Path) -> list[StoredRepository]:
    """Return the repositories of all registries, whether or not the server runs.

    Raises LocalEcrError if they can't be read, or if there is a server that does not answer.
    """
    root = root.expanduser().absolute()
    with folder_errors(root):
        state = process.read_state(root)
        server_status = process.server_status(root, state)
        if server_status is not None:
            document = process.request(server_status["endpoint"], CONTENTS_PATH)
            if document is None and "code" not in server_status:
                raise LocalEcrError(
                    "The local ECR that runs is of an earlier version, so its contents can't be read.",
                    "Run local.down; what it holds stays.",
                )
            if document is None:
                raise no_answer("its contents can't be read")
            registries = document["registries"]
        elif state.get("container") or process.is_served(root):
            raise no_answer("its contents can't be read")
        else:
            from .contents import read_repositories  # slow to load, and rarely needed

            registries = [
                {"account": account, "region": region, "repositories": read_repositories(file)}
                for account, region, file in _stores(root, state)
            ]
    return [
        StoredRepository(registry["account"], registry["region"], item["name"], item["images"], item["bytes"])
        for registry in registries
        for item in registry["repositories"]
    ]


def _stores(root: Path, state: dict[str, Any]) -> Iterator[tuple[str, str, Path]]:
    """Yield account, region and the database of each registry of a stopped server."""
    from .registries import served  # slow to load, and rarely needed

    for account, region, folder in [(*default_registry(state), root), *served(root)]:
        if (folder / STORE_FILE).exists():
            yield account, region, folder / STORE_FILE


def default_registry(state: dict[str, Any]) -> tuple[str, str]:
    return state.get("account") or DEFAULT_ACCOUNT, state.get("region") or DEFAULT_REGION


def no_answer(consequence: str) -> LocalEcrError:
    return LocalEcrError(f"The local ECR does not answer, so {consequence}.", "Run local.down, and then try again.")


def delete(root: Path, repositories: Iterable[StoredRepository]) -> None:
    """Delete repositories with everything in them. Works whether or not the server runs. Raises LocalEcrError."""
    with process.control(root) as (root, state, server_status):
        if server_status is None and (state.get("container") or process.is_served(root)):
            raise no_answer("nothing can be deleted")
        if server_status is not None:
            from urllib.parse import urlencode  # slow to load, and rarely needed

            for item in repositories:
                query = urlencode({"registry": item.registry, "repository": item.name})
                if not process.command(root, server_status["endpoint"], f"{RESET_PATH}?{query}"):
                    raise LocalEcrError(
                        f"The local ECR could not delete {item.name}.", "Its log is server.log in its folder."
                    )
            return
        with process.serving_lock(root):
            from .store import Store  # slow to load, and rarely needed

            folders = {
                f"{account}/{region}": (account, file.parent) for account, region, file in _stores(root, state)
            }
            for item in repositories:
                account, folder = folders[item.registry]
                with contextlib.closing(Store(folder, account)) as store:
                    repository = store.repositories.find(item.name)
                    if repository is not None:
                        store.delete_repository(repository, force=True)


def total(root: Path, state: dict[str, Any]) -> dict[str, int | None]:
    """Return the ``NUMBERS`` of what a stopped server holds; None each where they can't be read."""
    with contextlib.suppress(LocalEcrError):
        files = [file for _, _, file in _stores(root, state)] if root.exists() else []
        if not files:
            return dict.fromkeys(NUMBERS, 0)
        from .contents import read_total  # slow to load, and rarely needed

        totals = [read_total(file) for file in files]
        return {name: sum(total[name] for total in totals) for name in NUMBERS}
    return dict.fromkeys(NUMBERS)
