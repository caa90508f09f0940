"""Output of docker 28 and buildx 0.29, recorded, as errors that people can act on."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_tasks import redaction
from ecr_tasks.clients.docker import errors, transient
from ecr_tasks.errors import AwsError, BuildError, EcrTasksError, ExitCode, Refused, RegistryError

RECORDED = Path(__file__).parents[2] / "data" / "docker"
REFERENCE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app:sha-1234567"
SECRETS = {"VALUE": "s3cr3t-value", "FOLDER": "s3cr3t-folder"}


def recorded(name: str) -> list[str]:
    """Return the lines of one recording."""
    return (RECORDED / f"{name}.txt").read_text(encoding="utf-8").splitlines()


TWO_FAILED = [
    *("------", " > [b 1/1] COPY missing-b /f:", "------", "------", " > [c 1/1] COPY missing-c /f:", "------"),
    "Dockerfile:2",
    'ERROR: target TARGET: failed to solve: failed to compute cache key: "/missing-TARGET": not found',
]


def build_error(name: str) -> EcrTasksError:
    """Return the error of a recorded build."""
    redaction.keep_build_arguments(SECRETS)
    return errors.build_failed(recorded(name))


def push_error(name: str) -> EcrTasksError:
    """Return the error of a recorded push."""
    return errors.push_failed(REFERENCE, recorded(name))


def pull_error(name: str) -> EcrTasksError:
    """Return the error of a recorded pull."""
    return errors.pull_failed(REFERENCE, recorded(name))


def copy_error(name: str) -> EcrTasksError:
    """Return the error of a recorded copy."""
    return errors.copy_failed(REFERENCE, REFERENCE, recorded(name))


TRANSFERS = ("push", "pull", "copy")
EVERY = [
    *((build_error, path.stem) for path in sorted(RECORDED.glob("*.txt")) if not path.stem.startswith(TRANSFERS)),
    *((copy_error, path.stem) for path in sorted(RECORDED.glob("copy-*.txt"))),
    *((push_error, path.stem) for path in sorted(RECORDED.glob("push-*.txt"))),
    *((pull_error, path.stem) for path in sorted(RECORDED.glob("pull-*.txt"))),
]


@pytest.mark.parametrize("target", ["b", "c"])
def test_of_several_failed_steps_the_target_s_own_is_named(target: str) -> None:
    error = errors.build_failed([line.replace("TARGET", target) for line in TWO_FAILED])
    assert error.cause.startswith(f"The build failed at [{target} 1/1] COPY missing-{target} /f: ")


def test_a_target_that_failed_at_no_step_is_not_said_to_have_failed_at_another_ones() -> None:
    lines = [
        *("#7 [ok internal] load .dockerignore", "#7 CANCELED", "------", " > [ok internal] load .dockerignore:"),
        *("------", "ERROR: target bad: failed to solve: dockerfile parse error on line 2: unknown instruction: set"),
    ]
    assert errors.build_failed(lines).cause.startswith("The build failed: dockerfile parse error on line 2: ")


def test_a_step_that_two_targets_have_in_common_is_named() -> None:
    """By the title that BuildKit gave it, which need not be of the target that failed first."""
    lines = [
        *("#7 [ok 1/1] RUN make", "#7 CANCELED", "#8 [base 1/1] COPY nothing /"),
        *('#8 ERROR: "/nothing": not found', "------", " > [base 1/1] COPY nothing /:", "------", "------"),
        *(" > [ok 1/1] RUN make:", "------"),
        'ERROR: target api: failed to solve: failed to compute cache key: "/nothing": not found',
    ]
    assert errors.build_failed(lines).cause.startswith("The build failed at [base 1/1] COPY nothing /: ")


@pytest.mark.parametrize(("failed", "name"), EVERY)
def test_every_failure_is_two_sentences_without_secrets(failed: Callable[[str], EcrTasksError], name: str) -> None:
    error = failed(name)
    for sentence in (error.cause, error.remedy):
        assert sentence.endswith((".", "!"))
        assert "\n" not in sentence
        assert "\x1b" not in sentence
        assert not any(secret in sentence for secret in SECRETS.values())
        assert "--metadata-file" not in sentence
    assert isinstance(error, (BuildError, RegistryError, AwsError, Refused))


@pytest.mark.parametrize("name", ["failing-run", "two-targets"])
def test_a_failing_step_is_named_with_its_exit_code(name: str) -> None:
    error = build_error(name)
    assert error.code == ExitCode.BUILD
    assert 'RUN echo "about to fail" && exit 42' in error.cause
    assert "exit code: 42" in error.cause
    assert "Dockerfile" in error.remedy


def test_a_live_terminals_output_says_the_same() -> None:
    """What buildx draws on a terminal, with its colours and carriage returns, read as ``process.run`` reads it."""
    script = (
        "import os, sys; from ecr_tasks.clients.docker import process\n"
        "result = process.run(['cat', sys.argv[1]], env=dict(os.environ))\n"
        "print('\\n'.join(result.lines))"
    )
    words = [sys.executable, "-c", script, str(RECORDED / "failing-run.tty")]
    completed = subprocess.run(words, capture_output=True, text=True, check=True)
    error = errors.build_failed(completed.stdout.splitlines())
    assert (error.cause, error.remedy) == (build_error("failing-run").cause, build_error("failing-run").remedy)


def test_a_missing_file_is_named() -> None:
    error = errors.build_failed(recorded("missing-copy"))
    assert "/s3cr3t-folder/nothere.txt" in error.cause
    assert "COPY" in error.cause
    assert "azabd89rkllw9jkbvwnaknpj7" not in error.cause  # a reference that is another one each time


def test_an_unknown_base_image_is_named_with_what_to_check() -> None:
    error = build_error("unknown-base")
    assert "local/nosuchbase:1" in error.cause
    assert "Correct the name" in error.remedy


def test_a_syntax_error_is_named_with_its_line() -> None:
    assert "line 2: unknown instruction: RUNN" in build_error("syntax-error").cause


def test_missing_dockerfiles_and_stages_are_named() -> None:
    assert "none.Dockerfile" in build_error("missing-dockerfile").cause
    assert "nostage" in build_error("missing-stage").cause


def test_a_builders_push_is_no_failed_build() -> None:
    assert isinstance(build_error("builder-pushes-to-itself"), RegistryError)


def test_an_unknown_builder_is_named_with_its_setting() -> None:
    error = build_error("unknown-builder")
    assert "nosuch" in error.cause
    assert "ECR_BUILDER" in error.remedy


@pytest.mark.parametrize("name", ["no-engine-build", "no-engine-tcp"])
def test_no_engine_is_no_mistake_of_the_dockerfile(name: str) -> None:
    assert "engine" in build_error(name).cause
    assert "Start Docker" in build_error(name).remedy


def test_no_engine_is_no_mistake_of_the_registry() -> None:
    assert push_error("no-engine-push").code == ExitCode.BUILD
    error = errors.command_failed("ask the engine", "\n".join(recorded("no-engine-push")))
    assert "Start Docker" in error.remedy


def test_a_bake_file_that_cant_be_read_is_no_missing_engine() -> None:
    stderr = "ERROR: docker-bake.hcl:5,21-22: Missing newline after argument"
    error = errors.command_failed("read docker-bake.hcl", stderr, "Mend docker-bake.hcl.")
    assert (error.code, error.remedy) == (ExitCode.BUILD, "Mend docker-bake.hcl.")
    gone = errors.command_failed("read it", "\n".join(recorded("no-engine-push")), "Mend docker-bake.hcl.")
    assert "Start Docker" in gone.remedy


def test_a_failed_copy_names_the_digest_once() -> None:
    digest = f"sha256:{'a' * 64}"
    error = errors.copy_failed(f"one/app@{digest}", f"two/app@{digest}", ["ERROR: unexpected EOF"])
    assert error.cause.count(digest) == 1
    assert " to two/app failed" in error.cause


@pytest.mark.parametrize("name", ["no-buildx-flag", "no-buildx-command"])
def test_a_client_without_buildx_is_told_what_to_install(name: str) -> None:
    error = build_error(name)
    assert error.code == ExitCode.BUILD
    assert "buildx" in error.cause
    assert "docker-buildx-plugin" in error.remedy
    error = errors.command_failed("ask buildx for its builder", "\n".join(recorded(name)))
    assert "docker-buildx-plugin" in error.remedy


def test_a_flag_that_this_buildx_does_not_know_is_named_and_no_missing_buildx() -> None:
    error = build_error("unknown-flag")
    assert "unknown flag: --nosuchflag" in error.cause
    assert "Install" not in error.remedy


@pytest.mark.parametrize("name", ["push-immutable-repository", "push-immutable-tag", "push-podman-immutable-tag"])
def test_an_immutable_tag_is_a_refusal(name: str) -> None:
    error = push_error(name)
    assert error.code == ExitCode.REFUSED
    assert REFERENCE in error.cause
    assert "immutable" in error.cause


@pytest.mark.parametrize("name", ["push-auth", "push-denied"])
def test_a_push_without_permission_names_the_permissions(name: str) -> None:
    error = push_error(name)
    assert error.code == ExitCode.REGISTRY
    assert "ecr:PutImage" in error.remedy


@pytest.mark.parametrize("before", ["denied: ", "error from registry: ", "error from registry: denied: "])
def test_a_denied_push_names_the_action_the_caller_and_the_policy(before: str) -> None:
    caller = "arn:aws:sts::123456789012:assumed-role/ecr-push/run-7"
    *lines, last = recorded("push-not-authorized")
    line = last.replace("error from registry: ", before)
    error = errors.push_failed(REFERENCE, [*lines, line])
    assert error.code == ExitCode.AWS  # as where the SDK meets it
    assert f"{caller} may not do ecr:InitiateLayerUpload on arn:aws:ecr:" in error.cause
    assert "inv iam.policy" in error.remedy
    assert transient.reason([*lines, line]) is None


def test_a_repository_that_went_away_is_named() -> None:
    assert "does not exist in the registry" in push_error("push-norepo").cause


def test_a_tag_that_is_not_there_to_be_pulled_is_named() -> None:
    error = pull_error("pull-norepo")
    assert error.code == ExitCode.REGISTRY
    assert REFERENCE in error.cause
    assert "tag or digest" in error.remedy


def test_a_registry_that_does_not_answer_may_be_tried_again() -> None:
    error = pull_error("pull-refused")
    assert "connection refused" in error.cause
    assert "Run it again" in error.remedy


BUSY = "the registry answered 429 Too Many Requests"
SLOW_DOWN = "the registry asks to slow down (too many requests)"
FAILING = "the registry answered 500 Internal Server Error"
LOST = "the connection was lost (EOF)"
BROKEN = "the connection was lost (transport connection broken)"
TRANSIENT = {
    "push-busy-blob": BUSY,
    "push-busy-upload": SLOW_DOWN,
    "push-busy-manifest": SLOW_DOWN,
    "push-failing": FAILING,
    "push-failing-upload": "the registry has trouble",
    "push-dropped": LOST,
    "push-truncated-head": BROKEN,
    "push-classic-busy": SLOW_DOWN,
    "push-classic-busy-blob": SLOW_DOWN,
    "push-classic-failing": FAILING,
    "push-classic-dropped": LOST,
    "pull-busy": BUSY,
    "pull-failing": FAILING,
    "pull-dropped": LOST,
    "copy-busy": BUSY,
    "copy-failing": FAILING,
    "copy-dropped": LOST,
    "base-busy": BUSY,
    "base-failing": "the registry answered 503 Service Unavailable",
    "pull-busy-head": BUSY,
    "push-busy-head": BUSY,
    "push-podman-busy": "the registry answered 429",
    "push-podman-failing": "the registry answered 503 Service Unavailable",
}


TRANSIENT_BUILDS = {
    "build-busy-base": BUSY,
    "build-busy-layer": BUSY,
    "build-classic-busy-layer": BUSY,
    "build-busy-frontend": BUSY,
    "build-busy-cache": BUSY,
    "build-failing-base": FAILING,
    "build-dropped-base": LOST,
    "build-dropped-layer": LOST,
}


@pytest.mark.parametrize("name", [path.stem for path in sorted(RECORDED.glob("build-*.txt"))])
def test_a_registry_that_a_build_reads_from_is_told_from_a_step_with_the_same_words(name: str) -> None:
    assert transient.build_reason(recorded(name)) == TRANSIENT_BUILDS.get(name)


@pytest.mark.parametrize("name", [path.stem for path in sorted(RECORDED.glob("*.txt"))])
def test_a_failed_build_is_the_same_with_the_other_one_of_its_two_errors(name: str) -> None:
    solve = recorded(name)
    prefix = re.compile("^(ERROR: (?:target [^ ]+: |failed to build: )*)failed to solve: ")
    call = [prefix.sub(r"\1failed to run Build function: ", line) for line in solve]
    assert transient.build_reason(call) == transient.build_reason(solve)
    assert str(errors.build_failed(call)) == str(errors.build_failed(solve))


@pytest.mark.parametrize(
    "message",
    [
        "failed to load cache key: invalid response status 429",
        "failed to load cache key: failed to fetch remote https://example.com/a.git: git stderr: HTTP 429",
        "alpine: toomanyrequests: You have reached your unauthenticated pull rate limit.",
        "public.ecr.aws/a: toomanyrequests: Data limit exceeded",
        "a: failed to resolve source metadata for a.example/status/503: not found",
    ],
)
def test_a_build_is_not_repeated_for_what_waiting_does_not_mend(message: str) -> None:
    assert transient.build_reason([f"ERROR: failed to build: failed to solve: {message}"]) is None


def test_a_builder_that_goes_away_is_no_registry() -> None:
    line = "ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF"
    assert transient.build_reason([line]) is None


TRANSFERRED = [path.stem for path in sorted(RECORDED.glob("*.txt")) if not path.stem.startswith("build-")]


@pytest.mark.parametrize("name", TRANSFERRED)
def test_what_passes_is_told_from_what_stays(name: str) -> None:
    assert transient.reason(recorded(name)) == TRANSIENT.get(name)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("read tcp 10.0.0.2:4711->10.0.0.3:443: read: connection reset by peer", "connection reset by peer"),
        ("write tcp 10.0.0.2:4711->10.0.0.3:443: write: broken pipe", "broken pipe"),
        (
            'Put "https://example.com/v2/app/blobs/uploads/1": net/http: TLS handshake timeout',
            "TLS handshake timeout",
        ),
        ("dial tcp 10.0.0.3:443: i/o timeout", "i/o timeout"),
        ("failed to copy: httpReadSeeker: failed open: unexpected EOF", "EOF"),
        ("received unexpected HTTP status: 503 Service Unavailable", "503 Service Unavailable"),
        ("error parsing HTTP 502 response body: invalid character '<'", "502"),
        ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", "Client.Timeout exceeded"),
    ],
)
def test_other_words_for_what_passes(message: str, reason: str) -> None:
    assert reason in str(transient.reason(["The push refers to repository [app]", message]))


@pytest.mark.parametrize(
    "message",
    [
        "denied: User: arn:aws:sts::1:assumed-role/ci is not authorized to perform: ecr:PutImage: EOF",
        "denied: Your authorization token has expired. Reauthenticate and try again.",
        "no basic auth credentials",
        "dial tcp 127.0.0.1:4510: connect: connection refused",
        "dial tcp: lookup example.com: no such host",
        "write /var/lib/containerd/ingest/data: no space left on device: unexpected EOF",
        "unexpected commit digest sha256:1, expected sha256:2: failed precondition",
        "content digest mismatch: unexpected EOF",
        "unexpected status from PUT request to https://example.com/v2/app/manifests/1: 403 Forbidden",
        "unexpected status from HEAD request to https://example.com/v2/429/blobs/500: 400 Bad Request",
        'failed to do request: Put "https://example.com/v2/toomanyrequests/EOF": x509: certificate has expired',
        "received 500 of 502 bytes",
        "",
    ],
)
def test_what_no_waiting_mends(message: str) -> None:
    assert transient.reason(["unexpected EOF", message] if message else []) is None


UNREACHED = [
    (recorded("push-unknown-host")[-1], "no such host"),
    ("dial tcp: lookup example.com on 10.0.0.2:53: server misbehaving", "server misbehaving"),
    ("dial tcp: lookup example.com: Temporary failure in name resolution", "name resolution"),
    ("dial tcp 10.0.0.3:443: connect: connection refused", "connection refused"),
    ("dial tcp 10.0.0.3:443: connect: network is unreachable", "network is unreachable"),
]


@pytest.mark.parametrize(("message", "words"), UNREACHED)
def test_a_registry_that_ecr_named_is_only_away_for_a_while(message: str, words: str) -> None:
    """Others may be misspelt."""
    expected = f"the registry can't be reached ({words})"
    assert transient.transfer_reason([message]) == transient.copy_reason(["a/b"], [message]) == expected
    assert transient.build_reason([f"ERROR: failed to solve: {message}"]) is None
    assert transient.build_reason([f"ERROR: failed to solve: failed to push a/b: {message}"]) == expected
    assert transient.refused_here([message]) is None


def test_the_address_of_a_registry_on_this_machine_is_known() -> None:
    assert transient.refused_here(recorded("pull-refused")) == ("127.0.0.1", 9)
    assert transient.refused_here(['Get "http://[::1]:80/": dial tcp [::1]:80: connect: connection refused']) == (
        "::1",
        80,
    )


def test_earlier_words_decide_nothing() -> None:
    """docker reports its own retries too; the last error is the cause."""
    lines = ["c474a0def0af: Retrying in 1 second", "429 Too Many Requests", "denied: no"]
    assert transient.reason(lines) is None


def test_a_registry_that_only_says_unknown_is_not_quoted() -> None:
    assert "500 Internal Server Error" in copy_error("copy-failing").cause
    assert "error from registry" in push_error("push-failing-upload").cause


FULL = {
    "build": "ERROR: failed to solve: failed to copy files: copy file range failed: no space left on device",
    "pull": "failed to register layer: write /usr/lib/libpython3.so: no space left on device",
    "push": "failed to copy: write /var/lib/containerd/ingest/data: no space left on device",
}


def test_a_full_disk_is_told_to_be_full() -> None:
    full_disk_errors = [
        errors.build_failed([FULL["build"]]),
        errors.pull_failed(REFERENCE, [FULL["pull"]]),
        errors.push_failed(REFERENCE, [FULL["push"]]),
    ]
    for error in full_disk_errors:
        assert "no space left" in error.cause
        assert re.search(r"[Ff]ree space", error.remedy)


def test_build_arguments_are_left_out_of_the_step_and_of_the_cause() -> None:
    assert "s3cr3t" not in str(build_error("missing-copy"))
    assert "nothere.txt" in str(build_error("missing-copy"))


def test_a_secret_within_a_longer_one_leaves_nothing_of_either() -> None:
    lines = ["ERROR: failed to solve: abc-def-ghi: not found"]
    redaction.keep_build_arguments({"TOKEN": "abc-def", "PASSWORD": "abc-def-ghi"})
    assert not re.search("abc|def|ghi", errors.build_failed(lines).cause)


def test_silence_is_an_error_too() -> None:
    for error in (errors.build_failed([]), errors.push_failed(REFERENCE, ["", "  "])):
        assert error.cause.endswith(".")
        assert "nothing" in error.cause


def test_an_error_that_names_what_docker_said_repeats_it_and_another_does_not() -> None:
    line = 'ERROR: failed to build: failed to solve: process "/bin/sh -c false" did not complete: exit code: 1'
    assert errors.repeats(errors.build_failed([line]), line)
    assert not errors.repeats(errors.build_failed([line]), "ERROR: something else")
    assert not errors.repeats(errors.build_failed([line]), "")
