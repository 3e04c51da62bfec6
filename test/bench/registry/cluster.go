package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/converged-computing/oras-operator/test/apiserver"
	"github.com/converged-computing/oras-operator/test/bench/server"
)

const cacheName = "alpha/oras"

// cluster is one in which a step may do everything.
type cluster struct {
	*apiserver.Server
	dir   string // for what a pod has of its ServiceAccount
	token string // of the step
}

func newCluster(scratch string) (*cluster, error) {
	key, err := apiserver.NewKey("bench")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: filepath.Join(scratch, "pod")}
	c.Server = apiserver.Start(key, apiserver.Rights{apiserver.User("alpha", "step"): {"pull", "push", "delete"}})
	claims := apiserver.Claims("alpha", "step", "oras://"+cacheName, time.Now())
	claims["exp"] = time.Now().Add(24 * time.Hour).Unix() // whole benchmarks take longer than an hour
	if c.token, err = c.Token(claims); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// contender is our registry as in a pod of c.
func (c *cluster) contender(operator string) contender {
	own := server.Own(operator, "--auth=serviceaccount", "--cache="+cacheName)
	inPod := func(dir, addr string) ([]string, error) {
		args, err := own.Command(dir, addr)
		if err != nil {
			return nil, err
		}
		return c.InPod(c.dir, args...)
	}
	return contender{
		name: nameOursTokens, authorization: "Bearer " + c.token,
		kind: server.Kind{Name: fmt.Sprintf("%s with ServiceAccounts", own.Name), Command: inPod},
	}
}
