@HEADER@
//
// Builds the image of this commit and pushes it to Amazon ECR; docs/ci/teamcity.md of ecr-tasks says what to set up.
// In these strings "%%" is TeamCity's "%", and ${'$'} is Kotlin's "$" for the shell.
import jetbrains.buildServer.configs.kotlin.*
import jetbrains.buildServer.configs.kotlin.buildSteps.script
@if nightly@
import jetbrains.buildServer.configs.kotlin.triggers.schedule
@end@
import jetbrains.buildServer.configs.kotlin.triggers.vcs

version = "2024.12"

project {
@if native@
    buildType(ImageAmd64)
    buildType(ImageArm64)
@else@
    buildType(Image)
@end@
    buildType(Deploy)
}

@if native@
object ImageAmd64 : Image("amd64")

object ImageArm64 : Image("aarch64")

// Each builds on an agent whose Java calls its machine so, and the build Deploy starts both, for the same commit.
open class Image(machine: String) : BuildType({
    id("Image_$machine")
    name = "Build and push ($machine)"
@else@
object Image : BuildType({
    name = "Build and push"
@end@
    artifactRules = ".ecr-tasks/outputs.env"
    // One build after the other, so that an older commit never moves a tag last.
    maxRunningBuilds = 1

    params {
        param("env.AWS_REGION", "@REGION@")
        param("env.@REPOSITORY_SETTING@", "@REPOSITORY@")
@if native@
        // Each runner builds its own platform; the one that pushes last publishes the image.
        param("env.ECR_PLATFORMS", "linux/amd64,linux/arm64")
        param("env.ECR_NATIVE", "true")
@end@
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
@if nightly@
                inv push --outdated
@else@
                inv build push
@end@
            """.trimIndent()
        }
        script {
            name = "Tell TeamCity"
            executionMode = BuildStep.ExecutionMode.ALWAYS
            // TeamCity's own messages: the parameters env.IMAGE, env.IMAGE_DIGEST, …, the build's status, a problem.
            scriptContent = "test ! -e .ecr-tasks/teamcity.txt || cat .ecr-tasks/teamcity.txt"
        }
    }

@if native@
@else@
    triggers {
        vcs {
            branchFilter = "+:<default>"
        }
@if nightly@
        schedule {
            schedulingPolicy = daily {
                hour = 3
            }
            branchFilter = "+:<default>"
            triggerBuild = always()
            withPendingChangesOnly = false
        }
@end@
    }

@end@
    // An agent with Docker and Python 3.10 or newer (with venv). It may be one of several on its machine: nothing is shared.
    requirements {
        exists("docker.server.version")
@if native@
        equals("teamcity.agent.jvm.os.arch", machine)
@end@
    }
})

// What was pushed, by digest: put your deployment here.
object Deploy : BuildType({
    name = "Deploy"

    dependencies {
@if native@
        dependency(ImageAmd64) {
            snapshot {
                onDependencyFailure = FailureAction.FAIL_TO_START
            }
            artifacts {
                artifactRules = "outputs.env => .ecr-tasks/amd64"
            }
        }
        dependency(ImageArm64) {
            snapshot {
                onDependencyFailure = FailureAction.FAIL_TO_START
            }
            artifacts {
                artifactRules = "outputs.env => .ecr-tasks/arm64"
            }
        }
@else@
        dependency(Image) {
            snapshot {
                onDependencyFailure = FailureAction.FAIL_TO_START
            }
            artifacts {
                artifactRules = "outputs.env => .ecr-tasks"
            }
        }
@end@
    }

    steps {
        script {
            name = "Deploy"
            scriptContent = """
                set -eu
@if native@
                # The build that published the image has it, or both the same. All of several: `inv merge --wait`.
                . ./.ecr-tasks/amd64/outputs.env
                . ./.ecr-tasks/arm64/outputs.env
@else@
                . ./.ecr-tasks/outputs.env
@end@
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
