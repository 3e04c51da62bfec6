package soak

import (
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// Participant is what can be killed.
type Participant string

// Participants of steps. Of a daemon that runs on every node, the one of one node is killed.
const (
	Sidecar        Participant = "sidecar"
	Shim           Participant = "shim" // and with it the container
	Command        Participant = "command"
	Registry       Participant = "registry"
	ContainerdShim Participant = "containerd-shim" // of a step's pod
	Kubelet        Participant = "kubelet"
	Containerd     Participant = "containerd"
	APIServer      Participant = "apiserver"
	Worker         Participant = "worker" // a whole node
)

// Kill is one of a plan.
type Kill struct {
	After  time.Duration // since the one before was done with
	Who    Participant
	Choice uint64 // which of those that are there, modulo their number
}

// share is how often a participant is killed.
type share struct {
	who     Participant
	percent int
}

// shares are those of all participants, in the order of a report: seldom what disturbs a whole node, or the cluster.
func shares() []share {
	return []share{
		{Sidecar, 30}, {Shim, 20}, {Command, 9}, {Registry, 14}, {ContainerdShim, 9},
		{Kubelet, 6}, {Containerd, 5}, {APIServer, 4}, {Worker, 3},
	}
}

// Participants lists all, in the order of a report.
func Participants() []Participant {
	var all []Participant
	for _, s := range shares() {
		all = append(all, s.who)
	}
	return all
}

// kills yields the kills of a seed, without end.
func kills(seed uint64) iter.Seq[Kill] {
	return func(yield func(Kill) bool) {
		r := rand.New(rand.NewPCG(seed, 0x6b696c6c))
		for yield(Kill{After: time.Second + time.Duration(r.IntN(8000))*time.Millisecond, Who: victim(r), Choice: r.Uint64()}) {
		}
	}
}

func victim(r *rand.Rand) Participant {
	var urn []Participant
	for _, s := range shares() {
		urn = append(urn, slices.Repeat([]Participant{s.who}, s.percent)...)
	}
	return urn[r.IntN(len(urn))]
}
