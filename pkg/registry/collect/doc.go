// Package collect is a registry's retention and garbage collection, while everything else goes on.
//
// What it promises, and the rounds it goes in, are specified in pkg/registry/README.md, section "Retention and garbage collection".
// A [Collector] finds out what is dead and removes it; its [Gate] stands before the registry, so that nobody makes use of what is being removed.
// The code follows the words of the specification:
//
//	look      reads the storage into a snapshot: all things, and what each of them keeps
//	decide    says of a snapshot what is quarantined and what is condemned (pure)
//	doomed    says of a later snapshot which of the condemned go (pure)
//	sweep     removes them, links before data
//
// All ages are by the clock of the storage. Empty directories are left where they are: storage drivers remove directories only with what is in
// them, which could be a push that has just begun.
package collect
