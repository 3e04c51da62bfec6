# What the image scripts share.
# shellcheck shell=bash
. test/lib.sh

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

# one_binary NAME PACKAGE [MODULE] builds the image oras-test/NAME:e2e of one static binary, and saves it as dist/NAME.tar. The
# binary is built from PACKAGE in the module in the folder MODULE, or in this one. The Dockerfile on standard input copies it
# from NAME.
one_binary() {
  mkdir -p "dist/$1"
  CGO_ENABLED=0 go build -C "${3:-.}" -buildvcs=false -trimpath -ldflags "-s -w" -o "$PWD/dist/$1/$1" "$2"
  image "$1"
}

# image NAME builds the image oras-test/NAME:e2e from what is in dist/NAME, by the Dockerfile on standard input. Saves it as
# dist/NAME.tar.
image() {
  cat >"dist/$1/Dockerfile"
  quietly docker build --tag "oras-test/$1:e2e" "dist/$1"
  docker save --output "dist/$1.tar" "oras-test/$1:e2e"
}
