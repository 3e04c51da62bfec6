package link

import "time"

// shaper decides when packets arrive that go one way over a link. It is a queue of bytes before a wire: each packet waits
// until those before it have been sent at the rate of the link, and arrives one delay later.
type shaper struct {
	rate  float64 // bytes a second
	delay time.Duration
	bound int // bytes that may wait

	free time.Time // when the last packet of the queue will have been sent
}

// admit returns when a packet of so many bytes that comes now arrives, or that there is no room for it.
func (s *shaper) admit(now time.Time, size int) (arrives time.Time, ok bool) {
	begins := s.free
	if begins.Before(now) {
		begins = now
	}
	if waiting := begins.Sub(now).Seconds() * s.rate; waiting > float64(s.bound) {
		return time.Time{}, false
	}
	s.free = begins.Add(time.Duration(float64(size) / s.rate * float64(time.Second)))
	return s.free.Add(s.delay), true
}
