package registry

import (
	"context"
	"io"
	"log/slog"
	"strings"

	"github.com/sirupsen/logrus"
)

// RouteLibraryLog sends what distribution logs to log, and nowhere else. It changes the logger of the whole process, as
// distribution leaves no other way, so the owner of the process calls it, once.
//
// Warnings and errors keep their level and all else is for debugging, as are its lines about answered requests: they
// repeat the access log and call each 404 an error.
func RouteLibraryLog(log *slog.Logger) {
	logrus.SetOutput(io.Discard)
	if log.Enabled(context.Background(), slog.LevelDebug) {
		logrus.SetLevel(logrus.DebugLevel)
	} else {
		logrus.SetLevel(logrus.WarnLevel)
	}
	hooks := logrus.LevelHooks{}
	hooks.Add(libraryHook{log: log})
	logrus.StandardLogger().ReplaceHooks(hooks)
}

// libraryHook is a [logrus.Hook] that writes to log.
type libraryHook struct {
	log *slog.Logger
}

func (libraryHook) Levels() []logrus.Level {
	return logrus.AllLevels
}

// Fire writes one entry. Of the many fields that distribution adds it keeps those that the access log does not have.
func (h libraryHook) Fire(entry *logrus.Entry) error {
	ctx := entry.Context
	if ctx == nil {
		ctx = context.Background()
	}
	attrs := []slog.Attr{slog.String("from", "distribution")}
	for _, key := range []string{"vars.name", "vars.reference", "vars.digest", "err.code", "err.message", "err.detail", "error"} {
		if value, ok := entry.Data[key]; ok {
			attrs = append(attrs, slog.Any(key, value))
		}
	}
	h.log.LogAttrs(ctx, libraryLevel(entry), entry.Message, attrs...)
	return nil
}

// libraryLevel is the level that an entry of distribution has here.
func libraryLevel(entry *logrus.Entry) slog.Level {
	switch {
	case strings.HasPrefix(entry.Message, "response completed"):
		return slog.LevelDebug
	case entry.Level <= logrus.ErrorLevel:
		return slog.LevelError
	case entry.Level == logrus.WarnLevel:
		return slog.LevelWarn
	default:
		return slog.LevelDebug
	}
}
