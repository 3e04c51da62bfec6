// Package soak runs many small random workflows on a real cluster while it kills random participants of their steps, and
// then holds what is left against what the operator promises:
//
//   - A Complete Job has its artifacts.
//   - No tag names a partial artifact, and a command sees its inputs whole or not at all.
//   - A failed step has no artifact, unless it was asked for.
//   - Nothing hangs beyond its bound.
//   - No command runs again within one pod after it has finished.
//   - Exit codes are those that some fault could explain.
//
// Workflows and kills follow from a seed. What a kill hits depends on how far the steps have come, so the same seed gives
// the same workflows and the same order of kills, but not the same moments.
package soak
