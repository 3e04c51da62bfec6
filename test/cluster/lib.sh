# What the programs of this folder share: names, places, and one line per step.
# shellcheck shell=bash disable=SC2034 # the variables are the sourcing script's

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

cache=$(realpath --canonicalize-missing "${ORAS_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/oras-operator}")
logs=$cache/logs     # one file per step and component
state=$cache/state   # what is running now; gone after down
build=$cache/build   # what was built, one folder per hash of what went in

K8S=${K8S:-1.37}
case $K8S in
1.37) k8s_version=v1.37.2 ;;
1.29) k8s_version=v1.29.15 ;;
*) echo "cluster: K8S is 1.37 or 1.29, not $K8S" >&2; exit 2 ;;
esac
cluster=oras-$K8S
kubeconfig=$state/$cluster.kubeconfig

# A network of our own, so that down knows it from other people's kind.
export KIND_EXPERIMENTAL_DOCKER_NETWORK=oras-operator

docker=$cache/docker # all that our own daemon keeps
own_socket=$state/docker.sock
own_docker=unix://$own_socket

export PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$cache/bin" "$logs" "$build"

say() { echo "cluster: $*" >&2; }

# step NAME SENTENCE COMMAND... runs COMMAND with its output in logs/NAME.log
# and says SENTENCE with the seconds it took. In a condition (if, ||) COMMAND
# must not be a function of several commands: bash would not stop at the first
# that fails.
step() {
  local log=$logs/$1.log sentence=$2 start=$SECONDS status=0
  shift 2
  set +e
  : >"$log"
  (set -e; "$@") >>"$log" 2>&1 </dev/null
  status=$?
  set -e
  if ((status)); then
    say "$sentence: failed after $((SECONDS - start)) s; the end of $log:"
    tail -n 20 "$log" >&2
    return "$status"
  fi
  say "$sentence: $((SECONDS - start)) s"
}

# hash FILE-OR-STRING... is a short name for all that went into a thing.
hash() {
  local thing
  for thing in "$@"; do
    if [[ -d $thing ]]; then
      find "$thing" -type f -print0 | sort -z | xargs -0 sha256sum | sed "s|$here/||"
    elif [[ -f $thing ]]; then
      sha256sum <"$thing"
    else
      echo "$thing"
    fi
  done | sha256sum | cut -c1-12
}

# lacks_sys_resource: see runc-wrapper.
lacks_sys_resource() {
  local caps
  caps=$(sed -n 's/^CapEff:\t//p' /proc/self/status)
  ! (((16#$caps >> 24) & 1))
}

cgroup_v1() { [[ ! -f /sys/fs/cgroup/cgroup.controllers ]]; }

# packages COMMAND=PACKAGE... installs each Debian package whose command is missing.
packages() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  ((${#missing[@]} == 0)) || step packages "installing ${missing[*]}" install_packages "${missing[@]}"
}

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q
  apt-get install -q -y --no-install-recommends "$@"
}

# kind is the kind that node/tools/go.mod names; the first call builds it.
kind() {
  local bin
  bin=$cache/bin/kind-$(hash "$here/node/tools/go.sum")
  [[ -x $bin ]] || step kind "building kind" build_tool "$bin" "$here/node/tools" sigs.k8s.io/kind
  "$bin" "$@"
}

# build_tool FILE MODULE-FOLDER PACKAGE
build_tool() {
  cd "$2"
  CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$1.new" "$3"
  mv "$1.new" "$1"
}

# use_docker sets DOCKER_HOST to the daemon in use, starting ours if need be.
use_docker() {
  local line
  line=$("$here/docker-env") || return
  eval "$line"
}

# answers: a Docker daemon is at DOCKER_HOST. One that is gone says so at once.
answers() { timeout 30 docker version >/dev/null 2>&1; }

# daemon_pids prints the processes of our daemon: itself, its containerd and
# shims by our folder in their command lines, and what runs in its containers by
# their cgroups. (Its proxies end with it.)
daemon_pids() {
  local proc args cgroup mark="$own_docker|$docker/exec/"
  for proc in /proc/[0-9]*; do
    args=() cgroup='' # processes end while they are looked at
    mapfile -d '' -t args <"$proc/cmdline" || true
    read -r -d '' cgroup <"$proc/cgroup" || true
    if [[ $cgroup =~ [0-9a-f]{64} && -d $docker/data/containers/${BASH_REMATCH[0]} ]] ||
      [[ ${args[*]} =~ $mark && $(readlink "$proc/exe") =~ /(dockerd|containerd)[^/]*$ ]]; then
      echo "${proc#/proc/}"
    fi
  done 2>/dev/null
}

# end SIGNAL PID... sends the signal and waits a while for the processes to go.
end() {
  local signal=$1
  shift
  kill "-$signal" "$@" 2>/dev/null || true
  for _ in {1..150}; do
    # One that only waits for its parent to notice (Z) has gone.
    ps -o stat= -p "$(IFS=,; echo "$*")" | grep -qv '^Z' || return 0
    sleep 0.1
  done
}

mounts() { findmnt --raw --noheadings --output TARGET | grep -F "$docker/" || true; }

# end_remains ends what is left of a daemon of ours that no longer answers.
end_remains() {
  local pids target
  mapfile -t pids < <(daemon_pids)
  ((${#pids[@]} == 0)) || end KILL "${pids[@]}"
  mounts | tac | while read -r target; do umount --lazy "$(printf %b "$target")"; done
  rm -rf "$docker/exec" "$state/docker.pid" "$own_socket"
}
