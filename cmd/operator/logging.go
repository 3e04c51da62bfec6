package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/rs/zerolog/diode"
	"github.com/spf13/pflag"
)

// A log holds so many lines that nobody has read, about 4 MiB, and each for so long before it is written.
const (
	heldLines = 8192
	heldFor   = 20 * time.Millisecond
)

// logOptions say how a command logs.
type logOptions struct {
	level  string
	format string
}

func (o *logOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.level, "log-level", "info", "least level that is logged: debug, info, warn or error")
	flags.StringVar(&o.format, "log-format", "text", "format of the log: text or json")
}

// logger returns a logger to w, and flush, which ends it once w has taken every line. Whoever logs does not wait for w: what
// reads a container's log on a node may be stopped, restarted or kept by a slow disk, and requests have to be answered
// meanwhile. Where w stays too far behind the oldest lines are dropped, and a line in their place says how many.
func (o *logOptions) logger(w io.Writer) (log *slog.Logger, flush func(), err error) {
	newHandler, err := o.handler()
	if err != nil {
		return nil, nil, err
	}
	held := diode.NewWriter(struct{ io.Writer }{w}, heldLines, heldFor, func(dropped int) {
		slog.New(newHandler(w)).Warn("Lines of this log were dropped, since nothing read it.", "lines", dropped)
	})
	return slog.New(newHandler(held)), func() { _ = held.Close() }, nil // w is hidden from it, so that there is nothing that can fail
}

// handler returns what makes a handler that writes to a writer.
func (o *logOptions) handler() (func(io.Writer) slog.Handler, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return nil, fmt.Errorf("reading --log-level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	switch o.format {
	case "text":
		return func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, options) }, nil
	case "json":
		return func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, options) }, nil
	default:
		return nil, fmt.Errorf("reading --log-format: %q is neither text nor json", o.format)
	}
}
