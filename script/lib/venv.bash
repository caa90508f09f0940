# Sourced after common.bash: the virtual environment in the checkout, with this project installed as it stands.
# shellcheck shell=bash

# DEPENDENCIES=newest takes the newest versions that pyproject.toml allows, into an environment of their own, in place of
# those that requirements/ has (script/lock).
case ${DEPENDENCIES:=locked} in
  locked) venv=${checkout:?}/.venv ;;
  newest) venv=${checkout:?}/.venv-newest ;;
  *) fail "DEPENDENCIES is locked or newest, not $DEPENDENCIES." ;;
esac

# The first Python on PATH that is new enough.
find_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
      printf '%s\n' "$name"
      return
    fi
  done
  say "No Python of at least 3.10 is on PATH. Install one, then run this again."
  exit 3
}

# What an environment depends on; one that was made for another state is brought up to date.
venv_state() {
  printf '%s' "$(cd "$checkout" && cat pyproject.toml requirements/*.txt | cksum) $checkout"
  # What is newest today may not be so tomorrow.
  if [[ $DEPENDENCIES == newest ]]; then date +" %F"; else echo; fi
}

# ensure_venv [dev]: makes it what pyproject.toml and the lock ask for, with the development tools where "dev" is given.
ensure_venv() {
  local kind=${1:-run} state other
  state=$(venv_state)
  # What has the tools has everything.
  for other in "$kind" dev; do
    if [[ $(cat "$venv/made-for-$other" 2>/dev/null) == "$state" ]] && "$venv/bin/python" -c '' 2>/dev/null; then return; fi
  done
  say "Installing ecr-tasks into ${venv#"$PWD"/}."
  if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    rm -rf "$venv"
    "$(find_python)" -m venv "$venv" >&2 || {
      say "Python can't make a virtual environment here. Debian and its like have that in the package python3-venv."
      exit 3
    }
  fi
  "install_$DEPENDENCIES" "$kind"
  printf '%s\n' "$state" >"$venv/made-for-$kind"
}

install_locked() {
  pip_install --require-hashes --requirement "$checkout/requirements/$1.txt"
  # Everything is there now, what builds it included; pip would fetch that anew, in any version.
  pip_install --no-deps --no-build-isolation --editable "$checkout"
}

install_newest() {
  local group=()
  [[ $1 == run ]] || group=(--group "$1")
  # --group came with pip 25.1.
  pip_install --upgrade 'pip>=25.1'
  (cd "$checkout" && pip_install --upgrade --upgrade-strategy eager --editable . ${group[@]+"${group[@]}"})
}

pip_install() {
  "$venv/bin/python" -m pip --disable-pip-version-check install --quiet "$@" >"$venv/pip.log" 2>&1 || {
    tail -n 20 "$venv/pip.log" >&2
    fail "pip could not install what ecr-tasks needs; its words are above."
  }
}

# Compiles the package, as pip does for one that isn't editable: Invoke leaves no bytecode behind, and every `inv` would
# compile all of it anew, a tenth of a second and more.
compile_package() {
  "$venv/bin/python" -m compileall -q "$checkout/ecr_tasks" || true
}
