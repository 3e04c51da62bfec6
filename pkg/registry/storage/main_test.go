package storage_test

import (
	"log/slog"
	"os"
	"testing"

	"github.com/converged-computing/oras-operator/pkg/registry"
)

// role is the environment variable that makes a process of this test's binary a participant of a test.
const role = "STORAGE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "hold":
		hold()
		return
	case "write":
		writeForever()
	}
	registry.RouteLibraryLog(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}
