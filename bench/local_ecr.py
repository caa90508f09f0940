"""The local ECR beside distribution's registry, in one run: upload, download, start-up, memory, and a kill -9.

    python -m bench.local_ecr [--registry PATH] [--megabytes 500] [--rounds 3] [--pairs 500] [--json]

Both serve from a folder on /dev/shm, so that no disk is measured, and both get the same requests from the same
client in alternating rounds; the best of each is shown. ``start ms`` is until the first answer to GET /v2/.
``--registry`` is distribution's binary (docker-registry on PATH if absent; without one only the local ECR is
measured). The exit code is 1 if something acknowledged was lost.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path

from ecr_tasks.local_ecr.process import BOOT_CODE

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 8
MEMORY_DISK = Path("/dev/shm")  # noqa: S108  (so that no disk is measured)
REPOSITORY = "bench"
CONFIG = b"{}"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


def digest_of(data: bytes | memoryview) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Server(ABC):
    """A registry in a process of its own."""

    name = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.headers: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that starts it."""

    @abstractmethod
    def prepare(self) -> None:
        """Create what must exist before the first push."""

    def start(self) -> float:
        """Start; returns the seconds until the first answer."""
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
        )
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as client:
                    client.sendall(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    if client.recv(64).startswith(b"HTTP/1.1 "):
                        return time.perf_counter() - begun
            except OSError:
                time.sleep(0.0005)

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def peak(self) -> float:
        """Return the peak resident memory in MiB."""
        text = Path(f"/proc/{self.process.pid if self.process else 0}/status").read_text()
        return int(text.partition("VmHWM:")[2].split()[0]) / 1024

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def request(
        self, client: http.client.HTTPConnection, method: str, path: str, body: object = None, **more: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        headers = {**self.headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        client.request(method, path, body, headers)  # type: ignore[arg-type]
        response = client.getresponse()
        return response, response.read()


class LocalEcrServer(Server):
    name = "local ECR"

    def command(self) -> list[str]:
        # As background.up starts it.
        boot = [sys.executable, "-I", "-S", "-c", BOOT_CODE, str(ROOT / "ecr_tasks")]
        return [*boot, f"--root={self.folder}", f"--port={self.port}"]

    def api(self, operation: str, document: object) -> dict[str, object]:
        client = self.connect()
        headers = {
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        client.request("POST", "/", json.dumps(document), headers)
        answer: dict[str, object] = json.loads(client.getresponse().read())
        return answer

    def prepare(self) -> None:
        self.api("CreateRepository", {"repositoryName": REPOSITORY})
        data = self.api("GetAuthorizationToken", {})["authorizationData"]
        self.headers = {"Authorization": f"Basic {data[0]['authorizationToken']}"}  # type: ignore[index]


class Distribution(Server):
    name = "distribution"

    def __init__(self, folder: Path, binary: str) -> None:
        super().__init__(folder)
        self.binary = binary

    def command(self) -> list[str]:
        settings = self.folder.with_suffix(".yml")
        settings.write_text(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {self.folder}}}}}\n"
            f"http: {{addr: '127.0.0.1:{self.port}'}}\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        )
        return [self.binary, "serve", str(settings)]

    def prepare(self) -> None:
        """Do nothing: a push creates its repository."""


def upload(server: Server, blob: bytes, digest: str) -> float:
    """Push a blob as docker does (POST, PATCH, PUT); returns the seconds."""
    client = server.connect()
    begun = time.perf_counter()
    response, _ = server.request(client, "POST", f"/v2/{REPOSITORY}/blobs/uploads/")
    place = (response.getheader("Location") or "").partition(f":{server.port}")[2] or response.getheader("Location")
    response, _ = server.request(client, "PATCH", str(place), blob, Content_Type="application/octet-stream")
    place = (response.getheader("Location") or "").partition(f":{server.port}")[2] or response.getheader("Location")
    response, text = server.request(client, "PUT", f"{place}{'&' if '?' in str(place) else '?'}digest={digest}", b"")
    seconds = time.perf_counter() - begun
    if response.status != 201:
        raise SystemExit(f"{server.name}: {response.status} {text!r}")
    return seconds


def download(server: Server, digest: str, size: int) -> float:
    """Get a blob into a buffer that is thrown away; returns the seconds."""
    client = server.connect()
    memory = bytearray(1 << 20)
    begun = time.perf_counter()
    client.request("GET", f"/v2/{REPOSITORY}/blobs/{digest}", headers=server.headers)
    response = client.getresponse()
    left = size
    while left and (count := response.readinto(memory)):
        left -= count
    if left:
        raise SystemExit(f"{server.name}: {left} bytes are missing")
    return time.perf_counter() - begun


class Pusher:
    """Clients that push and pull images while the server may be killed; they record what was acknowledged."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.acknowledged: dict[str, str] = {}
        self.blobs: set[str] = set()
        self.pulled = 0
        self.interrupted = 0
        self._lock = threading.Lock()

    def run(self, pairs: int) -> float:
        """Push and pull ``pairs`` images with all workers; returns the seconds."""
        begun = time.perf_counter()
        threads = [
            threading.Thread(target=self._work, args=(range(worker, pairs, WORKERS),)) for worker in range(WORKERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - begun

    def _work(self, numbers: range) -> None:
        client = self.server.connect()
        for number in numbers:
            while True:
                try:
                    self._pair(client, number)
                    break
                except (OSError, http.client.HTTPException):
                    with self._lock:
                        self.interrupted += 1
                    client.close()
                    time.sleep(0.02)
                    client = self.server.connect()

    def _pair(self, client: http.client.HTTPConnection, number: int) -> None:
        layer = f"layer {number} ".encode() * 4096
        descriptors = []
        for data in (CONFIG, layer):
            digest = digest_of(data)
            self._blob(client, data, digest)
            descriptors.append({"digest": digest, "size": len(data)})
        config, content = descriptors
        config["mediaType"] = "application/vnd.oci.image.config.v1+json"
        content["mediaType"] = "application/vnd.oci.image.layer.v1.tar"
        document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [content]}
        manifest = json.dumps(document).encode()
        path = f"/v2/{REPOSITORY}/manifests/v{number}"
        response, text = self.server.request(client, "PUT", path, manifest, Content_Type=MANIFEST_TYPE)
        if response.status != 201:
            raise http.client.HTTPException(f"{response.status} {text!r}")
        with self._lock:
            self.acknowledged[f"v{number}"] = digest_of(manifest)
        response, text = self.server.request(client, "GET", path, Accept=MANIFEST_TYPE)
        if response.status != 200 or text != manifest:
            raise http.client.HTTPException(f"{response.status} {text!r}")
        response, text = self.server.request(client, "GET", f"/v2/{REPOSITORY}/blobs/{digest_of(layer)}")
        if response.status != 200 or text != layer:
            raise http.client.HTTPException(f"{response.status}")
        with self._lock:
            self.pulled += 1

    def _blob(self, client: http.client.HTTPConnection, data: bytes, digest: str) -> None:
        path = f"/v2/{REPOSITORY}/blobs/"
        response, _ = self.server.request(client, "HEAD", path + digest)
        if response.status == 200:
            return
        response, text = self.server.request(client, "POST", f"{path}uploads/")
        place = response.getheader("Location") or ""
        place = place.partition(f":{self.server.port}")[2] or place
        if response.status == 202:
            target = f"{place}{'&' if '?' in place else '?'}digest={digest}"
            response, text = self.server.request(client, "PUT", target, data, Content_Type="application/octet-stream")
        if response.status != 201:
            raise http.client.HTTPException(f"{response.status} {text!r}")
        with self._lock:
            self.blobs.add(digest)

    def lost(self) -> list[str]:
        """Return the tags and digests of what was acknowledged and is absent or differs from what was sent."""
        client = self.server.connect()
        missing = []
        for tag, digest in self.acknowledged.items():
            response, text = self.server.request(
                client, "GET", f"/v2/{REPOSITORY}/manifests/{tag}", Accept=MANIFEST_TYPE
            )
            if response.status != 200 or digest_of(text) != digest:
                missing.append(tag)
        for digest in self.blobs:
            response, text = self.server.request(client, "GET", f"/v2/{REPOSITORY}/blobs/{digest}")
            if response.status != 200 or digest_of(text) != digest:
                missing.append(digest)
        return missing


def measure(servers: list[Server], megabytes: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure upload, download, start-up and memory of each server, in turn; returns the best of ``rounds``."""
    results: dict[str, dict[str, float]] = {server.name: {"start ms": 1e9} for server in servers}
    for server in servers:
        server.start()
        server.stop()  # once for nothing: files into the cache, byte code written
    for _ in range(max(rounds, 5)):
        for server in servers:
            values = results[server.name]
            values["start ms"] = min(values["start ms"], server.start() * 1000)
            server.stop()
    for server in servers:
        server.start()
        server.prepare()
        results[server.name]["idle MiB"] = server.peak()
        results[server.name].update({"upload MB/s": 0.0, "download MB/s": 0.0})
    for _ in range(rounds):
        blob = os.urandom(megabytes * 1_000_000)
        digest = digest_of(blob)
        for server in servers:
            up = megabytes / upload(server, blob, digest)
            down = max(megabytes / download(server, digest, len(blob)) for _ in range(2))
            values = results[server.name]
            values["upload MB/s"] = max(values["upload MB/s"], up)
            values["download MB/s"] = max(values["download MB/s"], down)
    for server in servers:
        results[server.name]["peak MiB"] = server.peak()
        server.stop()
    return results


def storm(servers: list[Server], pairs: int) -> dict[str, dict[str, float]]:
    """Push and pull ``pairs`` images by 8 clients; returns seconds and memory."""
    results = {}
    for server in servers:
        server.start()
        server.prepare()
        seconds = Pusher(server).run(pairs)
        results[server.name] = {"storm s": seconds, "storm MiB": server.peak()}
        server.stop()
    return results


def survive(server: Server, pairs: int) -> dict[str, float]:
    """Do the same with a kill -9 in the middle; returns how much was acknowledged and how much of that was lost."""
    server.start()
    server.prepare()
    pusher = Pusher(server)
    thread = threading.Thread(target=pusher.run, args=(pairs,))
    thread.start()
    while len(pusher.acknowledged) < pairs // 2:
        time.sleep(0.001)
    acknowledged_before = len(pusher.acknowledged)
    server.stop(signal.SIGKILL)
    server.start()
    thread.join()
    lost = pusher.lost()
    server.stop()
    server.start()
    lost += pusher.lost()
    server.stop()
    return {
        "acknowledged": float(len(pusher.acknowledged)),
        "killed at": float(acknowledged_before),
        "interrupted": float(pusher.interrupted),
        "lost": float(len(lost)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--registry", default=shutil.which("docker-registry"))
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None, prefix="bench-") as folder:

        def fresh(what: str) -> list[Server]:
            servers: list[Server] = [LocalEcrServer(Path(folder) / f"ecr-{what}")]
            if options.registry:
                servers.append(Distribution(Path(folder) / f"distribution-{what}", options.registry))
            return servers

        results = measure(fresh("speed"), options.megabytes, options.rounds)
        for name, values in storm(fresh("storm"), options.pairs).items():
            results[name].update(values)
        killed = survive(fresh("kill")[0], options.pairs)
    if options.json:
        sys.stdout.write(json.dumps({"results": results, "kill -9": killed}, indent=2) + "\n")
    else:
        names = list(results)
        sys.stdout.write(f"{'':16}" + "".join(f"{name:>14}" for name in names) + "\n")
        for key in results[names[0]]:
            sys.stdout.write(f"{key:16}" + "".join(f"{results[name][key]:14.1f}" for name in names) + "\n")
        sys.stdout.write("kill -9 in the middle: " + ", ".join(f"{k} {v:.0f}" for k, v in killed.items()) + "\n")
    return 1 if killed["lost"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
