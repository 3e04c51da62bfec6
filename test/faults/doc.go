// Package faults is a reverse proxy that makes a registry fail in ways that are told to it: rules say which requests fare
// badly and how, and a log says what every request came to. README.md beside this file has the table of rules. Tests use
// it in their process; the command proxy beneath it serves it by itself, as in a cluster.
package faults
