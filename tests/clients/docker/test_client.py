"""The docker port with scripts as docker and buildx, for rare behaviour of real ones and to count the processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_tasks.clients.docker.client import WhalesDocker
from ecr_tasks.clients.docker.command_line import translate_errors
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.parse import build_result, loaded_config
from ecr_tasks.clients.docker.process import ProcessResult
from ecr_tasks.clients.retry import Retrier
from ecr_tasks.errors import AwsError, BuildError, EcrTasksError, NoAnswer, NoSuchImage, RegistryError
from ecr_tasks.model.image import NO_ATTESTATIONS, BakeFile, BakeTarget, BuildDefinition, BuildInput, Keep
from ecr_tasks.model.ports import Engine
from ecr_tasks.model.registry import RegistryToken

DIGEST = "sha256:" + "a" * 64
RECORDED = Path(__file__).parents[2] / "data" / "docker"
PLUGIN = """#!/bin/sh
[ "$3 $4" = "system dial-stdio" ] && exit 1
echo begun >>{folder}/builds
if [ "$(wc -l <{folder}/builds)" -le {failures} ]; then cat {output}; exit 1; fi
while [ "$1" != --metadata-file ]; do shift; done
echo '{metadata}' >"$2"
"""


def builder(folder: Path, recording: str, failures: int, words: list[str] | None = None) -> WhalesDocker:
    """Return a port whose buildx fails so many times with the output of a recording; ``words`` gets the reports."""
    plugin = folder / "docker" / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    metadata = json.dumps({"app": {"containerimage.digest": DIGEST, "containerimage.descriptor": {"digest": DIGEST}}})
    text = PLUGIN.format(folder=folder, failures=failures, output=RECORDED / f"{recording}.txt", metadata=metadata)
    plugin.write_text(text, encoding="utf-8")
    plugin.chmod(0o755)
    config = PrivateConfig({"DOCKER_CONFIG": str(folder / "docker")}, folder)
    retrier = Retrier((words if words is not None else []).append, sleep=lambda seconds: False)
    return WhalesDocker(config, folder, {}, retrier=retrier)


def build(port: WhalesDocker) -> str | None:
    return port.build([BuildInput("app", BuildDefinition("."), ("app:latest",), "store")], None)["app"].digest


def begun(folder: Path) -> int:
    return len((folder / "builds").read_text(encoding="utf-8").splitlines())


def test_a_name_that_another_build_gave_at_that_moment_is_given_once_more(tmp_path: Path) -> None:
    assert build(builder(tmp_path, "name-race", failures=2)) == DIGEST
    assert begun(tmp_path) == 3


def test_a_name_that_is_taken_every_time_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="already exists"):
        build(builder(tmp_path, "name-race", failures=99))
    assert begun(tmp_path) == 5


NAME_TAKEN = (
    "failed to create an image h/a:u with target sha256:0 after deleting the existing one: AlreadyExists: "
    'image "h/a:u": already exists',
    "creating image h/a:u failed because it already exists, but accessing it also failed: No such image: h/a:u",
    "failed to delete previous image h/a:u: failed to delete image h/a:u which existed a moment before: "
    'NotFound: image "h/a:u": not found',
)
"""What docker said while runs named, replaced and removed the same images, and one more that its source has."""


@pytest.mark.parametrize(
    ("failures", "tried", "words"),
    [(0, 1, NAME_TAKEN[0]), (99, 5, NAME_TAKEN[0]), *((2, 3, words) for words in NAME_TAKEN)],
)
def test_a_name_that_another_run_gives_or_removes_at_that_moment_is_given_once_more(
    port: WhalesDocker, tmp_path: Path, failures: int, tried: int, words: str
) -> None:
    """In containerd's store, docker deletes the name and creates it, and another run comes between."""
    script = tmp_path / "bin" / "docker"
    message = f"Error response from daemon: {words}"
    taken = f"[ $(grep -c 'image tag' {tmp_path}/calls) -gt {failures} ] || {{ echo '{message}' >&2; exit 1; }}"
    script.write_text(f"{script.read_text('utf-8')}\n{taken}\n", encoding="utf-8")
    if failures < tried:
        port.tag(DIGEST, "h/a:u")
    else:
        with pytest.raises(BuildError, match="already exists"):
            port.tag(DIGEST, "h/a:u")
    assert len([call for call in calls(tmp_path) if call.startswith("image tag")]) == tried


def test_a_build_that_fails_of_itself_is_not_begun_again(tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        build(builder(tmp_path, "failing-run", failures=99))
    assert begun(tmp_path) == 1


@pytest.mark.parametrize("recording", ["build-busy-base", "build-busy-frontend", "build-dropped-layer"])
def test_a_build_begins_again_when_a_registry_that_it_reads_from_is_busy(tmp_path: Path, recording: str) -> None:
    words: list[str] = []
    assert build(builder(tmp_path, recording, 3, words)) == DIGEST
    assert begun(tmp_path) == 4
    assert "trying again in" in words[0]  # waits for one reason that overlap are reported once


def test_a_step_that_prints_that_a_registry_is_busy_is_not_begun_again(tmp_path: Path) -> None:
    with pytest.raises(BuildError):
        build(builder(tmp_path, "build-step-429", failures=99))
    assert begun(tmp_path) == 1


def test_a_registry_that_stays_busy_ends_the_build(tmp_path: Path) -> None:
    with pytest.raises(EcrTasksError, match="429"):
        build(builder(tmp_path, "build-busy-base", failures=99))
    assert begun(tmp_path) == 9


LOOK_UP = """#!/bin/sh
[ "$3 $4" = "system dial-stdio" ] && exit 1
echo begun >>{folder}/builds
if [ "$(wc -l <{folder}/builds)" -le {failures} ]; then echo 'ERROR: {error}' >&2; exit 1; fi
echo '{{"digest": "{digest}"}}'
"""


@pytest.mark.parametrize(
    ("error", "failures", "found"),
    [("unexpected status: 429 Too Many Requests", 3, True), ("host/app: not found", 1, False), ("EOF", 99, False)],
)
def test_a_base_images_digest_is_asked_for_again(tmp_path: Path, error: str, failures: int, found: bool) -> None:
    port = builder(tmp_path, "build-busy-base", 0)
    plugin = tmp_path / "docker" / "cli-plugins" / "docker-buildx"
    plugin.write_text(
        LOOK_UP.format(folder=tmp_path, failures=failures, error=error, digest=DIGEST), encoding="utf-8"
    )
    if found:
        assert port.image_digest("host/app", None, local=False) == DIGEST
    else:
        with pytest.raises(EcrTasksError):
            port.image_digest("host/app", None, local=False)
    assert begun(tmp_path) == {3: 4, 1: 1, 99: 6}[failures]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("{reference}: not found", NoSuchImage),
        ("pull access denied, repository does not exist or may require authorization", NoSuchImage),
        ("failed to do request: dial tcp: lookup host: no such host", RegistryError),
        ("unexpected status from HEAD request: 401 Unauthorized", RegistryError),
    ],
)
@pytest.mark.parametrize("reference", ["host/app:1", f"host/app:1@{DIGEST}"])
def test_only_a_registry_that_says_so_has_no_such_image(
    tmp_path: Path, error: str, kind: type[EcrTasksError], reference: str
) -> None:
    port = builder(tmp_path, "build-busy-base", 0)
    plugin = tmp_path / "docker" / "cli-plugins" / "docker-buildx"
    plugin.write_text(f"#!/bin/sh\necho 'ERROR: {error.format(reference=reference)}' >&2\nexit 1\n", encoding="utf-8")
    with pytest.raises(EcrTasksError) as caught:
        port.image_digest(reference, None, local=False)
    assert type(caught.value) is kind
    assert "its output" not in caught.value.remedy
    if "{reference}" in error:
        assert caught.value.cause == f"There is no {reference}: not found."


def test_a_registry_that_never_answers_is_given_up(tmp_path: Path) -> None:
    port = builder(tmp_path, "build-busy-base", 0)
    plugin = tmp_path / "docker" / "cli-plugins" / "docker-buildx"
    plugin.write_text("#!/bin/sh\nexec sleep 600\n", encoding="utf-8")
    with pytest.raises(NoAnswer, match="docker could not find host/app: there was no answer"):
        port.image_digest("host/app", None, local=False, seconds=0.5)


CONFIG = "sha256:" + "c" * 64
LOADED = {
    "buildx.build.ref": "beside/beside0/xyz",
    "containerimage.config.digest": CONFIG,
    "containerimage.descriptor": {"digest": DIGEST, "platform": {"architecture": "amd64", "os": "linux"}},
    "containerimage.digest": DIGEST,
}
"""buildx's metadata of an image that a builder beside the engine made and loaded into the store."""


def test_only_what_a_builder_beside_the_engine_made_is_asked_for(tmp_path: Path) -> None:
    assert loaded_config(LOADED, tmp_path) is None  # the engine's own builder has no file there
    (tmp_path / "beside").touch()
    assert loaded_config(LOADED, tmp_path) == CONFIG
    assert loaded_config({**LOADED, "buildx.build.ref": "default/default/xyz"}, tmp_path) is None
    assert loaded_config({name: LOADED[name] for name in LOADED if "ref" not in name}, tmp_path) == CONFIG


@pytest.mark.parametrize(
    ("known_as", "digest", "image_id"), [(None, DIGEST, DIGEST), (DIGEST, DIGEST, DIGEST), (CONFIG, None, CONFIG)]
)
def test_a_classic_store_makes_its_own_manifest_of_what_was_loaded(
    known_as: str | None, digest: str | None, image_id: str
) -> None:
    item = BuildInput("app", BuildDefinition("."), ("app:latest",), "store")
    result = build_result(item, LOADED, loaded_as=known_as)
    assert (result.digest, result.image_id, result.platforms) == (digest, image_id, ("linux/amd64",))


def test_a_platform_that_an_older_buildkit_leaves_out_is_the_one_it_was_told() -> None:
    metadata = {"containerimage.digest": DIGEST, "containerimage.descriptor": {"digest": DIGEST, "size": 1}}
    result = build_result(
        BuildInput("app", BuildDefinition(".", platforms=("linux/arm/v7",)), (), "builder"), metadata
    )
    assert result.descriptor["platform"] == {"os": "linux", "architecture": "arm", "variant": "v7"}


DOCKER = """#!/bin/sh
[ "$1" = --config ] && shift 2
echo "$*" >>{folder}/calls
case "$*" in
  "system info"*) echo '{info}' ;;
  version*) echo "permission denied while trying to connect to the docker API" >&2; exit 1 ;;
  "buildx bake"*wrong.hcl) echo "ERROR: wrong.hcl:1,1-2: Missing newline" >&2; exit 1 ;;
  "buildx bake"*) echo '{{"target": {{"app": {{"args": {{"COLOUR": "'"$COLOUR"'"}}}}}}}}' ;;
  "buildx inspect mine") printf 'Name: mine\\nDriver: docker-container\\n\\nNodes:\\nName: a\\n\\nName: b\\n' ;;
  "buildx inspect"*)
    name=${{3:-${{BUILDX_BUILDER:-default}}}}
    [ $name = dead ] && driver= || driver=docker
    printf 'Name: %s\\nDriver: %s\\n\\nNodes:\\nName: %s\\n' "$name" "$driver" "$name" ;;
  "context show") echo default ;;
  "image inspect none"*) echo "Error response from daemon: No such image: none" >&2; exit 1 ;;
  "image inspect"*) echo '[{{"Id": "{digest}", "RepoDigests": ["host/app@{digest}"]}}]' ;;
  "container rm"*) echo "Error response from daemon: No such container: local" >&2; exit 1 ;;
esac
"""
INFO = {
    "ServerVersion": "28.5.2",
    "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    "OSType": "linux",
    "Architecture": "aarch64",
}


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WhalesDocker:
    """A port whose docker is a script that logs its calls."""
    return port_on(tmp_path, monkeypatch, INFO)


def port_on(folder: Path, monkeypatch: pytest.MonkeyPatch, info: object) -> WhalesDocker:
    """Return a port whose docker is a script that logs its calls and prints this information about the engine."""
    script = folder / "bin" / "docker"
    script.parent.mkdir()
    script.write_text(DOCKER.format(folder=folder, info=json.dumps(info), digest=DIGEST), encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    monkeypatch.setattr("ecr_tasks.clients.docker.config.SYSTEM_PLUGINS", ())
    config = PrivateConfig({"DOCKER_CONFIG": str(folder / "docker")}, folder)
    return WhalesDocker(config, folder, {"TOKEN": "hush"})


def calls(folder: Path) -> list[str]:
    """Return the command lines of all docker processes so far, but for the way to the engine's API: there is none."""
    lines = (folder / "calls").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line != "system dial-stdio"]


ONE_PROCESS: list[tuple[Callable[[WhalesDocker], object], object, str]] = [
    (lambda port: port.tag("one:1", "two:2"), None, "image tag one:1 two:2"),
    (lambda port: port.image_id("app"), DIGEST, "image inspect app"),
    (lambda port: port.image_id("none"), None, "image inspect none"),
    (lambda port: port.image_digest("host/app", None, local=True), DIGEST, "image inspect host/app"),
    (
        lambda port: port.targets(["a.hcl", "b.hcl"], Path(), {**os.environ, "COLOUR": "red"}),
        BakeFile({"app": BakeTarget(BuildDefinition(".", args={"COLOUR": "red"}))}, ("app",)),
        "buildx bake --print --file a.hcl --file b.hcl",
    ),
    (lambda port: port.push("app"), None, "push app"),
    (lambda port: port.pull("app", "linux/arm64"), None, "pull --platform linux/arm64 app"),
    (lambda port: port.remove_service("local"), None, "container rm --force local"),
    (
        lambda port: port.login(RegistryToken("host", "AWS", "hush")),
        None,
        "login --username AWS --password-stdin host",
    ),
    (lambda port: port.logout("host"), None, "logout host"),
]


@pytest.mark.parametrize(("call", "result", "command"), ONE_PROCESS, ids=[command for _, _, command in ONE_PROCESS])
def test_a_call_is_one_docker_process(
    port: WhalesDocker,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    call: Callable[[WhalesDocker], object],
    result: object,
    command: str,
) -> None:
    assert call(port) == result
    assert calls(tmp_path) == [command]
    assert capfd.readouterr().out == ""


def test_the_engine_and_its_builder_are_one_process_each(port: WhalesDocker, tmp_path: Path) -> None:
    engine = port.engine("mine")
    assert engine == Engine(True, "linux/arm64", "mine", "docker-container", nodes=2)
    assert calls(tmp_path) == ["system info --format {{json .}}", "buildx inspect mine"]


def test_the_engines_own_builder_has_one_node(port: WhalesDocker) -> None:
    assert port.engine(None) == Engine(True, "linux/arm64", "default", "docker")


@pytest.mark.parametrize("name", ["elsewhere", "dead"])
@pytest.mark.parametrize("variable", [False, True])
def test_a_docker_context_is_a_builder_only_where_docker_uses_it(
    port: WhalesDocker, monkeypatch: pytest.MonkeyPatch, variable: bool, name: str
) -> None:
    """buildx lists contexts as builders, and refuses to build with another one than docker's."""
    assert port.engine("default").builder == "default"
    if variable:
        monkeypatch.setenv("BUILDX_BUILDER", name)
    with pytest.raises(BuildError) as error:
        port.engine(None if variable else name)
    assert f"{name} is a docker context" in error.value.cause
    assert f"DOCKER_CONTEXT={name}" in error.value.remedy


def test_a_client_that_reports_a_missing_engine_with_success_is_asked_for_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docker 20.10 does for `docker info --format`."""
    port = port_on(tmp_path, monkeypatch, {"ServerErrors": ["permission denied"]})
    with pytest.raises(BuildError, match="permission denied while trying to connect"):
        port.engine(None)


def test_an_error_has_no_command_line_in_its_traceback(port: WhalesDocker) -> None:
    with pytest.raises(BuildError) as caught:
        port.targets(["wrong.hcl"], Path(), os.environ)
    assert "Missing newline" in caught.value.cause
    assert caught.value.remedy.startswith("Mend wrong.hcl; ")
    assert "The command executed was" not in "".join(traceback.format_exception(caught.value))


def test_a_missing_docker_client_is_an_error(port: WhalesDocker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for call in (lambda: port.engine(None), lambda: port.push("app"), lambda: port.tag("a", "b")):
        with pytest.raises(BuildError, match="docker command was not found"):
            call()
    with pytest.raises(BuildError, match="docker command was not found"):
        port.logout("host")


def test_a_build_gets_the_files_variables_that_its_secrets_name_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, str] = {}

    def show(self: object, command: object, variables: Mapping[str, str], *, needed: object, build: bool) -> object:
        seen.update({name: value for name, value in variables.items() if not name.startswith("BUILDX_")})
        return ProcessResult(1, ("ERROR: stop",))

    monkeypatch.setattr("ecr_tasks.clients.docker.command_line.CommandLine.show", show)
    names = ("NPM", "PIP", "BY_ID", "AWS_SECRET_ACCESS_KEY", "DEEP", "FILE")
    port = WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {name: name.lower() for name in names})
    base = BuildDefinition(".", secrets=("id=d,env=DEEP",))
    secrets = ("id=n,env=NPM", "type=env,id=p,src=PIP", "id=f,src=FILE", "id=BY_ID", "id=x,env=NOWHERE")
    with pytest.raises(BuildError):
        port.build([BuildInput("app", BuildDefinition(".", secrets=secrets, linked={"base": base}), ())], None)
    assert seen == {"NPM": "npm", "PIP": "pip", "BY_ID": "by_id", "DEEP": "deep"}


@pytest.mark.parametrize(
    ("keep", "own", "asked"),
    [("store", None, "max"), ("store", "min", None), ("builder", None, None)],
)
def test_how_an_image_was_built_is_asked_for_where_its_manifest_is_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: Keep, own: str | None, asked: str | None
) -> None:
    seen: list[str | None] = []

    def show(self: object, command: object, variables: Mapping[str, str], *, needed: object, build: bool) -> object:
        seen.append(variables.get("BUILDX_METADATA_PROVENANCE"))
        return ProcessResult(1, ("ERROR: stop",))

    monkeypatch.setattr("ecr_tasks.clients.docker.command_line.CommandLine.show", show)
    monkeypatch.delenv("BUILDX_METADATA_PROVENANCE", raising=False)
    if own is not None:
        monkeypatch.setenv("BUILDX_METADATA_PROVENANCE", own)
    with pytest.raises(BuildError):
        WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {}).build(
            [BuildInput("app", BuildDefinition(".", attest=NO_ATTESTATIONS), (), keep)], None
        )
    assert seen == [asked]


@pytest.mark.parametrize(
    ("attest", "provenance", "asks"),
    [
        (NO_ATTESTATIONS, False, False),
        (("type=provenance,mode=max",), False, True),
        ((), False, True),  # buildx adds provenance by itself
        (NO_ATTESTATIONS, True, True),
    ],
)
def test_buildx_asks_git_only_where_provenance_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attest: tuple[str, ...], provenance: bool, asks: bool
) -> None:
    seen: dict[str, str] = {}

    def show(self: object, command: object, variables: Mapping[str, str], *, needed: object, build: bool) -> object:
        seen.update(variables)
        return ProcessResult(1, ("ERROR: stop",))

    monkeypatch.setattr("ecr_tasks.clients.docker.command_line.CommandLine.show", show)
    port = WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {})
    plain = BuildInput("plain", BuildDefinition(".", attest=NO_ATTESTATIONS), ())
    with pytest.raises(BuildError):
        port.build([plain, BuildInput("app", BuildDefinition(".", attest=attest), (), provenance=provenance)], None)
    assert ("BUILDX_GIT_INFO" not in seen) is asks


def test_dockerfiles_are_read_without_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine's store would get an empty image for each, the same one for all, and keep it."""
    read: list[Mapping[str, Mapping[str, object]]] = []

    def bake(self: object, *options: str) -> None:
        read.append(json.loads(Path(options[options.index("--file") + 1]).read_text("utf-8"))["target"])

    monkeypatch.setattr("ecr_tasks.clients.docker.command_line.CommandLine.read_only_bake", bake)
    port = WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {})
    port.read_dockerfiles({"app": BuildDefinition("."), "team/app.test": BuildDefinition(".", target="test")}, None)
    (targets,) = read
    assert [target["output"] for target in targets.values()] == [["type=cacheonly"]] * 2


def test_a_failed_bake_names_the_builds_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def show(self: object, command: object, variables: object, *, needed: object, build: bool) -> object:
        return ProcessResult(1, ('ERROR: target base: failed to solve: process "/bin/false" did not complete',))

    monkeypatch.setattr("ecr_tasks.clients.docker.command_line.CommandLine.show", show)
    port = WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {})
    base = BuildDefinition("base")
    linked = BuildDefinition("api", contexts={"base": "target:base"}, linked={"base": base})
    deep = BuildDefinition("web", contexts={"api": "target:api"}, linked={"api": linked})
    inputs = [BuildInput(name, item, ()) for name, item in (("web", deep), ("job", BuildDefinition("j")))]
    with pytest.raises(BuildError) as caught:
        port.build([*inputs, BuildInput("api", linked, ())], None)
    assert caught.value.about == ["web", "api"]


def test_an_answer_that_is_not_docker_s_is_no_traceback() -> None:
    """A program that is only named docker, such as another engine's, answers in a form of its own."""
    with pytest.raises(BuildError) as caught, translate_errors("ask the engine what it is"):
        json.loads("<html>")
    assert "ask the engine what it is" in caught.value.cause
    assert "Docker's own client" in caught.value.remedy


def test_what_docker_says_of_a_file_that_is_no_utf_8_is_its_cause() -> None:
    with pytest.raises(BuildError) as caught, translate_errors("tag x"):
        b"ERROR: name \xff is wrong".decode()
    assert caught.value.cause == "docker could not tag x: name \N{REPLACEMENT CHARACTER} is wrong."


@pytest.mark.parametrize("program", ["junk", "#!/nowhere/shell\n"])
def test_a_buildx_that_can_t_be_started_is_named(tmp_path: Path, program: str) -> None:
    plugin = tmp_path / "docker" / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(program)
    plugin.chmod(0o755)
    port = WhalesDocker(PrivateConfig({"DOCKER_CONFIG": str(tmp_path / "docker")}, tmp_path), tmp_path, {})
    with pytest.raises(BuildError) as caught:
        build(port)
    assert str(plugin) in caught.value.cause
    assert "Install it again" in caught.value.remedy


TRANSFER = """#!/bin/sh
[ "$3 $4" = "system dial-stdio" ] && exit 1
echo begun >>{folder}/begun
grep -q "{auth}" "$DOCKER_CONFIG/config.json" && exit
echo '{error}' >&2
exit 1
"""
STALE, FRESH = RegistryToken("host", "AWS", "stale"), RegistryToken("host", "AWS", "fresh")


@pytest.mark.parametrize(
    ("error", "begun"),
    [
        ("denied: Your authorization token has expired. Reauthenticate and try again.", 2),
        ("unknown: unexpected status from HEAD request to https://host/v2/app/blobs/sha256:1: 403 Forbidden", 2),
        ("failed to authorize: https://host/v2/: no basic auth credentials", 2),
        ("unexpected status from HEAD request to https://docker.io/v2/app/blobs/sha256:1: 403 Forbidden", 1),
        ("denied: User: arn:aws:iam::1:user/x is not authorized to perform: ecr:PutImage", 1),
    ],
)
def test_a_refused_token_is_replaced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str, begun: int
) -> None:
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(TRANSFER.format(folder=tmp_path, auth=FRESH.auth, error=error), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    masked: list[str] = []
    port = WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {}, lambda token: masked.append(token.password))
    port.authorize(replace(STALE, current=lambda refused: STALE if refused is None else FRESH))
    if begun == 1:
        with pytest.raises(EcrTasksError):
            port.push("host/app:1")
    else:
        port.push("host/app:1")
        assert masked == ["stale", "fresh"]
    assert len((tmp_path / "begun").read_text(encoding="utf-8").splitlines()) == begun


def test_a_push_without_a_valid_token_says_why_there_is_none(tmp_path: Path) -> None:
    def no_token(refused: RegistryToken | None) -> RegistryToken:
        raise AwsError("The AWS credentials have expired.", "Get new ones.")

    port = WhalesDocker(PrivateConfig({}, tmp_path), tmp_path, {})
    port.authorize(replace(STALE, current=no_token))
    with pytest.raises(AwsError, match="credentials have expired"):
        port.push("host/app:1")


SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "hush",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "hush",
    "ACTIONS_RUNTIME_TOKEN": "hush",
    "NPM_TOKEN": "hush",
    "ECR_BUILD_ARGS": "TOKEN=hush",
    "GIT_DIR": "/elsewhere",
    "DATABASE_URL": "postgres://me:hush@host/db",
}
MINE = {"DOCKER_CONTENT_TRUST": "0", "HTTPS_PROXY": "http://me:word@proxy", "GITHUB_REPOSITORY": "me/app"}


@pytest.fixture
def seen(port: WhalesDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], set[str]]:
    """Return a function that returns the variables of SECRETS and MINE that the docker commands so far have got."""
    script, log = tmp_path / "bin" / "docker", tmp_path / "environment"
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace("#!/bin/sh\n", f"#!/bin/sh\nenv >>{log}\n"), encoding="utf-8")
    for name, value in {**SECRETS, **MINE}.items():
        monkeypatch.setenv(name, value)
    return lambda: {line.partition("=")[0] for line in log.read_text("utf-8").splitlines()} & {*SECRETS, *MINE}


@pytest.mark.parametrize("call", [call for call, _, _ in ONE_PROCESS[:-2]] + [lambda port: port.engine(None)])
def test_docker_gets_no_secret_that_it_has_no_use_for(
    port: WhalesDocker, seen: Callable[[], set[str]], call: Callable[[WhalesDocker], object]
) -> None:
    call(port)
    assert seen() == {*MINE}


def test_a_login_gives_the_users_helper_what_it_may_need(port: WhalesDocker, seen: Callable[[], set[str]]) -> None:
    port.login(RegistryToken("host", "AWS", "hush"))
    assert seen() == {*MINE, *SECRETS} - {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ECR_BUILD_ARGS",
        "GIT_DIR",
    }


def test_a_definition_gets_the_secrets_that_it_names(
    port: WhalesDocker, seen: Callable[[], set[str]], tmp_path: Path
) -> None:
    file = tmp_path / "docker-bake.hcl"
    file.write_text('variable "NPM_TOKEN" {}\ntarget "default" {}\n', encoding="utf-8")
    port.targets([file.name], tmp_path, os.environ)
    assert seen() == {*MINE, "NPM_TOKEN"}


def test_compose_files_that_read_others_get_what_those_name(
    port: WhalesDocker, seen: Callable[[], set[str]], tmp_path: Path
) -> None:
    (tmp_path / "compose.yaml").write_text("include: [parts/other.yaml]\n", encoding="utf-8")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "other.yaml").write_text("services: {a: {env_file: ../mine.env}}\n", encoding="utf-8")
    (tmp_path / "mine.env").write_text("A=${NPM_TOKEN}\n", encoding="utf-8")
    port.targets(["compose.yaml"], tmp_path, os.environ)
    assert seen() == {*MINE, "NPM_TOKEN"}


@pytest.mark.parametrize("path", ["${FOLDER}/other.yaml", "$FOLDER/other.yaml", "${NONE:-parts}/other.yaml"])
def test_compose_files_that_name_others_by_variables_get_what_those_name(
    port: WhalesDocker, seen: Callable[[], set[str]], tmp_path: Path, path: str
) -> None:
    (tmp_path / "compose.yaml").write_text(f"include: ['{path}']\n", encoding="utf-8")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "other.yaml").write_text("services: {a: {image: '${NPM_TOKEN}'}}\n", encoding="utf-8")
    port.targets(["compose.yaml"], tmp_path, {**os.environ, "FOLDER": "parts"})
    assert seen() - {"FOLDER"} == {*MINE, "NPM_TOKEN"}


def test_compose_files_that_read_unknown_ones_get_everything(
    port: WhalesDocker, seen: Callable[[], set[str]], tmp_path: Path
) -> None:
    (tmp_path / "compose.yaml").write_text("include: ['${WHERE}']\n", encoding="utf-8")
    port.targets(["compose.yaml"], tmp_path, os.environ)
    assert seen() == {*MINE, *SECRETS}


def test_a_cache_in_s3_gets_the_keys_of_the_dotenv_files(
    seen: Callable[[], set[str]], port: WhalesDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    port = WhalesDocker(
        PrivateConfig(os.environ, tmp_path), tmp_path, {"AWS_SECRET_ACCESS_KEY": "x", "MY_TOKEN": "x"}
    )
    definition = BuildDefinition(".", cache_to=("type=s3,region=x,bucket=y",))
    with suppress(EcrTasksError, OSError):  # the script builds nothing
        port.build([BuildInput("app", definition, ())], None)
    assert seen() == {*MINE, "AWS_SECRET_ACCESS_KEY"}


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (BuildDefinition("."), set()),
        (BuildDefinition(".", secrets=("id=x,env=NPM_TOKEN",)), {"NPM_TOKEN"}),
        (BuildDefinition(".", linked={"a": BuildDefinition(".", secrets=("id=NPM_TOKEN",))}), {"NPM_TOKEN"}),
        (BuildDefinition(".", cache_to=("type=s3,region=x,bucket=y",)), {"AWS_SECRET_ACCESS_KEY"}),
        (BuildDefinition(".", cache_from=("type=gha,scope=x",)), {"ACTIONS_RUNTIME_TOKEN"}),
    ],
)
def test_a_build_gets_the_secrets_that_it_refers_to(
    port: WhalesDocker, seen: Callable[[], set[str]], definition: BuildDefinition, expected: set[str]
) -> None:
    with suppress(EcrTasksError, OSError):  # the script builds nothing
        port.build([BuildInput("app", definition, ())], None)
    assert seen() == {*MINE, *expected}


def names_of(folder: Path) -> list[str]:
    """Return the names in the definition that buildx got last."""
    document = json.loads((folder / "definition").read_text(encoding="utf-8"))
    return [name for target in document["target"].values() for name in target.get("tags", ())]


def test_a_build_keeps_a_name_that_no_other_run_takes_until_the_end_of_its_own(tmp_path: Path) -> None:
    """containerd's store drops an image that loses its last name to another run's build."""
    port = builder(tmp_path, "name-race", failures=0)
    plugin = tmp_path / "docker" / "cli-plugins" / "docker-buildx"
    plugin.write_text(plugin.read_text().replace("while [", f'cp "$3" {tmp_path}/definition\nwhile [', 1))
    build(port)
    usual, own = names_of(tmp_path)
    assert usual == "app:latest"
    assert own.startswith("ecr-tasks-build:")
    build(port)
    assert names_of(tmp_path)[1] != own


def test_the_names_of_a_run_are_removed_in_one_call_at_its_end(port: WhalesDocker, tmp_path: Path) -> None:
    port.close()
    assert not (tmp_path / "calls").exists(), "a run that gave no name starts no docker"
    port.tag_for_run(DIGEST, "host/app:upload")
    port.keep(DIGEST)
    port.close()
    kept = calls(tmp_path)[1].split()[-1]
    assert calls(tmp_path)[-1] == f"image rm host/app:upload {kept}"
    port.close()
    assert len(calls(tmp_path)) == 3


def test_the_names_of_killed_runs_are_removed_by_the_next_one(port: WhalesDocker, tmp_path: Path) -> None:
    """Their folders, which are not locked any more, say which they are; the second one has taken over the first's."""
    code = (
        "import os, sys, pathlib\n"
        "from ecr_tasks.clients.docker.config import PrivateConfig\n"
        "config = PrivateConfig({}, pathlib.Path(sys.argv[1]))\n"
        "config.add_names(*sys.argv[2:])\n"
        "os.kill(os.getpid(), 9)\n"
    )
    for name in ("host/app:upload", "ecr-tasks-build:1"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path), name], check=False)
    port.image_id("app")
    assert port.left_names == ["host/app:upload", "ecr-tasks-build:1"]
    port.close()
    assert calls(tmp_path)[-1] == "image rm host/app:upload ecr-tasks-build:1"
