package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// conn is a connection to a registry that is kept. It costs little: on a small machine the client's processor time is the
// registry's loss. Files are sent by the kernel, and what comes is not copied.
type conn struct {
	tcp           *net.TCPConn
	reader        *bufio.Reader
	addr          string
	authorization string // the header's value; empty for none
	sink          []byte
}

const (
	sinkSize = 1 << 20 // the most that is thrown away at once
	wakeSize = 1 << 18 // the least that is waited for, unless less is left
)

func dial(ctx context.Context, addr, authorization string) (*conn, error) {
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := raw.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("%s is not reached by TCP", addr)
	}
	return &conn{tcp: tcp, reader: bufio.NewReader(tcp), addr: addr, authorization: authorization, sink: make([]byte, sinkSize)}, nil
}

func (c *conn) close() { _ = c.tcp.Close() } // all has been read

// body is what a request sends: bytes, or a part of a file.
type body struct {
	data []byte
	file string // a path; empty where it is data
	from int64
	size int64 // in bytes
}

func bytesOf(data []byte) body { return body{data: data, size: int64(len(data))} }

// to sends b.
func (b body) to(w io.Writer) error {
	if b.file == "" {
		_, err := w.Write(b.data)
		return err
	}
	f, err := os.Open(b.file)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was read
	if _, err := f.Seek(b.from, io.SeekStart); err != nil {
		return err
	}
	_, err = io.CopyN(w, f, b.size)
	return err
}

// do sends a request, with lines added to its header, and returns the answer once its body is read and thrown away. Another
// status than want is an error.
func (c *conn) do(want int, method, target string, b body, lines ...string) (*http.Response, error) {
	answer, err := c.ask(want, method, target, b, lines)
	if err != nil || method == http.MethodHead {
		return answer, err
	}
	return answer, c.discard(answer)
}

// ask is do without what it does of the answer's body.
func (c *conn) ask(want int, method, target string, b body, lines []string) (*http.Response, error) {
	if err := c.send(method, target, b, lines); err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, target, err)
	}
	answer, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, target, err)
	}
	if answer.StatusCode != want {
		said, _ := io.ReadAll(io.LimitReader(answer.Body, 1000)) // what there is of it
		return nil, fmt.Errorf("%s %s: %s: %s", method, target, answer.Status, said)
	}
	return answer, nil
}

func (c *conn) send(method, target string, b body, lines []string) error {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, target, c.addr)
	if c.authorization != "" {
		fmt.Fprintf(&head, "Authorization: %s\r\n", c.authorization)
	}
	for _, line := range lines {
		head.WriteString(line + "\r\n")
	}
	if method != http.MethodGet && method != http.MethodHead {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", b.size)
	}
	head.WriteString("\r\n")
	if b.file == "" { // in one packet, as clients do
		head.Write(b.data)
		b = body{}
	}
	if _, err := io.WriteString(c.tcp, head.String()); err != nil || b.size == 0 {
		return err
	}
	return b.to(c.tcp)
}

// discard throws the body of an answer away.
func (c *conn) discard(answer *http.Response) error {
	if answer.ContentLength < 0 {
		_, err := io.Copy(io.Discard, answer.Body)
		return err
	}
	buffered, err := c.reader.Discard(int(min(answer.ContentLength, int64(c.reader.Buffered()))))
	if err != nil {
		return err
	}
	return c.drop(answer.ContentLength - int64(buffered))
}

// drop takes so many bytes off the connection, which the kernel throws away: MSG_TRUNC, see tcp(7). It is woken seldom:
// whoever sends pays for that, too.
func (c *conn) drop(left int64) error {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return err
	}
	for left > 0 {
		if err := wakeAt(raw, min(left, wakeSize)); err != nil {
			return err
		}
		var n int
		var failed error
		err := raw.Read(func(fd uintptr) (done bool) {
			n, _, failed = unix.Recvfrom(int(fd), c.sink[:min(left, sinkSize)], unix.MSG_TRUNC)
			return failed != unix.EAGAIN
		})
		switch {
		case err != nil:
			return err
		case failed != nil:
			return failed
		case n == 0:
			return io.ErrUnexpectedEOF
		}
		left -= int64(n)
	}
	return wakeAt(raw, 1)
}

// wakeAt is how many bytes have to be there before a connection that is waited for can be read from.
func wakeAt(raw syscall.RawConn, bytes int64) (err error) {
	controlled := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVLOWAT, int(bytes))
	})
	return errors.Join(controlled, err)
}

// upload sends a blob: in one PUT, or, with a size of chunks, by PATCH.
func (c *conn) upload(b blob, chunk int64) error {
	answer, err := c.do(http.StatusAccepted, http.MethodPost, "/v2/"+repository+"/blobs/uploads/", body{})
	if err != nil {
		return err
	}
	rest := b.body
	for chunk > 0 && rest.size > 0 {
		part := rest
		part.size = min(chunk, rest.size)
		at := part.from - b.from
		target, err := located(answer)
		if err != nil {
			return err
		}
		answer, err = c.do(http.StatusAccepted, http.MethodPatch, target, part,
			"Content-Type: application/octet-stream", fmt.Sprintf("Content-Range: %d-%d", at, at+part.size-1))
		if err != nil {
			return err
		}
		rest.from += part.size
		rest.size -= part.size
	}
	target, err := located(answer, "digest", b.digest)
	if err != nil {
		return err
	}
	_, err = c.do(http.StatusCreated, http.MethodPut, target, rest, "Content-Type: application/octet-stream")
	return err
}

// located is the target that an answer leads to, with a parameter more.
func located(answer *http.Response, more ...string) (string, error) {
	u, err := url.Parse(answer.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	if len(more) == 2 {
		query := u.Query()
		query.Set(more[0], more[1])
		u.RawQuery = query.Encode()
	}
	return u.RequestURI(), nil
}
