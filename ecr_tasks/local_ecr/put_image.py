"""Store an image that arrives by PutImage, by a push or by replication."""

from __future__ import annotations

from . import archive, manifests, replication_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .registry import Registry
    from .store.repositories import Repository


def put_image(
    registry: Registry,
    repository: Repository,
    raw: bytes,
    *,
    media_type: str | None,
    digest: str | None = None,
    tags: list[str] | None = None,
    replicate: bool = True,
) -> tuple[str, manifests.Manifest, bool]:
    """Store a manifest with its tags, or without any; returns digest, manifest, and whether anything changed.

    Starts a scan if the repository is scanned on push, managed signing if there are rules for it, and a replication
    if there are rules for that and ``replicate`` is true (false for a replicated image). Raises the exceptions of
    ``manifests.parse`` and ``Images.put``.
    """
    store = registry.store
    manifest = manifests.parse(raw, media_type)
    changed = has_destination = False
    with store.db.transaction():
        all_tags: list[str | None] = [*tags] if tags else [None]
        for tag in all_tags:
            digest, is_new = store.images.put(repository, raw, manifest, digest, tag)
            changed = changed or is_new
        image = store.images.find(repository, digest=digest)
        assert digest is not None  # noqa: S101  (for mypy: there is at least one tag or None)
        assert image is not None  # noqa: S101  (it was put in this transaction)
        if not archive.is_active(registry, image):  # a push restores it at once
            archive.restore(registry, image, at_once=True)
            changed = True
        if changed and manifest.is_image:
            registry.scanner.on_push(repository, image)
        if changed and replicate and manifest.subject is None:
            registry.signer.on_push(repository, image)
        if changed and replicate and replication_rules.exist(registry):
            has_destination = replication_rules.record_pending(registry, repository, image, tags or [])
    if has_destination:
        registry.registries.replicate(registry)
    return digest, manifest, changed
