package shim

import (
	"strconv"

	"github.com/converged-computing/oras-operator/pkg/handoff"
)

// Usage is the reference of the command line, as shim --help prints it.
const Usage = `shim runs a container's command as one step of a workflow.

Usage:
  shim [flags] -- command [args…]                            wrap a command
  shim install DIR [--run-dir=DIR] [--container=NAME …]      put the shim and the hand-off's directories in place
  shim status [--run-dir=DIR] [--container=NAME]             say in words how far the hand-off is
  shim resume [--run-dir=DIR] [--container=NAME]             go on from a breakpoint
  shim --help | --version

It waits for the step's inputs, runs the command with its arguments, environment, working directory, standard streams
and terminal untouched, forwards signals to it, and holds the container until the sidecar has pushed the outputs.

Flags of a wrapped command:
  --container=NAME                  name of this container in the pod; without it there is no hand-off: nothing is
                                    recorded or lent, and --no-wait and --no-hold are required
  --run-dir=DIR                     volume of the hand-off (default /oras/run)
  --ready-file=FILE                 wait for this record of the sidecar (default RUN-DIR/sidecar/ready)
  --done-file=FILE                  leave the record of the command's end here (default where the sidecar looks:
                                    RUN-DIR/app/NAME/ATTEMPT/done)
  --image-args=N                    that the first N words of the command come from the image, not from the pod; a note of
                                    the operator's, which may have to take them away again
  --empty-dir=DIR                   remove what an earlier attempt left in this directory before the command starts
  --no-wait                         do not wait for inputs
  --no-hold                         do not hold for outputs
  --stdout-to=FILE                  copy the command's standard output to this file too; made anew, with its directories
  --restart-policy=POLICY           after which ends the container is started again: Always, OnFailure or Never (default
                                    Always); with the others a command that has ended well is not run twice in one pod
  --durable-output=PATH             an output of this container, on a volume; may be repeated. Given for every output,
                                    an attempt after a failed push only pushes again
  --lend=descriptors|bytes          what the sidecar gets of the container's files (default descriptors)
  --wait-timeout=DURATION           give up waiting for inputs, exit 200 (default 0: as long as the sidecar says)
  --push-timeout=DURATION           how long the sidecar may push; a tenth more, one minute at most, and the hold is
                                    given up, exit 201 (default 1h; 0: no bound)
  --sidecar-timeout=DURATION        how long there may be no sidecar while waiting or holding, then exit 203
                                    (default 10m; 0: no bound)
  --stop-signal=NAME                by which the container is told to stop, as SIGINT or SIGRTMIN+1 (default SIGTERM)
  --grace-period=DURATION           kill a command that is still there so long after that (default 0: never)
  --leftover-grace=DURATION         how long processes that the command left behind have between SIGTERM and SIGKILL
                                    (default 5s)
  --stall-timeout=DURATION          how long a push may get nowhere once the container was told to stop, then exit 201
                                    (default 30s; 0: no bound)
  --termination-message-path=FILE   the pod's terminationMessagePath (default /dev/termination-log); not created
  --log-level=LEVEL                 debug, info, warn or error, on standard error (default warn)
  --log-format=FORMAT               text or json (default text)

Flags for debugging:
  --breakpoint=WHERE[,WHERE…]       hold for a person: before the command starts, after it has ended, or on-failure; look
                                    around with kubectl exec, then run shim resume
  --dry-run                         say what would be run, and run nothing

FILE of --stdout-to and PATH may hold {namespace}, {pod}, {job}, {index}, {container} and {attempt}; {{ is a brace.

Flags of install:
  --run-dir=DIR                     volume of the hand-off (default /oras/run)
  --container=NAME                  a container that will be wrapped; may be repeated

Exit codes:
  the command's own, or 128+n when it died of signal n, or signal n told the shim to stop (143: SIGTERM)
  126  the command cannot be executed        202  outputs were refused for good
  127  the command was not found             203  the sidecar is gone
  200  inputs could not be had               204  wrong configuration
  201  outputs could not be pushed
When it is 126, 127 or 200 to 204, one sentence on standard error and in the termination message says why.

Examples:
  shim --no-wait --no-hold -- sh -c 'echo hello; exit 3'     no operator, no sidecar: only run the command
  shim --container=app -- /app/simulate --steps=100          wait, run, hold
  shim --container=app --log-level=info -- make              the same, telling of every phase
  shim --container=app --breakpoint=on-failure -- make test  look at what a failed command has left
  shim status                                                in the container, by kubectl exec
  shim install /oras/bin --container=app --container=log     in an init container
`

// Version says which build this is and which version of the hand-off it speaks.
func Version(build string) string {
	return "shim " + build + ", hand-off version " + strconv.Itoa(handoff.Version)
}
