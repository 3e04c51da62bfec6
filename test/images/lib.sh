# What the image scripts share.
# shellcheck shell=bash

# use_docker sets DOCKER_HOST to the daemon in use, starting one if need be.
use_docker() {
  local line
  line=$(test/cluster/docker-env)
  eval "$line"
}

# quietly COMMAND... shows what it printed only if it fails.
quietly() {
  local output
  output=$("$@" 2>&1) || {
    echo "$output" >&2
    return 1
  }
}

# authorities prints this machine's certificate authorities.
authorities() {
  local file
  for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    if [[ -s $file ]]; then
      cat "$file"
      return
    fi
  done
  echo "no certificate authorities on this machine: install the package ca-certificates" >&2
  return 1
}
