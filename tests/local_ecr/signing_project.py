"""A project that signs with real programs, and a repository of the local ECR whose tags are locked."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.signing.programs import SigningPrograms
from ecr_tasks.local_ecr.server import LocalEcr
from ecr_tasks.model.registry import RegistryToken, Repository
from ecr_tasks.model.signing import KeySigner, Signer, SignWith
from tests.local_ecr.http_client import OCI_MANIFEST, HttpClient, descriptor, digest_of

NAME = "team/signed"
PASSWORD = "a-password-of-the-key"


class Signing:
    """A project with keys, and a repository whose tags are locked."""

    def __init__(self, ecr: LocalEcr, api: Any, folder: Path) -> None:
        self.api, self.folder = api, folder
        api.create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE")
        self.http = HttpClient.logged_in(ecr)
        self.repository = Repository(NAME, ecr.account, f"{ecr.registry}/{NAME}")
        self.config = PrivateConfig({**os.environ, "DOCKER_CONFIG": str(folder / "nothing")}, folder)
        self.logins = 0
        self.programs = SigningPrograms(self.config, folder, self.log_in, dict)

    def log_in(self, repository: Repository) -> None:
        self.logins += 1
        self.config.authorize(RegistryToken(repository.host, "AWS", self.http.password()))

    def push(self, tag: str) -> bytes:
        return self.http.push_image(NAME, tag, tag.encode())

    def keys(self, name: str) -> KeySigner:
        """Make cosign's pair of keys of that name."""
        command = ["cosign", "generate-key-pair", f"--output-key-prefix={name}"]
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True)
        return KeySigner(f"{name}.pub")

    def attach(self, image: bytes, artifact_type: str, media_type: str, content: bytes, **more: Any) -> None:
        """Attach something to an image as a signature of it."""
        for blob in (content, b"{}"):
            self.http.push_blob(NAME, blob)
        raw = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "artifactType": artifact_type,
                "config": descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
                "layers": [descriptor(content, media_type)],
                "subject": descriptor(image, OCI_MANIFEST),
                **more,
            }
        ).encode()
        assert self.http.push_manifest(NAME, digest_of(raw), raw).status == 201

    def copy_signature(self, image: bytes, other: bytes) -> None:
        """Let an image's signature refer to another image."""
        (found,) = self.referrers(image)
        answer = self.api.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": found["digest"]}])
        document = json.loads(answer["images"][0]["imageManifest"])
        document["subject"] = descriptor(other, OCI_MANIFEST)
        raw = json.dumps(document).encode()
        assert self.http.push_manifest(NAME, digest_of(raw), raw).status == 201

    def referrers(self, image: bytes) -> list[Any]:
        answer = self.api.list_image_referrers(repositoryName=NAME, subjectId={"imageDigest": digest_of(image)})
        return list(answer["referrers"])

    def sign(self, image: bytes, method: SignWith) -> None:
        self.programs.sign(self.repository, digest_of(image), method)

    def cosign(self, *words: str, **environ: str) -> None:
        """Run cosign itself, as somebody else may."""
        self.log_in(self.repository)
        env = {**os.environ, **self.config.environment(), **environ}
        plain = ("--allow-http-registry=true", "--allow-insecure-registry=true")
        subprocess.run(["cosign", *words, *plain], cwd=self.folder, env=env, check=True, capture_output=True)

    def verdict(self, image: bytes, signer: Signer) -> tuple[bool, str]:
        """Return whether a signature is accepted, and if not why."""
        found = self.programs.verify(self.repository, digest_of(image), signer)
        assert found.known, found.reason
        return found.accepted, found.reason
