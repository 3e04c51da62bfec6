// Package tree is a file tree beneath a root: list it, open its files, write it safely.
//
// It runs on both sides of a hand-off. The sidecar uses it on directories that it mounts, the shim on behalf of the
// sidecar on the directories of the wrapped container. The shim is a small static binary, so this package imports the
// standard library without net and archive/*, and golang.org/x/sys/unix.
//
// Reading never follows a symlink below the root and never opens anything but regular files and directories. Writing
// goes through [os.Root] into a hidden staging directory beneath the target and becomes visible at [Writer.Commit]. What
// leads to the root is followed wherever it goes, but for a [Place], whose path nothing leads out of a directory.
package tree
