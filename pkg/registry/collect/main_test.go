package collect

import (
	"context"
	"io"
	"os"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/sirupsen/logrus"
)

// given is the name of a driver that is what its parameter "driver" is, so that a registry of a test uses the test's.
const given = "given"

type givenFactory struct{}

func (givenFactory) Create(_ context.Context, parameters map[string]any) (storagedriver.StorageDriver, error) {
	return parameters["driver"].(storagedriver.StorageDriver), nil
}

func TestMain(m *testing.M) {
	factory.Register(given, givenFactory{})
	logrus.SetOutput(io.Discard)
	os.Exit(m.Run())
}
