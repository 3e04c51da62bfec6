package transfer

import (
	"encoding/binary"
	"io"
	"io/fs"
	"os"
)

// holeSize is the size of the blocks that are left out of a file if they are zeros, in bytes: that of a page, and of a block
// of the usual file systems.
const holeSize = 4096

// plainFile is what an [os.File] has more than an io.WriteCloser, for a [Sink] whose files have it too.
type plainFile interface {
	io.ReaderAt
	io.Seeker
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
}

var _ plainFile = (*os.File)(nil)

// output writes to a file of a sink, counts, and marks errors as the sink's. Where the file is a plain one, blocks of zeros
// become holes.
type output struct {
	file     io.WriteCloser
	plain    plainFile // nil if it is not
	counters *Counters
	at       int64 // in the file
	hole     int64 // bytes before that which are not written yet, since they are zeros
}

func newOutput(file io.WriteCloser, c *Counters) *output {
	plain, _ := file.(plainFile)
	return &output{file: file, plain: plain, counters: c}
}

// present returns how many bytes are there already, left by a pull that was killed.
func (o *output) present() int64 {
	if o.plain == nil {
		return 0
	}
	info, err := o.plain.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// keep goes on after so many bytes of what is there.
func (o *output) keep(n int64) error {
	o.at = n
	o.hole = 0
	if o.plain == nil {
		return nil
	}
	if o.present() > n { // ext4 writes a file to disk when it is closed if it has ever been cut to nothing, be it from nothing
		if err := o.plain.Truncate(n); err != nil {
			return onTree(err)
		}
	}
	_, err := o.plain.Seek(n, io.SeekStart)
	return onTree(err)
}

func (o *output) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		n, zeros := len(b), false
		if o.plain != nil {
			n, zeros = run(b, o.at)
		}
		if zeros {
			o.hole += int64(n)
		} else if err := o.put(b[:n]); err != nil {
			return written, onTree(err)
		}
		o.at += int64(n)
		o.counters.done(int64(n), 0)
		written, b = written+n, b[n:]
	}
	return written, nil
}

func (o *output) put(b []byte) error {
	if o.hole > 0 {
		if _, err := o.plain.Seek(o.hole, io.SeekCurrent); err != nil {
			return err
		}
		o.hole = 0
	}
	_, err := o.file.Write(b)
	return err
}

// Close ends the file, which may be with a hole.
func (o *output) Close() error {
	var err error
	if o.hole > 0 {
		err = o.plain.Truncate(o.at)
	}
	if closeErr := o.file.Close(); err == nil {
		err = closeErr
	}
	return onTree(err)
}

// run returns how many of the first bytes, which come at an offset in a file, are in whole blocks of zeros, or else are not.
func run(b []byte, at int64) (n int, zeros bool) {
	for n < len(b) {
		block := b[n:min(len(b), n+holeSize-int((at+int64(n))%holeSize))]
		isHole := len(block) == holeSize && isZero(block)
		if n > 0 && isHole != zeros {
			break
		}
		n, zeros = n+len(block), isHole
	}
	return n, zeros
}

// isZero reports whether a block of a multiple of eight bytes is zeros.
func isZero(block []byte) bool {
	for ; len(block) > 0; block = block[8:] {
		if binary.NativeEndian.Uint64(block) != 0 {
			return false
		}
	}
	return true
}
