// Package shim wraps a container's command: it waits until the inputs are in place, runs the command verbatim, lends
// the container's files to the sidecar, holds the container until the outputs are pushed, and ends with the right
// exit code. As PID 1 it does what an init does: it forwards signals and reaps orphans.
//
// Each file is one step of that life or one duty during it; run.go is the list. Two goroutines live as long as the
// shim: the one that owns signals and processes, and the one that keeps the connection to the sidecar and serves it.
//
// The package reads no environment variable but PATH, in which it looks the command up. The command gets the shim's own
// environment, with the placeholders in ORAS_INPUT_PATH and ORAS_OUTPUT_PATH filled in, and ORAS_ARTIFACT_<N>, the reference
// by digest of the input with ordinal N, from 0.
package shim
