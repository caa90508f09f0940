"""The catalogue on recorded output: each situation has the sentence that fits, whichever command met it.

Everything was recorded from docker 28, buildx 0.29 and their engines, and from Podman 4.3 and 5.8 (``podman-…``), set
up so that they fail in this way. Only the texts of Docker Desktop (``command-desktop-…``) and of an old buildx
(``copy-old-buildx``) come from public reports.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable

import pytest

from ecr_tasks import redaction
from ecr_tasks.clients.docker import errors, known_errors, transient
from ecr_tasks.errors import BuildError, EcrTasksError, RegistryError
from tests.clients.docker.test_errors import EVERY, RECORDED, recorded

REFERENCE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1"
NAMES = sorted(path.stem for path in RECORDED.glob("*.txt"))


def command_error(name: str) -> EcrTasksError:
    return errors.command_failed("ask the engine", "\n".join(recorded(name)))


READERS: dict[str, Callable[[str], EcrTasksError]] = {
    **{name: reader for reader, name in EVERY},
    **{name: command_error for name in NAMES if name.startswith("command-")},
}

SITUATIONS = {
    "build-file-name": "a file whose name is not UTF-8 | .dockerignore",
    "build-lost": "lost one of many builds: | --image",
    "engine-forbidden": "may not use the Docker engine at unix:///run/docker.sock | usermod",
    "command-engine-forbidden": "may not use the Docker engine at unix:///run/docker.sock | usermod",
    "engine-unknown-host": "host docker can't be found | DOCKER_HOST",
    "command-engine-tls-files": "/nowhere/certs/ca.pem | DOCKER_CERT_PATH",
    "push-engine-tls-files": "/nowhere/certs/ca.pem | DOCKER_CERT_PATH",
    "command-engine-tls-key": "TLS files: no valid private key | DOCKER_CERT_PATH",
    "engine-tls-junk": "ca.pem seems invalid | DOCKER_CERT_PATH",
    "engine-without-tls": "without TLS | DOCKER_TLS_VERIFY",
    "engine-wants-tls": "wants TLS | DOCKER_TLS_VERIFY=1",
    "engine-unknown-authority": "unknown authority | DOCKER_CERT_PATH",
    "engine-resets": "connection to the Docker engine failed | Start Docker",
    "command-engine-scheme": "foo://bar is no address | unix:///path",
    "engine-address": "address of the Docker engine | docker version",
    "command-context-unknown": "no docker context nosuch | DOCKER_CONTEXT",
    "context-unknown": "context nosuch | DOCKER_CONTEXT",
    "engine-ssh-refused": "ssh: connect to host 127.0.0.1 port 22: Connection refused | ssh HOST",
    "engine-too-old": "Maximum supported API version is 1.51 | DOCKER_API_VERSION",
    "engine-host-unix": "host unix can't be found | unix:///path",
    "engine-protocol": "This system has no such address | DOCKER_HOST",
    "engine-path-too-long": "socket is too long for this system: /tmp/aaa | shorter one in DOCKER_HOST",
    "context-malformed": "contexts/meta/x/meta.json in its folder: unexpected end of JSON input | Mend that file",
    "progress-unknown": "BUILDKIT_PROGRESS is foo | plain",
    "buildx-folder-none": "folder /home/me/.docker/buildx is no folder | BUILDX_CONFIG",
    "command-custom-headers": "can't use DOCKER_CUSTOM_HEADERS | name=value",
    "engine-no-version": "no such API: page not found | DOCKER_API_VERSION",
    "command-engine-no-version": "no such API: page not found | DOCKER_API_VERSION",
    "engine-too-new": "Minimum supported API version is 1.24 | DOCKER_API_VERSION",
    "build-sbom-fails": "the SBOM generator failed: | ECR_SBOM_GENERATOR",
    "build-sbom-cyclonedx": "generator made no SPDX document | inv attest FILE",
    "build-sbom-garbage": "generator made no SPDX document | inv attest FILE",
    "engine-is-none": "no Docker engine | DOCKER_HOST",
    "engine-dies": "broke off | run it again",
    "pull-engine-dies": "connection to the Docker engine failed | Start Docker",
    "command-kubernetes-none": "no Kubernetes cluster | KUBECONFIG",
    "command-desktop-paused": "paused | Resume",
    "command-desktop-mount": "/opt/data | File sharing",
    "helper-missing": "docker-credential-desktop, which is not installed | credsStore",
    "push-helper-missing": "docker-credential-desktop, which is not installed | credsStore",
    "copy-helper-missing": "docker-credential-desktop, which is not installed | credsStore",
    "command-login-helper-missing": "docker-credential-desktop, which is not installed | credsStore",
    "push-expired-token": "had expired, and no newer one | new credentials",
    "pull-expired-token": "had expired, and no newer one | new credentials",
    "push-helper-fails": "exit status 1 | credsStore",
    "buildx-folder-read-only": "/home/me/.docker/buildx/activity | BUILDX_CONFIG",
    "unknown-builder": "builder or docker context nosuch | BUILDX_BUILDER",
    "builder-is-context": "builder elsewhere is a docker context | DOCKER_CONTEXT=elsewhere",
    "builder-pushes-to-itself": "can't push to 127.0.0.1:18109/t/x | network=host",
    "builder-down": "builder does not answer | ECR_BUILDER",
    "builder-not-booted": "moby/buildkit:buildx-stable-1 | ECR_BUILDER",
    "classic-attestation": "Attestation is not supported | containerd image store",
    "classic-platforms": "manifest lists | containerd image store",
    "privilege-asked": "network.host | ECR_ALLOW=network.host",
    "privilege-in-dockerfile": "network.host | ECR_ALLOW=network.host",
    "privilege-refused": "security.insecure | --allow-insecure-entitlement security.insecure",
    "cache-unauthorized": "cache could not be written | ECR_CACHE=off",
    "cache-forbidden": "403 Forbidden | ECR_CACHE=off",
    "cache-unknown-host": "host nosuch.invalid can't be found | VPN",
    "cache-unknown-type": 'cache exporter: "foo" | ECR_CACHE',
    "required-variable-missing": "DB_PASSWORD is missing a value | Set DB_PASSWORD in the environment",
    "env-file-missing": ".env.app is not there | required: false",
    "default-target-missing": "no group or target default | in one more file",
    "linked-target-missing": "no target base | bake or compose file",
    "ssh-no-agent": "SSH_AUTH_SOCK is not set | ssh-add",
    "ssh-dead-agent": "/run/docker.sock: no such file | SSH_AUTH_SOCK",
    "ssh-passphrase": "id_enc is protected with a passphrase | ssh-add",
    "ssh-not-given": "requires the ssh agent or key default | ECR_SSH=default",
    "step-ssh-refused": "accepted none of the keys | ssh-add -l",
    "secret-not-given": "the secret tok | id=tok",
    "secret-file-missing": "/nowhere/tok | ECR_SECRETS",
    "context-missing": "no folder /nowhere/ctx | ECR_CONTEXT",
    "named-context-missing": "no folder /nowhere/base | ECR_BUILD_CONTEXTS",
    "context-unreadable": "may not read /project/unreadabledir/data | .dockerignore",
    "dockerfile-unreadable": "Dockerfile cannot be empty | let this user read it",
    "missing-dockerfile": "none.Dockerfile | ECR_DOCKERFILE",
    "missing-stage": "nostage | ECR_TARGET",
    "missing-copy-ignored": '"/thefile" is not in the build context | .dockerignore',
    "base-without-value": "$BASE | ECR_BUILD_ARGS",
    "base-malformed": "must be lowercase | Mend the Dockerfile",
    "base-digest-missing": "no base image 127.0.0.1:24523/base:1@sha256:0000 | inv bases --update",
    "base-missing": "no base image 127.0.0.1:24523/base:1 | Correct its name",
    "base-unauthorized": "401 Unauthorized | docker login",
    "base-other-platform": "no match for platform | imagetools inspect",
    "base-certificate": "x509 | /etc/docker/certs.d",
    "push-certificate": "x509 | /etc/docker/certs.d",
    "base-without-tls": "does not speak TLS | insecure-registries",
    "base-unknown-host": "host nosuch.invalid can't be found | VPN",
    "frontend-unknown-host": "docker/dockerfile:99 | DNS",
    "copy-proxy": "proxy | HTTPS_PROXY",
    "pull-classic-limit": "Docker Hub allows no more pulls | docker login",
    "base-busy": "asks to slow down | Run it again",
    "push-norepo": "does not exist in the registry | repo.ensure",
    "disk-full-context": "disk is full | Free space",
    "disk-full-metadata": "disk is full | Free space",
    "build-cache-missing": "no repository nocache | --repository-name nocache",
    "step-killed": "memory | memory",
    "step-other-platform": "/prog is made for another platform | ECR_PLATFORMS",
    "step-prints-engine": "exit code: 1 | Mend that step",
    "step-command-missing": "exit code: 127 | Mend that step",
    "add-refused": "connection refused | ADD",
    "add-forbidden": "status 403 | ADD",
    "dockerfile-unknown-flag": "unknown flag: --security | Mend the Dockerfile there",
    "base-tag-403": "registry 127.0.0.1:8 can't be reached | correct that image's name",
    "pull-refused": "registry 127.0.0.1:9 can't be reached | correct that image's name",
    "push-refused": "registry 127.0.0.1:9 can't be reached | not sent twice",
    "command-run-unknown-host": "host nosuch.invalid can't be found | VPN",
    "command-run-port-taken": "address already in use | another port",
    "command-login-unauthorized": "401 Unauthorized | docker login",
    "podman-short-name": "from which registry a base image is: | unqualified-search-registries",
    "podman-step": "failed at RUN false; exit 7: exit status 7. | Mend that step",
    "podman-step-other-platform": "RUN true: its program is made for another platform | ECR_PLATFORMS",
    "podman-step-heredoc": 'COPY <<EOF /x: checking on sources under "/project" | Mend that step',
}
"""For each recording: a word of the cause, then a word of the remedy."""


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_cause_is_named_and_the_remedy_fits(name: str) -> None:
    error = READERS[name](name)
    cause, remedy = SITUATIONS[name].split(" | ")
    assert cause in error.cause
    assert remedy in error.remedy


@pytest.mark.parametrize("name", NAMES)
def test_only_what_sends_an_image_says_that_layers_are_not_sent_twice(name: str) -> None:
    pushes = name.startswith(("push", "copy")) or "failed to push " in "\n".join(recorded(name))
    assert pushes or "not sent twice" not in READERS[name](name).remedy


STEPS = {
    *("failing-run", "two-targets", "step-prints-engine", "step-command-missing"),
    *("build-step-429", "build-step-429-heredoc", "podman-step", "podman-step-heredoc"),
}
STOPPED = {
    *("no-engine-build", "no-engine-tcp", "no-engine-push", "command-no-engine", "command-desktop-stopped"),
    *("engine-resets", "pull-engine-dies"),
}


@pytest.mark.parametrize("name", NAMES)
def test_only_a_failing_step_is_mended_in_the_dockerfile_and_only_an_absent_engine_is_started(name: str) -> None:
    remedy = READERS[name](name).remedy
    assert ("Mend that step" in remedy) == (name in STEPS)
    assert ("Start Docker" in remedy) == (name in STOPPED)


@pytest.mark.parametrize("name", [name for name in NAMES if "engine-" in name and "disk" not in name])
def test_an_engine_out_of_reach_has_one_sentence_whichever_command_met_it(name: str) -> None:
    lines = recorded(name)
    met = [
        errors.build_failed(lines),
        errors.push_failed(REFERENCE, lines),
        errors.pull_failed(REFERENCE, lines),
        errors.copy_failed(REFERENCE, REFERENCE, lines),
        errors.command_failed("tag it", "\n".join(lines)),
    ]
    assert {(type(error), error.cause, error.remedy) for error in met} == {(BuildError, met[0].cause, met[0].remedy)}
    assert transient.reason(lines) is None


@pytest.mark.parametrize("situation", ["certificate", "without-tls", "unknown-host"])
def test_a_registry_out_of_reach_has_one_sentence_and_the_commands_exit_code(situation: str) -> None:
    names = {prefix: f"{prefix}-{situation}" for prefix in ("base", "push", "pull", "copy")}
    met = {prefix: READERS[name](name) for prefix, name in names.items()}
    assert len({error.remedy for error in met.values()}) == 1
    assert len({error.cause.partition(":")[0] for error in met.values()}) == 1
    assert isinstance(met.pop("base"), BuildError)
    assert all(isinstance(error, RegistryError) for error in met.values())


def test_every_row_of_the_catalogue_is_the_answer_to_a_recording() -> None:
    rows = {id(row): row for row in (*known_errors.KNOWN_ERRORS, *known_errors.PULLED)}
    for name in NAMES:
        for listed in (known_errors.KNOWN_ERRORS, known_errors.PULLED):
            fitting = [row for row in listed if errors.fits(row, recorded(name))]
            rows.pop(id(fitting[0]), None) if fitting else None
    assert [row.error for row in rows.values()] == []


def test_what_is_not_in_the_catalogue_gets_no_invented_remedy() -> None:
    for failed in (errors.build_failed, lambda lines: errors.push_failed(REFERENCE, lines)):
        error = failed(["#1 something", "ERROR: failed to solve: the moon is in the wrong quarter"])
        assert error.cause.endswith("failed: the moon is in the wrong quarter.")
        assert error.remedy == known_errors.OWN_WORDS


@pytest.mark.parametrize("name", ["push-unknown-host", "engine-unknown-host"])
def test_a_dns_server_that_fails_is_not_called_an_unknown_name(name: str) -> None:
    lines = [line.replace("no such host", "server misbehaving") for line in recorded(name)]
    error = errors.push_failed(REFERENCE, lines)
    assert error.cause.endswith(": server misbehaving.")
    assert "no such host" not in str(error)


def test_a_secret_within_a_known_error_is_left_out() -> None:
    lines = [line.replace("nosuch.invalid", "hunter22.invalid") for line in recorded("base-unknown-host")]
    redaction.keep_build_arguments({"HOST": "hunter22"})
    error = errors.build_failed(lines)
    assert "can't be found from here" in error.cause
    assert "hunter22" not in str(error)


def test_the_output_of_a_step_is_not_taken_for_docker_s() -> None:
    """A step that runs docker or git prints what the engine would print."""
    text = "\n".join(recorded("engine-forbidden") + recorded("base-unknown-host") + recorded("failing-run"))
    error = errors.build_failed(text.splitlines())
    assert "exit code: 42" in error.cause
    assert "Mend that step" in error.remedy


REPEATED = (
    "unknown flag: --x ",
    "unknown shorthand flag: x\n",
    'ERROR: process "x" ',
    "error during connect: command [ssh has exited with x",
    "error during connect: lookup x",
    "docker.io/x ",
    "ERROR: failed to stat x",
    "env file x",
    "The path x",
    "error from sender: open x",
    "stream error: x",
    "failed to compute cache key: x",
)


@pytest.mark.parametrize("text", REPEATED)
def test_the_time_to_explain_an_output_grows_no_faster_than_the_output(text: str) -> None:
    """Sixteen times as much takes at most about sixteen times as long; with the square of it, it would be 256."""

    def seconds(count: int) -> float:
        lines = (text * count).split("\n")
        return min(timeit.repeat(lambda: errors.build_failed(lines), timer=time.process_time, number=1, repeat=5))

    assert seconds(16 * 500) < 80 * seconds(500)
