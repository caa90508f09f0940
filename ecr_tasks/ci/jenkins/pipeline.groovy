@HEADER@
//
// Builds the image of this commit and pushes it to Amazon ECR; docs/ci/jenkins.md of ecr-tasks says what to set up in
// Jenkins and in AWS. The plugins it needs are among those that Jenkins suggests when it is installed: Pipeline, Git,
// Credentials Binding.
@if oidc@
// And one more: OpenID Connect Provider.
@end@
pipeline {
@if native@
    // Each stage names its agents. Those of the stage Image need git, Python 3.10 or newer (with venv) and Docker with
    // buildx. They may run several builds at once: everything that a build writes lies in its own workspace, its own
    // temporary folder beside that, and a docker configuration that ecr-tasks makes for each run and removes.
    agent none
@else@
    // Any agent with this label that has git, Python 3.10 or newer (with venv) and Docker with buildx. It may run several
    // builds at once: everything that a build writes lies in its own workspace, its own temporary folder beside that, and a
    // docker configuration that ecr-tasks makes for each run and removes.
    agent { label 'docker' }
@end@

    options {
        skipDefaultCheckout() // the stage Checkout does it, with tags
        // One build after the other for a branch, so that an older commit never moves a tag last.
        disableConcurrentBuilds()
        timeout(time: 1, unit: 'HOURS')
        buildDiscarder(logRotator(numToKeepStr: '50'))
    }

@if nightly@
    // Every night, of a multibranch job this branch alone.
    triggers {
        cron(env.BRANCH_NAME in [null, '@BRANCH@'] ? 'H 3 * * *' : '')
    }

@end@
    environment {
        AWS_REGION = '@REGION@'
        @REPOSITORY_SETTING@ = '@REPOSITORY@'
@if oidc@
        // The token of the stage Build and push is traded for this role's credentials.
        ECR_ROLE_ARN = '@ROLE@'
@end@
@if native@
        // Each runner builds its own platform; the one that pushes last publishes the image.
        ECR_PLATFORMS = 'linux/amd64,linux/arm64'
        ECR_NATIVE = 'true'
@end@
        // Python's cache files would make the checkout look changed.
        PYTHONDONTWRITEBYTECODE = '1'
    }

    stages {
@if native@
        stage('Image') {
            matrix {
                axes {
                    axis {
                        name 'RUNNER'
                        values 'amd64', 'arm64'
                    }
                }
                // An agent with both labels: docker, and the one of its machine.
                agent { label "docker && ${RUNNER}" }
                stages {
@indent 12@
@end@
        stage('Checkout') {
            steps {
                // As the job says, but with all commits and tags, which a multibranch job leaves out: the git
                // tags decide versions and which one is the latest.
                checkout(scmGit(
                    branches: scm.branches,
                    extensions: scm.extensions + [cloneOption(noTags: false, reference: "", shallow: false)],
                    userRemoteConfigs: scm.userRemoteConfigs
                ))
            }
        }

        stage('Install') {
            steps {
                // WORKSPACE_TMP is this workspace's own folder for what does not belong in the checkout. It
                // outlives the build, so it is cleared: what is installed is what this commit asks for.
                sh '''
                    python3 -m venv --clear "$WORKSPACE_TMP/ecr-tasks"
                    . "$WORKSPACE_TMP/ecr-tasks/bin/activate"
                    @INSTALL@
                '''
            }
        }

        // A pull request is somebody's proposal: it gets no credentials, and its image goes nowhere.
        stage('Build') {
            when { changeRequest() }
            steps {
                sh '''
                    . "$WORKSPACE_TMP/ecr-tasks/bin/activate"
                    inv build
                '''
            }
        }

        stage('Build and push') {
            when { not { changeRequest() } }
            steps {
@if oidc@
                // An "OpenID Connect id token as file" with this id and the audience sts.amazonaws.com.
                withCredentials([file(credentialsId: 'aws-ecr', variable: 'AWS_WEB_IDENTITY_TOKEN_FILE')]) {
@else@
                // A "Username with password" with this id: the access key's id is the username, its secret the password.
                // On an EC2 agent whose instance role may push, leave withCredentials out.
                withCredentials([usernamePassword(
                    credentialsId: 'aws-ecr',
                    usernameVariable: 'AWS_ACCESS_KEY_ID',
                    passwordVariable: 'AWS_SECRET_ACCESS_KEY'
                )]) {
@end@
                    script {
                        // stdout is the image alone, repository@sha256:…, and all else is stderr. Digest,
                        // tags and version are in .ecr-tasks/outputs.json and .ecr-tasks/outputs.properties.
@if native@
                        def image = sh(returnStdout: true, script: '''
                            . "$WORKSPACE_TMP/ecr-tasks/bin/activate"
                            inv build push
                        ''').trim()
                        // The runner that published the image has it, or both the same. All of several:
                        // `inv merge --wait`.
                        if (image) {
                            env.IMAGE = image
                            archiveArtifacts artifacts: '.ecr-tasks/receipt.json', allowEmptyArchive: true
                        }
@else@
                        env.IMAGE = sh(returnStdout: true, script: '''
                            . "$WORKSPACE_TMP/ecr-tasks/bin/activate"
@if nightly@
                            inv push --outdated
@else@
                            inv build push
@end@
                        ''').trim()
@end@
                    }
                }
            }
        }
@if native@
@outdent@
                }
            }
        }
@end@

        // What was pushed, by digest: put your deployment here.
        stage('Deploy') {
@if native@
            agent { label 'docker' }
@end@
            when {
@if native@
                beforeAgent true
@end@
                anyOf {
                    branch pattern: '@BRANCH@', comparator: 'EQUALS'
                    buildingTag()
                }
            }
            steps {
                sh 'echo "Deploy $IMAGE"'
            }
        }
    }
@if native@
@else@

    post {
        success {
            archiveArtifacts artifacts: '.ecr-tasks/receipt.json', allowEmptyArchive: true
        }
    }
@end@
}
