"""Misbehave as a registry does on a bad day: requests that are throttled, denied, fail or take long.

``misbehaviour.json`` in the data folder is a list of rules; the first one that matches a request counts::

    [{"request": "PutImage", "how": "throttle", "times": 2},
     {"request": "PUT manifest", "how": "error"},
     {"request": "GET *", "seconds": 1.5}]

``request`` is a wildcard for an operation of ECR's API (``PutImage``), or for the method and the kind of a registry's
request (``PUT manifest``, ``HEAD blob``, ``POST upload``), as ``LocalEcr.requests`` counts them. ``how`` is one of
``HOW``; without it the request is answered as always. ``times`` is how many requests it happens to, all without it;
after that, the rules below it count. ``seconds`` is how long the answer takes. A changed file counts from the next
request on.
"""

from __future__ import annotations

import threading
import time

from .errors import EcrError
from .json_text import parse_json
from .wildcard import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

FILE = "misbehaviour.json"

HOW = {
    "throttle": ("ThrottlingException", 400, "Rate exceeded"),
    "error": ("ServerException", 500, "An internal error has occurred"),
    "deny": ("AccessDeniedException", 400, "User: arn:aws:iam::000000000000:user/local is not authorized"),
    "quota": (
        *("LimitExceededException", 400),
        "The operation did not succeed because it would have exceeded a service limit for your account",
    ),
}
"""By name, what the API answers: its exception (API model; "Common errors" of the API reference), status, message."""

_MEMBERS = {"request", "how", "times", "seconds"}


class Misbehaviour:
    """The rules of one local ECR's data folder, and to how many requests each has happened."""

    def __init__(self, root: Path) -> None:
        self._file = root / FILE
        self._version: tuple[int, int] | None = None
        self._rules: list[dict[str, Any]] = []
        self._left: list[int | None] = []
        self._lock = threading.Lock()

    def apply(self, request: str) -> None:
        """Let a request take its time and raise the exception of the rule for it, if there is one."""
        with self._lock:
            self._read()
            rule = self._take(request)
        if rule is None:
            return
        time.sleep(rule.get("seconds", 0))
        if "how" in rule:
            name, http_status, message = HOW[rule["how"]]
            raise EcrError(name, message, status=http_status)

    def _read(self) -> None:
        """Read the file again if it has changed; a rule that is where it was has as many times left as before."""
        try:
            status = self._file.stat()
        except OSError:
            self._version, self._rules = None, []
            return
        version = (status.st_mtime_ns, status.st_size)
        if version == self._version:
            return
        try:
            rules = check_rules(parse_json(self._file.read_bytes()))
        except ValueError as error:
            raise _invalid_file(f"it is not JSON: {error}") from None
        known = dict(zip(map(repr, enumerate(self._rules)), self._left, strict=False))
        self._left = [known.get(repr(entry), entry[1].get("times")) for entry in enumerate(rules)]
        self._rules, self._version = rules, version

    def _take(self, request: str) -> dict[str, Any] | None:
        for number, rule in enumerate(self._rules):
            left = self._left[number]
            if left != 0 and matches(rule.get("request", "*"), request):
                self._left[number] = None if left is None else left - 1
                return rule
        return None


def check_rules(rules: Any) -> list[dict[str, Any]]:
    """Return the content of ``misbehaviour.json`` if it is valid. Raises ServerException, with the reason."""
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise _invalid_file("it must be a list of rules")
    for rule in rules:
        times, seconds = rule.get("times", 1), rule.get("seconds", 0)
        if unknown := set(rule) - _MEMBERS:
            raise _invalid_file(f"a rule has no {', '.join(sorted(unknown))}")
        if not isinstance(rule.get("request", "*"), str):
            raise _invalid_file("request must be a wildcard for an operation, or for a method and a kind")
        if rule.get("how", "error") not in HOW:
            raise _invalid_file(f"how must be one of {', '.join(HOW)}")
        if not isinstance(times, int) or isinstance(times, bool) or times < 1:
            raise _invalid_file("times must be a number from 1")
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or seconds < 0:
            raise _invalid_file("seconds must be a number of seconds")
    return rules


def _invalid_file(problem: str) -> EcrError:
    return EcrError("ServerException", f"{FILE} of the local ECR: {problem}.", status=500)
