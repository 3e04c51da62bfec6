package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
	"gotest.tools/v3/poll"
)

func TestMistakesOnTheCommandLineAreTold(t *testing.T) {
	tests := map[string]struct {
		args []string
		want []string
	}{
		"an unknown subcommand": {
			args: []string{"serve"}, want: []string{`"serve"`},
		},
		"an unknown flag of the registry": {
			args: []string{"registry", "--rot=/data"}, want: []string{"--rot"},
		},
		"an unknown level": {
			args: []string{"registry", "--log-level=loud"}, want: []string{"--log-level", "loud"},
		},
		"an unknown format": {
			args: []string{"registry", "--log-format=xml"}, want: []string{"--log-format", "xml"},
		},
		"a registry that has no place for its data": {
			args: []string{"registry", "--root=/proc/self"}, want: []string{"storage", "/proc/self"},
		},
		"a key of the registry that is unknown": {
			args: []string{"registry", "--config=testdata/registry/unknown.yaml"}, want: []string{"unknown.yaml", "storage.rot"},
		},
		"a flag against the file": {
			args: []string{"registry", "--config=testdata/registry/config.yaml", "--max-uploads=-3"}, want: []string{"config.yaml", "maxUploads: -3"},
		},
		"a certificate for no webhooks": {
			args: []string{"--webhook-port=0", "--webhook-cert-dir=/certs"}, want: []string{"--webhook-cert-dir", "--webhook-port=0"},
		},
		"several at once": {
			args: []string{"--namespace=", "--sidecar-image=", "--webhook-port=70000", "--webhook-cert-lifetime=1s"},
			want: []string{"--namespace", "--sidecar-image", "--webhook-port 70000", "--webhook-cert-lifetime 1s"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := run(t.Context(), tc.args, &bytes.Buffer{}, &bytes.Buffer{})
			assert.Assert(t, err != nil)
			for _, want := range tc.want {
				assert.Assert(t, cmp.Contains(err.Error(), want))
			}
		})
	}
}

func TestTheDefaultsOfTheManagerAreValid(t *testing.T) {
	var opts managerOptions
	opts.addFlags(pflag.NewFlagSet("", pflag.ContinueOnError))
	assert.NilError(t, opts.validate())
	assert.Assert(t, opts.lookUpImages)
}

func TestEveryCommandHelps(t *testing.T) {
	for _, args := range [][]string{{}, {"registry"}, {"inject"}} {
		t.Run(strings.Join(append([]string{"operator"}, args...), " "), func(t *testing.T) {
			var stdout bytes.Buffer
			assert.NilError(t, run(t.Context(), append(args, "--help"), &stdout, &bytes.Buffer{}))
			assert.Assert(t, cmp.Contains(stdout.String(), "Examples:"))
			assert.Assert(t, cmp.Contains(stdout.String(), "--log-level"))
		})
	}
}

func TestTheRegistryServesUntilItIsStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	addr := freeAddr(t)
	var stderr bytes.Buffer
	done := make(chan error, 1)
	args := []string{"registry", "--root", t.TempDir(), "--addr", addr, "--drain-delay", "0s", "--log-format", "json"}
	go func() { done <- run(ctx, args, &bytes.Buffer{}, &stderr) }()
	poll.WaitOn(t, func(poll.LogT) poll.Result {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return poll.Continue("asking: %v", err)
		}
		_ = resp.Body.Close()
		return poll.Compare(cmp.Equal(resp.StatusCode, http.StatusOK))
	}, poll.WithTimeout(30*time.Second))

	stop()
	assert.NilError(t, <-done)
	for line := range strings.Lines(stderr.String()) {
		assert.NilError(t, json.Unmarshal([]byte(line), &map[string]any{}), line)
	}
	assert.Assert(t, cmp.Contains(stderr.String(), "The registry has stopped."))
}

// freeAddr is an address that nobody listens on just now.
func freeAddr(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	defer listener.Close() //nolint:errcheck // only holds its port
	return listener.Addr().String()
}
