package shim

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"

	"github.com/converged-computing/oras-operator/pkg/placeholder"
	"github.com/converged-computing/oras-operator/pkg/tree"
)

// fingerprint is of the outputs that an attempt has made, if all of them lie on volumes and another one may want to know; empty
// where they do not, or where one cannot be listed.
func (l *life) fingerprint(attempt int) string {
	if len(l.opts.DurableOutputs) == 0 || l.opts.RestartPolicy == RestartAlways {
		return ""
	}
	paths := make([]string, len(l.opts.DurableOutputs))
	for i, path := range l.opts.DurableOutputs {
		var err error
		paths[i], err = placeholder.Finish(path, placeholders(l.pod, l.opts.Container, attempt))
		if err != nil {
			return ""
		}
	}
	sum, err := fingerprintOf(paths)
	if err != nil {
		l.log.Info("The outputs have no fingerprint: another attempt would run the command again.", "error", err)
	}
	return sum
}

// fingerprintOf is equal only for outputs that nobody has written to in between. It guards against accidents alone, so it
// takes no cryptography.
func fingerprintOf(paths []string) (string, error) {
	hash := fnv.New128a()
	for _, path := range paths {
		listing, err := tree.List(path)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%q %d\n", path, len(listing.Entries)) //nolint:errcheck // a hash takes everything
		for _, e := range listing.Entries {
			fmt.Fprintf(hash, "%q %s %d %d %d %d\n", //nolint:errcheck // a hash takes everything
				string(e.Path), e.Type, e.Size, e.Ino, e.ModTime.UnixNano(), e.Ctime.UnixNano())
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
