package link

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"gotest.tools/v3/assert"
)

func TestAPacketArrivesWhenItWasSentAndTheDelayIsOver(t *testing.T) {
	s := shaper{rate: 1000, delay: 10 * time.Millisecond, bound: 1000}
	now := time.Unix(0, 0)
	for name, test := range map[string]struct {
		free time.Time
		want time.Duration
	}{
		"the wire is free":                   {now.Add(-time.Second), 110 * time.Millisecond},
		"another is being sent for a second": {now.Add(time.Second), 1110 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			s.free = test.free
			arrives, ok := s.admit(now, 100)
			assert.Assert(t, ok)
			assert.Equal(t, arrives.Sub(now), test.want)
		})
	}
}

func TestWhatFindsTheQueueFullIsDroppedAndTakesNoTurn(t *testing.T) {
	s := shaper{rate: 1000, bound: 1000}
	now := time.Unix(0, 0)
	var last time.Time
	for range 11 { // one on the wire, and ten that wait
		arrives, ok := s.admit(now, 100)
		assert.Assert(t, ok)
		last = arrives
	}
	_, ok := s.admit(now, 100)
	assert.Assert(t, !ok)
	arrives, ok := s.admit(now.Add(100*time.Millisecond), 100) // one has gone
	assert.Assert(t, ok)
	assert.Equal(t, arrives.Sub(last), 100*time.Millisecond)
}

func TestPacketsAreCarriedWholeInOrderAndInTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := make(chan string, 3)
		from <- "one"
		from <- "second"
		from <- "a third"
		close(from)
		var to record
		began := time.Now()
		carry(packets(from), &to, Options{Rate: 8 * 1000, Delay: 10 * time.Millisecond, Queue: 1000})
		assert.DeepEqual(t, to.data, []string{"one", "second", "a third"})
		assert.Equal(t, to.times[0].Sub(began), 13*time.Millisecond)
		assert.Equal(t, to.times[1].Sub(began), 19*time.Millisecond)
		assert.Equal(t, to.times[2].Sub(began), 26*time.Millisecond)
	})
}

// packets is a device that is closed when all was read.
type packets chan string

func (p packets) Read(b []byte) (int, error) {
	s, ok := <-p
	if !ok {
		return 0, io.EOF
	}
	return copy(b, s), nil
}

// record is a device that notes what is written to it, and when.
type record struct {
	data  []string
	times []time.Time
}

func (r *record) Write(b []byte) (int, error) {
	r.data, r.times = append(r.data, string(b)), append(r.times, time.Now())
	return len(b), nil
}
