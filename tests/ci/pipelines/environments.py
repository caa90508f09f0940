"""The variables that each CI sets for a push to the branch main, and those through which it issues tokens.

``{sha}``, ``{workspace}``, ``{scratch}`` (a folder of the job's own), ``{token}``, ``{issuer}`` are to be filled in.
"""

from __future__ import annotations

# The vendors' documentation of variables.
ENVIRONMENTS = {
    "github": {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_SHA": "{sha}",
    },
    "gitlab": {
        "GITLAB_CI": "true",
        "CI_PIPELINE_SOURCE": "push",
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_REF_NAME": "main",
        "CI_DEFAULT_BRANCH": "main",
        "CI_COMMIT_SHA": "{sha}",
    },
    "jenkins": {
        "JENKINS_URL": "https://jenkins.example/",
        "BRANCH_NAME": "main",
        "BRANCH_IS_PRIMARY": "true",
        "GIT_COMMIT": "{sha}",
        "BUILD_NUMBER": "7",
        "WORKSPACE": "{workspace}",
        "WORKSPACE_TMP": "{workspace}@tmp",
    },
    "circleci": {
        "CIRCLECI": "true",
        "CIRCLE_BRANCH": "main",
        "CIRCLE_SHA1": "{sha}",
        "CIRCLE_BUILD_NUM": "7",
        "BASH_ENV": "{scratch}/bash_env",
    },
    "buildkite": {
        "BUILDKITE": "true",
        "BUILDKITE_BRANCH": "main",
        "BUILDKITE_TAG": "",
        "BUILDKITE_COMMIT": "{sha}",
        "BUILDKITE_PULL_REQUEST": "false",
        "BUILDKITE_BUILD_NUMBER": "7",
        "BUILDKITE_PIPELINE_DEFAULT_BRANCH": "main",
    },
    "azure": {
        "TF_BUILD": "True",
        "BUILD_REASON": "IndividualCI",
        "BUILD_SOURCEBRANCH": "refs/heads/main",
        "BUILD_SOURCEVERSION": "{sha}",
        "BUILD_BUILDID": "7",
    },
    "bitbucket": {
        "BITBUCKET_BUILD_NUMBER": "7",
        "BITBUCKET_BRANCH": "main",
        "BITBUCKET_COMMIT": "{sha}",
        "BITBUCKET_PIPELINES_VARIABLES_PATH": "{scratch}/variables",
    },
    "codebuild": {
        "CODEBUILD_BUILD_ID": "app:1",
        "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/main",
        "CODEBUILD_WEBHOOK_TRIGGER": "branch/main",
        "CODEBUILD_RESOLVED_SOURCE_VERSION": "{sha}",
        "CODEBUILD_BUILD_NUMBER": "7",
    },
    "drone": {
        "DRONE": "true",
        "DRONE_BUILD_EVENT": "push",
        "DRONE_BRANCH": "main",
        "DRONE_COMMIT_SHA": "{sha}",
        "DRONE_REPO_BRANCH": "main",
        "DRONE_BUILD_NUMBER": "7",
    },
    "woodpecker": {
        "CI": "woodpecker",
        "CI_PIPELINE_EVENT": "push",
        "CI_COMMIT_BRANCH": "main",
        "CI_COMMIT_SHA": "{sha}",
        "CI_REPO_DEFAULT_BRANCH": "main",
        "CI_PIPELINE_NUMBER": "7",
    },
    "teamcity": {
        "TEAMCITY_VERSION": "2024.12",
        "BUILD_NUMBER": "7",
        "BUILD_VCS_NUMBER": "{sha}",
        "TEMP_DIR": "{scratch}",
        "TEAMCITY_BUILD_PROPERTIES_FILE": "{scratch}/build.properties",
    },
    "travis": {
        "TRAVIS": "true",
        "TRAVIS_EVENT_TYPE": "push",
        "TRAVIS_BRANCH": "main",
        "TRAVIS_PULL_REQUEST": "false",
        "TRAVIS_TAG": "",
        "TRAVIS_COMMIT": "{sha}",
        "TRAVIS_BUILD_NUMBER": "7",
    },
}
# The text that a pipeline needs to get a token, and the variables that the job then has.
TOKENS = {
    "github": (
        "id-token: write",
        {"ACTIONS_ID_TOKEN_REQUEST_URL": "{issuer}/?v=2", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer"},
    ),
    "gitlab": ("id_tokens:", {"AWS_ID_TOKEN": "{token}"}),
    "jenkins": ("'AWS_WEB_IDENTITY_TOKEN_FILE'", {"AWS_WEB_IDENTITY_TOKEN_FILE": "{scratch}/token"}),
    "circleci": ("jobs:", {"CIRCLE_OIDC_TOKEN_V2": "{token}"}),
    "buildkite": ("steps:", {}),
    "azure": (
        "SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
        {"SYSTEM_OIDCREQUESTURI": "{issuer}/", "SYSTEM_ACCESSTOKEN": "bearer"},
    ),
    "bitbucket": ("oidc: true", {"BITBUCKET_STEP_OIDC_TOKEN": "{token}"}),
}
# TeamCity names the branch in files only.
TEAMCITY_BUILD = "teamcity.configuration.properties.file={scratch}/configuration.properties\n"
TEAMCITY_CONFIGURATION = "teamcity.build.branch=main\nteamcity.build.branch.is_default=true\n"
