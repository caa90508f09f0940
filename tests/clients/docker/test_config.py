"""The private docker configuration: our token beside the user's own logins, and no trace after its end."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.clients.docker.logins import has_login, is_readable, with_tokens, without_tokens
from ecr_tasks.clients.docker.own_folder import sweep
from ecr_tasks.errors import BuildError
from ecr_tasks.model.registry import RegistryToken
from tests.support.build import HOST

TOKEN = RegistryToken(HOST, "AWS", "the:pass:word")
ENTRY = {"auth": base64.b64encode(b"AWS:the:pass:word").decode()}
OTHERS = {"ghcr.example": {"auth": "b3RoZXI6cGFzcw=="}}


def credentials_for(host: str, config: dict[str, Any]) -> object:
    """Return docker's choice for a host (cli/config/configfile): helper, store, or the file's entry."""
    helpers = config.get("credHelpers") or {}
    store = helpers[host] if host in helpers else config.get("credsStore", "")
    return f"docker-credential-{store}" if store else (config.get("auths") or {}).get(host)


@pytest.mark.parametrize(
    "users",
    [
        {},
        {"auths": None, "credHelpers": None},
        {"auths": OTHERS},
        {"auths": {HOST: {"auth": "c3RhbGU="}}},
        {"auths": {HOST: {}, f"https://{HOST}": {"auth": "c3RhbGU="}}},
        {"auths": {f"https://{HOST}/v1/": {"auth": "c3RhbGU=", "identitytoken": "stale"}}},
        {"auths": {f"https://{HOST}/v2/": {"auth": "c3RhbGU="}, f"http://{HOST}/": {}, f"{HOST}/": {}, **OTHERS}},
        {"auths": {HOST: {"auth": "c3RhbGU=", "identitytoken": "stale", "registrytoken": "stale"}}},
        {"credHelpers": {f"https://{HOST}": "ecr-login"}},
        {"credsStore": "desktop"},
        {"credsStore": "desktop", "auths": {HOST: {}, **OTHERS}},
        {"credHelpers": {HOST: "ecr-login"}},
        {"credHelpers": {HOST: "ecr-login", "ghcr.example": "secretservice"}, "credsStore": "desktop"},
    ],
)
def test_docker_finds_our_token_and_nothing_else_changes(users: dict[str, Any]) -> None:
    before = copy.deepcopy(users)
    config = with_tokens(users, [TOKEN])
    assert credentials_for(HOST, config) == ENTRY
    entries = {**config["auths"], **(config.get("credHelpers") or {})}
    assert [name for name in entries if HOST in name and name != HOST] == []
    assert users == before
    assert credentials_for("ghcr.example", config) == credentials_for("ghcr.example", users)


def test_the_users_other_logins_and_settings_stay() -> None:
    users = {
        "auths": OTHERS,
        "credHelpers": {"gcr.example": "gcloud"},
        "proxies": {"default": {"httpProxy": "http://proxy.example"}},
        "currentContext": "remote",
        "aliases": {"builder": "buildx"},
    }
    config = with_tokens(users, [TOKEN])
    assert config["auths"]["ghcr.example"] == OTHERS["ghcr.example"]
    assert config["credHelpers"] == {"gcr.example": "gcloud"}
    for key in ("proxies", "currentContext", "aliases"):
        assert config[key] == users[key]


def test_another_ecr_registrys_login_stays_the_users() -> None:
    other = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
    auths = {other: {"auth": "bWU6dGhlaXJz"}, f"https://{HOST}.example": {"auth": "bWU6dGhlaXJz"}}
    users = {"auths": auths, "credHelpers": {other: "ecr-login"}}
    config = with_tokens(users, [TOKEN])
    assert credentials_for(other, config) == credentials_for(other, users)
    assert config["auths"] == {**auths, HOST: ENTRY}


@pytest.mark.parametrize("name", [HOST, f"https://{HOST}", f"https://{HOST}/v2/"])
def test_the_variable_with_logins_keeps_none_of_a_host_that_has_a_token(name: str, users: Path, parent: Path) -> None:
    stale = {name: {"auth": "c3RhbGU="}}
    for auths, expected in ((stale, ""), ({**stale, **OTHERS}, json.dumps({"auths": OTHERS}))):
        environ = {"DOCKER_CONFIG": str(users), "DOCKER_AUTH_CONFIG": json.dumps({"auths": auths})}
        private = PrivateConfig(environ, parent)
        assert json.loads(private.environment()["DOCKER_AUTH_CONFIG"])["auths"] == auths
        private.authorize(TOKEN)
        assert private.environment()["DOCKER_AUTH_CONFIG"] == expected
        private.close()


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": "x"}', '{"auths": []} {}', "[" * 100_000])
def test_a_variable_that_cant_be_read_is_not_handed_on(text: str) -> None:
    """docker reads some texts that JSON parsers refuse, as one with a brace too many."""
    assert without_tokens(text, [HOST]) == ""
    assert not is_readable(text)


@pytest.mark.parametrize("text", ["{", json.dumps({"auths": {f"https://{HOST}/v1/": {}}})])
def test_a_variable_that_docker_would_prefer_or_cant_read_is_named(text: str, users: Path, parent: Path) -> None:
    warned: list[str] = []
    private = PrivateConfig({"DOCKER_CONFIG": str(users), "DOCKER_AUTH_CONFIG": text}, parent, warned.append)
    private.environment()
    private.authorize(TOKEN)
    assert len(warned) == 1
    assert warned[0].startswith("DOCKER_AUTH_CONFIG ")
    private.close()


@pytest.mark.parametrize("text", ["", '{"auths": null}', "{}"])
def test_a_variable_without_logins_is_no_trouble(text: str) -> None:
    assert without_tokens(text, [HOST]) == ""
    assert is_readable(text)
    assert not has_login(text, HOST)


@pytest.mark.parametrize("field", ["auths", "Auths", "AUTHS"])
def test_the_variables_login_for_a_host_that_has_a_token_is_named(field: str) -> None:
    """docker's JSON parser does not tell upper and lower case apart."""
    text = json.dumps({field: {HOST: {"auth": "c3RhbGU="}, **OTHERS}})
    assert json.loads(without_tokens(text, [HOST])) == {"auths": OTHERS}
    assert has_login(text, HOST)
    assert not has_login(text, "other.example")


def test_fields_are_found_as_docker_finds_them(tmp_path: Path) -> None:
    users = tmp_path / "own"
    users.mkdir()
    text = json.dumps({"CredsStore": "desktop", "CREDHELPERS": {HOST: "wrong"}, "Auths": OTHERS})
    (users / "config.json").write_text(text, encoding="utf-8")
    private = PrivateConfig({"DOCKER_CONFIG": str(users)}, tmp_path)
    private.authorize(TOKEN)
    config = json.loads((Path(private.environment()["DOCKER_CONFIG"]) / "config.json").read_text("utf-8"))
    private.close()
    assert credentials_for(HOST, config) == ENTRY
    assert credentials_for("ghcr.example", config) == "docker-credential-desktop"
    assert {key for key in config if key.lower() in ("credsstore", "credhelpers", "auths")} == {
        "credsStore",
        "credHelpers",
        "auths",
    }


@pytest.mark.parametrize("auth", ["%%%", "bm9jb2xvbg==", "OnBhc3N3b3Jk", "YTpi YTpi"])
def test_a_login_that_docker_cant_read_spoils_no_other(auth: str) -> None:
    config = with_tokens(
        {"auths": {"ghcr.example": {"auth": auth}, "other.example": OTHERS["ghcr.example"]}}, [TOKEN]
    )
    assert config["auths"] == {"other.example": OTHERS["ghcr.example"], HOST: ENTRY}


def test_without_the_variable_none_is_set(private: PrivateConfig) -> None:
    assert "DOCKER_AUTH_CONFIG" not in private.environment()


def test_several_registries_have_a_token_each() -> None:
    other = RegistryToken("210987654321.dkr.ecr.us-east-1.amazonaws.com", "AWS", "another")
    config = with_tokens({"credsStore": "desktop"}, [TOKEN, other])
    assert credentials_for(HOST, config) == ENTRY
    assert credentials_for(other.host, config) == {"auth": base64.b64encode(b"AWS:another").decode()}


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """A user's docker configuration folder, with one of everything."""
    folder = tmp_path / "users"
    for name in ("cli-plugins", "contexts/meta", "buildx"):
        (folder / name).mkdir(parents=True)
    (folder / "cli-plugins" / "docker-buildx").touch()
    (folder / "ca.pem").write_text("certificate", encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({"auths": OTHERS, "credsStore": "desktop"}), encoding="utf-8")
    return folder


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """The folder of the private folders."""
    folder = tmp_path / "parent"
    folder.mkdir()
    return folder


@pytest.fixture
def private(users: Path, parent: Path) -> Iterator[PrivateConfig]:
    """A private configuration whose folder is not created yet."""
    config = PrivateConfig({"DOCKER_CONFIG": str(users)}, parent)
    yield config
    config.close()


def folder_of(private: PrivateConfig) -> Path:
    """Return the private folder."""
    return Path(private.environment()["DOCKER_CONFIG"])


def mode(path: Path) -> int:
    """Return a path's permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def test_nothing_is_made_before_it_is_needed(private: PrivateConfig, parent: Path) -> None:
    assert list(parent.iterdir()) == []
    assert folder_of(private).is_relative_to(parent)


def test_plugins_contexts_and_certificates_are_the_users_own(private: PrivateConfig, users: Path) -> None:
    folder = folder_of(private)
    for name in ("cli-plugins", "contexts", "buildx", "ca.pem"):
        assert (folder / name).resolve() == (users / name).resolve()
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["auths"] == OTHERS


def test_buildx_keeps_its_builders_where_they_are(users: Path, parent: Path, private: PrivateConfig) -> None:
    assert private.environment()["BUILDX_CONFIG"] == str(users / "buildx")
    elsewhere = PrivateConfig({"DOCKER_CONFIG": str(users), "BUILDX_CONFIG": "/builders"}, parent)
    assert elsewhere.environment()["BUILDX_CONFIG"] == "/builders"
    elsewhere.close()


@pytest.mark.parametrize("scope", ["", "@push", "@pull,push"])
def test_buildxs_logins_for_a_host_are_left_out_when_it_has_a_token(users: Path, parent: Path, scope: str) -> None:
    """buildx takes those in its own folder before docker's."""
    scoped = users / "buildx" / "config"
    for login in (f"{HOST}{scope}", f"{HOST}/team/app{scope}", "ghcr.example@push"):
        (scoped / login).mkdir(parents=True)
        (scoped / login / "config.json").write_text("{}", encoding="utf-8")
    (users / "buildx" / "instances").mkdir()
    warned: list[str] = []
    private = PrivateConfig({"DOCKER_CONFIG": str(users)}, parent, warned.append)
    assert private.environment()["BUILDX_CONFIG"] == str(users / "buildx")
    private.authorize(RegistryToken("ghcr.example", "AWS", "other"))
    private.authorize(TOKEN)
    folder = Path(private.environment()["BUILDX_CONFIG"])
    assert (folder / "instances").resolve() == users / "buildx" / "instances"
    assert list((folder / "config").iterdir()) == []
    assert len(list(scoped.rglob("config.json"))) == 3
    assert [text.partition(" has a login for ")[0] for text in warned] == [
        str(scoped / name) for name in ("ghcr.example@push", *sorted({HOST, f"{HOST}{scope}"}))
    ]
    private.close()


def test_several_threads_may_renew_tokens_at_once(private: PrivateConfig) -> None:
    """Destinations in ECR Public are tagged in parallel, each after a manifest is read with a valid token."""
    tokens = [RegistryToken(f"{number % 4}.example", "AWS", f"token{number}") for number in range(100)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(private.authorize, tokens))
    config = json.loads((folder_of(private) / "config.json").read_text(encoding="utf-8"))
    assert set(config["auths"]) == {*OTHERS, *(token.host for token in tokens)}


def test_only_the_user_can_read_the_token(private: PrivateConfig) -> None:
    before = os.umask(0)
    try:
        private.authorize(TOKEN)
    finally:
        os.umask(before)
    folder = folder_of(private)
    assert mode(folder) == 0o700
    assert mode(folder / "config.json") == 0o600
    assert [path.name for path in folder.glob("config.json*")] == ["config.json"]


def test_later_tokens_join_the_earlier_ones(private: PrivateConfig, users: Path) -> None:
    before = (users / "config.json").read_bytes()
    private.authorize(TOKEN)
    private.authorize(RegistryToken("127.0.0.1:4510", "AWS", "local"))
    config = json.loads((folder_of(private) / "config.json").read_text(encoding="utf-8"))
    assert credentials_for(HOST, config) == ENTRY
    assert set(config["auths"]) == {HOST, "127.0.0.1:4510", *OTHERS}
    assert (users / "config.json").read_bytes() == before


def test_closing_leaves_nothing_behind_and_may_be_done_twice(
    private: PrivateConfig, users: Path, parent: Path
) -> None:
    private.authorize(TOKEN)
    before = sorted(users.rglob("*"))
    private.close()
    private.close()
    assert list(parent.iterdir()) == []
    assert sorted(users.rglob("*")) == before


def test_a_thread_that_outlives_the_run_creates_no_folder_anew(private: PrivateConfig, parent: Path) -> None:
    private.authorize(TOKEN)
    private.close()
    with pytest.raises(BuildError, match="this run has ended"):
        private.environment()
    assert not list(parent.iterdir())


def test_a_machine_without_a_docker_configuration_gets_one_that_holds_the_token(parent: Path) -> None:
    private = PrivateConfig({"DOCKER_CONFIG": str(parent / "nowhere")}, parent)
    private.authorize(TOKEN)
    config = json.loads((folder_of(private) / "config.json").read_text(encoding="utf-8"))
    assert config == {"auths": {HOST: ENTRY}}
    private.close()


def test_the_home_folders_configuration_is_the_users_where_no_other_is_named(
    users: Path, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users.rename(parent.parent / ".docker")
    monkeypatch.setenv("HOME", str(parent.parent))
    private = PrivateConfig({}, parent)
    assert (folder_of(private) / "cli-plugins" / "docker-buildx").exists()
    private.close()


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""])
def test_a_broken_users_configuration_is_named(
    private: PrivateConfig, users: Path, parent: Path, content: bytes
) -> None:
    (users / "config.json").write_bytes(content)
    with pytest.raises(BuildError) as caught:
        private.authorize(TOKEN)
    assert str(users / "config.json") in caught.value.cause
    private.close()
    assert list(parent.iterdir()) == []


def test_a_users_configuration_that_cant_be_read_is_named(private: PrivateConfig, users: Path, parent: Path) -> None:
    """`docker run -v ~/.docker/config.json:…` makes a folder of that name where there is no file."""
    (users / "config.json").unlink()
    (users / "config.json").mkdir()
    with pytest.raises(BuildError) as caught:
        private.authorize(TOKEN)
    assert str(users / "config.json") in caught.value.cause
    private.close()
    assert list(parent.iterdir()) == []


def test_concurrent_runs_have_a_folder_each(users: Path, parent: Path) -> None:
    one, two = (PrivateConfig({"DOCKER_CONFIG": str(users)}, parent) for _ in range(2))
    one.authorize(TOKEN)
    two.authorize(RegistryToken(HOST, "AWS", "second"))
    assert folder_of(one) != folder_of(two)
    two.close()
    assert credentials_for(HOST, json.loads((folder_of(one) / "config.json").read_text(encoding="utf-8"))) == ENTRY
    one.close()


RUN = """
import sys
from ecr_tasks.clients.docker.config import PrivateConfig
from ecr_tasks.model.registry import RegistryToken
from pathlib import Path
private = PrivateConfig({"DOCKER_CONFIG": sys.argv[1]}, Path(sys.argv[2]))
private.authorize(RegistryToken("host", "AWS", "token"))
print(private.folder, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_run_left_is_swept_and_what_a_living_one_has_is_not(
    private: PrivateConfig, users: Path, parent: Path
) -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", RUN, str(users), str(parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        killed, living = (Path((run.stdout.readline() if run.stdout else "").strip()) for run in runs)
        runs[0].send_signal(signal.SIGKILL)
        runs[0].wait()
        assert killed.exists()
        ours = folder_of(private)  # a new run sweeps
        assert not killed.exists()
        assert (living / "config.json").exists()
        sweep(parent)
        assert {path for path in ours.parents[1].iterdir() if path.is_dir()} == {living.parent, ours.parent}
    finally:
        for run in runs:
            run.communicate("")


def test_sweeping_leaves_other_programs_folders_alone(parent: Path) -> None:
    (parent / "docker-config").mkdir()
    (parent / "file").touch()
    sweep(parent)
    assert {path.name for path in parent.iterdir()} == {"docker-config", "file"}


def test_buildx_is_found_as_docker_would_find_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own before the system's; none where the configuration names folders of its own."""
    own, system = tmp_path / "own" / "cli-plugins", tmp_path / "system"
    monkeypatch.setattr("ecr_tasks.clients.docker.config.SYSTEM_PLUGINS", (system,))
    config = PrivateConfig({"DOCKER_CONFIG": str(own.parent)})
    assert config.buildx_plugin() is None
    for folder in (system, own):
        folder.mkdir(parents=True)
        (folder / "docker-buildx").touch(0o755)
        assert config.buildx_plugin() == str(folder / "docker-buildx")
    (own.parent / "config.json").write_text('{"cliPluginsExtraDirs": ["/elsewhere"]}', encoding="utf-8")
    assert config.buildx_plugin() is None


def test_a_user_without_a_home_has_a_configuration_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may run as a user whom passwd does not name, and without HOME."""

    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    config = PrivateConfig({}, tmp_path)
    assert Path(config.environment()["DOCKER_CONFIG"]).is_relative_to(tmp_path)
    config.close()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"auths": "x"}', "its auths is not an object of objects"),
        ('{"auths": {"host": "x"}}', "its auths is not an object of objects"),
        ('{"credHelpers": ["x"]}', "its credHelpers is not an object of strings"),
        ('{"credHelpers": {"host": 1}}', "its credHelpers is not an object of strings"),
        ('{"credsStore": ["x"]}', "its credsStore is not a string"),
        ("[]", "it is no JSON object"),
        ("[" * 100_000, "nested"),
        ("", "Expecting value"),
    ],
)
def test_a_configuration_that_docker_could_not_read_is_named_with_its_mistake(
    text: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(BuildError) as caught:
        PrivateConfig({"DOCKER_CONFIG": str(tmp_path)}).buildx_plugin()
    assert caught.value.cause.startswith(f"The docker configuration {tmp_path / 'config.json'} can't be read: ")
    assert reason in caught.value.cause


def test_a_folder_for_temporary_files_that_can_t_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        PrivateConfig({}, tmp_path / "none").environment()
    assert str(tmp_path / "none") in caught.value.cause
    assert "TMPDIR" in caught.value.remedy


HUB = "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    "users",
    [
        {},
        {"auths": {HUB: {"auth": "c3RhbGU="}, "docker.io": {"auth": "c3RhbGU="}, **OTHERS}},
        {"credsStore": "desktop", "auths": {HUB: {}}},
        {"credHelpers": {HUB: "secretservice", "ghcr.example": "secretservice"}},
    ],
)
def test_docker_hubs_login_has_the_name_that_docker_looks_for(users: dict[str, Any]) -> None:
    config = with_tokens(users, [RegistryToken("docker.io", "AWS", "the:pass:word")])
    assert credentials_for(HUB, config) == ENTRY
    assert credentials_for("ghcr.example", config) == credentials_for("ghcr.example", users)
    variable = json.dumps({"auths": {HUB: {"auth": "c3RhbGU="}, **OTHERS}})
    assert has_login(variable, "docker.io")
    assert json.loads(without_tokens(variable, ["docker.io"])) == {"auths": OTHERS}


@pytest.mark.parametrize(
    ("driver", "endpoints", "elsewhere"),
    [
        ("remote", ["tcp://far:1234"], True),
        ("kubernetes", ["kubernetes:///pods?deployment="], True),
        ("docker-container", ["unix:///var/run/docker.sock", "ssh://me@arm"], False),
        ("docker-container", ["ssh://me@arm"], True),
        ("docker-container", ["default"], False),
    ],
)
def test_a_builder_on_other_machines_is_known_by_buildxs_file(
    tmp_path: Path, driver: str, endpoints: list[str], elsewhere: bool
) -> None:
    (tmp_path / "instances").mkdir()
    nodes = [{"Name": f"far{number}", "Endpoint": endpoint} for number, endpoint in enumerate(endpoints)]
    (tmp_path / "instances" / "far").write_text(json.dumps({"Driver": driver, "Nodes": nodes}), "utf-8")
    environ = {"BUILDX_CONFIG": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "docker")}
    assert PrivateConfig(environ).builds_elsewhere("far") is elsewhere
    assert PrivateConfig({**environ, "BUILDX_BUILDER": "far"}).builds_elsewhere(None) is elsewhere
    assert PrivateConfig(environ).builds_elsewhere(None) is False
    assert PrivateConfig(environ).builds_elsewhere("missing") is False
    (tmp_path / "current").write_text('{"Key": "unix:///var/run/docker.sock", "Name": "far"}', "utf-8")
    assert PrivateConfig(environ).builds_elsewhere(None) is elsewhere


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({}, "/var/run/docker.sock"),
        ({"DOCKER_HOST": "unix:///run/other.sock"}, "/run/other.sock"),
        ({"DOCKER_HOST": "unix:///run/other.sock", "DOCKER_CONTEXT": "far"}, "/run/other.sock"),
        ({"DOCKER_HOST": "tcp://10.0.0.1:2376"}, None),
        ({"DOCKER_HOST": "ssh://box"}, None),
        ({"DOCKER_HOST": "unix://"}, None),
        ({"DOCKER_CONTEXT": "near"}, "/home/me/.near/docker.sock"),
        ({"DOCKER_CONTEXT": "default"}, "/var/run/docker.sock"),
        ({"DOCKER_CONTEXT": "far"}, None),
        ({"DOCKER_CONTEXT": "gone"}, None),
    ],
)
@pytest.mark.parametrize("current", ["", "default", "near", "far"])
def test_the_engine_s_socket_is_found_as_docker_finds_it(
    tmp_path: Path, environ: dict[str, str], path: str | None, current: str
) -> None:
    addresses = {"near": "unix:///home/me/.near/docker.sock", "far": "ssh://box"}
    for name, host in addresses.items():
        folder = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        folder.mkdir(parents=True)
        meta = {"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
        (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    if current:
        (tmp_path / "config.json").write_text(json.dumps({"currentContext": current}), encoding="utf-8")
    if not environ and current not in ("", "default"):
        path = {"near": "/home/me/.near/docker.sock", "far": None}[current]
    assert PrivateConfig({"DOCKER_CONFIG": str(tmp_path), **environ}).engine_socket() == path
