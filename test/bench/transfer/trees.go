package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Sizes, in bytes.
const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// A maker makes a tree in an empty directory. All sizes, or all numbers of files, are divided by a scale.
type maker func(dir string, scale int) error

// scaled divides and leaves at least so much, but never makes more of it.
func scaled(n, scale, least int) int { return max(n/scale, min(n, least)) }

// one is a single file.
func one(name string, size int, of content) maker {
	return func(dir string, scale int) error {
		return write(filepath.Join(dir, name), int64(scaled(size, scale, kib)), of(1))
	}
}

// files are so many of one size in the directory itself.
func files(count, size int, of content) maker {
	return func(dir string, scale int) error {
		for i := range scaled(count, scale, 4) {
			if err := write(numbered(dir, i), int64(size), of(uint64(i))); err != nil {
				return err
			}
		}
		return nil
	}
}

// nested are so many files of one size in each of so many directories.
func nested(dirs, count, size int, of content) maker {
	return func(dir string, scale int) error {
		for d := range scaled(dirs, scale, 2) {
			sub := filepath.Join(dir, directory(d))
			if err := os.Mkdir(sub, 0o755); err != nil {
				return err
			}
			for i := range count {
				if err := write(numbered(sub, i), int64(size), of(uint64(d*count+i))); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// holes are so many sparse files of one size, each different.
func holes(count, size int) maker {
	return func(dir string, scale int) error {
		for i := range scaled(count, scale, 4) {
			if err := sparse(numbered(dir, i), strconv.Itoa(i), int64(size)); err != nil {
				return err
			}
		}
		return nil
	}
}

// hole is one sparse file.
func hole(size int) maker {
	return func(dir string, scale int) error {
		return sparse(numbered(dir, 0), "a hole follows", int64(scaled(size, scale, kib)))
	}
}

// both makes one tree after the other in the same directory.
func both(a, b maker) maker {
	return func(dir string, scale int) error {
		if err := a(dir, scale); err != nil {
			return err
		}
		return b(dir, scale)
	}
}

func numbered(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("file-%06d", i)) }

func directory(d int) string { return fmt.Sprintf("dir-%03d", d) }

// A change rewrites a part of a tree. The same variant is the same content, and variants differ.
type change func(dir string, variant int) error

// rewrite gives the first so many files of a directory below the tree other content.
func rewrite(below string, count, size int, of content) change {
	return func(dir string, variant int) error {
		for i := range count {
			if err := write(numbered(filepath.Join(dir, below), i), int64(size), of(seedOf(variant, i))); err != nil {
				return err
			}
		}
		return nil
	}
}

// seedOf is that of a rewritten file; no file is made of it otherwise. The variants start with -1.
func seedOf(variant, i int) uint64 { return uint64(1_000_000*(variant+2) + i) }

// rewriteFile gives one file of the tree other content.
func rewriteFile(name string, size int, of content) change {
	return func(dir string, variant int) error {
		return write(filepath.Join(dir, name), int64(size), of(seedOf(variant, 0)))
	}
}
