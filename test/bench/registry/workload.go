package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
)

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// workload is many items of one kind, some of them at once.
type workload struct {
	key, name string // the key is for choosing
	atOnce    int    // connections, each of which does one item after the other
	warm      int    // items before those that are measured
	items     int
	bytes     int64 // of an item, where bytes are what counts; otherwise items are
	files     bool  // it makes many files, which are removed only at the very end: ext4 slows down while inodes are freed
	access    bool  // it is measured with each kind of authentication, too

	// prepare fills the registry, and makes what an item needs.
	prepare func(c *conn) error
	// item does one of them.
	item func(c *conn, number int) error
	// floor writes what one item leaves on the disk to a directory, as directly as it can; nil where there is nothing.
	floor func(dir string, number int) error
	lines []line
}

// workloads are all, with large blobs in dir. Sizes and numbers are divided by scale.
func workloads(dir string, scale int) []workload {
	many := func(n int) int { return max(64, n/scale) }
	large := &files{dir: dir, size: 256 * mib / int64(scale)}
	return []workload{
		getLarge(large),
		putLarge(large, 0),
		putLarge(large, 16*mib/int64(scale)),
		putSmall(many(2000)),
		getSmall(many(2000)),
		putManifests(many(1000)),
		readManifests("manifest-head", "HEAD of a manifest by its tag, 16 at once", http.MethodHead, many(10000)),
		readManifests("manifest-get", "GET of a manifest by its tag, 16 at once", http.MethodGet, many(10000)),
		heads(many(20000)),
	}
}

func getLarge(large *files) workload {
	var blobs []blob
	return workload{
		key: "get", name: fmt.Sprintf("GET of a blob of %s, 8 at once", inBytes(float64(large.size))),
		atOnce: 8, warm: 8, items: 16, bytes: large.size,
		prepare: func(c *conn) (err error) {
			if blobs, err = large.upTo(1); err != nil {
				return err
			}
			if err := c.upload(blobs[0], 0); err != nil {
				return err
			}
			return c.check(blobs[0])
		},
		item:  func(c *conn, _ int) error { return c.get(blobs[0]) },
		lines: []line{fast(1.2, 2), cheap()},
	}
}

// putLarge sends blobs in one piece, or in chunks of so many bytes.
func putLarge(large *files, chunk int64) workload {
	var blobs []blob
	w := workload{
		key: "put", name: fmt.Sprintf("PUT of a blob of %s, 4 at once", inBytes(float64(large.size))),
		atOnce: 4, warm: 1, items: 4, bytes: large.size,
		item: func(c *conn, number int) error { return c.upload(blobs[number], chunk) },
		floor: func(dir string, number int) error {
			return writeFile(filepath.Join(dir, fmt.Sprint(number)), blobs[number].body)
		},
		lines: []line{fast(notSlower, 0), cheap()},
	}
	w.prepare = func(*conn) (err error) {
		blobs, err = large.upTo(w.warm + w.items)
		return err
	}
	if chunk > 0 {
		w.key, w.name = "patch", fmt.Sprintf("the same by PATCHes of %s", inBytes(float64(chunk)))
	}
	return w
}

const (
	smallSize = 4 * kib
	fewBlobs  = 64 // that are read again and again
	fewTags   = 32
)

func putSmall(items int) workload {
	return workload{
		key: "small-put", name: "PUT of a blob of 4 KiB, 16 at once", atOnce: 16, warm: items / 10, items: items, files: true,
		prepare: nothing,
		item: func(c *conn, number int) error {
			b, err := small(uint64(number), smallSize)
			if err != nil {
				return err
			}
			return c.upload(b, 0)
		},
		floor: func(to string, number int) error { return writeSmall(to, fmt.Sprint(number), smallSize) },
		lines: []line{fast(notSlower, 0), cheap()},
	}
}

func getSmall(items int) workload {
	blobs := make([]blob, fewBlobs)
	return workload{
		key: "small-get", name: "GET of a blob of 4 KiB, 16 at once", atOnce: 16, warm: items / 10, items: items, files: true,
		prepare: func(c *conn) error { return uploadSmall(c, blobs) },
		item:    func(c *conn, number int) error { return c.get(blobs[number%len(blobs)]) },
		lines:   []line{fast(0, 0), cheap()},
	}
}

func putManifests(items int) workload {
	refers := make([]blob, 2)
	return workload{
		key: "manifest-put", name: "PUT of a manifest by a new tag, 16 at once", atOnce: 16, warm: items / 10, items: items, files: true,
		prepare: func(c *conn) error { return uploadSmall(c, refers) },
		item:    func(c *conn, number int) error { return c.putManifest(number, refers) },
		lines:   []line{fast(notSlower, 0), cheap()},
	}
}

func readManifests(key, name, method string, items int) workload {
	refers := make([]blob, 2)
	return workload{
		key: key, name: name, atOnce: 16, warm: items / 10, items: items, files: true,
		prepare: func(c *conn) error {
			if err := uploadSmall(c, refers); err != nil {
				return err
			}
			for number := range fewTags {
				if err := c.putManifest(number, refers); err != nil {
					return err
				}
			}
			return nil
		},
		item: func(c *conn, number int) error {
			_, err := c.do(http.StatusOK, method, tagged(number%fewTags), body{}, "Accept: "+manifestType)
			return err
		},
		lines: []line{fast(0, 0), cheap()},
	}
}

// heads are of one blob, with each kind of authentication.
func heads(items int) workload {
	blobs := make([]blob, 1)
	return workload{
		key: "head", name: "HEAD of a blob, 8 at once", atOnce: 8, warm: items / 10, items: items, access: true,
		prepare: func(c *conn) error { return uploadSmall(c, blobs) },
		item: func(c *conn, _ int) error {
			_, err := c.do(http.StatusOK, http.MethodHead, "/v2/"+repository+"/blobs/"+blobs[0].digest, body{})
			return err
		},
		lines: []line{
			fast(0, 0), cheap(),
			surcharge(nameOursUsers, nameOurs, within), surcharge(nameOursTokens, nameOurs, within),
			surcharge(nameStockUsers, nameStock, 0),
		},
	}
}

func nothing(*conn) error { return nil }

// uploadSmall makes and uploads blobs.
func uploadSmall(c *conn, blobs []blob) (err error) {
	for i := range blobs {
		if blobs[i], err = small(uint64(i), smallSize); err != nil {
			return err
		}
		if err := c.upload(blobs[i], 0); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) get(b blob) error {
	answer, err := c.do(http.StatusOK, http.MethodGet, "/v2/"+repository+"/blobs/"+b.digest, body{})
	if err == nil && answer.ContentLength != b.size {
		err = fmt.Errorf("a blob of %d bytes has %d", b.size, answer.ContentLength)
	}
	return err
}

// check gets a blob and looks at each byte.
func (c *conn) check(b blob) error {
	answer, err := c.ask(http.StatusOK, http.MethodGet, "/v2/"+repository+"/blobs/"+b.digest, body{}, nil)
	if err != nil {
		return err
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, answer.Body); err != nil {
		return err
	}
	if got := fmt.Sprintf("sha256:%x", hash.Sum(nil)); got != b.digest {
		return fmt.Errorf("the blob %s comes as %s", b.digest, got)
	}
	return nil
}

func tagged(number int) string { return fmt.Sprintf("/v2/%s/manifests/t%d", repository, number) }

func (c *conn) putManifest(number int, refers []blob) error {
	_, err := c.do(http.StatusCreated, http.MethodPut, tagged(number), bytesOf(manifest(number, refers[0], refers[1])), "Content-Type: "+manifestType)
	return err
}
