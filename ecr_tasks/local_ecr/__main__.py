"""``python -m ecr_tasks.local_ecr``: a local ECR in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
import sys

from .constants import DEFAULT_ACCOUNT, DEFAULT_REGION
from .early_socket import Door

_USAGE = """\
usage: python -m ecr_tasks.local_ecr --root DIR [--host H] [--port N] [--account ID] [--region R]
                                 [--advertise HOST:PORT]

Serves the ECR API, STS and the registry from DIR until SIGTERM or Ctrl-C.
  --host       address to bind (127.0.0.1)
  --port       port to bind (a free one, printed)
  --account    the registry's account id (000000000000)
  --region     the registry's region (us-east-1)
  --advertise  host:port to hand out to clients, where it is not the one that is bound; there are no
               registries of other accounts and regions then, as they would need ports of their own
"""

_OPTIONS = ("root", "host", "port", "account", "region", "advertise")


def _options(arguments: list[str]) -> dict[str, str]:
    """The options by name. argparse would be the slowest part of the start."""
    if "-h" in arguments or "--help" in arguments:
        sys.stdout.write(_USAGE)
        raise SystemExit(0)
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if not name.startswith("--") or name[2:] not in _OPTIONS or not (equals or rest):
            sys.stderr.write(_USAGE)
            raise SystemExit(2)
        options[name[2:]] = value if equals else rest.pop(0)
    if "root" not in options or not options.get("port", "0").isdigit():
        sys.stderr.write(_USAGE)
        raise SystemExit(2)
    return options


def main(arguments: list[str]) -> int:
    """Serve; returns the exit code: 0 after a signal, 1 if it cannot be started."""
    options = _options(arguments)
    os.umask(0o077)
    host, port = options.get("host", "127.0.0.1"), int(options.get("port", "0"))
    try:
        door = Door(host, port)
    except OSError as error:
        sys.stderr.write(f"The local ECR cannot listen on {host}:{port}: {error.strerror}.\n")
        return 1
    advertise = options.get("advertise", f"[{host}]:{door.port}" if ":" in host else f"{host}:{door.port}")
    door.open(f"http://{advertise}")
    return _serve(options, door, host)


def _serve(options: dict[str, str], door: Door, host: str) -> int:
    # Imported only now that the door is open.
    import json
    import signal
    from pathlib import Path

    from .errors import LocalEcrError
    from .server import LocalEcr

    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # in every thread to come; this one waits for them below
    try:
        server = LocalEcr(
            Path(options["root"]),
            host=host,
            port=door.port,
            account=options.get("account", DEFAULT_ACCOUNT),
            region=options.get("region", DEFAULT_REGION),
            advertise=options.get("advertise"),
            on_stop=lambda: os.kill(os.getpid(), signal.SIGTERM),
            door=door,
        )
        server.start()
    except LocalEcrError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    address = {"endpoint": server.endpoint, "registry": server.registry, "port": server.port}
    sys.stdout.write(json.dumps(address) + "\n")
    sys.stdout.flush()
    signal.sigwait(ends)
    server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
