"""The file in the data folder that says what scans find, and whether it can be used.

``findings.json`` is a list of rules; the first one that matches an image sets the result of its scan::

    [{"repository": "team/*", "tag": "1.*", "digest": "sha256:…",
      "status": "COMPLETE", "description": "…", "polls": 2,
      "severities": {"HIGH": 2},
      "findings": [{"name": "CVE-2024-0001", "severity": "CRITICAL", "description": "…", "uri": "…",
                    "package": "openssl", "version": "3.0.1", "fixed": "3.0.2", "path": "usr/lib/x",
                    "exploit": "YES", "status": "ACTIVE"}]}]

Every member is optional. ``repository`` and ``tag`` are wildcards. ``polls`` is how many times a scan reports that it
is not done before its result (IN_PROGRESS, PENDING if it is enhanced); with the status IN_PROGRESS it never ends.
``severities`` adds that many invented findings. A finding of an enhanced scan can have ``packages`` instead of one
``package``: a list of name, version, fixed and path. Without a rule a scan has no findings.
"""

from __future__ import annotations

from .errors import EcrError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")

STATUSES = (
    *("IN_PROGRESS", "COMPLETE", "FAILED", "UNSUPPORTED_IMAGE", "ACTIVE", "PENDING", "SCAN_ELIGIBILITY_EXPIRED"),
    *("FINDINGS_UNAVAILABLE", "LIMIT_EXCEEDED", "IMAGE_ARCHIVED", "IMAGE_SIZE_EXCEEDED"),
)

FILE = "findings.json"

_TEXT, _COUNT = "a text", "a number that isn't negative"
_MEMBERS = {
    **dict.fromkeys(("repository", "tag", "digest", "status", "description"), _TEXT),
    "polls": _COUNT,
    "severities": "an object",
    "findings": "a list",
}
_FINDING_TEXTS = (
    *("name", "severity", "description", "uri", "package", "version", "fixed", "path", "exploit", "status"),
)


def check_rules(rules: Any) -> list[dict[str, Any]]:
    """Return the content of ``findings.json`` if it is valid. Raises ServerException, with the reason."""
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _invalid_file("it must be a list of rules")
    for rule in rules:
        if unknown := set(rule) - set(_MEMBERS):
            raise _invalid_file(f"a rule has no {', '.join(sorted(unknown))}")
        for name, value in rule.items():
            _check_type(name, value, _MEMBERS[name])
        for name, value in rule.get("severities", {}).items():
            _check_type(name, value, _COUNT)
        for finding in rule.get("findings", []):
            _check_finding(finding)
        for severity in (*rule.get("severities", {}), *(f.get("severity") for f in rule.get("findings", []))):
            if severity not in SEVERITIES:
                raise _invalid_file(f"{severity} is no severity; there are {', '.join(SEVERITIES)}")
        if rule.get("status", "COMPLETE") not in STATUSES:
            raise _invalid_file(f"{rule['status']} is no status; there are {', '.join(STATUSES)}")
    return rules


def _check_finding(finding: Any) -> None:
    _check_type("each of findings", finding, "an object")
    _check_type("packages", finding.get("packages", []), "a list")
    for package in finding.get("packages", []):
        _check_type("each of packages", package, "an object")
        _check_type("a package's name", package.get("name"), _TEXT)
    for part in (finding, *finding.get("packages", [])):
        for name in _FINDING_TEXTS:
            _check_type(name, part.get(name, ""), _TEXT)


def _check_type(name: str, value: Any, kind: str) -> None:
    fits = {
        _TEXT: isinstance(value, str),
        _COUNT: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
        "an object": isinstance(value, dict),
        "a list": isinstance(value, list),
    }
    if not fits[kind]:
        raise _invalid_file(f"{name} must be {kind}")


def _invalid_file(problem: str) -> EcrError:
    return EcrError("ServerException", f"{FILE} of the local ECR: {problem}.", status=500)
