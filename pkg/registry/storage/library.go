package storage

import (
	"context"
	"fmt"
	"sync"

	"github.com/distribution/distribution/v3/configuration"
	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
)

const (
	// driverName is the name of drivers that there are already, in the library's registry of them.
	driverName  = "given"
	driverParam = "driver"
)

// register makes the library know [driverName]. It knows drivers by a map of the whole process, to which nothing can be
// added twice.
var register = sync.OnceFunc(func() { factory.Register(driverName, given{}) })

// Library is a driver that is there already, as the library's configuration takes it, which otherwise makes one itself. What
// else it says of storage, such as whether deletion is allowed, may be added.
func Library(driver storagedriver.StorageDriver) configuration.Storage {
	register()
	return configuration.Storage{driverName: {driverParam: driver}}
}

// given is a factory of drivers that there are already.
type given struct{}

// Create returns the driver in the parameters.
func (given) Create(_ context.Context, parameters map[string]any) (storagedriver.StorageDriver, error) {
	driver, ok := parameters[driverParam].(storagedriver.StorageDriver)
	if !ok {
		return nil, fmt.Errorf("the storage is a %T, not a driver", parameters[driverParam])
	}
	return driver, nil
}
