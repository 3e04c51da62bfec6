package soak

import (
	"math/rand/v2"
	"time"
)

// Participant is what can be killed.
type Participant string

// Participants of steps. Of a daemon that runs on every node, the one of one node is killed.
const (
	Sidecar    Participant = "sidecar"
	Shim       Participant = "shim" // and with it the container
	Command    Participant = "command"
	Registry   Participant = "registry"
	Runtime    Participant = "containerd-shim" // of a step's pod
	Kubelet    Participant = "kubelet"
	Containerd Participant = "containerd"
	APIServer  Participant = "apiserver"
	Worker     Participant = "worker" // a whole node
)

// Kill is one of a plan.
type Kill struct {
	After  time.Duration // since the one before was done with
	Who    Participant
	Choice uint64 // which of those that are there, modulo their number
}

// Participants lists all, in the order of a report.
func Participants() []Participant {
	return []Participant{Sidecar, Shim, Command, Registry, Runtime, Kubelet, Containerd, APIServer, Worker}
}

// weight says how often a participant is killed beside the others: seldom what disturbs a whole node, or the cluster.
func (p Participant) weight() int {
	switch p {
	case Sidecar:
		return 30
	case Shim:
		return 20
	case Registry:
		return 14
	case Command, Runtime:
		return 9
	case Kubelet:
		return 6
	case Containerd:
		return 5
	case APIServer:
		return 4
	}
	return 3
}

// kills calls yield with the kills of a seed, one after the other, until it returns false.
func kills(seed uint64) func(yield func(Kill) bool) {
	return func(yield func(Kill) bool) {
		r := rand.New(rand.NewPCG(seed, 0x6b696c6c))
		for yield(Kill{After: time.Second + time.Duration(r.IntN(8000))*time.Millisecond, Who: victim(r), Choice: r.Uint64()}) {
		}
	}
}

func victim(r *rand.Rand) Participant {
	total := 0
	for _, p := range Participants() {
		total += p.weight()
	}
	at := r.IntN(total)
	for _, p := range Participants() {
		if at -= p.weight(); at < 0 {
			return p
		}
	}
	return Sidecar // not reached: the weights add up to total
}
