"""Imports what runs of `inv` import, and forks one for each request on the socket whose number is ``sys.argv[1]``.

Other programs connect to the one with the number ``sys.argv[2]``.

A request is a byte with five open files: arguments, folder and environment as JSON; stdin; stdout; stderr; a pipe for
the run's process id and exit code, a line each. A run is killed when nobody reads the pipe any more.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path

sys.path.pop(0)  # this file's folder
signal.signal(signal.SIGINT, signal.SIG_DFL)

import boto3  # noqa: E402
import invoke.program  # noqa: E402, F401
import python_on_whales  # noqa: E402, F401

import ecr_tasks.plan.snapshot  # noqa: E402
from tests.support.api_models import read_once  # noqa: E402

for module in pkgutil.walk_packages(ecr_tasks.__path__, "ecr_tasks."):
    if not module.name.endswith(("__main__", "pytest_plugin")):
        for value in [*vars(importlib.import_module(module.name)).values()]:
            if isinstance(value, type):
                getattr(value, "__init__")  # noqa: B009 - which ecr_tasks.frozen compiles when it is first asked for
read_once()
for service in ("ecr", "ecr-public", "sts"):
    boto3.Session("none", "none", region_name="eu-west-1").client(service)
gc.collect()
gc.freeze()

requests = socket.socket(fileno=int(sys.argv[1]))
listener = socket.socket(fileno=int(sys.argv[2]))
while True:
    if requests in select.select([requests, listener], [], [])[0]:
        byte, handles, _, _ = socket.recv_fds(requests, 1, 5)
        if not byte:
            os._exit(0)
    else:
        connection, _ = listener.accept()
        with connection:
            byte, handles, _, _ = socket.recv_fds(connection, 1, 5)
    if os.fork() == 0:
        break
    for handle in handles:
        os.close(handle)
    with contextlib.suppress(ChildProcessError):  # the last one has ended
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass

requests.close()
listener.close()
request, stdin, stdout, stderr, code = handles
run = os.fork()
if run:
    os.write(code, f"{run}\n".encode())
    for handle in (request, stdin, stdout, stderr):
        os.close(handle)

    def kill_when_left() -> None:
        left = select.poll()
        left.register(code, 0)
        left.poll()
        os.kill(run, signal.SIGKILL)

    threading.Thread(target=kill_when_left, daemon=True).start()
    status = os.waitstatus_to_exitcode(os.waitpid(run, 0)[1])
    with contextlib.suppress(BrokenPipeError):
        os.write(code, f"{status}\n".encode())
    os._exit(0)

with os.fdopen(request, "rb") as file:
    file.seek(0)
    (program, *words), folder, environ = json.load(file)
sys.orig_argv[1:] = ["-m", program, *words]
sys.argv[1:] = words
if fresh := environ.pop("TESTS_FRESH_SECONDS", ""):
    ecr_tasks.plan.snapshot.FRESH_SECONDS = float(fresh)
if patience := environ.pop("TESTS_DOCTOR_SECONDS", ""):
    import ecr_tasks.runner.doctor as doctor

    doctor.SECONDS = doctor.DOCKER_SECONDS = float(patience)
os.environ.clear()
os.environ.update(environ)
time.tzset()
sys.dont_write_bytecode = bool(environ.get("PYTHONDONTWRITEBYTECODE"))
os.chdir(folder)
sys.path.insert(0, str(Path.cwd()))
for number, handle in enumerate((stdin, stdout, stderr)):
    os.dup2(handle, number)
for handle in (stdin, stdout, stderr, code):
    os.close(handle)
signal.signal(signal.SIGINT, signal.default_int_handler)
exit_code = 0
try:
    runpy.run_module(program, run_name="__main__", alter_sys=True)
except SystemExit as end:
    if not isinstance(end.code, int):
        raise
    exit_code = end.code & 255
# As Python ends, but for taking apart each module and object, which takes longer than many a run.
threading._shutdown()  # type: ignore[attr-defined]
atexit._run_exitfuncs()
sys.stdout.flush()
sys.stderr.flush()
os._exit(exit_code)
