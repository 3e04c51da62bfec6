package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// common are the flags of every command at a terminal.
type common struct {
	plainHTTP     bool
	ca            string
	caFile        string
	config        string
	username      string
	passwordStdin bool
	tokenFile     string
	output        string
	quiet         bool
	debug         bool
	timeout       time.Duration
}

// Forms of a result.
const (
	formText = "text"
	formJSON = "json"
)

func (c *common) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&c.plainHTTP, "plain-http", false, "speak HTTP without TLS (default: with registries on this machine or in the cluster, unless --ca or --ca-file is given)")
	flags.StringVar(&c.ca, "ca", "", "trust the certificates in this PEM `file`, and no others")
	flags.StringVar(&c.caFile, "ca-file", "", "trust the certificates in this PEM `file` beside the system's, as they are when it changes")
	flags.StringVar(&c.config, "config", "", "take credentials from this Docker configuration `file` (default: $DOCKER_CONFIG/config.json or ~/.docker/config.json)")
	flags.StringVar(&c.username, "username", "", "log in as this user; needs --password-stdin")
	flags.BoolVar(&c.passwordStdin, "password-stdin", false, "read the password or token from standard input")
	flags.StringVar(&c.tokenFile, "token-file", "", "log in with the ServiceAccount token in this `file`, as it is when it changes")
	flags.BoolVarP(&c.quiet, "quiet", "q", false, "no progress, warnings or summary; what is asked for (a file, a list, JSON) is still written")
	flags.BoolVar(&c.debug, "debug", false, "log every request")
	flags.DurationVar(&c.timeout, "timeout", 0, "give up after so long (default: only when nothing has got through for a minute)")
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError{err, cmd} })
	cmd.GroupID = atTerminal
}

// bindOutput is for commands whose result has two forms.
func (c *common) bindOutput(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.output, "output", "o", formText, "print the result as `text|json`")
}

// verb is what a command does.
type verb func(ctx context.Context, s *session, args []string) error

// run makes a cobra command of a verb that takes so many arguments.
func (c *common) run(cmd *cobra.Command, arguments int, do verb) {
	cmd.DisableFlagsInUseLine = true
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) != arguments {
			return usageError{fmt.Errorf("it takes %s, not %d: %s", count(arguments, "argument"), len(args), cmd.UseLine()), cmd}
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		killable(cmd.Context())
		s, err := c.open(cmd)
		if err != nil {
			return err
		}
		ctx, stop := s.bound(cmd.Context())
		defer stop()
		return advise(because(ctx, do(ctx, s, args)))
	}
}

// open checks the common flags and reads what they name.
func (c *common) open(cmd *cobra.Command) (*session, error) {
	if err := c.check(cmd); err != nil {
		return nil, usageError{err, cmd}
	}
	s := &session{common: *c, cmd: cmd, err: &passage{w: cmd.ErrOrStderr()}}
	s.log = newLogger(s.err, c.debug)
	var err error
	if s.roots, err = readRoots(c.ca); err != nil {
		return nil, err
	}
	if c.caFile != "" {
		if _, err := readRoots(c.caFile); err != nil {
			return nil, err
		}
	}
	if c.passwordStdin {
		if s.password, err = readPassword(cmd.Context(), cmd.InOrStdin()); err != nil {
			return nil, err
		}
	}
	if c.tokenFile != "" {
		if _, err := os.Stat(c.tokenFile); err != nil {
			return nil, fmt.Errorf("reading the token: %w", err)
		}
	}
	if c.config == "" {
		s.config = dockerConfig(os.Getenv)
	} else if _, err := os.Stat(c.config); err != nil {
		return nil, fmt.Errorf("reading the Docker configuration: %w", err)
	}
	return s, nil
}

func (c *common) check(cmd *cobra.Command) error {
	n, err := cmd.Flags().GetInt(concurrencyFlag)
	switch {
	case err == nil && n < 1:
		return fmt.Errorf("--concurrency %d is less than 1", n)
	case c.output != "" && c.output != formText && c.output != formJSON:
		return fmt.Errorf("--output %q is neither text nor json", c.output)
	case c.passwordStdin != (c.username != ""):
		return errors.New("--username and --password-stdin go together")
	case c.tokenFile != "" && c.username != "":
		return errors.New("--token-file and --username exclude each other")
	case c.caFile != "" && c.ca != "":
		return errors.New("--ca-file and --ca exclude each other")
	case c.timeout < 0:
		return fmt.Errorf("--timeout %s is negative", c.timeout)
	}
	return nil
}

func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading certificates: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading certificates: there is none in %s", path)
	}
	return roots, nil
}

// readPassword reads a password and drops the end of its line.
func readPassword(ctx context.Context, r io.Reader) (string, error) {
	const most = 64 << 10 // bytes; tokens are long, but not this long
	var content []byte
	var err error
	read := make(chan struct{})
	go func() { // since nothing else ends waiting for a person
		defer close(read)
		content, err = io.ReadAll(io.LimitReader(r, most))
	}()
	select {
	case <-read:
	case <-ctx.Done():
		return "", because(ctx, ctx.Err())
	}
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	password := strings.TrimRight(string(content), "\r\n")
	if password == "" {
		return "", errors.New("reading the password: there is none on standard input")
	}
	return password, nil
}

// dockerConfig is where Docker has its configuration.
func dockerConfig(getenv func(string) string) string {
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		return filepath.Join(dir, "config.json")
	}
	return filepath.Join(getenv("HOME"), ".docker", "config.json")
}

// registry is the one that a target is in.
func (s *session) registry(t target) transfer.Registry {
	r := transfer.Registry{
		Host: t.host, PlainHTTP: transfer.DefaultPlainHTTP(t.host) && s.roots == nil && s.caFile == "", CA: s.roots, CAFile: s.caFile,
		Credential: transfer.DockerCredentials(s.config), TokenFile: s.tokenFile, UserAgent: "oras-operator-sidecar/" + version,
	}
	if s.cmd.Flags().Changed("plain-http") {
		r.PlainHTTP = s.plainHTTP
	}
	if s.username != "" {
		r.Credential = auth.StaticCredential(t.host, auth.Credential{Username: s.username, Password: s.password})
	}
	if s.debug {
		r.Log = s.log
	}
	return r
}

func (s *session) repository(t target) (*remote.Repository, error) {
	return s.registry(t).Repository(t.Repository)
}

// advise says what to do about an error, where that is not plain.
func advise(err error) error {
	if exitCode(err) != exitDenied {
		return err
	}
	return fmt.Errorf("%w (to log in, use docker login, --username and --password-stdin, or --token-file)", err)
}
