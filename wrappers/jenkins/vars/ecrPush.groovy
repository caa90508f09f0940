// A step of a Jenkins shared library that runs `inv build push`; docs/wrappers.md says how to use it.
//
//   env.IMAGE = ecrPush()
//   env.IMAGE = ecrPush(tasks: 'env prod build push', install: 'pip install ecr-tasks')
//
// Returns what it prints: each image by digest, HOST/REPOSITORY@sha256:…, one a line.
def call(Map options = null) {
    def variables = [
        "INSTALL_COMMAND=${options?.install ?: 'pip install -r requirements-ci.txt'}",
        "TASKS=${options?.tasks ?: 'build push'}",
        // Python's cache files would make the checkout look changed.
        'PYTHONDONTWRITEBYTECODE=1'
    ]
    withEnv(variables) {
        // WORKSPACE_TMP is this workspace's own folder for what does not belong in the checkout.
        return sh(returnStdout: true, script: '''
            {
                python3 -m venv --clear "$WORKSPACE_TMP/ecr-tasks"
                . "$WORKSPACE_TMP/ecr-tasks/bin/activate"
                eval "$INSTALL_COMMAND"
            } >&2
            # The tasks are several words.
            # shellcheck disable=SC2086
            ecr-tasks $TASKS
        ''').trim()
    }
}
