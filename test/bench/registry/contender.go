package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"

	"github.com/converged-computing/oras-operator/test/bench/server"
)

// contender is a registry, and how it is asked.
type contender struct {
	name          string
	kind          server.Kind
	authorization string // the header of that name in each request; empty for none
	slow          int    // the number of items is divided by it, where so many would take too long; 0 is 1
}

// Names of contenders.
const (
	nameOurs  = "ours"
	nameStock = "stock"
	nameFloor = "floor"

	nameOursUsers  = "ours, htpasswd"
	nameOursTokens = "ours, serviceaccount"
	nameStockUsers = "stock, htpasswd"
)

// both are the two registries, open to everybody.
func (b *bench) both() []contender {
	return []contender{{name: nameOurs, kind: server.Own(b.operator)}, {name: nameStock, kind: cached(server.Stock(b.registry))}}
}

// cached is the stock registry with the cache of blob descriptors that its image configures. It may be wrong where others delete
// data on the disk; here nobody does.
func cached(kind server.Kind) server.Kind {
	return server.Kind{Name: kind.Name, Command: func(dir, addr string) ([]string, error) {
		args, err := kind.Command(dir, addr)
		return append([]string{"env", "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=inmemory"}, args...), err
	}}
}

// withAccess are the two registries, open and with each kind of authentication. done ends what they need.
func (b *bench) withAccess() (_ []contender, done func(), err error) {
	const user, password = "alice", "wonder"
	hash, err := bcrypt.GenerateFromPassword([]byte(password), hashCost)
	if err != nil {
		return nil, nil, err
	}
	file := filepath.Join(b.scratch, "htpasswd")
	if err := os.WriteFile(file, fmt.Appendf(nil, "%s:%s\n", user, hash), 0o644); err != nil {
		return nil, nil, err
	}
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	all := append(b.both(),
		contender{name: nameOursUsers, authorization: basic, kind: server.Own(b.operator, "--auth=htpasswd", "--htpasswd-file="+file)},
		contender{
			name: nameStockUsers, authorization: basic, slow: 10,
			kind: cached(server.Stock(b.registry, fmt.Sprintf("auth: {htpasswd: {realm: bench, path: %q}}\n", file))),
		})
	if os.Geteuid() != 0 {
		b.report.Note = "Not run as root, so that no registry could take ServiceAccounts' tokens."
		return all, func() {}, nil
	}
	cluster, err := newCluster(b.scratch)
	if err != nil {
		return nil, nil, err
	}
	return append(all, cluster.contender(b.operator)), cluster.Close, nil
}

// hashCost is that of `htpasswd -B`, which the stock registry's documentation says to use.
const hashCost = 5
