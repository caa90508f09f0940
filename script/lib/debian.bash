# Sourced after common.bash: takes programs out of Debian packages without installing anything on the system.
#
# apt itself fetches them, from the mirror that this machine already uses and with the keys it already trusts, but with
# folders of its own. Only the release (the "suite") differs, as Debian's newer releases hold what we need.
# shellcheck shell=bash

# Where this machine says which release it is of and which mirrors it uses.
os_release=/etc/os-release
apt_sources=/etc/apt

# True where apt and dpkg can do this: a Debian or one of its children.
debian_here() {
  local program
  # `command -v` with several names is true as soon as one of them is there.
  for program in apt-get dpkg dpkg-deb; do
    command -v "$program" >/dev/null || return 1
  done
  [[ -r $os_release ]]
}

# The suites to try, newest first. Other distributions have no newer suite that we know of, but Ubuntu and its children
# bring newer Docker versions as updates of a release.
debian_suites() {
  local codename
  codename=$(debian_codename)
  # shellcheck source=/dev/null
  if (. "$os_release" && [[ ${ID:-} == debian ]]); then
    printf '%s\n' forky trixie
    case $codename in forky | trixie) return ;; esac
  else
    printf '%s\n' "$codename-updates"
  fi
  printf '%s\n' "$codename"
}

debian_codename() {
  # shellcheck source=/dev/null
  (. "$os_release" && printf '%s\n' "${VERSION_CODENAME:-stable}")
}

# debian_sources SUITE: this machine's own apt sources, with SUITE in place of its release; one-line format.
# Both formats are read: "deb [options] URI suite component…" and the paragraphs of deb822.
debian_sources() {
  local suite=$1 codename file
  codename=$(debian_codename)
  for file in "$apt_sources"/sources.list "$apt_sources"/sources.list.d/*.list "$apt_sources"/sources.list.d/*.sources; do
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

# debian_apt FOLDER PROGRAM ARGUMENT…: apt-get or apt-cache that reads and writes nothing but FOLDER.
debian_apt() {
  local folder=$1 program=$2
  shift 2
  mkdir -p "$folder"/{sources,lists/partial,cache/archives/partial}
  # The machine's own hooks belong to the machine's own package lists, hence the lines that begin with #clear. Images for
  # containers turn apt's caches off, which makes each of our calls read all lists again.
  cat >"$folder/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "$(id -un)";
Acquire::GzipIndexes "false";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Cache "$folder/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::SourceList "/dev/null";
Dir::Etc::SourceParts "$folder/sources";
Dir::State::Lists "$folder/lists";
CONF
  "$program" -q -c "$folder/apt.conf" "$@"
}

# debian_logged FOLDER PROGRAM ARGUMENT…: the same, its words in FOLDER/apt.log.
debian_logged() {
  debian_apt "$@" >>"$1/apt.log" 2>&1
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
    [[ -n $(find "$folder/updated" -mmin -60 2>/dev/null) ]]; then
    rm "$folder/sources/machine.list.new"
    return
  fi
  mv "$folder/sources/machine.list.new" "$folder/sources/machine.list"
  : >"$folder/apt.log"
  # One source that fails (a third party's, say) is no reason to stop: what matters is whether the packages are found.
  if with_progress "Fetching the package lists of $*" "$folder/lists" debian_logged "$folder" apt-get update; then
    touch "$folder/updated"
  fi
}

# debian_unpack FOLDER INTO PACKAGE[/SUITE]…: fetches packages and unpacks them below INTO.
debian_unpack() {
  local folder=$1 into=$2
  shift 2
  mkdir -p "$folder/debs" "$into"
  with_progress "Downloading $*" "$folder/debs" debian_download "$folder" "$@" || {
    rm -rf "$folder/debs"
    return 1
  }
  with_progress "Unpacking $*" "$into" debian_unpack_each "$folder" "$into" || return 1
  rm -rf "$folder/debs"
}

debian_download() {
  (cd "$1/debs" && debian_logged "$1" apt-get download "${@:2}")
}

debian_unpack_each() {
  local package
  for package in "$1"/debs/*.deb; do
    dpkg -x "$package" "$2" || return 1
  done
}

# debian_libraries FOLDER PACKAGE/SUITE: the libraries that a package asks for, by package name, without the C library.
debian_libraries() {
  debian_apt "$1" apt-cache show "$2" | sed -n 's/^Depends: //p' | tr ',' '\n' | sed 's/^ *//; s/[ |:].*//' |
    grep '^lib' | grep -v '^libc6$' | sort -u
}

# debian_tree FOLDER INTO PACKAGE…: a root file system below INTO, of this machine's own release: its essential packages,
# those named, and all that they depend on. Only unpacked, no maintainer script has run: enough to run programs in.
debian_tree() {
  local folder=$1 into=$2 name
  shift 2
  debian_index "$folder" "$(debian_codename)" || return 1
  : >"$folder/nothing-installed"
  with_progress "Downloading a Debian system with $*" "$folder/cache/archives" debian_logged "$folder" \
    apt-get -o Dir::State::status="$folder/nothing-installed" -o Debug::NoLocking=true \
    install --yes --no-install-recommends --download-only '?essential' "$@" || {
    tail -n 5 "$folder/apt.log" >&2
    return 1
  }
  mkdir -p "$into"/{etc,proc,sys,dev,run,tmp,root,home,usr/{bin,sbin,lib,lib64}}
  chmod 1777 "$into/tmp"
  # Debian's /bin and its like are links into /usr; packages of this release may still hold files in either.
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$into/$name"; done
  with_progress "Unpacking it" "$into" debian_unpack_tree "$folder" "$into" || return 1
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n' >"$into/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$into/etc/group"
}

debian_unpack_tree() {
  local package
  for package in "$1"/cache/archives/*.deb; do
    # dpkg -x would put a folder in the place of such a link.
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$2" || return 1
  done
}
