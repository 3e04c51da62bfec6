# What the scripts of the tests share, which all run at the top of the tree.
# shellcheck shell=bash

# use_cluster sets KUBECONFIG to that of the test cluster, starting one if need be, unless it names another already.
use_cluster() {
  local line
  line=$(test/cluster/up)
  eval "$line"
}

# use_docker sets DOCKER_HOST to the daemon in use, starting one if need be.
use_docker() {
  local line
  line=$(test/cluster/docker-env)
  eval "$line"
}

# load_image NAME builds an image by the script of that name in images/, and imports it on every node of the cluster.
load_image() {
  "test/images/$1"
  test/cluster/load "dist/$1.tar"
}

# quietly COMMAND... shows what it printed only if it fails.
quietly() {
  local output
  output=$("$@" 2>&1) || {
    echo "$output" >&2
    return 1
  }
}
