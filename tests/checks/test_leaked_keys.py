"""Access keys that git tracks or that the context carries, and the refusal, which has no values in it."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_tasks.checks.key_shapes import find_key_id, is_key
from ecr_tasks.checks.leak import Leak, refusal
from ecr_tasks.checks.leaked_keys import _quoted, check_leaked_keys, find_keys, find_leaks
from ecr_tasks.errors import ExitCode, Refused, SettingsError
from ecr_tasks.model.image import BuildDefinition
from ecr_tasks.settings.errors import SettingsProblems
from ecr_tasks.settings.load import load
from ecr_tasks.settings.settings import Settings
from ecr_tasks.source.build_context.dockerignore import DockerIgnore
from tests.support.build import source
from tests.support.keys import DOTENV, KEY_ID, SECRET, TEMPORARY_ID, TOKEN

ROOT = Path(__file__).parents[2]
KEYS = f"ECR_REPOSITORY=app\n{DOTENV}"
NAMES = (("AWS_ACCESS_KEY_ID", 2), ("AWS_SECRET_ACCESS_KEY", 3))


def write(path: Path, content: str = KEYS) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def find(
    context: Path, *files: Path, tracked: Callable[[Path], bool] = lambda path: False, dockerfile: str = "Dockerfile"
) -> tuple[Leak, ...]:
    """Return the leaks of a build in ``context``."""
    project = files[0].parent if files else context
    return find_leaks(context=context, dockerfile=context / dockerfile, project=project, files=files, tracked=tracked)


def test_a_key_in_the_context(tmp_path: Path) -> None:
    env = write(tmp_path / ".env")
    assert find(tmp_path, env) == (Leak(env, "in-context", NAMES, tmp_path / ".dockerignore", ".env"),)


@pytest.mark.parametrize("line", [".env", ".env*", "**/.env", "*", "**/.*"])
def test_an_ignored_one_is_none(tmp_path: Path, line: str) -> None:
    env = write(tmp_path / ".env")
    write(tmp_path / ".dockerignore", line)
    assert find(tmp_path, env) == ()


def test_an_exception_brings_it_back(tmp_path: Path) -> None:
    env = write(tmp_path / ".env")
    write(tmp_path / ".dockerignore", ".env*\n!.env\n")
    assert [leak.path for leak in find(tmp_path, env)] == [env]


def test_the_dockerfiles_own_ignore_file_is_the_one_to_mend(tmp_path: Path) -> None:
    env = write(tmp_path / ".env")
    write(tmp_path / ".dockerignore", ".env")
    own = write(tmp_path / "prod.Dockerfile.dockerignore", "other")
    assert [leak.ignore_file for leak in find(tmp_path, env, dockerfile="prod.Dockerfile")] == [own]


def test_a_key_that_git_tracks(tmp_path: Path) -> None:
    env = write(tmp_path / "project" / ".env")
    context = tmp_path / "context"
    context.mkdir()
    leak = Leak(env, "tracked", NAMES, env.with_name(".gitignore"), "/.env")
    assert find(context, env, tracked=lambda path: path == env) == (leak,)


def test_files_without_keys_may_be_anywhere(tmp_path: Path) -> None:
    env = write(tmp_path / ".env", "ECR_REPOSITORY=app\n")
    write(tmp_path / ".env.example", "# AWS_ACCESS_KEY_ID=\n")
    assert find(tmp_path, env, tmp_path / ".env.missing", tracked=lambda path: True) == ()


def test_the_files_beside_those_that_were_read(tmp_path: Path) -> None:
    env = write(tmp_path / "project" / ".env", "")
    prod = write(tmp_path / "project" / ".env.prod")
    write(tmp_path / "project" / "envelope")
    context = tmp_path / "context"
    context.mkdir()
    leaks = find(context, env, tracked=lambda path: True)
    assert [(leak.path, leak.why) for leak in leaks] == [(prod, "tracked")]


@pytest.mark.parametrize(
    "name", [".env.local", ".envrc", "prod.env", "services/.env", "services/api/.env", "env/prod.env"]
)
def test_others_in_the_context(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert [(leak.why, leak.ignore_line) for leak in find(tmp_path)] == [("in-context", name)]
    write(tmp_path / ".dockerignore", "**/.env*\n**/*.env\n")
    (leak,) = find(tmp_path, tracked=lambda path: True)
    assert (leak.path, leak.why) == (tmp_path / name, "tracked")


def test_a_tracked_sample_needs_no_dotenv_file_beside_it(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    write(tmp_path / ".env.example")
    write(tmp_path / ".dockerignore", ".env*\n")
    build = [BuildDefinition(str(tmp_path))]
    check_leaked_keys(load(tmp_path, environ={}), source(root=tmp_path), build)
    subprocess.run([*git, "add", "."], check=True)
    with pytest.raises(Refused, match=r"\.env\.example holds .*, and git tracks it"):
        check_leaked_keys(load(tmp_path, environ={}), source(root=tmp_path), build)


@pytest.mark.parametrize("name", [".git/.env", "environment", "env"])
def test_what_is_not_looked_at(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert find(tmp_path) == ()


def test_one_that_was_read_counts_at_any_depth(tmp_path: Path) -> None:
    env = write(tmp_path / "a/b/c/d/.env")
    assert [leak.ignore_line for leak in find(tmp_path, env)] == ["a/b/c/d/.env"]


def test_a_link_is_looked_at_where_it_leads(tmp_path: Path) -> None:
    context = tmp_path / "context"
    outside, inside = write(tmp_path / "outside"), write(context / "config" / "secrets")
    (context / ".env").symlink_to(outside)
    (context / ".env.prod").symlink_to(inside)
    leaks = find(context, context / ".env", context / ".env.prod", tracked=lambda path: path == outside)
    assert [(leak.path, leak.why) for leak in leaks] == [(outside, "tracked"), (inside, "in-context")]


def test_a_context_that_is_a_link(tmp_path: Path) -> None:
    env = write(tmp_path / "real" / ".env")
    (tmp_path / "link").symlink_to("real")
    assert [leak.path for leak in find(tmp_path / "link", tmp_path / "link" / ".env")] == [env]


def test_a_file_that_is_no_dotenv_file_in_spite_of_its_name(tmp_path: Path) -> None:
    encrypted = tmp_path / ".env.gpg"
    encrypted.write_bytes(b"\x8c\xff\xfe")
    (tmp_path / ".env").mkdir()
    assert find(tmp_path) == ()
    with pytest.raises(SettingsError, match=r"\.env\.gpg"):
        find(tmp_path, encrypted)


def test_the_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    env = write(tmp_path / ".env")
    write(tmp_path / "api" / ".env", f"AWS_SESSION_TOKEN={TOKEN}\n")
    error = refusal(find(tmp_path, env, tracked=lambda path: True))
    assert error.code == ExitCode.REFUSED
    assert error.cause == (
        ".env holds AWS_ACCESS_KEY_ID (line 2) and AWS_SECRET_ACCESS_KEY (line 3), and git tracks it and the "
        "build context would carry it into the image; api/.env holds AWS_SESSION_TOKEN (line 1), and git tracks it "
        "and the build context would carry it into the image."
    )
    assert error.remedy == (
        "Add the line /.env to .gitignore, run `git rm --cached -- .env`, and replace the keys, because git's "
        "history keeps them; add the line .env to .dockerignore; add the line /.env to api/.gitignore, run "
        "`git rm --cached -- api/.env`, and replace the keys, because git's history keeps them; add the line "
        "api/.env to .dockerignore; or name those files in ECR_ALLOW_KEYS_IN if the keys open nothing."
    )
    assert not any(key in str(error) for key in (KEY_ID, SECRET, TOKEN))


def test_a_key_in_a_comment(tmp_path: Path) -> None:
    leak = Leak(tmp_path / "a file", "tracked", (("#", 7),), tmp_path / ".gitignore", "/a file")
    error = refusal([leak])
    assert "holds a key in a comment (line 7), and git tracks it." in error.cause
    assert f"git rm --cached -- '{tmp_path}/a file'" in error.remedy


def with_keys(folder: Path, ignored: str) -> Settings:
    """Return settings from a .env with keys, in a context that ignores these names."""
    (folder / ".env").write_text(KEYS, encoding="utf-8")
    (folder / ".dockerignore").write_text(ignored, encoding="utf-8")
    return load(folder, environ={})


def test_keys_that_the_context_would_carry_are_refused_with_the_line_to_add(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        check_leaked_keys(with_keys(tmp_path, "*.pyc\n"), source(root=None), [BuildDefinition(str(tmp_path))])
    assert caught.value.code == ExitCode.REFUSED
    assert ".dockerignore" in str(caught.value)
    assert ".env" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_ignored_keys_and_files_without_keys_are_in_nobodys_way(tmp_path: Path) -> None:
    build = [BuildDefinition(str(tmp_path))]
    check_leaked_keys(with_keys(tmp_path, ".env\n"), source(root=None), build)
    (tmp_path / ".dockerignore").unlink()
    (tmp_path / ".env").write_text("ECR_REPOSITORY=team/app\n", encoding="utf-8")
    check_leaked_keys(load(tmp_path, environ={}), source(root=None), build)


def test_a_remote_context_has_no_files_of_ours(tmp_path: Path) -> None:
    remote = BuildDefinition("https://git.example.com/app.git")
    check_leaked_keys(with_keys(tmp_path, ""), source(root=None), [remote])


names = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]) | st.sampled_from("*?[]{}|^\\!# ~.\n"),
    min_size=1,
    max_size=6,
).filter(lambda name: name not in (".", ".."))


@settings(deadline=None)
@given(st.lists(names, min_size=1, max_size=3).map("/".join), st.sampled_from(["", "!**", "*\n!*/**\n!*"]))
def test_the_line_ignores_the_file(path: str, before: str) -> None:
    rules = f"{before}\n{_quoted(path)}\n".encode()
    assert DockerIgnore.parse(rules, Path(".dockerignore")).ignores(path)


@settings(deadline=None)
@given(st.lists(names, min_size=1, max_size=3).map("/".join))
def test_the_line_ignores_little_else(path: str) -> None:
    rules = DockerIgnore.parse(_quoted(path).encode(), Path(".dockerignore"))
    assert not rules.ignores(f"{path}x")
    assert not rules.ignores(f"x{path}")
    assert not rules.ignores(".gitignore")


@pytest.mark.parametrize(
    "name", [".env", "a b", "*", "[x]", "?", "#a", "!a", "{a}", "a\\b", " a ", "é", "a\nb", "a^|b"]
)
def test_git_reads_the_line_the_same_way(tmp_path: Path, name: str) -> None:
    environ = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(tmp_path)}
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True, env=environ)
    write(tmp_path / name)
    write(tmp_path / ".gitignore", f"/{_quoted(name)}\n")
    done = subprocess.run(
        ["git", "check-ignore", "--quiet", "--", f"./{name}"], cwd=tmp_path, env=environ, check=False
    )
    assert done.returncode == 0


def test_keys_are_found_with_their_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path / ".env",
        f"\n# {KEY_ID}\nAWS_ACCESS_KEY_ID={TEMPORARY_ID}\nAWS_SECRET_ACCESS_KEY=\nAWS_SESSION_TOKEN=${{TOKEN}}\n"
        f'OTHER="two\n{TEMPORARY_ID}"\nAWS_REGION=eu-west-1\n# AWS_SECRET_ACCESS_KEY = {SECRET}\n'
        f'AWS_SESSION_TOKEN "x\nAWS_SECRET_ACCESS_KEY="{SECRET}\naws_secret_access_key={SECRET}\n'
        f"AWS_SECRET_ACCESS_KEY=${{SECRET:-{SECRET}}}\n",
    )
    assert find_keys(path) == [
        *(("#", 2), ("AWS_ACCESS_KEY_ID", 3), ("OTHER", 7), ("#", 9), ("AWS_SECRET_ACCESS_KEY", 11)),
        *(("aws_secret_access_key", 12), ("AWS_SECRET_ACCESS_KEY", 13)),
    ]


@pytest.mark.parametrize(
    "pair",
    [
        *(
            "your-access-key your-secret-key",
            "test test",
            "local local",
            "minioadmin minioadmin",
            "changeme changeme",
        ),
        "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "ASIAIOSFODNN7EXAMPLE je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        *("AKIAXXXXXXXXXXXXXXXX XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "<your-key-id> <your-secret>", "... ..."),
        *("AKIA1234567890ABCDEF 1234567890123456789012345678901234567890", "${KEY} ${SECRET}", "${KEY:-} ${SECRET-}"),
        "REPLACE_ME replace-with-your-40-character-secret-access-key",
        "AKIAABCDEFGHIJKLMNOP abcdefghijklmnopqrstuvwxyz0123456789ABCD",
        "op://dev/aws/key op://dev/aws/secret-access-key-of-production",
        "ENC[AES256_GCM,data:p673w==] ENC[AES256_GCM,data:CwE4O1s=,iv:2k=,tag:3s=,type:str]",
        "vault:secret/data/aws#access_key vault:secret/data/aws#secret_access_key",
        "AKIANOTAREALKEYEXAMP a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0",
        "AKIAQWERTYUIOPASDFGH garage-secret-key-for-local-dev-a1b2c3",
    ],
)
def test_what_cant_be_a_key_is_none(tmp_path: Path, pair: str) -> None:
    key_id, secret = pair.split()
    text = f"AWS_ACCESS_KEY_ID={key_id}\nAWS_SECRET_ACCESS_KEY={secret}\nAWS_SESSION_TOKEN={secret}\n"
    assert find_keys(write(tmp_path / ".env.example", text + f"# {text}")) == []


@pytest.mark.parametrize("prefix", ["AKIA", "ASIA", "ABIA", "ACCA"])
def test_a_real_key_is_one_whichever_it_is(prefix: str) -> None:
    random = Random(prefix)  # noqa: S311 - the same keys in each run
    for _ in range(300):
        identifier = prefix + "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=16))
        assert is_key("AWS_ACCESS_KEY_ID", identifier)
        assert find_key_id(f"the key {identifier}.")
        for length in (30, 36, 48):  # AWS's 40 characters, and longer ones of other stores
            assert is_key("AWS_SECRET_ACCESS_KEY", b64encode(random.randbytes(length)).decode())
        assert is_key("AWS_SECRET_ACCESS_KEY", random.randbytes(32).hex())
        assert is_key("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2Vj" + b64encode(random.randbytes(300)).decode())


def test_a_file_can_be_named_whose_keys_open_nothing(tmp_path: Path) -> None:
    write(tmp_path / "services" / ".env.test")
    build = [BuildDefinition(str(tmp_path))]
    with pytest.raises(Refused, match=r"ECR_ALLOW_KEYS_IN"):
        check_leaked_keys(load(tmp_path, environ={}), source(root=None), build)
    allowing = load(tmp_path, environ={"ECR_ALLOW_KEYS_IN": "services/.env.test,.env.gone"})
    check_leaked_keys(allowing, source(root=None), build)
    assert allowing.warnings == (
        "ECR_ALLOW_KEYS_IN (environment variable ECR_ALLOW_KEYS_IN) names a file that isn't there: .env.gone.",
    )
    write(tmp_path / "other.env")
    with pytest.raises(Refused, match=r"other\.env holds"):
        check_leaked_keys(allowing, source(root=None), build)


def test_no_file_holds_no_keys_and_an_unreadable_one_is_not_trusted(tmp_path: Path) -> None:
    assert find_keys(tmp_path / ".env") == []
    assert find_keys(ROOT / ".env.example") == []
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsProblems):
        find_keys(tmp_path / ".env")


@pytest.mark.parametrize("leaking", ["settings.secret", "settings.secret.prod"])
@pytest.mark.parametrize("why", ["tracked", "in-context"])
def test_a_dotenv_file_of_ones_own_name_is_guarded_with_those_of_other_environments(
    tmp_path: Path, leaking: str, why: str
) -> None:
    subprocess.run(["git", "init", "--quiet", "."], cwd=tmp_path, check=True)
    for name in ("settings.secret", "settings.secret.prod"):
        write(tmp_path / name, KEYS if name == leaking else "ECR_REPOSITORY=app\n")
    write(tmp_path / ".dockerignore", "*\n" if why == "tracked" else "")
    if why == "tracked":
        subprocess.run(["git", "add", leaking], cwd=tmp_path, check=True)
    settings = load(tmp_path, environ={"ECR_ENV_FILE": "settings.secret"})
    with pytest.raises(Refused) as error:
        check_leaked_keys(settings, source(root=tmp_path), [BuildDefinition(str(tmp_path))])
    assert f"{leaking} holds AWS_ACCESS_KEY_ID" in error.value.cause
    assert ("git tracks it" in error.value.cause) is (why == "tracked")
