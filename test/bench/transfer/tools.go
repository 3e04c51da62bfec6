package main

import "path/filepath"

// tool is a client: how it is told to do things.
type tool struct {
	name  string
	push  func(ref, tree, file string) command
	pull  func(ref, into string) command
	patch func(ref, tree, file string) command // nil where there is no way
}

// Names of tools.
const (
	toolOurs  = "ours"
	toolStock = "oras"
	toolFloor = "cp and sha256sum"
)

// ours is `sidecar`. It is told to speak plain HTTP where it would not by itself.
func ours(binary string, plainHTTP bool) tool {
	run := func(dir string, args ...string) command {
		if plainHTTP {
			args = append(args, "--plain-http")
		}
		return command{dir: dir, args: append([]string{binary}, append(args, "--quiet")...)}
	}
	return tool{
		name: toolOurs,
		push: func(ref, tree, file string) command { return run("", "push", ref, filepath.Join(tree, file)) },
		pull: func(ref, into string) command { return run("", "pull", ref, "--into", into) },
		patch: func(ref, tree, file string) command {
			return run("", "patch", ref, "--add", filepath.Join(tree, file)+"="+file)
		},
	}
}

// stock is the `oras` CLI. It names what it pushes as it is told it, so it is told a path relative to where it runs.
func stock(binary string) tool {
	return tool{
		name: toolStock,
		push: func(ref, tree, file string) command {
			dir, what := filepath.Split(tree)
			if file != "" {
				dir, what = tree, file
			}
			return command{dir: dir, args: []string{binary, "push", "--plain-http", ref, what}}
		},
		pull: func(ref, into string) command {
			return command{args: []string{binary, "pull", "--plain-http", "--output", into, ref}}
		},
	}
}

// floor copies a tree and hashes all of the copy once: less than that no pull can do.
func floor(tree, into string) command {
	const script = `cp -r "$1" "$2" && find "$2" -type f -print0 | xargs -0 sha256sum >"$TMPDIR/sums"`
	return command{args: []string{"/bin/sh", "-c", script, "floor", tree, into}}
}
