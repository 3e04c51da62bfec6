package main

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
)

// A content makes a stream without an end that depends on a seed alone.
type content func(seed uint64) io.Reader

// random is content that no compressor makes smaller.
func random(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// newText returns content that is lines of words of one vocabulary, in which some words are more frequent than others. Gzip
// makes it about two and a half times smaller.
func newText() content {
	rng := rand.New(rand.NewPCG(1, 0))
	vocabulary := make([][]byte, 4096)
	for i := range vocabulary {
		word := make([]byte, 2+rng.IntN(9), 12)
		for k := range word {
			word[k] = 'a' + byte(rng.IntN(26))
		}
		end := byte(' ')
		if i%12 == 0 {
			end = '\n'
		}
		vocabulary[i] = append(word, end)
	}
	return func(seed uint64) io.Reader {
		return &words{rng: rand.New(rand.NewPCG(seed, 1)), vocabulary: vocabulary}
	}
}

type words struct {
	rng        *rand.Rand
	vocabulary [][]byte
	rest       []byte // of a word
}

func (t *words) Read(b []byte) (int, error) {
	for n := 0; n < len(b); {
		if len(t.rest) == 0 {
			t.rest = t.vocabulary[min(t.rng.IntN(len(t.vocabulary)), t.rng.IntN(len(t.vocabulary)))]
		}
		k := copy(b[n:], t.rest)
		n, t.rest = n+k, t.rest[k:]
	}
	return len(b), nil
}

// write makes a file of so many bytes of a stream.
func write(path string, size int64, from io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(f, from, size); err != nil {
		_ = f.Close() // the cause matters more
		return err
	}
	return f.Close()
}

// sparse makes a file that begins with some bytes and is a hole otherwise.
func sparse(path, head string, size int64) error {
	if err := os.WriteFile(path, []byte(head), 0o644); err != nil {
		return err
	}
	return os.Truncate(path, size)
}
