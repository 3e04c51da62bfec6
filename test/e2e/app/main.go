// Command app is the only file in the image of the end-to-end tests' steps: what a workflow's command may do to its
// files and its registry, without a shell. Arguments are verbs with their operands, done in order:
//
//	app write /data/a hello mode /data/a 0600 cat /data/a exit 3
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/converged-computing/oras-operator/test/sample"
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
		"cat-all":           {1, func(out io.Writer, a []string) error { return catAll(out, a[0]) }},
		"sum":               {1, func(out io.Writer, a []string) error { return sum(out, a[0]) }},
		"list":              {1, func(out io.Writer, a []string) error { return list(out, a[0]) }},
		"copy":              {2, func(_ io.Writer, a []string) error { return copyFile(a[0], a[1]) }},
		"tree":              {1, func(out io.Writer, a []string) error { return tree(out, a[0]) }},
		"env":               {1, env},
		"exit":              {1, exit},
		"await-refused":     {1, func(_ io.Writer, a []string) error { return awaitRefused(a[0]) }},
		"await-file":        {1, func(_ io.Writer, a []string) error { return awaitFile(a[0]) }},
		"identity":          {0, identity},
		"signal-container":  {3, func(_ io.Writer, a []string) error { return signalContainer(a[0], a[1], a[2]) }},
		"kill-and-list":     {2, func(out io.Writer, a []string) error { return killAndList(out, a[0], a[1]) }},
		"pid":               {1, pid},
		"peak-memory":       {1, func(out io.Writer, a []string) error { return peakMemory(out, a[0]) }},
		"soon":              {3, func(_ io.Writer, a []string) error { return soon(a) }},
		"signal-named":      {2, func(_ io.Writer, a []string) error { return signalNamed(a[0], a[1]) }},
		"remove":            {1, func(_ io.Writer, a []string) error { return os.Remove(os.ExpandEnv(a[0])) }},
		"fill":              {2, func(_ io.Writer, a []string) error { return fill(a[0], a[1]) }},
		"note":              {1, func(_ io.Writer, a []string) error { return note(a[0]) }},
		"await-signal":      {1, func(_ io.Writer, a []string) error { return awaitSignal(a[0]) }},
		"leave-a-writer":    {1, func(_ io.Writer, a []string) error { return leaveWriter(a[0]) }},
		"append-for-ever":   {1, func(_ io.Writer, a []string) error { return appendForEver(a[0]) }},
		"sleep":             {1, func(_ io.Writer, a []string) error { return sleep(a[0]) }},
		"log":               {2, func(_ io.Writer, a []string) error { return appendLine(a[0], a[1]) }},
		"make-tree":         {2, func(_ io.Writer, a []string) error { return onTree(a[0], a[1], sample.Tree.Write) }},
		"check-tree":        {2, func(_ io.Writer, a []string) error { return onTree(a[0], a[1], sample.Tree.Check) }},
		"meddle":            {2, func(_ io.Writer, a []string) error { return meddle(a[0], a[1]) }},
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

// catAll prints every line of every file in a directory, the name of the file before it.
func catAll(out io.Writer, dir string) error {
	entries, err := os.ReadDir(os.ExpandEnv(dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(os.ExpandEnv(dir), e.Name()))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(content)) {
			if _, err := fmt.Fprintln(out, e.Name(), strings.TrimSuffix(line, "\n")); err != nil {
				return err
			}
		}
	}
	return nil
}

// sum writes the SHA-256 of a file, in hexadecimal.
func sum(out io.Writer, path string) error {
	f, err := os.Open(os.ExpandEnv(path))
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(hash, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%x\n", hash.Sum(nil))
	return err
}

// list writes the names in a directory, each on a line.
func list(out io.Writer, dir string) error {
	entries, err := os.ReadDir(os.ExpandEnv(dir))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if _, err := fmt.Fprintln(out, entry.Name()); err != nil {
			return err
		}
	}
	return nil
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
	path = os.ExpandEnv(path)
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

// fill makes a file of so many mebibytes that no two blocks of are alike.
func fill(path, mebibytes string) error {
	n, err := strconv.Atoi(mebibytes)
	if err != nil {
		return err
	}
	if err := write(path, ""); err != nil {
		return err
	}
	f, err := os.OpenFile(os.ExpandEnv(path), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.Reader, int64(n)<<20)
	return errors.Join(err, f.Close())
}

// note appends a line to a file: how often it was run.
func note(path string) error { return appendLine(path, "ran") }

// appendLine adds a line to a file, in one write.
func appendLine(path, line string) error {
	path = os.ExpandEnv(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

func sleep(duration string) error {
	d, err := time.ParseDuration(duration)
	time.Sleep(d)
	return err
}

// onTree writes the sample tree that text stands for to dir, or checks it there.
func onTree(dir, text string, do func(tree sample.Tree, dir string) error) error {
	tree, err := sample.Parse(text)
	if err != nil {
		return err
	}
	return do(tree, os.ExpandEnv(dir))
}

// awaitSignal waits for a signal.
func awaitSignal(number string) error {
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	got := make(chan os.Signal, 1)
	signal.Notify(got, syscall.Signal(n))
	<-got
	return nil
}

// leaveWriter starts a process that ignores SIGTERM and appends to a file for ever, and does not wait for it.
func leaveWriter(path string) error {
	cmd := exec.Command("/proc/self/exe", "append-for-ever", os.ExpandEnv(path))
	if err := cmd.Start(); err != nil {
		return err
	}
	return awaitFile(path)
}

func appendForEver(path string) error {
	signal.Ignore(syscall.SIGTERM)
	for {
		if err := note(path); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}
