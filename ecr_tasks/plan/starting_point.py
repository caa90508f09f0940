"""What a project and this machine have before `init`, and which answers it takes, proposes, asks for and refuses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Literal, get_args

from ecr_tasks.errors import SettingsError, nearest
from ecr_tasks.frozen import dataclass
from ecr_tasks.model.aws_profile import AwsProfile
from ecr_tasks.model.wording import name_some
from ecr_tasks.plan.repository_names import prefixed
from ecr_tasks.settings.env_files import OWN
from ecr_tasks.settings.errors import Malformed
from ecr_tasks.settings.invoke_files import ABSENT, SectionStyle
from ecr_tasks.settings.parse import registry
from ecr_tasks.settings.parse.address import parse_address
from ecr_tasks.settings.setting import Origin
from ecr_tasks.source.project_files import TasksFile

Name = Literal["region", "account", "repository", "prefix", "profile", "dockerfile"]

SETTINGS: Mapping[Name, str] = {
    "region": "AWS_REGION",
    "account": "AWS_ACCOUNT_ID",
    "repository": "ECR_REPOSITORY",
    "prefix": "ECR_REPOSITORY_PREFIX",
    "profile": "AWS_PROFILE",
}
"""The setting that each answer decides."""


@dataclass(frozen=True, kw_only=True)
class StartingPoint:
    """What is here. Names of files are relative to the project.

    ``settings`` has what is set already, with its place. ``targets`` are the images of the bake or compose files
    ``definition``; None where they can't be listed. ``env_file`` is the dotenv file for personal things, and
    ``has_env_file`` says that it is there. ``credentials`` says whether the SDK will find any.
    """

    folder: str
    remote: str | None = None
    definition: tuple[str, ...] = ()
    targets: tuple[str, ...] | None = ()
    dockerfiles: tuple[str, ...] = ()
    settings: Mapping[str, tuple[str, Origin]] = field(default_factory=dict)
    tasks: TasksFile | None = None
    invoke_file: str = ""
    section: SectionStyle = ABSENT
    env_file: str = ".env"
    has_env_file: bool = False
    profiles: tuple[AwsProfile, ...] = ()
    regions: tuple[str, ...] = ()
    credentials: bool = False

    def value(self, name: str) -> str:
        """Return a setting's text; empty if it is not set."""
        return self.settings[name][0] if name in self.settings else ""

    def is_of_file(self, name: str) -> bool:
        """Return whether a setting stands in a file of the project or in Invoke's configuration."""
        return name in self.settings and self.settings[name][1].kind in ("file", "config", "derived")


@dataclass(frozen=True)
class Answers:
    """What `init` was told, asked for or took from what is here; empty where nothing is known."""

    region: str = ""
    account: str = ""
    repository: str = ""
    prefix: str = ""
    profile: str = ""
    dockerfile: str = ""


@dataclass(frozen=True)
class Question:
    """A question for a person: an empty answer takes the ``default``; ``needed`` ones must get some answer."""

    name: Name
    text: str
    default: str
    needed: bool = False


def has_several(here: StartingPoint, answers: Answers) -> bool:
    """Return whether the images get a prefix for the names of their repositories, and not one repository."""
    if not here.definition or answers.dockerfile or answers.repository:
        return False
    if here.value(SETTINGS["prefix"]) or answers.prefix:
        return True
    return not here.value(SETTINGS["repository"]) and (here.targets is None or len(here.targets) > 1)


def check_answer(name: Name, text: str, here: StartingPoint) -> str:
    """Return an answer in the form in which it is written. Raises Malformed, whose message begins after its name."""
    text = text.strip()
    if name == "region":
        region = registry.region(text)
        if here.regions and region not in here.regions:
            near = nearest(region, here.regions)
            raise Malformed(f"{region} is no region with ECR that the AWS SDK knows; the nearest is {near}")
        return region
    if name == "account":
        return registry.account_id(text)
    if name == "repository":
        return registry.repository(text)
    if name == "prefix":
        return registry.repository_prefix(text)
    choices = [profile.name for profile in here.profiles] if name == "profile" else list(here.dockerfiles)
    if text not in choices:
        kind = "profile of the AWS configuration" if name == "profile" else "Dockerfile here"
        listed = f" (there are: {name_some(choices, 8)})" if choices else ""
        raise Malformed(f"{text!r} is no {kind}{listed}")
    return text


def check_flags(given: Answers, here: StartingPoint) -> Answers:
    """Return the flags' answers, complete with the account and the region of a repository's address.

    Raises SettingsError for all that are none, and that contradict each other or what is here.
    """
    problems: list[str] = []
    checked: dict[str, str] = {}
    for name in get_args(Name):
        text = getattr(given, name)
        if not text:
            continue
        try:
            checked[name] = check_answer(name, text, here)
        except Malformed as error:
            problems += [f"The flag --{name} {message}" for message in error.messages]
    for name in ("repository", "prefix"):
        if name in checked and (address := parse_address(getattr(given, name))):
            for part, value in (("account", address.account), ("region", address.region)):
                if value and checked.setdefault(part, value) != value:
                    problems.append(f"The flag --{name} is in {value}, and --{part} is {checked[part]}.")
    answers = Answers(**checked)
    problems += _contradictions(answers, here)
    if problems:
        remedy = "Correct the flags and run it again; nothing has been written."
        if len(problems) == 1:
            raise SettingsError(_sentence(problems[0]), remedy)
        raise SettingsError("Flags of init are wrong:", remedy, [_sentence(problem) for problem in problems])
    return answers


def _contradictions(given: Answers, here: StartingPoint) -> list[str]:
    problems = []
    if given.repository and given.prefix:
        problems.append(
            "The flag --repository names one repository, and --prefix begins the names of several: keep one."
        )
    elif given.repository and here.targets and len(here.targets) > 1 and not given.dockerfile:
        problems.append(
            f"The flag --repository names one repository, and {', '.join(here.definition)} has {len(here.targets)} "
            f"images ({name_some(here.targets)}): give --prefix, or --dockerfile for one image."
        )
    elif given.prefix and (given.dockerfile or not here.definition):
        problems.append(
            "The flag --prefix begins the names of several repositories, and there is no bake or compose file with "
            "images here: give --repository."
            if not here.definition
            else "The flag --prefix is for the images of a bake or compose file, and --dockerfile for one: keep one."
        )
    for name, setting in SETTINGS.items():
        text, (value, origin) = getattr(given, name), here.settings.get(setting, ("", Origin("default")))
        if text and value and here.is_of_file(setting) and value != text:
            is_env = origin.file is not None and origin.file.name == ".env"
            own = f"; or make a file {OWN}, if .env is the application's" if is_env else ""
            there = f"The flag --{name} is {text}, and {origin} says {value}"
            problems.append(f"{there}: change it there, or leave --{name} out{own}.")
    for setting in ("ECR_DOCKERFILE", "ECR_BAKE_FILE") if given.dockerfile else ():
        value, origin = here.settings.get(setting, ("", Origin("default")))
        if here.is_of_file(setting) and value != given.dockerfile:
            problems.append(f"The flag --dockerfile contradicts {origin}, which says {setting}={value}: keep one.")
    for name, setting in (("repository", SETTINGS["prefix"]), ("prefix", SETTINGS["repository"])):
        if getattr(given, name) and here.is_of_file(setting):
            value, origin = here.settings[setting]
            problems.append(f"The flag --{name} contradicts {origin}, which says {setting}={value}: keep one.")
    return problems


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


def propose(given: Answers, here: StartingPoint) -> Answers:
    """Return the answers for what was not given, from what is here; empty where only a person can know it."""
    profile = given.profile or here.value(SETTINGS["profile"]) or _only_profile(here)
    used = next((one for one in here.profiles if one.name == (profile or "default")), AwsProfile(profile))
    answers = replace(
        given,
        profile=profile,
        region=given.region or here.value(SETTINGS["region"]) or used.region,
        account=given.account or here.value(SETTINGS["account"]) or used.account,
        dockerfile=given.dockerfile or _dockerfile(here),
    )
    if has_several(here, given):
        return replace(answers, prefix=given.prefix or here.value(SETTINGS["prefix"]) or f"{_name(here)}/")
    return replace(answers, repository=given.repository or here.value(SETTINGS["repository"]) or _name(here))


def _only_profile(here: StartingPoint) -> str:
    """Return the only profile, where the SDK would not take it by itself."""
    names = [profile.name for profile in here.profiles]
    return names[0] if len(names) == 1 and names[0] != "default" and not here.credentials else ""


def _dockerfile(here: StartingPoint) -> str:
    if (
        here.definition
        or here.value("ECR_DOCKERFILE")
        or here.value("ECR_CONTEXT")
        or "Dockerfile" in here.dockerfiles
    ):
        return ""
    return here.dockerfiles[0] if len(here.dockerfiles) == 1 else ""


def _name(here: StartingPoint) -> str:
    """Return a valid name of a repository: the last two parts of the git remote's path, else the folder's name."""
    path = re.sub(r"^[a-z]+://[^/]+/", "", here.remote) if here.remote else here.folder
    plain = unicodedata.normalize("NFKD", path).encode("ascii", "ignore").decode()  # without accents
    parts = [re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in plain.split("/")]
    name = "/".join([part for part in parts if part][-2:])
    return name if len(name) > 1 else "app"


def questions(given: Answers, here: StartingPoint) -> tuple[Question, ...]:
    """Return what is to be asked: what neither a flag nor a file of the project has, with a default."""
    proposed = propose(given, here)
    asked: list[Question] = []

    def ask(name: Name, text: str, *, needed: bool = False) -> None:
        if not getattr(given, name) and not (name in SETTINGS and here.is_of_file(SETTINGS[name])):
            asked.append(Question(name, text, getattr(proposed, name), needed))

    names = [profile.name for profile in here.profiles]
    if names and names != ["default"] and not here.value("AWS_ACCESS_KEY_ID"):
        ask("profile", f"AWS profile ({name_some(names, 8)})")
    ask("region", "AWS region, such as eu-central-1")
    ask("account", "AWS account, 12 digits (empty: that of the credentials)")
    if not here.definition and not proposed.dockerfile and len(here.dockerfiles) > 1 and not _has_main(here):
        ask("dockerfile", f"Dockerfile ({name_some(here.dockerfiles, 8)})", needed=True)
    if has_several(here, given):
        shown = f" ({name_some(here.targets)})" if here.targets else ""
        ask("prefix", f"Prefix of the repositories of {', '.join(here.definition)}{shown}", needed=True)
    else:
        ask("repository", "Repository", needed=True)
    return tuple(asked)


def _has_main(here: StartingPoint) -> bool:
    return "Dockerfile" in here.dockerfiles or bool(here.value("ECR_DOCKERFILE") or here.value("ECR_CONTEXT"))


def open_questions(given: Answers, here: StartingPoint) -> tuple[Question, ...]:
    """Return the questions whose answers are more than a convenience.

    Without an account, it is that of the credentials; without a profile, they are what the SDK finds, if anything.
    """
    return tuple(
        question
        for question in questions(given, here)
        if question.name != "account" and (question.name != "profile" or not (question.default or here.credentials))
    )


def no_answers(asked: tuple[Question, ...]) -> SettingsError:
    """Return the error where nobody can be asked: it names the flags, and what --yes would take."""
    flags = " ".join(f"--{question.name}" for question in asked)
    defaults = [f"{question.name} {question.default}" for question in asked if question.default]
    taken = f", which takes {', '.join(defaults)}" if defaults else ""
    return SettingsError(
        "There is nobody to ask here: no terminal, or a CI.", f"Give {flags}; or --yes for the rest{taken}."
    )


def check_answers(answers: Answers, here: StartingPoint) -> None:
    """Raise SettingsError where it is open what to build, or an image would get a repository of no valid name."""
    if not answers.dockerfile and not here.definition and len(here.dockerfiles) > 1 and not _has_main(here):
        raise SettingsError(
            f"There are {len(here.dockerfiles)} Dockerfiles: {name_some(here.dockerfiles, 8)}.",
            "Choose one with --dockerfile.",
        )
    for target in (here.targets or ()) if has_several(here, answers) else ():
        prefixed(answers.prefix, target)
