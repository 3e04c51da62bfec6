package transfer

import (
	"errors"

	"oras.land/oras-go/v2/registry/remote/errcode"
)

// unlessCollected sends blobs and the manifest that names them, and does so again where the registry has lost a blob
// meanwhile, as when it collects garbage: then what is missing is sent. Before that comes undo.
func unlessCollected(send func() error, undo func()) error {
	const rounds = 3
	for round := 1; ; round++ {
		err := send()
		if !blobCollected(err) || round == rounds {
			return err
		}
		undo()
	}
}

// blobCollected reports whether the registry lost a blob between being asked for it and getting the manifest.
func blobCollected(err error) bool {
	status, ok := errors.AsType[*errcode.ErrorResponse](err)
	return ok && hasCode(status, errcode.ErrorCodeManifestBlobUnknown)
}
