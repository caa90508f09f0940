"""User data for EC2: a cloud-config that makes a host of Amazon Linux 2023, Debian or Ubuntu run images from ECR.

Sources: cloud-init's documentation ("Cloud config", write_files and runcmd), EC2 user guide ("Run commands when you
launch an EC2 instance with user data input").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from importlib.resources import files
from typing import Any

from ecr_tasks.errors import SettingsError
from ecr_tasks.frozen import dataclass

MAX_BYTES = 16 * 1024
"""The largest user data (EC2 user guide, "Instance user data considerations")."""

PROGRAM = "/usr/local/sbin/ecr-tasks-host"
ETC = "/etc/ecr-tasks"
UNITS = "/etc/systemd/system"

_SERVICE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PORT = re.compile(
    r"(?:(?P<host>\[[0-9a-fA-F:]+\]|[0-9.]+):)?(?P<outer>\d{1,5}):(?P<inner>\d{1,5})"
    r"(?:/(?P<protocol>tcp|udp|sctp))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Service:
    """A container that a host runs.

    ``name`` is the unit's and the container's. ``image`` is a reference by digest; ``tag`` is one by the tag that the
    host follows, None for an image that stays. ``api`` is the address of ECR's API.
    """

    name: str
    image: str
    region: str
    api: str
    tag: str | None = None
    ports: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise SettingsError for what systemd or docker would not take."""
        if not _SERVICE.fullmatch(self.name):
            raise SettingsError(
                f"{self.name[:80]!r} can't be a container's name.",
                "Say --name with at most 63 letters, digits and . _ -, such as --name web.",
            )
        taken: set[tuple[str, ...]] = set()
        for port in self.ports:
            outer = check_port(port)
            if outer in taken:
                raise SettingsError(
                    f"Two containers' ports would be the host's port {outer[1]}.", "Give each --port another one."
                )
            taken.add(outer)
        for name, value in self.env.items():
            if not _VARIABLE.fullmatch(name):
                raise SettingsError(f"{name[:80]!r} is no name of a variable.", "Write --env NAME=VALUE.")
            if _CONTROL.search(value):
                raise SettingsError(
                    f"The value of {name} has a control character or a line break, which docker can't read.",
                    "Encode it (base64, JSON), or have the container read it from a file or a service.",
                )

    @property
    def files(self) -> dict[str, str]:
        """The contents of the service's folder, by name."""
        contents = {
            "registry": self.image.partition("/")[0],
            "region": self.region,
            "api": self.api.rstrip("/"),
            "image": self.image,
        }
        if self.tag is not None:
            contents["tag"] = self.tag
        contents = {name: f"{text}\n" for name, text in contents.items()}
        contents["arguments"] = "".join(f"--publish\n{port}\n" for port in self.ports)
        contents["env"] = "".join(f"{name}={value}\n" for name, value in self.env.items())
        return contents


def check_port(text: str) -> tuple[str, ...]:
    """Return address, port and protocol on the host of a port as ``docker run --publish`` takes it here: ``80:8000``.

    Raises SettingsError for what is none.
    """
    match = _PORT.fullmatch(text)
    if match is None or not all(0 < int(match[name]) < 65536 for name in ("outer", "inner")):
        raise SettingsError(
            f"{text[:80]!r} is no port to publish.",
            "Write the host's and the container's, such as --port 80:8000, or 127.0.0.1:80:8000/udp.",
        )
    return match["host"] or "", str(int(match["outer"])), match["protocol"] or "tcp"


def cloud_config(services: Sequence[Service], every: str = "5min") -> str:
    """Return the cloud-config that runs these services; ``every`` is how often a tag is looked up, for systemd.

    Raises SettingsError where it is larger than EC2 takes, and for services of one name.
    """
    names = [service.name for service in services]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SettingsError(
            f"Two images would be the container {twice}.", "Print one of them by itself: --image and --name."
        )
    written: list[dict[str, Any]] = [
        {"path": PROGRAM, "permissions": "0755", "content": resource("host.sh")},
        {"path": f"{UNITS}/ecr-tasks@.service", "content": resource("ecr-tasks@.service")},
    ]
    if any(service.tag is not None for service in services):
        timer = resource("ecr-tasks-refresh@.timer").replace("EVERY", every)
        written += [
            {"path": f"{UNITS}/ecr-tasks-refresh@.service", "content": resource("ecr-tasks-refresh@.service")},
            {"path": f"{UNITS}/ecr-tasks-refresh@.timer", "content": timer},
        ]
    for service in services:
        written += [
            {"path": f"{ETC}/{service.name}/{name}", "permissions": "0600", "content": content}
            for name, content in service.files.items()
        ]
    document = {"write_files": written, "runcmd": [[PROGRAM, "install"]]}
    text = (
        f"#cloud-config\n# Made by ecr-tasks: ec2.user-data. It has no secrets and must have none.\n{_yaml(document)}"
    )
    size = len(text.encode())
    if size > MAX_BYTES:
        raise SettingsError(
            f"The user data has {size} bytes, and EC2 takes {MAX_BYTES}.",
            "Run fewer images on one host (--image), or give them less by --env.",
        )
    return text


def resource(name: str) -> str:
    """Return the text of a file in this package."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _yaml(document: Mapping[str, Any]) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes texts of several lines as they are, where YAML can."""

    def represent(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)

    Dumper.add_representer(str, represent)
    written: str = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return written
