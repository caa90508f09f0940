"""What each CI's OpenID Connect tokens say: issuer, audience, subject, after its own documentation. Pure."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from ecr_tasks.ci.oidc.subject import Asked, Subject, literal, need, refs
from ecr_tasks.errors import SettingsError

STS = "sts.amazonaws.com"

_REPOSITORY = "The repository's web address"

_GITHUB_ISSUERS = {"github.com": "githubusercontent.com"}
"""Hosts whose issuer is not ``token.actions.HOST``, as it is with data residency (``*.ghe.com``)."""

_WITHOUT = {
    "jenkins": "Jenkins issues tokens only with its OpenID Connect Provider plugin, under an address of your own",
    "codebuild": "AWS CodeBuild needs none: the project's service role has the permissions",
    "drone": "Drone issues none",
    "woodpecker": "Woodpecker issues none",
    "teamcity": "TeamCity issues none by itself",
    "travis": "Travis CI issues none",
}


def subject(name: str, asked: Asked) -> Subject:
    """The subject for a CI of that name.

    Raises SettingsError for a CI that issues no tokens, an unknown one, or when something is not known.
    """
    make = _SUBJECTS.get(name)
    if make is not None:
        return make(asked)
    if name in _WITHOUT:
        raise SettingsError(
            f"There is no trust policy to write for {name}: {_WITHOUT[name]}.",
            "Use an AWS role of the machine that runs the jobs, or stored keys; `iam.trust` knows "
            f"{', '.join(sorted(_SUBJECTS))}.",
        )
    raise SettingsError(f"There is no CI called {name!r} here.", f"Choose one of {', '.join(sorted(_SUBJECTS))}.")


def _github(asked: Asked) -> Subject:
    """GitHub Docs, "OpenID Connect reference", Example subject claims, Immutable subject claims.

    Repositories made since June 2026 put ids behind the names (``repo:OWNER@1/NAME@2:…``); both forms are let
    in. An owner's name can't hold an ``@``, nor a branch's a ``:``, so the wildcards stand for ids alone.
    """
    url = need(asked.repository_url, _REPOSITORY, "repository")
    host, path = _parts(url)
    owner, _, name = path.partition("/")
    if not owner or not name or "/" in name:
        raise SettingsError(f"{url} is no repository on GitHub.", "Say which with --repository https://github.com/…")
    enterprise = host != "github.com" and not host.endswith(".ghe.com")
    issuer = f"{host}/_services/token" if enterprise else f"token.actions.{_GITHUB_ISSUERS.get(host, host)}"
    ends = (
        [f"environment:{literal(asked.environment.replace(':', '%3A'))}"]
        if asked.environment
        else [f"ref:refs/{kind}/{ref}" for kind, ref in refs(asked)]
    )
    ids = f"{literal(owner)}@{asked.organization or '*'}/{literal(name)}@{asked.project or '*'}"
    forms = [f"{literal(owner)}/{literal(name)}"] if enterprise else [f"{literal(owner)}/{literal(name)}", ids]
    notes = ["The job needs `permissions: id-token: write`."]
    if asked.environment:
        notes.append("Only jobs with that `environment:` are let in; its protection rules say from which branches.")
    elif not enterprise and not (asked.organization and asked.project):
        notes.append(
            "--organization and --project take the owner's and the repository's numeric ids, in place of any id."
        )
    return Subject(
        issuer, asked.audience or STS, tuple(f"repo:{form}:{end}" for form in forms for end in ends), tuple(notes)
    )


def _gitlab(asked: Asked) -> Subject:
    """GitLab Docs, "Configure OpenID Connect in AWS"; the audience is the job's to choose in ``id_tokens:``."""
    host, path = _parts(need(asked.repository_url, _REPOSITORY, "repository"))
    audience = asked.audience or STS
    types = {"heads": "branch", "tags": "tag"}
    subjects = tuple(f"project_path:{literal(path)}:ref_type:{types[kind]}:ref:{ref}" for kind, ref in refs(asked))
    notes = [f"The job needs `id_tokens: AWS_ID_TOKEN: aud: {audience}`."]
    if asked.environment:
        notes.append("GitLab's subject names no environment: it is not looked at.")
    return Subject(host, audience, subjects, tuple(notes))


def _circleci(asked: Asked) -> Subject:
    """CircleCI Docs, "OpenID Connect tokens", for ``CIRCLE_OIDC_TOKEN_V2``: ids, then where the code is from."""
    org = need(asked.organization, "The CircleCI organization's id", "organization")
    project = need(asked.project, "The CircleCI project's id", "project")
    host, path = _parts(need(asked.repository_url, _REPOSITORY, "repository"))
    begin = f"org/{literal(org)}/project/{literal(project)}/user/*/vcs-origin/{host}/{literal(path)}/vcs-ref/refs"
    return Subject(
        f"oidc.circleci.com/org/{org}",
        asked.audience or org,
        tuple(f"{begin}/{kind}/{ref}" for kind, ref in refs(asked)),
        ("The audience is the organization's id.",),
    )


def _buildkite(asked: Asked) -> Subject:
    """Buildkite Docs, "OIDC with AWS": organization and pipeline by their slugs."""
    org = need(asked.organization, "The Buildkite organization's slug", "organization")
    pipeline = need(asked.project, "The Buildkite pipeline's slug", "project")
    begin = f"organization:{literal(org)}:pipeline:{literal(pipeline)}:ref:refs"
    return Subject(
        "agent.buildkite.com",
        asked.audience or STS,
        tuple(f"{begin}/{kind}/{ref}:commit:*:step:*" for kind, ref in refs(asked)),
    )


def _bitbucket(asked: Asked) -> Subject:
    """Bitbucket Docs, "Integrate Pipelines with resource servers using OIDC": no branch in the subject."""
    _, path = _parts(need(asked.repository_url, _REPOSITORY, "repository"))
    workspace = path.partition("/")[0]
    org = _uuid(need(asked.organization, "The Bitbucket workspace's UUID", "organization"))
    repository = _uuid(need(asked.project, "The Bitbucket repository's UUID", "project"))
    middle = f"{{{_uuid(asked.environment)}}}:" if asked.environment else ""
    notes = ["The step needs `oidc: true`."]
    if not asked.environment:
        notes.append(
            "Bitbucket's subject names no branch: every branch of the repository is let in. Say a deployment "
            "environment's UUID with --environment, and limit that environment to a branch."
        )
    return Subject(
        f"api.bitbucket.org/2.0/workspaces/{workspace}/pipelines-config/identity/oidc",
        asked.audience or f"ari:cloud:bitbucket::workspace/{org}",
        (f"{{{literal(repository)}}}:{middle}*",),
        tuple(notes),
    )


def _azure(asked: Asked) -> Subject:
    """Azure DevOps: the subject is the pipeline, ``p://ORG/PROJECT/PIPELINE``, and the audience is fixed."""
    host, path = _parts(need(asked.repository_url, _REPOSITORY, "repository"))
    names = unquote(path).split("/")
    if host != "dev.azure.com" or len(names) != 4:
        raise SettingsError(
            "The Azure DevOps organization and project are not known here.",
            "Say them with --repository https://dev.azure.com/ORGANIZATION/PROJECT/_git/NAME.",
        )
    org = need(asked.organization, "The Azure DevOps organization's id (a GUID)", "organization")
    pipeline = need(asked.project, "The pipeline's name", "project")
    return Subject(
        f"vstoken.dev.azure.com/{org}",
        asked.audience or "api://AzureADTokenExchange",
        (f"p://{literal(names[0])}/{literal(names[1])}/{literal(pipeline)}",),
        (
            "The step needs `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`.",
            "Azure's subject names no branch: limit the pipeline itself.",
        ),
    )


def _parts(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    path = parts.path.strip("/").removesuffix(".git")
    if not parts.netloc or not path:
        raise SettingsError(f"{url} is no web address of a repository.", "Say it with --repository https://…")
    return parts.netloc, path


def _uuid(text: str) -> str:
    return text.strip("{}")


_SUBJECTS: dict[str, Callable[[Asked], Subject]] = {
    "github": _github,
    "gitlab": _gitlab,
    "circleci": _circleci,
    "buildkite": _buildkite,
    "bitbucket": _bitbucket,
    "azure": _azure,
}
