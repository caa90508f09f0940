"""Every setting there is: the one table that reading, `settings` and `.env.example` go by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ecr_tasks.model.scan import LEVELS
from ecr_tasks.settings.parse import build_options as buildx
from ecr_tasks.settings.parse import destinations, values
from ecr_tasks.settings.parse import repository_options as repository
from ecr_tasks.settings.setting import Spec

GROUPS: Mapping[str, tuple[Spec, ...]] = MappingProxyType(
    {
        "Which registry": (
            Spec(
                "AWS_REGION",
                "The registry's region. Without it, the region of the profile.",
                "eu-central-1",
                values.region,
                otherwise="the profile's",
            ),
            Spec(
                "AWS_DEFAULT_REGION",
                "Another name for AWS_REGION, which wins where both stand in one place.",
                "eu-central-1",
                values.region,
                otherwise="the profile's",
            ),
            Spec(
                "AWS_ACCOUNT_ID",
                "The registry's account, 12 digits. With it set, credentials of another account are refused "
                "before anything is built. Without it, the account of the credentials.",
                "123456789012",
                values.account_id,
                otherwise="the caller's",
            ),
        ),
        "Credentials: anything that the AWS SDKs read": (
            Spec("AWS_PROFILE", "A profile of ~/.aws/config, also for SSO.", "team-dev"),
            Spec(
                "AWS_ACCESS_KEY_ID",
                "An access key. Keep this file out of git and out of the image when you set one.",
                "AKIA...",
                display="last-four",
            ),
            Spec("AWS_SECRET_ACCESS_KEY", "The access key's secret.", "...", display="hidden"),
            Spec("AWS_SESSION_TOKEN", "The session's token, with temporary keys.", "...", display="hidden"),
            Spec(
                "ECR_ROLE_ARN",
                "A role to assume; by web identity where the CI system hands out OIDC tokens.",
                "arn:aws:iam::123456789012:role/push",
                values.role_arn,
            ),
            Spec("AWS_ROLE_ARN", "The SDK's own role for web identity.", "arn:aws:iam::123456789012:role/ci"),
            Spec("AWS_WEB_IDENTITY_TOKEN_FILE", "The file with the OIDC token.", "/run/secrets/token"),
            Spec("AWS_CONFIG_FILE", "Another file than ~/.aws/config.", "/secure/aws/config"),
            Spec("AWS_SHARED_CREDENTIALS_FILE", "Another file than ~/.aws/credentials.", "/secure/credentials"),
            Spec("AWS_CA_BUNDLE", "Certificates to trust, behind a proxy that opens TLS.", "/etc/ssl/ca.pem"),
            Spec("AWS_ENDPOINT_URL", "Another endpoint for every AWS service.", "http://127.0.0.1:4510"),
            Spec("AWS_ENDPOINT_URL_ECR", "Another endpoint for ECR's API.", "https://vpce-1.api.ecr.example"),
            Spec("AWS_ENDPOINT_URL_ECR_PUBLIC", "Another endpoint for ECR Public's API.", "http://127.0.0.1:4510"),
            Spec("AWS_ENDPOINT_URL_STS", "Another endpoint for STS.", "https://vpce-1.sts.example"),
            Spec("AWS_USE_FIPS_ENDPOINT", "FIPS endpoints.", "true"),
            Spec("AWS_USE_DUALSTACK_ENDPOINT", "Endpoints with IPv6.", "true"),
        ),
        "What to build": (
            Spec("ECR_REPOSITORY", "The repository: one image, one repository.", "team/app", values.repository),
            Spec(
                "ECR_CONTEXT",
                "The build context: a folder beside this file, or a URL.",
                ".",
                values.context,
                default=".",
            ),
            Spec(
                "ECR_DOCKERFILE",
                "The Dockerfile: looked for beside this file, then in the context.",
                "docker/app.Dockerfile",
                values.dockerfile,
                default="Dockerfile",
            ),
            Spec("ECR_TARGET", "A stage of the Dockerfile.", "runtime", values.word, otherwise="the last one"),
            Spec(
                "ECR_PLATFORMS",
                "Platforms as os/arch[/variant].",
                "linux/amd64,linux/arm64",
                buildx.platforms,
                otherwise="the engine's",
            ),
            Spec(
                "ECR_BUILD_ARGS",
                "Build arguments: NAME=VALUE, or NAME for a value from this file or the environment. Like "
                "every list here: comma-separated, or one a line in double quotes.",
                "PYTHON=3.13,VERSION",
                buildx.build_args,
                display="names-only",
            ),
            Spec(
                "ECR_BUILD_CONTEXTS",
                "Named contexts: name=path, name=docker-image://...",
                "shared=../shared",
                buildx.build_contexts,
            ),
            Spec(
                "ECR_SECRETS",
                "Build secrets, from files or from variables of this file or the environment.",
                "id=npm,env=NPM_TOKEN",
                buildx.secrets,
            ),
            Spec("ECR_SSH", "SSH agents or keys for the build.", "default", buildx.ssh),
            Spec(
                "ECR_LABELS",
                "Labels beside the OCI keys that come from git and CI.",
                "team=web,cost-center=42",
                buildx.labels,
                otherwise="OCI keys from git and CI",
            ),
            Spec(
                "ECR_ANNOTATIONS",
                "Annotations beside the same OCI keys.",
                "index:team=web",
                buildx.image_annotations,
                otherwise="OCI keys from git and CI",
            ),
            Spec(
                "ECR_BAKE_FILE",
                "A bake or compose file: each of its targets is an image.",
                "docker-bake.hcl",
                values.text,
                otherwise="found by name",
            ),
            Spec(
                "ECR_REPOSITORY_PREFIX",
                "With a bake file: what each target's repository begins with.",
                "team/",
                values.repository_prefix,
            ),
        ),
        "How to build": (
            Spec(
                "ECR_CACHE",
                "registry keeps a build cache in ECR; or buildx's own syntax, type=...",
                "registry",
                buildx.cache,
                default="off",
            ),
            Spec("ECR_BUILDER", "A buildx builder.", "multi", values.word, otherwise="buildx's current one"),
            Spec(
                "ECR_PRESET",
                "lambda (one manifest, no attestations) or supply-chain (provenance, SBOM).",
                "supply-chain",
                values.choice("default", "lambda", "supply-chain"),
                default="default",
            ),
            Spec(
                "ECR_DIRTY",
                "An uncommitted tree: tag it -dirty, or refuse it.",
                "refuse",
                values.choice("tag", "refuse"),
                default="tag",
            ),
            Spec(
                "ECR_SKIP",
                "commit: don't rebuild a clean commit that is published. content: nor the same inputs (files, "
                "Dockerfile, arguments, platforms, base images), whichever commit they were built from; the "
                "image's labels go on naming that one. never: always build.",
                "content",
                values.choice("commit", "content", "never"),
                default="commit",
            ),
            Spec("ECR_DEBUG", "Show tracebacks.", "true", values.boolean, default="false"),
        ),
        "The repository": (
            Spec(
                "ECR_CREATE_REPOSITORY",
                "push creates a repository that is missing.",
                "true",
                values.boolean,
                default="false",
            ),
            Spec(
                "ECR_MUTABILITY",
                "Which tags ECR locks. rules: the fixed ones of the tag rules. Else mutable or immutable, with "
                "exceptions if you like: immutable,exclude=latest;pr-*",
                "immutable,exclude=latest;pr-*",
                repository.mutability,
                default="rules",
            ),
            Spec(
                "ECR_LIFECYCLE_POLICY",
                "A JSON file; default: untagged and cache images expire, nothing else; off: leave it as it is.",
                "ecr/lifecycle.json",
                repository.lifecycle_policy,
                default="default",
            ),
            Spec(
                "ECR_REPOSITORY_POLICY",
                "A JSON file with the repository policy. Without it, the policy stays as it is.",
                "ecr/policy.json",
                otherwise="left as it is",
            ),
            Spec(
                "ECR_KMS_KEY",
                "A KMS key (ARN, id or alias) to encrypt with; it counts only when the repository is created.",
                "alias/ecr",
                values.word,
                otherwise="ECR's own key",
            ),
            Spec(
                "ECR_REPOSITORY_TAGS",
                "AWS tags of the repository; others that it has stay.",
                "team=web,cost-center=42",
                repository.resource_tags,
            ),
        ),
        "Tags, more registries, scans": (
            Spec(
                "ECR_TAGS",
                "Tag rules, in docker/metadata-action's syntax: one a line, or separated by ; (docs/tags.md).",
                "type=semver,pattern={{version}};type=ref,event=branch;type=ref,event=pr;type=sha",
                values.verbatim,
                otherwise="sha; branch; PR; semver",
            ),
            Spec(
                "ECR_FLAVOR",
                "What holds for every tag rule: latest=auto|true|false, forward=, prefix=, suffix=.",
                "latest=auto,forward=true",
                values.verbatim,
                otherwise="latest on the highest release",
            ),
            Spec(
                "ECR_DESTINATIONS",
                "More registries to publish to: ACCOUNT/REGION[/REPOSITORY], or public.ecr.aws/ALIAS[/REPOSITORY]. "
                "The image is built and pushed once, then copied.",
                "210987654321/eu-west-1,210987654321/us-east-1/prod/app",
                destinations.destinations,
            ),
            Spec(
                "ECR_SCAN_FAIL_ON",
                "The lowest severity that `promote --require-scan` refuses where it names none: critical, high, "
                "medium, low, informational or undefined. Unset, it is critical there.",
                "high",
                values.choice(*LEVELS),
                otherwise="critical, with promote --require-scan",
            ),
        ),
    }
)

TABLE: Mapping[str, Spec] = MappingProxyType({spec.name: spec for specs in GROUPS.values() for spec in specs})

CONFIG_ALIASES: Mapping[str, str] = MappingProxyType({"region": "AWS_REGION", "account_id": "AWS_ACCOUNT_ID"})
"""Keys under ``ecr.`` that stand for an AWS_… name; the others are a setting's name in lower case."""


def spec_of(name: str) -> Spec:
    """A name's spec. An AWS_… name outside the table is the SDK's business, and hidden: it may be a token."""
    return TABLE.get(name) or Spec(name, "", "", display="hidden")
