package collect

import "errors"

var (
	// ErrBusy is returned where what a request would make use of is being removed, and has been for longer than the request may wait.
	ErrBusy = errors.New("being removed by the garbage collection")

	// errRecord is wrapped by the error about a record that is not one.
	errRecord = errors.New("reading the record")
	// errOverruled is returned where another process has changed who is condemned.
	errOverruled = errors.New("another process collects too")
	// errStuck is returned where requests that began before a round's removal do not end.
	errStuck = errors.New("requests that began before the removal have not ended")
)
