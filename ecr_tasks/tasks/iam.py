"""IAM's tasks: iam.trust."""

from __future__ import annotations

from invoke.collection import Collection

from ecr_tasks.runner.decorator import task
from ecr_tasks.runner.run import Run


@task(
    positional=["name"],
    help={
        "name": "github, gitlab, circleci, buildkite, bitbucket or azure",
        "branch": "the branch to let in (default: this one)",
        "tag": "tags to let in, a pattern such as 'v*'",
        "environment": "a deployment environment to let in (github; bitbucket: its UUID)",
        "account": "the account that the role is in (default: AWS_ACCOUNT_ID, else the caller's)",
        "repository": "the repository's web address (default: this one's)",
        "organization": "as the CI knows it: an id (circleci, bitbucket, azure, github), a slug (buildkite)",
        "project": "as the CI knows it: an id (circleci, bitbucket, github), a slug (buildkite), a name (azure)",
        "audience": "whom the token is for (default: as the CI's documentation has it)",
    },
)
def trust(
    run: Run,
    name: str,
    branch: str | None = None,
    tag: str | None = None,
    environment: str | None = None,
    account: str | None = None,
    repository: str | None = None,
    organization: str | None = None,
    project: str | None = None,
    audience: str | None = None,
) -> None:
    """Print the trust policy that lets a CI's OpenID Connect tokens assume a role."""
    from ecr_tasks.ci.oidc.subject import Scope
    from ecr_tasks.tasks.trust_view import trust as show

    scope = Scope(
        account or "",
        repository_url=repository,
        branch=branch,
        tag=tag,
        environment=environment,
        organization=organization,
        project=project,
        audience=audience,
    )
    show(run, name, scope)


ns = Collection("iam", trust)
