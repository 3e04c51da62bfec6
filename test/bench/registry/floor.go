package main

import (
	"errors"
	"os"
	"path/filepath"
)

// writeFile writes a file and syncs it.
func writeFile(path string, b body) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	err = b.writeTo(f)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// writeSmall writes a file of random bytes so that it outlasts a loss of power: it syncs the data, its name, and its directory's name.
func writeSmall(dir, name string, size int64) error {
	b, err := small(0, size)
	if err != nil {
		return err
	}
	own := filepath.Join(dir, "of-"+name)
	if err := os.Mkdir(own, 0o755); err != nil {
		return err
	}
	path := filepath.Join(own, "data")
	if err := writeFile(path+".tmp", b.body); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return errors.Join(syncDir(own), syncDir(dir))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
