"""``python -m ecr_tasks.local_ecr``: a local ECR in the foreground, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from pathlib import Path

from .constants import DEFAULT_ACCOUNT, DEFAULT_REGION, REFUSED
from .errors import LocalEcrError, folder_errors
from .numbers import parse_number
from .server import LocalEcr

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

_DEFAULTS = {
    "root": "",
    "host": "127.0.0.1",
    "port": "0",
    "account": DEFAULT_ACCOUNT,
    "region": DEFAULT_REGION,
    "advertise": "",
}


def _options(arguments: list[str]) -> dict[str, str]:
    """Return the options by name; ends the program if they are invalid. Argparse would be slow to load."""
    if "-h" in arguments or "--help" in arguments:
        sys.stdout.write(_USAGE)
        raise SystemExit(0)
    options = dict(_DEFAULTS)
    remaining = list(arguments)
    is_valid = True
    while remaining and is_valid:
        name, equals, value = remaining.pop(0).partition("=")
        is_valid = name.startswith("--") and name[2:] in options and bool(equals or remaining)
        if is_valid:
            options[name[2:]] = value if equals else remaining.pop(0)
    port = parse_number(options["port"])
    if not is_valid or not options["root"] or port is None or port > 65535:
        sys.stderr.write(_USAGE)
        raise SystemExit(2)
    return options


def _allow_files() -> None:
    """Raise the limit on open files as far as this user may, up to what the largest number of connections needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main(arguments: list[str]) -> int:
    """Serve until a signal; returns the exit code: 0 after a signal, 3 if it cannot be started."""
    options = _options(arguments)
    os.umask(0o077)
    end_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, end_signals)  # in later threads too; this one waits for them below
    _allow_files()
    root = Path(options["root"])
    try:
        server = LocalEcr(
            root,
            host=options["host"],
            port=int(options["port"]),
            account=options["account"],
            region=options["region"],
            advertise=options["advertise"] or None,
            on_stop=lambda: os.kill(os.getpid(), signal.SIGTERM),
        )
        with folder_errors(root):
            server.start()
    except LocalEcrError as error:
        sys.stderr.write(f"{error.cause}\n{error.remedy}\n")
        return REFUSED
    address = {"endpoint": server.endpoint, "registry": server.registry, "port": server.port}
    sys.stdout.write(json.dumps(address) + "\n")
    sys.stdout.flush()
    signal.sigwait(end_signals)
    server.stop()
    return 0


def run(arguments: list[str]) -> int:
    """Return the exit code of ``main``; what nobody foresaw is a sentence, and a traceback with ECR_DEBUG."""
    try:
        return main(arguments)
    except Exception as error:
        if os.environ.get("ECR_DEBUG"):
            raise
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f" in {Path(frame.tb_frame.f_code.co_filename).name}, line {frame.tb_lineno}" if frame else ""
        reason = error.strerror if isinstance(error, OSError) else None
        sys.stderr.write(
            f"The local ECR can't go on: {reason or type(error).__name__}{place}.\n"
            "Run it with ECR_DEBUG=1, which shows all of it, and report that to the project you have it from.\n"
        )
        return 1


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
