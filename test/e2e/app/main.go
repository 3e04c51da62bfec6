// Command app is the only file in the image of the end-to-end tests' steps: what a workflow's command may do to its
// files and its registry, without a shell. Arguments are verbs with their operands, done in order:
//
//	app write /data/a hello mode /data/a 0600 cat /data/a exit 3
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

func main() {
	err := run(os.Args[1:], os.Stdout)
	if code, ok := errors.AsType[exitCode](err); ok {
		os.Exit(int(code))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

type exitCode int

func (c exitCode) Error() string { return "exit " + strconv.Itoa(int(c)) }

// verb takes operands from the arguments and does one thing.
type verb struct {
	operands int
	do       func(out io.Writer, operands []string) error
}

func verbs() map[string]verb {
	return map[string]verb{
		"write":             {2, func(_ io.Writer, a []string) error { return write(a[0], a[1]) }},
		"mode":              {2, func(_ io.Writer, a []string) error { return mode(a[0], a[1]) }},
		"mkdir":             {1, func(_ io.Writer, a []string) error { return os.MkdirAll(os.ExpandEnv(a[0]), 0o700) }},
		"link":              {2, func(_ io.Writer, a []string) error { return os.Symlink(a[0], os.ExpandEnv(a[1])) }},
		"cat":               {1, func(out io.Writer, a []string) error { return cat(out, a[0]) }},
		"copy":              {2, func(_ io.Writer, a []string) error { return copyFile(a[0], a[1]) }},
		"tree":              {1, func(out io.Writer, a []string) error { return tree(out, a[0]) }},
		"env":               {1, env},
		"exit":              {1, exit},
		"await-refused":     {1, func(_ io.Writer, a []string) error { return awaitRefused(a[0]) }},
		"await-file":        {1, func(_ io.Writer, a []string) error { return awaitFile(a[0]) }},
		"identity":          {0, identity},
		"must-be-read-only": {1, func(_ io.Writer, a []string) error { return mustBeReadOnly(a[0]) }},
	}
}

func run(args []string, out io.Writer) error {
	for len(args) > 0 {
		name := args[0]
		v, known := verbs()[name]
		if !known || len(args) <= v.operands {
			return fmt.Errorf("unknown verb or missing operands: %q", args)
		}
		if err := v.do(out, args[1:1+v.operands]); err != nil {
			return err
		}
		args = args[1+v.operands:]
	}
	return nil
}

func write(path, content string) error {
	path = os.ExpandEnv(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

func mode(path, octal string) error {
	bits, err := strconv.ParseUint(octal, 8, 12)
	if err != nil {
		return err
	}
	return os.Chmod(os.ExpandEnv(path), fs.FileMode(bits))
}

func cat(out io.Writer, path string) error {
	content, err := os.ReadFile(os.ExpandEnv(path))
	if err != nil {
		return err
	}
	_, err = out.Write(content)
	return err
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(os.ExpandEnv(from))
	if err != nil {
		return err
	}
	return write(to, string(content))
}

func tree(out io.Writer, root string) error {
	return filepath.WalkDir(os.ExpandEnv(root), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(out, info.Mode(), path)
		return err
	})
}

func env(out io.Writer, operands []string) error {
	_, err := fmt.Fprintln(out, os.Getenv(operands[0]))
	return err
}

func exit(_ io.Writer, operands []string) error {
	code, err := strconv.Atoi(operands[0])
	if err != nil {
		return err
	}
	return exitCode(code)
}

func identity(out io.Writer, _ []string) error {
	_, err := fmt.Fprintf(out, "uid=%d\n", os.Getuid())
	return err
}

// awaitRefused waits until nobody answers at address, host:port, any more.
func awaitRefused(address string) error {
	for misses := 0; misses < 5; time.Sleep(200 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			misses++
			continue
		}
		misses = 0
		if err := conn.Close(); err != nil {
			return err
		}
	}
	return nil
}

func awaitFile(path string) error {
	for {
		_, err := os.Stat(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func mustBeReadOnly(dir string) error {
	err := os.WriteFile(filepath.Join(dir, "probe"), nil, 0o600)
	if !errors.Is(err, syscall.EROFS) {
		return fmt.Errorf("%s is not read-only: %w", dir, err)
	}
	return nil
}
