package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"gotest.tools/v3/assert"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/converged-computing/oras-operator/pkg/handoff"
	"github.com/converged-computing/oras-operator/pkg/transfer"
)

func TestTheExitCodeTellsWhatWentWrong(t *testing.T) {
	status := func(code int) error {
		return &transfer.Error{Side: transfer.SideRegistry, Err: &errcode.ErrorResponse{StatusCode: code, URL: &url.URL{}}}
	}
	onTree := func(err error) error { return &transfer.Error{Side: transfer.SideTree, Err: err} }
	onRegistry := func(err error) error { return &transfer.Error{Side: transfer.SideRegistry, Err: err} }
	missing := &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"nothing":                          {nil, 0},
		"anything else":                    {errors.New("odd"), 1},
		"content that is wrong":            {onRegistry(transfer.ErrDigest), 1},
		"a bad request":                    {status(http.StatusBadRequest), 1},
		"a wrong command line":             {usageError{errors.New("odd"), &cobra.Command{}}, 2},
		"an invalid reference":             {fmt.Errorf("x: %w", transfer.ErrInvalidReference), 2},
		"an invalid reference to write":    {onRegistry(transfer.ErrInvalidReference), 2},
		"an invalid pattern":               {fmt.Errorf("x: %w", transfer.ErrInvalidGlob), 2},
		"no such artifact":                 {onRegistry(transfer.ErrNotFound), 3},
		"a status of not found":            {status(http.StatusNotFound), 3},
		"no such file in an artifact":      {onRegistry(fs.ErrNotExist), 3},
		"nothing that matches":             {onRegistry(transfer.ErrNoMatch), 3},
		"unauthorized":                     {status(http.StatusUnauthorized), 4},
		"forbidden":                        {status(http.StatusForbidden), 4},
		"a catalog that is forbidden":      {onRegistry(fmt.Errorf("%w: %w", transfer.ErrNoCatalog, status(http.StatusForbidden))), 4},
		"no credential":                    {onRegistry(auth.ErrBasicCredentialNotFound), 4},
		"a registry that is broken":        {status(http.StatusInternalServerError), 5},
		"a registry that is full":          {status(http.StatusInsufficientStorage), 5},
		"too many requests":                {status(http.StatusTooManyRequests), 5},
		"a registry that is not there":     {onRegistry(syscall.ECONNREFUSED), 5},
		"no time left":                     {onRegistry(context.DeadlineExceeded), 5},
		"a tag that others move":           {onRegistry(transfer.ErrConflict), 5},
		"a source that is not there":       {onTree(missing), 6},
		"a file that changed":              {onTree(transfer.ErrChanged), 6},
		"a directory that is not writable": {onTree(fs.ErrPermission), 6},
		"a file of the command line":       {fmt.Errorf("x: %w", missing), 6},
		"Control-C":                        {&interrupted{signal: syscall.SIGINT, err: onTree(missing)}, 130},
		"SIGTERM":                          {&interrupted{signal: syscall.SIGTERM, err: context.Canceled}, 143},
		"a signal that nobody noted":       {context.Canceled, 143},
		"the failure of a step":            {fmt.Errorf("x: %w", &handoff.Failure{Code: 204}), 204},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, exitCode(test.err), test.want) })
	}
}

func TestTheExitCodesOfCommandLines(t *testing.T) {
	registry := startRegistry(t)
	from := results(t).Path()
	does(t, "push", registry.host+"/a:v1", from)
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no such command":              {[]string{"pul"}, 2, "did you mean pull?"},
		"no arguments":                 {[]string{"push"}, 2, "it takes 2 arguments, not 0: sidecar push HOST/REPOSITORY[:TAG] PATH"},
		"an unknown flag":              {[]string{"pull", "--bad"}, 2, "unknown flag: --bad (sidecar pull --help tells more)"},
		"no registry":                  {[]string{"pull", "step-1:v1"}, 2, "it does not start with a registry: it looks like localhost:5000/step-1:latest"},
		"a URL":                        {[]string{"ls", "http://" + registry.host}, 2, "it is a URL; it looks like localhost:5000/step-1:latest"},
		"no repository":                {[]string{"pull", registry.host}, 2, "the repository is missing"},
		"a push to a digest":           {[]string{"push", registry.host + "/a@sha256:" + fmt.Sprintf("%064d", 0), from}, 2, "a tag, not a digest"},
		"an unknown compression":       {[]string{"push", "--compression", "lz4", registry.host + "/a", from}, 2, "none of auto, none, gzip"},
		"an unknown form":              {[]string{"ls", "-o", "yaml", registry.host}, 2, "neither text nor json"},
		"no concurrency":               {[]string{"pull", "--concurrency", "0", registry.host + "/a:v1"}, 2, "less than 1"},
		"a user without a password":    {[]string{"ls", "--username", "u", registry.host}, 2, "go together"},
		"a pattern that is none":       {[]string{"pull", "--path", "[", registry.host + "/a:v1"}, 2, "--path: invalid pattern"},
		"a platform that is none":      {[]string{"pull", "--platform", "linux", registry.host + "/a:v1"}, 2, "linux/arm/v7"},
		"a pattern for tags":           {[]string{"ls", "--path", "x", registry.host + "/a"}, 2, "give its tag or digest"},
		"a patch of nothing":           {[]string{"patch", registry.host + "/a:v1"}, 2, "give --add or --remove"},
		"a patch that leads out":       {[]string{"patch", registry.host + "/a:v1", "--add", "x=../y"}, 2, "does not look like file or file=path"},
		"no such artifact":             {[]string{"pull", registry.host + "/none:v1"}, 3, "not found"},
		"no such repository":           {[]string{"ls", registry.host + "/none"}, 3, "not found"},
		"no such file":                 {[]string{"cat", registry.host + "/a:v1", "none"}, 3, "file does not exist"},
		"nothing that matches":         {[]string{"pull", "--into", "nowhere", "--path", "x*", "--path", "y", registry.host + "/a:v1"}, 3, "nothing in the artifact matches --path x*, y"},
		"nothing to list":              {[]string{"ls", "--path", "x*", registry.host + "/a:v1"}, 3, "nothing in the artifact matches --path x*"},
		"no such source":               {[]string{"push", registry.host + "/a:v1", "none"}, 6, "no such file"},
		"no such certificates":         {[]string{"ls", "--ca", "none", registry.host}, 6, "reading certificates: open none"},
		"no such configuration":        {[]string{"ls", "--config", "none", registry.host}, 6, "reading the Docker configuration"},
		"a target that is a file":      {[]string{"pull", "--into", from + "/summary.txt", registry.host + "/a:v1"}, 6, "not a directory"},
		"a registry that is not there": {[]string{"ls", "--timeout", "1s", "127.0.0.1:1"}, 5, "gave up after 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			result := execute(test.args...)
			assert.Equal(t, result.ExitCode, test.code, result.Combined())
			assert.Assert(t, strings.Contains(result.Stderr(), test.says), result.Stderr())
			assert.Equal(t, result.Stdout(), "")
		})
	}
}
