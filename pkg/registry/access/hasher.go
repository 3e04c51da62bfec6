package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
)

// hash stands for a secret that has to be recognised. Without the key of its hasher it tells nothing.
type hash [sha256.Size]byte

// hasher makes hashes with a key that only this process has.
type hasher struct{ key [sha256.Size]byte }

func newHasher() hasher {
	var h hasher
	_, _ = rand.Read(h.key[:]) // never fails: see its documentation
	return h
}

func (h hasher) hash(secret string) hash {
	mac := hmac.New(sha256.New, h.key[:])
	mac.Write([]byte(secret))
	var sum hash
	mac.Sum(sum[:0])
	return sum
}
