"""What the manifests and configurations of images say, and the images' scans."""

from __future__ import annotations

from collections import Counter

from ..errors import EcrError
from ..findings_file import SEVERITIES
from ..json_text import parse_json
from ..manifests import INDEXES
from .kinds import predicate_kind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..registry import Registry
    from ..store.images import Image
    from ..store.repositories import Repository

_MAX_CONFIG_BYTES = 1 << 20
_MAX_FINDINGS = 100
_MAX_ANNOTATIONS = 50
_MAX_TEXT = 1000
_ENDED = ("COMPLETE", "ACTIVE")


class Details:
    """Read the images of one repository."""

    def __init__(self, registry: Registry, repository: Repository) -> None:
        self.repository = repository
        self._registry = registry
        self._store = registry.store

    def platforms(self, image: Image) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return ``name``, ``digest``, ``size``, ``pulled`` and ``scan`` of each platform, and what else is inside.

        That are the SBOMs and the provenance that BuildKit puts into an index (moby/buildkit,
        docs/attestations/attestation-storage.md). An image that is no index has one platform, its configuration's.
        """
        if image.media_type not in INDEXES:
            name = _platform_name(self._configuration(image)) if image.is_image else None
            entry = {"digest": image.digest, "size": image.size, "pulled": image.pulled}
            return ([{"name": name, **entry, "scan": None}] if name else []), []
        platforms: list[dict[str, Any]] = []
        inside: list[dict[str, Any]] = []
        children = [item for item in self._members(image, "manifests") if isinstance(item.get("digest"), str)]
        names = {str(item["digest"]): _platform_name(item.get("platform")) for item in children}
        for item in children:
            digest = str(item["digest"])
            child = self._store.images.find(self.repository, digest=digest)
            if child is None:
                continue
            annotations = _texts(item.get("annotations"))
            if annotations.get("vnd.docker.reference.type") == "attestation-manifest":
                platform = names.get(annotations.get("vnd.docker.reference.digest", ""))
                inside += self._attestations(child, platform)
            else:
                entry = {"digest": digest, "size": child.size, "pulled": child.pulled, "scan": self._scan(child)}
                platforms.append({"name": names[digest] or "unknown", **entry})
        return platforms, inside

    def annotations(self, image: Image) -> dict[str, str]:
        """Return an image's annotations and its configuration's labels: the first of many, the start of long ones."""
        container = self._configuration(image).get("config") if image.is_image else None
        labels = _texts(container.get("Labels")) if isinstance(container, dict) else {}
        texts = sorted({**labels, **image.annotations}.items())
        return {key[:_MAX_TEXT]: value[:_MAX_TEXT] for key, value in texts[:_MAX_ANNOTATIONS]}

    def scan(self, image: Image, platforms: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Return an image's scan; that of an index is of all its platforms together, as only these are scanned."""
        own = self._scan(image)
        scans = [platform["scan"] for platform in platforms if platform["scan"] is not None]
        if own is not None or not scans:
            return own
        unfinished = [scan for scan in scans if scan["status"] not in _ENDED]
        findings = {(item["name"], item["package"]): item for scan in scans for item in scan["findings"]}
        counts = {name: max(scan["counts"].get(name, 0) for scan in scans) for name in SEVERITIES}
        return {
            **(unfinished or scans)[0],
            "counts": {name: number for name, number in counts.items() if number},
            "findings": _worst_first(list(findings.values())),
        }

    def _scan(self, image: Image) -> dict[str, Any] | None:
        try:
            scan = self._registry.scanner.result(self.repository, image, poll=False)
        except EcrError as error:  # findings.json has an error, which is the user's to see
            return {"status": "FAILED", "description": error.message, "completed": None, "counts": {}, "findings": []}
        if scan is None:
            return None
        counts = Counter(str(finding.get("severity", "UNDEFINED")) for finding in scan["findings"])
        names = ("name", "severity", "package", "version", "fixed", "description")
        findings = [
            {name: str(finding.get(name) or "")[:_MAX_TEXT] for name in names} for finding in scan["findings"]
        ]
        return {
            "status": scan["status"],
            "description": scan["description"],
            "completed": scan["completed"],
            "counts": {name: counts[name] for name in SEVERITIES if counts[name]},
            "findings": _worst_first(findings),
        }

    def _attestations(self, manifest: Image, platform: str | None) -> list[dict[str, Any]]:
        """Return one entry for each statement in a manifest of BuildKit's attestations."""
        entry = {"digest": manifest.digest, "pushed": manifest.pushed, "tags": [], "to": platform}
        statements = []
        for layer in self._members(manifest, "layers"):
            annotations = _texts(layer.get("annotations"))
            kind = predicate_kind(annotations) or "attestation"
            size = layer.get("size")
            kind_type = annotations.get("in-toto.io/predicate-type", "")[:_MAX_TEXT]
            statements.append({**entry, "kind": kind, "type": kind_type, "size": size if _is_size(size) else None})
        return statements

    def _members(self, image: Image, name: str) -> list[dict[str, Any]]:
        members = self._manifest(image).get(name)
        return [item for item in members if isinstance(item, dict)] if isinstance(members, list) else []

    def _manifest(self, image: Image) -> dict[str, Any]:
        return _parse(self._store.images.raw(image))

    def _configuration(self, image: Image) -> dict[str, Any]:
        """Return the configuration of an image of one platform; empty for one that can't be read."""
        config = self._manifest(image).get("config")
        digest = config.get("digest") if isinstance(config, dict) else None
        try:
            with self._store.blobs.path(str(digest)).open("rb") as file:
                return _parse(file.read(_MAX_CONFIG_BYTES))
        except OSError:
            return {}


def _worst_first(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def rank(finding: dict[str, Any]) -> int:
        severity = finding["severity"]
        return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)

    return sorted(findings, key=rank)[:_MAX_FINDINGS]


def _platform_name(platform: Any) -> str | None:
    """Return ``os/architecture[/variant]``; None for what names no platform."""
    if not isinstance(platform, dict):
        return None
    parts = [platform.get(name) for name in ("os", "architecture", "variant")]
    texts = [part for part in parts if isinstance(part, str) and part]
    return "/".join(texts)[:100] if len(texts) > 1 else None


def _parse(text: bytes) -> dict[str, Any]:
    try:
        document = parse_json(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _texts(value: Any) -> dict[str, str]:
    return {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, dict) else {}


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
