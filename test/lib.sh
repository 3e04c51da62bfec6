# What the scripts of the tests share. They all run at the top of the tree.
# shellcheck shell=bash

# use_cluster sets KUBECONFIG to the test cluster's, which it starts if need be, unless KUBECONFIG names another cluster already.
use_cluster() {
  local line
  line=$(test/cluster/up)
  eval "$line"
}

# use_docker sets DOCKER_HOST to a Docker daemon, which it starts if need be.
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
