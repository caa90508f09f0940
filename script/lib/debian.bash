# Sourced after common.bash: takes programs out of Debian packages without installing anything on the system.
#
# apt itself fetches them, from the mirror that this machine already uses and with the keys it already trusts, but with
# folders of its own. Only the release (the "suite") differs, as Debian's newer releases hold what we need.
# shellcheck shell=bash

# True where apt and dpkg can do this: a Debian or one of its children.
debian_here() {
  [[ -r /etc/os-release ]] && command -v apt-get dpkg dpkg-deb >/dev/null
}

# The suites to try, newest first. Other distributions than Debian have no newer suite that we know of.
debian_suites() {
  local codename
  codename=$(debian_codename)
  if (. /etc/os-release && [[ ${ID:-} == debian ]]); then
    printf '%s\n' forky trixie
    case $codename in forky | trixie) return ;; esac
  fi
  printf '%s\n' "$codename"
}

debian_codename() {
  (. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-stable}")
}

# debian_sources SUITE: this machine's own apt sources, with SUITE in place of its release; one-line format.
# Both formats are read: "deb [options] URI suite component…" and the paragraphs of deb822.
debian_sources() {
  local suite=$1 codename file
  codename=$(debian_codename)
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [[ -r $file ]] || continue
    # An empty line at the end closes the file's last paragraph.
    case $file in
      *.list) awk -v suite="$suite" -v codename="$codename" '
          function ours(name) { return name == codename || name ~ /^(oldstable|stable|testing|unstable|sid)$/ }
          $1 == "deb" {
            at = 2
            if ($2 ~ /^\[/) { while ($at !~ /\]$/ && at < NF) at++; at++ }
            if (ours($(at + 1)) && $0 ~ / main( |$)/) { $(at + 1) = suite; print }
          }' "$file" ;;
      *) { cat "$file" && echo; } | awk -v suite="$suite" -v codename="$codename" '
          function ours(name) { return name == codename || name ~ /^(oldstable|stable|testing|unstable|sid)$/ }
          function close_paragraph(   i, n, uris, names, options, found) {
            n = split(field["suites"], names, " ")
            for (i = 1; i <= n; i++) if (ours(names[i])) found = 1
            if (found && field["types"] ~ /(^| )deb( |$)/ && field["enabled"] !~ /^(no|false|0)$/ &&
                field["components"] ~ /(^| )main( |$)/) {
              if (field["signed-by"] ~ /^\//) options = "[signed-by=" field["signed-by"] "] "
              gsub(/ +/, ",", options)
              if (options) sub(/,$/, " ", options)
              n = split(field["uris"], uris, " ")
              for (i = 1; i <= n; i++) print "deb " options uris[i] " " suite " " field["components"]
            }
            split("", field)
          }
          /^[ \t]*$/ { close_paragraph(); next }
          /^#/ { next }
          /^[ \t]/ { field[key] = field[key] " " $0; next }
          { key = tolower($1); sub(/:$/, "", key); sub(/^[^:]*:[ \t]*/, ""); field[key] = $0 }' ;;
    esac
  done | sort -u
}

# debian_apt FOLDER COMMAND…: apt-get that reads and writes nothing but FOLDER.
debian_apt() {
  local folder=$1
  shift
  mkdir -p "$folder"/{sources,lists/partial,cache/archives/partial}
  # The machine's own hooks belong to the machine's own package lists.
  printf '#clear %s;\n' APT::Update::{Pre-Invoke,Post-Invoke,Post-Invoke-Success} >"$folder/apt.conf"
  apt-get -q -c "$folder/apt.conf" \
    -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$folder/sources" \
    -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
    -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# debian_index FOLDER SUITE…: fetches the package lists of these suites. An hour-old one is as good as new.
debian_index() {
  local folder=$1 suite
  shift
  mkdir -p "$folder/sources"
  for suite in "$@"; do
    debian_sources "$suite"
  done >"$folder/sources/machine.list.new"
  [[ -s $folder/sources/machine.list.new ]] || {
    say "No apt source of this machine names its own release, so there is no mirror to take packages from."
    return 1
  }
  if cmp -s "$folder/sources/machine.list.new" "$folder/sources/machine.list" &&
    [[ -n $(find "$folder/lists" -name '*_InRelease' -mmin -60 -print -quit 2>/dev/null) ]]; then
    rm "$folder/sources/machine.list.new"
    return
  fi
  mv "$folder/sources/machine.list.new" "$folder/sources/machine.list"
  # One source that fails (a third party's, say) is no reason to stop: what matters is whether the packages are found.
  debian_apt "$folder" update >"$folder/apt.log" 2>&1 || true
}

# debian_unpack FOLDER INTO PACKAGE[/SUITE]…: fetches packages and unpacks them below INTO.
debian_unpack() {
  local folder=$1 into=$2 package
  shift 2
  mkdir -p "$folder/debs" "$into"
  (cd "$folder/debs" && debian_apt "$folder" download "$@" >>"$folder/apt.log" 2>&1) || {
    rm -rf "$folder/debs"
    return 1
  }
  for package in "$folder"/debs/*.deb; do
    dpkg -x "$package" "$into" || return 1
  done
  rm -rf "$folder/debs"
}
