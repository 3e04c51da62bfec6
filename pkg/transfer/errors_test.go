package transfer

import (
	"net"
	"net/http"
	"net/url"
	"testing"

	"gotest.tools/v3/assert"
	is "gotest.tools/v3/assert/cmp"
)

func TestE77AConnectionThatTheRegistryEndsIsNamedAsThat(t *testing.T) {
	written := &net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}
	err := clean(&url.Error{Op: http.MethodPut, URL: "https://registry/?token=secret", Err: written})
	assert.Assert(t, is.Contains(err.Error(), "connection reset or closed by the registry"))
	assert.Assert(t, Transient(err))
	assert.ErrorIs(t, err, net.ErrClosed)

	local := onTree(written)
	assert.Equal(t, clean(&url.Error{Op: http.MethodPut, URL: "https://registry/", Err: local}), local)
}
