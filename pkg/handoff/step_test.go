package handoff_test

import (
	"flag"
	"io"
	"testing"
	"time"

	"gotest.tools/v3/assert"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

func TestAStepComesBackFromItsArguments(t *testing.T) {
	steps := map[string]handoff.Step{
		"the smallest": {
			RunDir: handoff.DefaultDir, Registry: "oras:5000", Containers: []string{"app"},
			PullTimeout: time.Hour, PushTimeout: time.Hour,
		},
		"everything, with characters that need care": {
			RunDir:     "/tmp/run",
			Registry:   "oras.ns.svc:5000",
			PlainHTTP:  true,
			Containers: []string{"app", "other"},
			Inputs: []handoff.Input{
				{Artifact: "a/b:c", Path: `/da"ta, with <all> & sundry`, Mount: "/oras/in/0", Below: "b", Share: true, Wait: handoff.Duration(90 * time.Second)},
				{Artifact: "second"},
			},
			Outputs:     []handoff.Output{{Container: "other", Artifact: "out:1", Path: "--path=$(HOME)"}},
			PullTimeout: time.Minute,
			PushTimeout: 250 * time.Millisecond,
			Pod:         handoff.PodIdentity{Namespace: "ns", Name: "pod-0", Job: "job"},
			TokenFile:   "/oras/access/token",
			Debug:       true,
		},
		"over HTTPS, by a Secret": {
			RunDir: handoff.DefaultDir, Registry: "oras.ns.svc:5000", Containers: []string{"app"}, PullTimeout: time.Hour, PushTimeout: time.Hour,
			LoginDir: "/oras/login", CAFile: "/oras/access/ca.crt",
		},
	}
	for name, want := range steps {
		t.Run(name, func(t *testing.T) {
			got, err := parse(want.Args())
			assert.NilError(t, err)
			assert.DeepEqual(t, got, want)
			assert.NilError(t, got.Validate())
		})
	}
}

func TestAStepThatCannotBeServedIsRefused(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"no registry":              {[]string{"--container=app"}, "--registry is required"},
		"no container":             {[]string{"--registry=r"}, "--container is required"},
		"an output of a stranger":  {[]string{"--registry=r", "--container=app", `--output={"container":"x","artifact":"a","path":"p"}`}, `container "x"`},
		"two ways to log in":       {[]string{"--registry=r", "--container=app", "--login-dir=a", "--token-file=b"}, "exclude each other"},
		"a CA for HTTP":            {[]string{"--registry=r", "--container=app", "--plain-http", "--ca-file=a"}, "--ca-file is for HTTPS"},
		"an input with a typo":     {[]string{`--input={"artefact":"a"}`}, "unknown field"},
		"an input that is no JSON": {[]string{`--input=a:b`}, "invalid"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			step, err := parse(tc.args)
			if err == nil {
				err = step.Validate()
			}
			assert.ErrorContains(t, err, tc.want)
		})
	}
}

func parse(args []string) (handoff.Step, error) {
	var step handoff.Step
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	step.BindFlags(fs)
	err := fs.Parse(args)
	return step, err
}
