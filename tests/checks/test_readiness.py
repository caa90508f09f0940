"""Broken set-ups and what doctor says of each: the checks are functions of facts, so each case replaces one fact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ecr_tasks.checks.build_definition import IN_STORE
from ecr_tasks.checks.readiness import Facts, findings
from ecr_tasks.errors import AwsError, BuildError, EcrTasksError, NoAnswer, RegistryError, SettingsError
from ecr_tasks.model.account import (
    Caller,
    CreationTemplate,
    Credentials,
    IdentityFacts,
    Need,
    Permission,
    Region,
)
from ecr_tasks.model.finding import RemoveLeftNames, RemoveLogins, StartBuilder, exit_code
from ecr_tasks.model.image import BuildDefinition, Image
from ecr_tasks.model.machine import (
    BuilderFacts,
    EngineFacts,
    Folder,
    LeftNames,
    Login,
    LoginFacts,
    Package,
    PythonFacts,
)
from ecr_tasks.model.ports import Engine
from ecr_tasks.model.registry import RepositoryView
from ecr_tasks.model.scan import Scanning
from ecr_tasks.model.tag import Tag
from ecr_tasks.plan.conflicts import Conflict
from ecr_tasks.plan.plan import Plan
from ecr_tasks.plan.planned_image import PlannedImage
from ecr_tasks.plan.tag_states import PlannedTag
from ecr_tasks.settings.load import load
from ecr_tasks.source.project_files import TasksFile
from tests.support.build import HOST, repository

ACCOUNT = "123456789012"
NOW = datetime(2026, 11, 27, 12, tzinfo=timezone.utc)
PUSH = Need("ecr:PutImage", f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/team/app", "push images")


def engine(**changes: Any) -> Engine:
    return replace(Engine(True, "linux/amd64", "default", "docker", platforms=("linux/amd64",)), **changes)


def builder(status: str = "running", **changes: Any) -> BuilderFacts:
    return BuilderFacts(engine(**changes), status)


def planned(folder: Path, dockerfile: str = "FROM scratch\n", **changes: Any) -> Plan:
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    definition = BuildDefinition(str(folder), platforms=changes.pop("platforms", ()))
    tags = (Tag("sha-1234567", "fixed", "type=sha", "the commit"), Tag("main", "moving", "type=ref", "the branch"))
    image = Image("team/app", "team/app", definition, tags, dirty=changes.pop("dirty", False))
    conflicts = changes.pop("conflicts", ())
    item = PlannedImage(
        image, tuple(PlannedTag(tag, "new") for tag in tags), True, "it is new", RepositoryView(repository())
    )
    return Plan((replace(item, **changes),), tuple(Conflict("team/app", error) for error in conflicts))


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    """Return the facts of a set-up from which a push would work."""
    environ = {"AWS_REGION": "eu-central-1", "AWS_ACCOUNT_ID": ACCOUNT, "ECR_REPOSITORY": "team/app"}
    return Facts(
        now=NOW,
        python=PythonFacts("3.13.1", "/venv/bin/python", (Package("boto3", "1.40.2", ">=1.40", "ecr-tasks"),)),
        settings=load(tmp_path, env_name=None, environ=environ, config={}, overrides={}),
        engine=EngineFacts("28.5.2", "28.5.2", clock=NOW, asked_at=NOW),
        buildx="0.29.1",
        builder=builder(),
        folders=[Folder(Path("/var/lib/docker"), "docker's disk", 50 * 10**9, 10**6)],
        left=LeftNames(),
        logins=LoginFacts(Path("/home/me/.docker/config.json")),
        credentials=Credentials("sso", "ABCD", True, ends=NOW + timedelta(hours=5), profile="dev"),
        clock=1.0,
        caller=Caller(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/dev/me"),
        region=Region("eu-central-1", "https://api.ecr.eu-central-1.amazonaws.com"),
        plan=planned(tmp_path),
        registry=None,
        templates=[],
        scanning=Scanning("BASIC", (("SCAN_ON_PUSH", ("*",)),)),
        permissions=[Permission(PUSH, "allowed", "simulated by IAM")],
        files=(),
        bases={},
    )


def test_a_set_up_in_order_is_all_fine_and_ends_with_0(facts: Facts) -> None:
    page = list(findings(facts))
    assert {item.state for item in page} == {"fine"}
    assert exit_code(page) == 0
    sections = list(dict.fromkeys(item.section for item in page))
    assert sections == [
        *("Python", "Project", "Docker", "Disk", "AWS", "Logins", "Repository", "Permissions", "Build"),
    ]


def test_a_client_in_docker_s_place_is_looked_at_and_docker_is_not(facts: Facts, tmp_path: Path) -> None:
    none = BuildError("There is no docker.", "Install it.")
    facts = replace(facts, other_client="podman version 5.4.2", engine=none, buildx=none, builder=none)
    assert not isinstance(facts.settings, EcrTasksError)
    facts = replace(facts, settings=replace(facts.settings, client="podman"))
    page = list(findings(facts))
    assert exit_code(page) == 0
    assert [(item.name, item.text) for item in page if item.section == "Docker"] == [
        ("podman", "podman version 5.4.2, in docker's place (ECR_CLIENT)")
    ]
    page = list(findings(replace(facts, plan=planned(tmp_path, platforms=("linux/amd64", "linux/arm64")))))
    (wrong,) = [item for item in page if item.state == "wrong"]
    assert "can't be built by podman, which lacks several platforms" in wrong.text
    assert exit_code(page) == 3


def test_tasks_that_can_not_be_loaded_are_in_no_push_s_way(facts: Facts) -> None:
    facts = replace(facts, tasks=TasksFile("tasks.py", has_ours=False, mistake="line 3: invalid syntax"))
    (found,) = [item for item in findings(facts) if item.state != "fine"]
    assert (found.section, found.name, found.state) == ("Project", "tasks.py", "warning")
    assert found.text == "can't be loaded: line 3: invalid syntax."


def login(key: str, ends: datetime | None = None) -> Login:
    return Login(key, HOST, ends)


def with_logins(*logins: Login, **changes: Any) -> dict[str, Any]:
    return {"logins": LoginFacts(Path("/home/me/.docker/config.json"), tuple(logins), **changes)}


def python(**changes: Any) -> dict[str, Any]:
    return {"python": replace(PythonFacts("3.13.1", "/venv/bin/python"), **changes)}


def credentials(**changes: Any) -> dict[str, Any]:
    return {"credentials": replace(Credentials("env", "ABCD"), **changes)}


def folder(**changes: Any) -> dict[str, Any]:
    return {"folders": [replace(Folder(Path("/var/x"), "temporary files", 50 * 10**9), **changes)]}


def denied(*, required: bool = True) -> dict[str, Any]:
    return {"permissions": [Permission(replace(PUSH, required=required), "denied", "simulated by IAM")]}


NO_ENGINE = BuildError("No Docker engine answers.", "Start Docker.")
NO_KEYS = AwsError("There are no AWS credentials.", "Run `aws login`.")

Case = tuple[dict[str, Any], str, str, str, int]
"""Facts, the section and the state, words of the text and the remedy, the exit code."""

CASES: dict[str, Case] = {
    "old Python": (python(version="3.9.2"), "Python wrong", "3.9.2 is too old", "3.10", 1),
    "old boto3": (
        python(packages=(Package("boto3", "1.20.0", ">=1.40", "ecr-tasks"),), install_command="pip install -U x"),
        "Python wrong",
        "needs boto3 >=1.40, and 1.20.0 is installed",
        "Run `pip install -U x`.",
        1,
    ),
    "missing package": (
        python(packages=(Package("PyYAML", None, ">=6", "ecr-tasks"),)),
        "Python wrong",
        "it is missing",
        "Install PyYAML>=6.",
        1,
    ),
    "botocore of another boto3": (
        python(packages=(Package("botocore", "1.30.0", ">=1.44.8,<1.45", "boto3"),)),
        "Python warning",
        "boto3 needs botocore",
        "Install botocore",
        0,
    ),
    "two installs": (
        python(installs=(Path("/a"), Path("/b"))),
        "Python warning",
        "/a is used, not /b",
        "uninstall",
        0,
    ),
    "another environment's inv": (
        python(other_programs={"inv": Path("/usr/local/bin/inv")}),
        "Python warning",
        "starts /usr/local/bin/inv",
        "-m invoke",
        0,
    ),
    "settings": (
        {"settings": SettingsError("ECR_REPOSITORY has capitals.", "Write team/app.")},
        "Project wrong",
        "capitals",
        "team/app",
        2,
    ),
    "no repository": (
        {"plan": SettingsError("No repository is configured.", "Set ECR_REPOSITORY.")},
        "Project wrong",
        "No repository",
        "Set ECR_REPOSITORY.",
        2,
    ),
    "no engine": (
        {"engine": NO_ENGINE, "builder": NO_ENGINE},
        "Docker wrong",
        "No Docker engine",
        "Start Docker.",
        3,
    ),
    "engine's clock": (
        {"engine": EngineFacts("28", "28", clock=NOW - timedelta(hours=3), asked_at=NOW)},
        "Docker warning",
        "10800 s behind",
        "Restart the engine",
        0,
    ),
    "no buildx": (
        {"buildx": BuildError("No buildx.", "Install it.")},
        "Docker wrong",
        "No buildx.",
        "Install it.",
        3,
    ),
    "too old buildx": ({"buildx": "v0.12.1"}, "Docker wrong", "0.12.1 is too old to build", "Update", 3),
    "old buildx": ({"buildx": "0.13.1"}, "Docker warning", "too old to copy images", "Update", 0),
    "no builder": (
        {"builder": BuildError("There is no builder x.", "Correct ECR_BUILDER.")},
        "Docker wrong",
        "no builder x",
        "Correct ECR_BUILDER.",
        3,
    ),
    "stopped builder": (
        {"builder": builder("stopped", builder="multi", driver="docker-container")},
        "Docker warning",
        "multi (driver docker-container) is stopped",
        "docker buildx inspect --bootstrap multi",
        0,
    ),
    "builder that is down": (
        {"builder": replace(builder("error", driver="remote"), error="connection refused")},
        "Docker wrong",
        "connection refused",
        "ECR_BUILDER",
        3,
    ),
    "builder's network": (
        {
            "builder": replace(builder(driver="docker-container"), shares_network=False),
            "region": Region("us-east-1", "http://127.0.0.1:4510", is_local=True),
        },
        "Docker warning",
        "can't push to the local ECR",
        "--option network=host",
        0,
    ),
    "full disk": (folder(free_bytes=10**6), "Disk wrong", "no image fits", "TMPDIR", 3),
    "low disk": (folder(free_bytes=10**9), "Disk warning", "which a build may fill", "Make room", 0),
    "no inodes": (folder(free_files=3), "Disk wrong", "3 more files", "Make room", 3),
    "read-only TMPDIR": (folder(trouble="Read-only file system"), "Disk wrong", "Read-only", "Set TMPDIR", 3),
    "unused TMPDIR": (
        folder(trouble="Permission denied", instead=Path("/var/y")),
        "Disk warning",
        "some programs take /var/y",
        "unset it",
        0,
    ),
    "left names": (
        {"left": LeftNames(1, ("ecr-tasks-build:aa",))},
        "Disk warning",
        "ecr-tasks-build:aa",
        "inv doctor --fix",
        0,
    ),
    "no region": (
        {"region": SettingsError("No region is set.", "Set AWS_REGION.")},
        "AWS wrong",
        "No region",
        "Set",
        2,
    ),
    "mistyped region": (
        {"region": Region("eu-centrall-1", "https://x", False, similar="eu-central-1")},
        "AWS wrong",
        "no region eu-centrall-1",
        "Is eu-central-1 meant?",
        4,
    ),
    "endpoint elsewhere": (
        {"region": Region("eu-central-1", "https://vpce-1.api.ecr.us-east-1.vpce.amazonaws.com")},
        "AWS wrong",
        "leads to us-east-1",
        "Correct AWS_REGION",
        2,
    ),
    "clock": ({"clock": -900.0}, "AWS wrong", "900 s behind", "timedatectl", 4),
    "clock, soon": ({"clock": 200.0}, "AWS warning", "200 s ahead of", "timedatectl", 0),
    "no credentials": ({"credentials": NO_KEYS, "caller": NO_KEYS}, "AWS wrong", "no AWS", "Run `aws login`.", 4),
    "ended session": (
        credentials(method="sso", profile="dev", is_temporary=True, ends=NOW - timedelta(hours=1)),
        "AWS wrong",
        "ended",
        "Run `aws sso login --profile dev`.",
        4,
    ),
    "session that ends": (
        credentials(is_temporary=True, ends=NOW + timedelta(minutes=5)),
        "AWS warning",
        "maybe before a push",
        "AWS_SESSION_TOKEN",
        0,
    ),
    "keys that hide a profile": (
        credentials(hidden_profile="dev"),
        "AWS warning",
        "AWS_PROFILE=dev is not",
        "Unset AWS_ACCESS_KEY_ID",
        0,
    ),
    "refused caller": ({"caller": AwsError("Not accepted.", "Check the key.")}, "AWS wrong", "Not acc", "Check", 4),
    "stale login": (with_logins(login(HOST, NOW - timedelta(days=1))), "Logins warning", "ended", "inv login", 0),
    "login beside a helper": (
        with_logins(login(HOST), helpers={HOST: "ecr-login"}),
        "Logins warning",
        "beside the credential helper ecr-login",
        f"docker logout {HOST}",
        0,
    ),
    "twins": (
        with_logins(login(HOST), login(f"https://{HOST}")),
        "Logins warning",
        "2 logins for one registry",
        f"Remove https://{HOST}",
        0,
    ),
    "missing helper": (
        with_logins(store="desktop", missing=("desktop",)),
        "Logins warning",
        "docker-credential-desktop (credsStore), which is not installed",
        "Install docker-credential-desktop",
        0,
    ),
    "missing helper of a base image": (
        {
            **with_logins(store="desktop", missing=("desktop",)),
            "bases": {"python:3": BuildError("No credentials.", "Log in.")},
        },
        "Logins wrong",
        "docker can't read images of https://index.docker.io/v1/",
        "Install docker-credential-desktop",
        3,
    ),
    "missing helper of an image in the store": (
        {**with_logins(store="desktop", missing=("desktop",)), "bases": {"python:3": IN_STORE}},
        "Logins warning",
        "which is not installed.",
        "Install docker-credential-desktop",
        0,
    ),
    "Dockerfile that can't be built": (
        {"dockerfiles": BuildError("The build would fail: unknown instruction: COPPY.", "Mend the Dockerfile.")},
        "Build wrong",
        "unknown instruction: COPPY",
        "Mend the Dockerfile.",
        3,
    ),
    "Dockerfile that takes too long": (
        {"dockerfiles": NoAnswer("docker could not read it.", "Run it again.")},
        "Build unknown",
        "could not read it",
        "Run it again.",
        0,
    ),
    "base image that takes too long": (
        {"bases": {"python:3": NoAnswer("docker could not find python:3.", "Restart Docker.")}},
        "Build unknown",
        "could not find python:3",
        "see the network of the engine",
        0,
    ),
    "remote builder that is gone": (
        {"builder": builder("inactive", driver="remote")},
        "Docker wrong",
        "nothing answers at its address",
        "Start what listens there",
        3,
    ),
    "DOCKER_AUTH_CONFIG": (
        with_logins(preferred={"DOCKER_AUTH_CONFIG": (HOST,)}),
        "Logins warning",
        f"DOCKER_AUTH_CONFIG has a login for {HOST}",
        "Take it out",
        0,
    ),
    "broken configuration": (
        {"logins": BuildError("config.json can't be read.", "Mend it.")},
        "Logins wrong",
        "can't be read",
        "Mend it.",
        3,
    ),
    "throttled registry": (
        {"registry": RegistryError("ECR failed.", "Run it again.")},
        "Repository wrong",
        "ECR failed.",
        "Run it again.",
        5,
    ),
    "unscanned and gated": ({"scanning": AwsError("No rights.", "")}, "Repository unknown", "No rights", "", 0),
    "a policy that can't be set": (
        {"creation": SettingsError("l.json has a rule that has no rulePriority.", "Correct it there.")},
        "Repository wrong",
        "no rulePriority",
        "Correct it there.",
        2,
    ),
    "missing right": (denied(), "Permissions wrong", "ecr:PutImage", '"Action": ["ecr:PutImage"]', 4),
    "missing right that is not needed": (denied(required=False), "Permissions warning", "ecr:PutImage", "Add", 0),
    "missing base": (
        {"bases": {"python:3-nowhere": RegistryError("There is no python:3-nowhere.", "Correct FROM.")}},
        "Build wrong",
        "no python:3-nowhere",
        "Correct FROM.",
        3,
    ),
    "engine in a virtual machine": (
        {
            "local_registry": "127.0.0.1:4510",
            "unreached": "connection refused",
            "region": Region("us-east-1", "http://127.0.0.1:4510", is_local=True),
        },
        "Local ECR wrong",
        "does not reach the local ECR at 127.0.0.1:4510",
        "inv local.up --container",
        5,
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_cause_of_a_broken_set_up_is_named_with_its_remedy(facts: Facts, case: Case) -> None:
    changes, place, text, remedy, code = case
    page = list(findings(replace(facts, **changes)))
    bad = [item for item in page if item.state != "fine"]
    assert f"{bad[0].section} {bad[0].state}" == place  # the first line to read is the cause
    assert text in bad[0].text
    assert remedy in bad[0].remedy
    assert exit_code(page) == code


NEVER_ERRORS = ("now", "can_ask", "local_registry", "identities", "other_client")
"""The facts that can't be errors, and the one in whose company buildx is asked for nothing."""


@pytest.mark.parametrize(
    "field",
    [name for name in Facts.__dataclass_fields__ if name not in NEVER_ERRORS],
)
def test_what_could_not_be_asked_hides_nothing_else(facts: Facts, field: str) -> None:
    changes: dict[str, Any] = {field: AwsError("It hangs.", "Wait.")}
    facts = replace(facts, local_registry="127.0.0.1:4510")
    sections = {item.section for item in findings(facts)}
    after = list(findings(replace(facts, **changes)))
    assert any("It hangs" in item.text for item in after)
    assert sections <= {item.section for item in after}


def locked(folder: Path) -> Plan:
    tags = planned(folder).images[0].tags
    view = RepositoryView(repository(mutability="IMMUTABLE"))
    return planned(folder, view=view, tags=tags)


@pytest.mark.parametrize(
    ("make", "state", "text", "remedy", "code"),
    [
        (locked, "warning", "locks the moving tags main", "inv repo.ensure", 0),
        (
            lambda folder: planned(folder, conflicts=[RegistryError("It does not exist.", "Create it.")]),
            "wrong",
            "It does not exist.",
            "Create it.",
            5,
        ),
        (
            lambda folder: planned(folder, view=RepositoryView(None), creates_repository=True),
            "fine",
            "push creates it",
            "",
            0,
        ),
    ],
)
def test_a_repository_is_checked_against_the_planned_tags(
    facts: Facts, tmp_path: Path, make: Callable[[Path], Plan], state: str, text: str, remedy: str, code: int
) -> None:
    page = list(findings(replace(facts, plan=make(tmp_path))))
    (item, *_) = [item for item in page if item.section == "Repository"]
    assert (item.state, exit_code(page)) == (state, code)
    assert text in item.text
    assert remedy in item.remedy


def test_a_template_that_would_lock_a_moving_tag_is_named(facts: Facts, tmp_path: Path) -> None:
    template = CreationTemplate("team/", ("CREATE_ON_PUSH",), "IMMUTABLE")
    plan = planned(tmp_path, view=RepositoryView(None), creates_repository=True)
    page = list(findings(replace(facts, plan=plan, templates=[template, CreationTemplate("ROOT")])))
    (item,) = [item for item in page if item.name == "creation template"]
    assert "team/ makes team/app IMMUTABLE" in item.text


def test_the_account_is_wrong_only_where_its_registry_is_not_reached(facts: Facts, tmp_path: Path) -> None:
    caller = Caller("210987654321", "arn:aws:iam::210987654321:user/me")
    reached = list(findings(replace(facts, caller=caller)))
    assert exit_code(reached) == 0
    unread = planned(tmp_path, view=None)
    error = AwsError("AWS_ACCOUNT_ID is another.", "Correct it.")
    page = list(findings(replace(facts, caller=caller, plan=unread, registry=error)))
    assert [item.name for item in page if item.state == "wrong"] == ["account"]
    assert exit_code(page) == 4


@pytest.mark.parametrize(
    ("dockerfile", "state"),
    [
        ("FROM alpine\nRUN true\n", "wrong"),
        ("FROM alpine AS build\nRUN true\nFROM scratch\nCOPY --from=build /a /a\n", "wrong"),
        (
            "FROM --platform=$BUILDPLATFORM alpine AS build\nRUN true\nFROM scratch\nCOPY --from=build /a /a\n",
            "warning",
        ),
        ("FROM alpine AS tests\nRUN true\nFROM scratch\nCOPY a /a\n", "warning"),
        ("FROM scratch\nCOPY a /a\n", "warning"),
    ],
)
def test_a_platform_without_emulation_is_wrong_where_its_programs_have_to_run(
    facts: Facts, tmp_path: Path, dockerfile: str, state: str
) -> None:
    plan = planned(tmp_path, dockerfile, platforms=("linux/amd64", "linux/arm64"))
    (item,) = [item for item in findings(replace(facts, plan=plan)) if item.name == "platforms"]
    assert item.state == state
    assert "linux/arm64" in item.text
    assert "--install arm64" in item.remedy
    able = replace(facts, plan=plan, builder=builder(platforms=("linux/amd64", "linux/arm64")))
    (item,) = [item for item in findings(able) if item.name == "platforms"]
    assert item.state == "fine"


def test_what_is_safe_to_mend_is_offered(facts: Facts) -> None:
    changes = {
        **with_logins(login(HOST), login(f"https://{HOST}", NOW - timedelta(days=1))),
        "left": LeftNames(1, ()),
        "builder": builder("stopped", builder="multi", driver="docker-container"),
    }
    mends = [mend for item in findings(replace(facts, **changes)) for mend in item.mends]
    file = Path("/home/me/.docker/config.json")
    assert mends == [StartBuilder("multi"), RemoveLeftNames(), RemoveLogins(file, (f"https://{HOST}",))]


def test_an_mfa_code_is_no_obstacle_where_push_can_ask_for_it(facts: Facts) -> None:
    error = AwsError("The AWS profile's role needs an MFA code, and there is nobody to ask for it here.", "Run it.")
    changes: dict[str, Any] = {"credentials": error, "caller": error}
    assert exit_code(findings(replace(facts, **changes))) == 4
    assert exit_code(findings(replace(facts, **changes, can_ask=True))) == 0


def test_each_destinations_identity_is_shown_with_its_rights_or_why_it_can_not_be_had(facts: Facts) -> None:
    role, places = "the role arn:aws:iam::210987654321:role/push", ("210987654321/eu-west-1",)
    caller = Caller("210987654321", "arn:aws:sts::210987654321:assumed-role/push/ecr-tasks")
    denied = [Permission(PUSH, "denied", "tried")]
    refused = AwsError(f"The role {role} may not be assumed: no.", "Let its trust policy name the caller.")
    identities = [
        IdentityFacts(role, places, caller, denied),
        IdentityFacts("the profile x", ("public.ecr.aws/team",), refused, refused),
    ]
    found = [item for item in findings(replace(facts, identities=identities)) if item not in [*findings(facts)]]
    assert [(item.section, item.name, item.state) for item in found] == [
        ("AWS", "to 210987654321/eu-west-1", "fine"),
        ("AWS", "to public.ecr.aws/team", "wrong"),
        ("Permissions", role, "wrong"),
    ]
    assert caller.arn in found[0].text
    assert (refused.cause in found[1].text, found[1].remedy) == (True, refused.remedy)
    assert found[2].text.startswith("The role arn:aws:iam::210987654321:role/push may not do ")
