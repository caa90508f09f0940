"""The values of each setting, and what the errors of malformed ones say."""

from __future__ import annotations

import re

import pytest

from tests.support.dotenv_project import Project

BAD = [
    *(
        ("AWS_ENDPOINT_URL_ECR", text, "must be an address such as")
        for text in ("http://[", "http://[::1", "https://host:99999", "host", "ftp://host", "https://", "http://a b")
    ),
    ("AWS_ENDPOINT_URL", "http://[", "must be an address such as"),
    ("ECR_CONTEXT", f"sub/{'x' * 300}", "a name of more than 255 bytes"),
    ("ECR_DOCKERFILE", "é" * 128, "a name of more than 255 bytes"),
    ("ECR_LIFECYCLE_POLICY", "x" * 10_000, "names a file that isn't there"),
    ("ECR_TARGET", "half\udcff\ud800", "a byte that is no UTF-8"),
    ("AWS_ACCOUNT_ID", "12345678901", "has 11: if a spreadsheet or YAML.*write 012345678901"),
    ("AWS_ACCOUNT_ID", "1234-5678-9012", "write 123456789012"),
    ("AWS_ACCOUNT_ID", "1234567890123", "has 13"),
    ("AWS_ACCOUNT_ID", "my-account", "12 digits, not 'my-account'"),
    ("AWS_ACCOUNT_ID", "١٢٣٤٥٦٧٨٩٠١٢", "12 digits"),
    ("AWS_REGION", "eu-central-1a", "availability zone: write eu-central-1"),
    ("AWS_REGION", "EU_CENTRAL_1", "write eu-central-1"),
    ("AWS_DEFAULT_REGION", "Frankfurt", "a region such as eu-central-1, not 'Frankfurt'"),
    ("ECR_ROLE_ARN", "push", "a role's ARN"),
    ("ECR_ROLE_ARN", "arn:aws:iam::123456789012:user/me", "a role's ARN"),
    ("ECR_REPOSITORY", "Team/App", "without upper-case letters: write team/app"),
    ("ECR_REPOSITORY", "/team/app", "without a slash at either end: write team/app"),
    ("ECR_REPOSITORY", "app:1.0", "without a tag .*: write app"),
    ("ECR_REPOSITORY", "app@sha256:" + "0" * 64, "without a digest: write app"),
    ("ECR_REPOSITORY", "https://registry:5000/app", "without the registry's host: write app"),
    ("ECR_REPOSITORY", "a", "2 to 256 characters"),
    ("ECR_REPOSITORY", "a" * 257, "has 257"),
    ("ECR_REPOSITORY", "team//app", "lower-case letters and digits joined by"),
    ("ECR_REPOSITORY", "app..web", "lower-case letters and digits joined by"),
    ("ECR_REPOSITORY_PREFIX", "Team/", "write team"),
    ("ECR_REPOSITORY_PREFIX", "a" * 256, "no room"),
    ("ECR_PULL_REQUEST", "#7", "the number of a change, or true for one without a number"),
    ("ECR_PULL_REQUEST", "refs/pull/7/head", "the number of a change"),
    ("ECR_PULL_REQUEST", "yes", "the number of a change"),
    ("ECR_PULL_REQUEST", "7.0", "the number of a change"),
    ("ECR_CONTEXT", "-", "standard input"),
    ("ECR_DOCKERFILE", "-", "standard input"),
    ("ECR_TARGET", "--push", "one word"),
    ("ECR_BUILDER", "two words", "one word"),
    ("ECR_PLATFORMS", "linux", "linux/amd64"),
    ("ECR_PLATFORMS", "linux/amd64 linux/arm64", "os/arch"),
    ("ECR_BUILD_ARGS", "A=1,2 3", r"number 2\) that is neither NAME=VALUE nor NAME"),
    ("ECR_BUILD_CONTEXTS", "shared", "name=path"),
    ("ECR_SECRETS", "env=NPM_TOKEN", "without id="),
    ("ECR_SECRETS", "id=a,type=vault", "neither file nor env"),
    ("ECR_SECRETS", "id=a,path=b", "the key 'path'"),
    ("ECR_SECRETS", "npm", "isn't key=value"),
    ("ECR_SSH", "=key.pem", "without an id"),
    ("ECR_LABELS", "team", r"isn't KEY=VALUE \(team\)"),
    ("ECR_ANNOTATIONS", "=x", "isn't KEY=VALUE"),
    ("ECR_BAKE_FILE", "bake.hcl", "isn't there"),
    ("ECR_CACHE", "on", "off, registry, or buildx's own syntax"),
    ("ECR_PRESET", "fast", "default, lambda or supply-chain, not 'fast'"),
    ("ECR_DIRTY", "ok", "tag or refuse, not 'ok'"),
    ("ECR_CREATE_REPOSITORY", "maybe", "true or false, not 'maybe'"),
    ("ECR_DEBUG", "2", "true or false"),
    ("ECR_MUTABILITY", "imutable", r"did you mean immutable\?$"),
    ("ECR_MUTABILITY", "immutable,latest", "after the comma"),
    ("ECR_MUTABILITY", "rules,exclude=a", "can't have more"),
    ("ECR_MUTABILITY", "immutable,exclude=", "one to 5 patterns"),
    ("ECR_MUTABILITY", "immutable,exclude=a;b;c;d;e;f", "one to 5 patterns after exclude=, and has 6"),
    ("ECR_MUTABILITY", "mutable,exclude=a/b", "isn't 1 to 128 of letters"),
    ("ECR_MUTABILITY", "mutable,exclude=*.*.*", "more than the 2 wildcards"),
    ("ECR_LIFECYCLE_POLICY", "nowhere.json", "names a file that isn't there"),
    ("ECR_REPOSITORY_POLICY", "nowhere.json", "names a file that isn't there"),
    ("ECR_KMS_KEY", "two words", "must be one word"),
    ("ECR_REPOSITORY_TAGS", "team", "isn't KEY=VALUE"),
    ("ECR_REPOSITORY_TAGS", "aws:team=x", "AWS's own"),
    ("ECR_REPOSITORY_TAGS", "k=" + "x" * 257, "at most 128"),
    ("ECR_SKIP", "always", "must be commit, content or never"),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD, ids=lambda part: part[:24])
def test_bad_input_is_told_what_to_write(project: Project, name: str, text: str, message: str) -> None:
    problem = project.problem({name: text})
    assert problem.startswith(f"Environment variable {name} ")
    assert re.search(message, problem), problem
    assert re.search(r"[^.?][.?]$", problem)


@pytest.mark.parametrize(
    ("name", "field", "text", "value"),
    [
        ("AWS_ACCOUNT_ID", "account_id", " 012345678901\n", "012345678901"),
        ("AWS_REGION", "region", "us-gov-west-1", "us-gov-west-1"),
        ("AWS_REGION", "region", "eusc-de-east-1", "eusc-de-east-1"),
        (
            "ECR_ROLE_ARN",
            "role_arn",
            "arn:aws-cn:iam::123456789012:role/a/b",
            "arn:aws-cn:iam::123456789012:role/a/b",
        ),
        ("ECR_REPOSITORY", "repository", "a--b/c__d.e_f", "a--b/c__d.e_f"),
        ("ECR_REPOSITORY", "repository", "my.team/app", "my.team/app"),
        ("ECR_REPOSITORY_PREFIX", "repository_prefix", "team", "team/"),
        ("ECR_REPOSITORY_PREFIX", "repository_prefix", "team/app-", "team/app-"),
        (
            "ECR_PLATFORMS",
            "platforms",
            "linux/amd64, linux/arm/v7,linux/amd64,AMD64,local,aarch64",
            ("linux/amd64", "linux/arm/v7", "local", "linux/arm64"),
        ),
        ("ECR_BUILD_ARGS", "build_args", "A=1,B, C= x ", ("A=1", "B", "C= x")),
        ("ECR_BUILD_CONTEXTS", "build_contexts", "a=../a,b=target:b", ("a=../a", "b=target:b")),
        ("ECR_BUILD_CONTEXTS", "build_contexts", "a=cwd://../a,b=cwd://", ("a=../a", "b=.")),
        ("ECR_DOCKERFILE", "dockerfile", "cwd://docker/app.Dockerfile", "docker/app.Dockerfile"),
        ("ECR_SSH", "ssh", "default,git=a.pem,b.pem", ("default", "git=a.pem,b.pem")),
        ("ECR_SECRETS", "secrets", "ID=a,SRC=b,id=c,env=D", ("ID=a,SRC=b", "id=c,env=D")),
        ("ECR_LABELS", "labels", 'a=1,"b=2,3"', {"a": "1", "b": "2,3"}),
        ("ECR_ANNOTATIONS", "annotations", "index,manifest:a=b=c", {"index,manifest:a": "b=c"}),
        ("ECR_CACHE", "cache", "Registry", ("registry",)),
        ("ECR_CACHE", "cache", "type=gha,scope=a", ("type=gha,scope=a",)),
        ("ECR_PRESET", "preset", "supply-chain", "supply-chain"),
        ("ECR_DIRTY", "dirty", "refuse", "refuse"),
        ("ECR_DEBUG", "debug", "YES", True),
        ("ECR_CREATE_REPOSITORY", "create_repository", "off", False),
        ("ECR_MUTABILITY", "mutability", "Rules", ("rules",)),
        ("ECR_MUTABILITY", "mutability", "mutable", ("mutable",)),
        ("ECR_MUTABILITY", "mutability", "immutable, exclude = latest; pr-*;", ("immutable", "latest", "pr-*")),
        ("ECR_LIFECYCLE_POLICY", "lifecycle_policy", "OFF", "off"),
        ("ECR_LIFECYCLE_POLICY", "lifecycle_policy", "false", "off"),
        ("ECR_KMS_KEY", "kms_key", "alias/ecr", "alias/ecr"),
        ("ECR_REPOSITORY_TAGS", "repository_tags", "a=1, b = x ", {"a": "1", "b": "x"}),
    ],
    ids=lambda part: str(part)[:24],
)
def test_good_input(project: Project, name: str, field: str, text: str, value: object) -> None:
    assert getattr(project.load({name: text}), field) == value


@pytest.mark.parametrize("word", ["commit", "content", "never"])
def test_every_way_to_skip_is_taken(project: Project, word: str) -> None:
    assert project.load({"ECR_SKIP": word}).skip == word


def test_a_number_that_yaml_cut_short_says_so(project: Project) -> None:
    assert "write 012345678901 (in quotes)" in project.problem(config={"account_id": 12345678901})
