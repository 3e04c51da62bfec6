// Command volume is the /bin/sh of local-path-provisioner's helper pod. It
// knows the two scripts that the provisioner's ConfigMap gives that pod and
// does what they say, so that the image needs no shell:
//
//	/bin/sh /script/setup …      mkdir -m 0777 -p "$VOL_DIR"
//	/bin/sh /script/teardown …   rm -rf "$VOL_DIR"
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args, os.Getenv("VOL_DIR")); err != nil {
		fmt.Fprintf(os.Stderr, "volume: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, dir string) error {
	if len(args) < 2 || dir == "" {
		return fmt.Errorf("no script or no VOL_DIR: %q", args)
	}
	switch args[1] {
	case "/script/setup":
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		return os.Chmod(dir, 0o777) // whatever the umask is
	case "/script/teardown":
		return os.RemoveAll(dir)
	}
	return fmt.Errorf("unknown script %s", args[1])
}
