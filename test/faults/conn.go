package faults

import (
	"context"
	"io"
	"net"
	"net/http"
)

// connKey finds a request's connection in its context.
type connKey struct{}

func withConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// closeCleanly ends the connection of a request with a FIN. What the client still sends is read until it has noticed,
// since closing with something unread would be a reset.
func closeCleanly(r *http.Request) {
	conn, ok := r.Context().Value(connKey{}).(net.Conn)
	if !ok {
		return
	}
	defer conn.Close() //nolint:errcheck // it is being broken
	if half, ok := conn.(*net.TCPConn); ok && half.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, r.Body) // ends when the client does
	}
}

// resetConn ends the connection of a request with an RST.
func resetConn(r *http.Request) {
	conn, ok := r.Context().Value(connKey{}).(net.Conn)
	if !ok {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it this is a clean close, which breaks the exchange too
	}
	_ = conn.Close()
}
