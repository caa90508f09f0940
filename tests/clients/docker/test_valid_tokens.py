"""How often a transfer whose token is refused is begun again with a new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.process import ProcessResult
from ecr_tasks.clients.docker.valid_tokens import ValidTokens
from ecr_tasks.model.registry import RegistryToken
from tests.support.network import Clock

HOST = "registry.example"
DOCKER = f"unexpected status from HEAD request to https://{HOST}/v2/app/manifests/1: 403 Forbidden"
PODMAN = f'Error: checking whether a blob sha256:74504a8a54cb exists in {HOST}/app: StatusCode: 403, ""'
PODMAN_4 = "Error: trying to reuse blob sha256:1: failed to read from destination repository app: 403 (Forbidden)"


@pytest.mark.parametrize("line", [DOCKER, PODMAN, PODMAN_4], ids=["docker", "podman", "podman 4"])
@pytest.mark.parametrize(
    ("seconds", "attempts"),
    [((5, 5, 5), 2), ((3600, 3600, 1800, 300), 4), ((3600,) * 9, 5), ((3600, 5, 5), 2), ((5, 3600, 5), 3)],
)
def test_a_push_of_hours_outlives_several_tokens_and_a_refusal_is_asked_about_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, seconds: tuple[float, ...], attempts: int
) -> None:
    clock, passwords = Clock(), list[str]()
    monkeypatch.setattr("time.monotonic", clock.read)
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def renewed(refused: RegistryToken | None) -> RegistryToken:
        return RegistryToken(HOST, "AWS", f"password-{len(passwords)}", current=renewed)

    config = PrivateConfig({"DOCKER_CONFIG": str(tmp_path / "docker")}, tmp_path)
    tokens = ValidTokens(config, lambda token: None, clock.retrier())
    tokens.authorize(renewed(None))

    def push() -> ProcessResult:
        passwords.append(next(token.password for token in config.tokens))
        clock.pause(seconds[len(passwords) - 1])
        return ProcessResult(1, (line,))

    assert tokens.run(push, f"{HOST}/app").code == 1
    assert len(passwords) == len(set(passwords)) == attempts
    config.close()
