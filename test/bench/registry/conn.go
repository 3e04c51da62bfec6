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

// conn is a connection to a registry, for many requests. It costs little, since on a small machine the registry lacks what
// processor time the client takes: the kernel sends files, and throws away what comes.
type conn struct {
	tcp           *net.TCPConn
	reader        *bufio.Reader
	addr          string
	authorization string // the header's value; empty for none
	sink          []byte // for what is thrown away
}

const (
	sinkSize = 1 << 22 // the most that is thrown away at once
	wakeSize = 1 << 20 // the least that is waited for, unless less is left
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

// body is what a request sends: data, or a part of a file.
type body struct {
	data []byte
	file string // a path; empty where it is data
	from int64
	size int64 // in bytes
}

func bytesOf(data []byte) body { return body{data: data, size: int64(len(data))} }

// writeTo writes b.
func (b body) writeTo(w io.Writer) error {
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

// ask is like do, but leaves the answer's body to be read.
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
	return b.writeTo(c.tcp)
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

// drop has the kernel throw away so many bytes of what comes: MSG_TRUNC, see tcp(7). It waits until many are there, since waking
// it costs the sender, too.
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

// wakeAt sets how many bytes must have come before whoever waits for the connection is woken.
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

// located is the target that an answer's Location names, with one more parameter in its query if a name and a value are given.
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
