// Command proxy serves package faults by itself: a registry's clients speak to one address, whoever makes the registry
// fail to another. It reads no environment variables.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/test/faults"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		os.Exit(1)
	}
}

// options is everything that the proxy can be told.
type options struct {
	listen    string // host:port for the registry's clients
	admin     string // host:port for rules and log
	upstream  string // scheme://host[:port] of the registry
	rules     string // JSON
	rulesFile string // file with JSON
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.listen, "listen", "127.0.0.1:5001", "`address` for the registry's clients; port 0 is any")
	flags.StringVar(&opts.admin, "admin", "127.0.0.1:5002", "`address` for rules and log; port 0 is any")
	flags.StringVar(&opts.upstream, "upstream", "http://127.0.0.1:5000", "`URL` of the registry")
	flags.StringVar(&opts.rules, "rules", "", "rules to start with, as a `JSON` array")
	flags.StringVar(&opts.rulesFile, "rules-file", "", "`file` with rules to start with, before those of --rules")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return opts, nil
}

// initialRules reads the rules of both flags.
func (o options) initialRules() ([]faults.Rule, error) {
	var texts [][]byte
	if o.rulesFile != "" {
		text, err := os.ReadFile(o.rulesFile)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	if o.rules != "" {
		texts = append(texts, []byte(o.rules))
	}
	var all []faults.Rule
	for _, text := range texts {
		list, err := faults.ParseRules(text)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// run serves until ctx ends.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	opts, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	list, err := opts.initialRules()
	if err != nil {
		return err
	}
	proxy, err := faults.New(opts.upstream, list...)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	clients, err := config.Listen(ctx, "tcp", opts.listen)
	if err != nil {
		return fmt.Errorf("listening for clients: %w", err)
	}
	defer clients.Close() //nolint:errcheck // nothing was written
	control, err := config.Listen(ctx, "tcp", opts.admin)
	if err != nil {
		return fmt.Errorf("listening for rules: %w", err)
	}
	slog.New(slog.NewTextHandler(stderr, nil)).Info("The proxy serves.",
		"listen", clients.Addr().String(), "admin", control.Addr().String(), "upstream", opts.upstream)
	return serve(ctx, proxy, clients, control)
}

// serve runs both servers until ctx or one of them ends.
func serve(ctx context.Context, proxy *faults.Proxy, clients, control net.Listener) error {
	admin := &http.Server{Handler: proxy.Admin(), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 2)
	go func() { ended <- proxy.Serve(clients) }()
	go func() { ended <- admin.Serve(control) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
	}
	return errors.Join(err, admin.Close(), proxy.Close())
}
