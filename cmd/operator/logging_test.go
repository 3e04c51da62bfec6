package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"gotest.tools/v3/assert"
	"gotest.tools/v3/assert/cmp"
)

func TestLogLevel(t *testing.T) {
	var out bytes.Buffer
	log, flush, err := (&logOptions{level: "warn", format: "text"}).logger(&out)
	assert.NilError(t, err)
	log.Info("quiet")
	log.Warn("loud")
	flush()
	assert.Assert(t, !strings.Contains(out.String(), "quiet"))
	assert.Assert(t, cmp.Contains(out.String(), "loud"))
}

func TestALogThatIsFlushedHasEveryLine(t *testing.T) {
	const lines = heldLines / 2
	var out bytes.Buffer
	log, flush, err := (&logOptions{level: "info", format: "json"}).logger(&out)
	assert.NilError(t, err)
	for n := range lines {
		log.Info("A line.", "n", n)
	}
	flush()
	assert.Equal(t, strings.Count(out.String(), "\n"), lines)
}

// A pipe that nobody reads takes nothing, as that of a container does when its node's runtime is stopped.
func TestALogThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	const lines = 3 * heldLines
	reader, writer := io.Pipe()
	log, flush, err := (&logOptions{level: "info", format: "text"}).logger(writer)
	assert.NilError(t, err)
	logged := make(chan struct{})
	go func() {
		defer close(logged)
		for n := range lines {
			log.Info("A line.", "n", n)
		}
	}()
	select {
	case <-logged:
	case <-time.After(time.Minute):
		t.Fatal("the log waits for its reader")
	}
	go func() {
		flush()
		_ = writer.Close() // never fails
	}()
	var read, dropped int
	var last string
	for scanner := bufio.NewScanner(reader); scanner.Scan(); last = scanner.Text() {
		if _, count, found := strings.Cut(scanner.Text(), "were dropped, since nothing read it.\" lines="); found {
			n, err := strconv.Atoi(count)
			assert.NilError(t, err)
			dropped += n
			continue
		}
		read++
	}
	assert.Assert(t, dropped > 0)
	assert.Equal(t, read+dropped, lines)
	assert.Assert(t, cmp.Contains(last, fmt.Sprintf("n=%d", lines-1)))
}
