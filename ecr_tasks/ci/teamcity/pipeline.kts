@HEADER@
//
// Builds the image of this commit and pushes it to Amazon ECR; docs/ci/teamcity.md of ecr-tasks says what to set up.
// In these strings "%%" is TeamCity's "%", and ${'$'} is Kotlin's "$" for the shell.
import jetbrains.buildServer.configs.kotlin.*
import jetbrains.buildServer.configs.kotlin.buildSteps.script
import jetbrains.buildServer.configs.kotlin.triggers.vcs

version = "2024.12"

project {
    buildType(Image)
    buildType(Deploy)
}

object Image : BuildType({
    name = "Build and push"
    artifactRules = ".ecr-tasks/outputs.env"
    // One build after the other, so that an older commit never moves a tag last.
    maxRunningBuilds = 1

    params {
        param("env.AWS_REGION", "@REGION@")
        param("env.@REPOSITORY_SETTING@", "@REPOSITORY@")
        // env.AWS_ACCESS_KEY_ID and the password env.AWS_SECRET_ACCESS_KEY: parameters of the parent project, in TeamCity.
        // Python's cache files would make the checkout look changed.
        param("env.PYTHONDONTWRITEBYTECODE", "1")
    }

    vcs {
        root(DslContext.settingsRoot)
        // Only the agent's own checkout has git's history and tags: they decide versions and which one is the latest.
        checkoutMode = CheckoutMode.ON_AGENT
        cleanCheckout = true
    }

    steps {
        script {
            name = "Build and push"
            scriptContent = """
                set -eu
                python3 -m venv "%system.teamcity.build.tempDir%/ecr-tasks"
                . "%system.teamcity.build.tempDir%/ecr-tasks/bin/activate"
                @INSTALL@
                inv build push
            """.trimIndent()
        }
        script {
            name = "Tell TeamCity"
            executionMode = BuildStep.ExecutionMode.ALWAYS
            // TeamCity's own messages: the parameters env.IMAGE, env.IMAGE_DIGEST, …, the build's status, a problem.
            scriptContent = "test ! -e .ecr-tasks/teamcity.txt || cat .ecr-tasks/teamcity.txt"
        }
    }

    triggers {
        vcs {
            branchFilter = "+:<default>"
        }
    }

    // An agent with Docker and Python 3.10 or newer (with venv). It may be one of several on its machine: nothing is shared.
    requirements {
        exists("docker.server.version")
    }
})

// What was pushed, by digest: put your deployment here.
object Deploy : BuildType({
    name = "Deploy"

    dependencies {
        dependency(Image) {
            snapshot {
                onDependencyFailure = FailureAction.FAIL_TO_START
            }
            artifacts {
                artifactRules = "outputs.env => .ecr-tasks"
            }
        }
    }

    steps {
        script {
            name = "Deploy"
            scriptContent = """
                set -eu
                . ./.ecr-tasks/outputs.env
                echo "Deploy ${'$'}IMAGE"
            """.trimIndent()
        }
    }

    triggers {
        vcs {
            branchFilter = "+:<default>"
            watchChangesInDependencies = true
        }
    }
})
