"""The IAM actions that each task needs, derived from the calls that it makes. A row is one reason for some actions.

Sources: ``clients/ecr`` for our own calls; for docker's, the ECR user guide ("IAM permissions for pushing an image",
"AWS managed policies"). ``tests/engine/test_iam_actions.py`` compares the rows with the requests of real runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.iam.scope import Scope
from ecr_tasks.settings.settings import Settings


@dataclass(frozen=True)
class Need:
    """An action on a resource, and what for.

    ``resource`` is an ARN, or ``*`` for an action that IAM can't restrict to a resource. An action that is not
    ``required`` is only used where it is granted. ``condition`` is that of a policy's statement.
    """

    action: str
    resource: str
    purpose: str
    required: bool = True
    condition: Mapping[str, Any] = field(default_factory=dict)


Condition = Callable[[Settings, Scope], object]


@dataclass(frozen=True)
class _Row:
    """One reason: actions, what they are on, the purpose, and for which settings it counts.

    ``actions`` and ``on`` are words with spaces between. On are: ``*``; repositories of the scope, ``copies`` without
    and ``public`` with those of ECR Public alone; ``key``, that of ECR_KMS_KEY.
    """

    actions: str
    on: str
    purpose: str
    required: bool = True
    when: Condition = lambda settings, scope: True


def _has_copies(settings: Settings, scope: Scope) -> bool:
    return bool(scope.copies)


def _has_private_copies(settings: Settings, scope: Scope) -> bool:
    return any(not place.is_public for place in scope.copies)


def _caches(settings: Settings, scope: Scope) -> bool:
    return settings.cache == "registry"


def _creates(settings: Settings, scope: Scope) -> bool:
    return settings.create_repository


def _compares_inputs(settings: Settings, scope: Scope) -> bool:
    return settings.skip == "content"


def _leaves_tags_unlocked(settings: Settings, scope: Scope) -> bool:
    """Return whether the settings let ECR leave fixed tags unlocked; by the tag rules it locks them."""
    return settings.mutability[0] == "mutable"


def _locks_uncommitted(settings: Settings, scope: Scope) -> bool:
    """Return whether the tags of uncommitted trees are locked; by the tag rules they are not."""
    return settings.mutability[0] == "immutable" and settings.dirty == "tag"


def _only(condition: Condition, *rows: _Row) -> tuple[_Row, ...]:
    """Return rows that count only on one more condition."""

    def both(row: _Row) -> Condition:
        return lambda settings, scope: condition(settings, scope) and row.when(settings, scope)

    return tuple(replace(row, when=both(row)) for row in rows)


_UPLOAD = ("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")
_PUSH = " ".join(f"ecr:{name}" for name in _UPLOAD)
_PUSH_PUBLIC = " ".join(f"ecr-public:{name}" for name in _UPLOAD)
_PULL = "ecr:BatchGetImage ecr:GetDownloadUrlForLayer"
_PUBLIC_TOKEN = "ecr-public:GetAuthorizationToken sts:GetServiceBearerToken"  # noqa: S105 - the names of actions

_TOKEN = _Row("ecr:GetAuthorizationToken", "*", "log in to the registry")

_READ_AND_CACHE = (
    _Row("ecr:GetAuthorizationToken", "*", "pull base images", when=lambda settings, scope: scope.reads),
    _Row(_PULL, "reads", "pull base images"),
    _Row("ecr:BatchImportUpstreamImage", "reads", "pull base images through a pull-through cache", required=False),
    _Row(_PUBLIC_TOKEN, "public-reads", "pull from ECR Public at the rate of a login", required=False),
    _Row("ecr:GetAuthorizationToken", "*", "keep a build cache", False, lambda settings, scope: scope.caches),
    _Row(f"{_PULL} {_PUSH}", "caches", "keep a build cache", required=False),
    _Row("ecr:GetAuthorizationToken", "*", "keep a build cache", False, _caches),
    _Row(f"{_PULL} {_PUSH}", "own", "keep a build cache", False, _caches),
)

_READ_DIGESTS = (
    _Row("ecr:GetAuthorizationToken", "*", "read the base images' digests", when=lambda settings, scope: scope.reads),
    _Row("ecr:BatchGetImage", "reads", "read the base images' digests"),
)

_LOOK_IS_NO_PULL = _Row("ecr:DescribeImages", "own copies", "look at images in a way that is no pull", required=False)

_LOOK = (
    _Row("ecr:DescribeRepositories ecr:BatchGetImage", "own copies", "look at the repositories and planned tags"),
    _LOOK_IS_NO_PULL,
    _Row("ecr-public:DescribeRepositories ecr-public:DescribeImageTags", "public", "look at the public copies"),
    _Row("ecr:GetDownloadUrlForLayer", "own copies", "read an image's commit from its labels", required=False),
    _Row("ecr:DescribeRegistry", "*", "see what ECR replicates by itself", False, _has_private_copies),
)

_TAKE_TURNS = (
    _Row("ecr:DescribeRegistry", "*", "see what ECR replicates by itself", False, _leaves_tags_unlocked),
    _Row("ecr:BatchDeleteImage", "own copies", "take turns at tags that aren't locked", False, _leaves_tags_unlocked),
    _Row("ecr-public:BatchDeleteImage", "public", "take turns at tags, which ECR Public can't lock", required=False),
)

_COPY = (
    _Row(_PULL, "own", "read what is copied", when=_has_copies),
    _Row(_PUSH, "copies", "copy images and set their tags"),
    _Row(_PUBLIC_TOKEN, "public", "log in to ECR Public"),
    _Row(f"{_PUSH_PUBLIC} ecr-public:DescribeImages", "public", "copy images and set their tags"),
)

_CREATE = (
    _Row("ecr:CreateRepository", "own copies", "create a missing repository"),
    _Row("ecr-public:CreateRepository", "public", "create a missing repository"),
    _Row("ecr:TagResource", "own copies", "set AWS tags", when=lambda settings, scope: settings.repository_tags),
    _Row("ecr-public:TagResource", "public", "set AWS tags", when=lambda settings, scope: settings.repository_tags),
    _Row(
        "ecr:PutLifecyclePolicy",
        "own copies",
        "set the lifecycle policy",
        when=lambda settings, scope: settings.lifecycle_policy != "off",
    ),
    _Row(
        "ecr:SetRepositoryPolicy",
        "own copies",
        "set the repository policy",
        when=lambda settings, scope: settings.repository_policy,
    ),
    _Row(
        "kms:CreateGrant kms:DescribeKey",
        "key",
        "create a repository that is encrypted with ECR_KMS_KEY",
        when=lambda settings, scope: settings.kms_key,
    ),
)


_PUBLISH = (
    _TOKEN,
    *_LOOK,
    *_READ_AND_CACHE,
    _Row(_PUSH, "own", "push images and set their tags"),
    _Row("ecr:ListImages", "own copies", "move latest and release lines forward only", required=False),
    *_TAKE_TURNS,
    *_COPY,
    _Row("ecr:DescribeImageReplicationStatus", "own", "wait for ECR's own replication", False, _has_private_copies),
    *_only(_creates, *_CREATE),
)

_DOWNLOAD = (
    _TOKEN,
    _Row("ecr:DescribeRepositories", "own", "look at the repository"),
    replace(_LOOK_IS_NO_PULL, on="own"),
    _Row(_PULL, "own", "find an image and pull it"),
)

_FIND = (
    _Row("ecr:DescribeRepositories ecr:DescribeImages", "own", "find an image and its digest"),
    _Row("ecr:BatchGetImage", "own", "see whether the commit's tag is the commit's", required=False),
)

_READ_SETTINGS = _Row(
    "ecr:DescribeRepositories ecr:ListTagsForResource ecr:GetLifecyclePolicy ecr:GetRepositoryPolicy",
    "own",
    "read what is set on the repository",
)

ROWS: Mapping[str, tuple[_Row, ...]] = MappingProxyType(
    {
        "push": (
            *_PUBLISH,
            _Row(
                "ecr:BatchDeleteImage",
                "own copies",
                "replace -dirty tags, which are locked",
                when=_locks_uncommitted,
            ),
        ),
        "pull": _DOWNLOAD,
        "ci": (*_PUBLISH, *_DOWNLOAD),
        "promote": (
            _Row("ecr:DescribeRepositories ecr:BatchGetImage ecr:PutImage", "own", "find an image and set its tags"),
            _LOOK_IS_NO_PULL,
            _Row("ecr:DescribeImageScanFindings", "own", "promote --require-scan", required=False),
            _Row("ecr:ListImageReferrers", "own", "promote --to", when=_has_copies),
            _Row(
                "ecr:ListImageReferrers ecr:DescribeImageSigningStatus",
                "own",
                "promote --require-signature",
                required=False,
            ),
            _Row("ecr:GetAuthorizationToken", "*", "promote --to", when=_has_copies),
            _Row("ecr:DescribeRepositories ecr:BatchGetImage", "copies", "promote --to"),
            _Row("ecr-public:DescribeRepositories ecr-public:DescribeImageTags", "public", "promote --to"),
            *_COPY,
            *_only(_creates, *(replace(row, on=row.on.removeprefix("own ")) for row in _CREATE if row.on != "key")),
            *_only(_has_copies, *_only(_creates, *(replace(row, on=row.on.removeprefix("own ")) for row in _CREATE))),
        ),
        "scan": (
            _Row("ecr:DescribeRepositories ecr:DescribeImages ecr:BatchGetImage", "own", "find what can be scanned"),
            _Row("ecr:StartImageScan ecr:DescribeImageScanFindings", "own", "start a scan and read its findings"),
            _Row("inspector2:ListCoverage inspector2:ListFindings", "*", "read an enhanced scan", required=False),
        ),
        "prune": (
            _Row(
                "ecr:DescribeRepositories ecr:DescribeImages ecr:ListImages ecr:BatchGetImage ecr:ListImageReferrers",
                "own",
                "find what nothing needs",
            ),
            _Row("ecr:BatchDeleteImage", "own", "delete images"),
            _Row("ecr:UpdateImageStorageClass", "own", "archive images and restore them"),
        ),
        "login": (_TOKEN,),
        "build": (*_READ_AND_CACHE, *_only(_caches, *_LOOK, *_only(_creates, *_CREATE))),
        "plan": (*_LOOK, *_only(_compares_inputs, *_READ_DIGESTS)),
        "commands": (_TOKEN, *_LOOK),
        "images": (
            _Row("ecr:DescribeImages", "own", "list images"),
            _Row(_PULL, "own", "read their platforms", required=False),
            _Row("ecr:DescribeRepositories", "own", "images --open", required=False),
        ),
        "export": _FIND,
        "ec2.user-data": _FIND,
        "doctor": (
            *_LOOK,
            _Row("ecr:DescribeRepositoryCreationTemplates", "*", "see which template ECR uses", required=False),
            _Row("ecr:GetRegistryScanningConfiguration", "*", "see how images are scanned", required=False),
        ),
        "repo.show": (_READ_SETTINGS,),
        "repo.ensure": (
            _READ_SETTINGS,
            *(replace(row, on=row.on.removesuffix(" copies")) for row in _CREATE if row.on != "public"),
            _Row("ecr:PutImageTagMutability", "own", "set which tags are locked"),
            _Row("ecr:PutImageScanningConfiguration", "own", "have images scanned when they are pushed"),
            _Row(
                "ecr:StartLifecyclePolicyPreview ecr:GetLifecyclePolicyPreview",
                "own",
                "see what a new lifecycle policy would expire",
                when=lambda settings, scope: settings.lifecycle_policy != "off",
            ),
            _Row(
                "ecr:ListPullTimeUpdateExclusions ecr:RegisterPullTimeUpdateExclusion",
                "*",
                "have ECR record no pulls of ECR_PULL_TIME_EXCLUSIONS",
                when=lambda settings, scope: settings.pull_time_exclusions,
            ),
            _Row(
                "iam:GetRole",
                "*",
                "know the path of the role that ECR_PULL_TIME_EXCLUSIONS=caller means",
                False,
                lambda settings, scope: "caller" in settings.pull_time_exclusions,
            ),
        ),
        "repo.delete": (
            _Row("ecr:DescribeRepositories ecr:DeleteRepository", "own", "delete the repository"),
            _Row(
                "kms:RetireGrant", "key", "end its use of ECR_KMS_KEY", when=lambda settings, scope: settings.kms_key
            ),
        ),
    }
)
"""The rows by task. ``ci`` is what a pipeline does: it pushes, and pulls what it pushed. ``scan`` and ``prune`` are
not tasks yet: theirs is what ECR asks of such work."""

ADMIN = "admin"
"""The name for all of them together."""

FUTURE = ("scan", "prune")


def needs(name: str, settings: Settings, scope: Scope) -> tuple[Need, ...]:
    """Return what a task needs, each action and resource once; ``name`` is one of :data:`ROWS`, or ``admin``.

    Raises SettingsError for another name.
    """
    found: dict[tuple[str, str], Need] = {}
    for row in _rows(name):
        for need in _needs_of(row, settings, scope):
            key = need.action, need.resource
            if key not in found or (need.required and not found[key].required):
                found[key] = need
    return tuple(found.values())


def task_with(action: str, name: str) -> str:
    """Return the name of the policy for a task that was denied an action: the task's own, else one with the action.

    ``action`` may be empty: not every answer names it. ``name`` may be the last part of a name (``ensure``).
    """
    having = [task for task, rows in ROWS.items() if not action or any(action in row.actions.split() for row in rows)]
    own = [task for task in having if task.rpartition(".")[2] == name]
    return next(iter([*own, *having]), ADMIN)


def check_name(name: str) -> None:
    """Raise SettingsError unless a name is one of :data:`ROWS`, or ``admin``."""
    names = [*ROWS, ADMIN]
    if name not in names:
        guess = nearest(name, names, 0.6)
        raise SettingsError(
            f"There is no task {name[:40]!r} that needs rights in AWS.",
            f"{f'Did you mean {guess}? ' if guess else ''}They are {', '.join(names)}.",
        )


def _rows(name: str) -> Sequence[_Row]:
    check_name(name)
    return [row for rows in ROWS.values() for row in rows] if name == ADMIN else ROWS[name]


def _needs_of(row: _Row, settings: Settings, scope: Scope) -> Iterator[Need]:
    if not row.when(settings, scope):
        return
    for resource, condition in (found for word in row.on.split() for found in _resources(word, settings, scope)):
        for action in row.actions.split():
            is_token = action.endswith(("GetAuthorizationToken", "GetServiceBearerToken"))
            yield Need(action, "*" if is_token else resource, row.purpose, row.required, condition)


def _resources(on: str, settings: Settings, scope: Scope) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the resources of a row, each with the condition of its statement."""
    if on == "key":
        yield from _keys(settings.kms_key or "", scope)
    elif on == "*" or (on == "public-reads" and scope.reads_public):
        yield "*", {}
    places = {"own": scope.own, "copies": scope.copies, "public": scope.copies, "reads": scope.reads}
    for place in {**places, "caches": scope.caches}.get(on, ()):
        if place.is_public == (on == "public"):
            yield place.arn, {}


def _keys(key: str, scope: Scope) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the ARNs of a KMS key in the own registry.

    An alias is no resource of a key's actions, so it is a condition (KMS developer guide, "Use aliases to control
    access to KMS keys").
    """
    if key.startswith("arn:") and ":alias/" not in key:
        yield key, {}
        return
    _, alias, name = key.partition("alias/")
    condition = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias + name}} if alias else {}
    for partition, region, account in dict.fromkeys(place.place for place in scope.own):
        yield f"arn:{partition}:kms:{region}:{account}:key/{'*' if alias else key}", condition
