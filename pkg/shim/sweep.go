package shim

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// everyone stands for all other processes of the namespace in kill(2).
const everyone = -1

const (
	// killInterval lies between two rounds of SIGKILL, for what was forked during the one before.
	killInterval = 50 * time.Millisecond
	// killTimeout bounds the wait for killed processes: one in an uninterruptible call may never end.
	killTimeout = 5 * time.Second
)

// sweep ends the processes that the command has left behind, so that none writes to an output any more: with SIGTERM
// and, after the leftover grace or when the shim itself is asked to end, which it notes, with SIGKILL.
func (l *life) sweep(done *handoff.Done) {
	if !reapAll() {
		return
	}
	l.log.Info("The command has left processes behind, ending them.")
	signalDescendants(unix.SIGTERM)
	if l.awaitChildless(time.After(l.opts.LeftoverGrace), done) {
		return
	}
	for giveUp := time.Now().Add(killTimeout); time.Now().Before(giveUp); {
		signalDescendants(unix.SIGKILL)
		if l.awaitChildless(time.After(killInterval), done) {
			return
		}
	}
	l.log.Warn("Processes that the command left behind cannot be killed.")
}

// awaitChildless reaps until the shim has no children, which it tells, or the time has come, or the order to stop.
func (l *life) awaitChildless(until <-chan time.Time, done *handoff.Done) bool {
	for {
		select {
		case <-l.signals.child:
			if !reapAll() {
				return true
			}
		case sig := <-l.signals.other:
			if l.meantForShim(signalNumber(sig)) {
				done.Terminating = true
				return !reapAll()
			}
		case <-until:
			return !reapAll()
		}
	}
}

// signalDescendants sends sig to every process that descends from the shim. Nobody else's is touched: not those of
// other containers in a shared process namespace, nor those of kubectl exec. Where /proc does not show them, PID 1 can
// still reach everyone in its namespace.
func signalDescendants(sig syscall.Signal) {
	pids := descendants()
	if len(pids) == 0 && os.Getpid() == 1 {
		pids = []int{everyone}
	}
	for _, pid := range pids {
		_ = syscall.Kill(pid, sig) // it may have ended, or belong to another user
	}
}
