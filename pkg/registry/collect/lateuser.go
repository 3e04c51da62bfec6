package collect

import (
	"context"
	"errors"
	"io"
	"time"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/converged-computing/oras-operator/pkg/registry/layout"
)

// lateUser is the body of an upload's last request. It enters the gate when all data has been read, before it says so: what is done with
// the blob store comes after that, and the data may have taken hours.
type lateUser struct {
	io.ReadCloser
	enter func() (leave func(), deadline time.Time, err error)

	entered  bool
	left     func()
	deadline time.Time
	err      error
}

func (b *lateUser) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !errors.Is(err, io.EOF) || b.entered {
		return n, err
	}
	if b.err == nil {
		b.left, b.deadline, b.err = b.enter()
	}
	if b.err != nil {
		return n, b.err
	}
	b.entered = true
	return n, err
}

func (b *lateUser) leave() {
	if b.left != nil {
		b.left()
	}
}

// has tells whether a repository has a blob: its link, and the data that this names.
func (s *store) has(ctx context.Context, repository string, d digest.Digest) bool {
	data, err := s.driver.GetContent(ctx, layout.Layer(repository, d))
	if err != nil {
		return false
	}
	named, err := digest.Parse(string(data))
	if err != nil {
		return false
	}
	var info storagedriver.FileInfo
	info, err = s.driver.Stat(ctx, layout.BlobData(named))
	return err == nil && !info.IsDir()
}
