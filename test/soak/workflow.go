package soak

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/converged-computing/oras-operator/test/sample"
)

// Workflow is a graph of steps; each needs only steps before it.
type Workflow struct {
	Name  string
	Steps []Step
}

// Step is one Job: it takes the artifacts of other steps and makes one of its own, which bears its name.
type Step struct {
	Name     string
	Needs    []string             // steps whose artifacts it takes
	Tree     sample.Tree          // what it makes
	Takes    time.Duration        // what its command needs beside that
	ExitCode int                  // of its command, unless something kills that
	On       string               // value of the key output-on
	Restart  corev1.RestartPolicy // of its pods
	Eager    bool                 // created with the workflow, to wait for what it needs; else once that is there
	// InputsOnVolumes and OutputOnVolume say where they are: on a volume, or in the container's own file system.
	InputsOnVolumes, OutputOnVolume bool
}

// wants tells whether the output is to be pushed when the command ends with code.
func (s Step) wants(code int) bool { return s.On == "always" || (s.On == "success") == (code == 0) }

// Plan returns workflow number n of a seed.
func Plan(seed uint64, n int) Workflow {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	w := Workflow{Name: fmt.Sprintf("soak-%d-%d", seed, n)}
	for i := range 6 + r.IntN(5) {
		w.Steps = append(w.Steps, step(r, i, w.Steps))
	}
	return w
}

func step(r *rand.Rand, number int, earlier []Step) Step {
	s := Step{
		Name:            fmt.Sprintf("step-%d", number),
		Tree:            content(r),
		Takes:           time.Duration(r.IntN(4000)) * time.Millisecond,
		On:              "success",
		Restart:         corev1.RestartPolicyNever,
		Eager:           r.IntN(2) == 0,
		InputsOnVolumes: r.IntN(5) < 3,
		OutputOnVolume:  r.IntN(5) < 3,
	}
	if r.IntN(2) == 0 {
		s.Restart = corev1.RestartPolicyOnFailure
	}
	if r.IntN(10) == 0 {
		s.ExitCode = 3
	}
	switch r.IntN(8) {
	case 0, 1:
		s.On = "always"
	case 2:
		s.On = "failure"
	}
	s.Needs = needs(r, earlier)
	return s
}

// content is small most of the time; a large one takes long enough for a kill to come in the middle.
func content(r *rand.Rand) sample.Tree {
	t := sample.Tree{Seed: r.Uint64()}
	switch r.IntN(10) {
	case 0, 1:
		t.Files, t.Bytes = 2, 16<<20+r.Int64N(32<<20)
	case 2, 3, 4:
		t.Files, t.Bytes = 1+r.IntN(4), 1<<20+r.Int64N(4<<20)
	default:
		t.Files, t.Bytes = 1+r.IntN(20), r.Int64N(16<<10)
	}
	return t
}

// needs chooses at most two of the earlier steps that yield something.
func needs(r *rand.Rand, earlier []Step) []string {
	var names []string
	for _, s := range earlier {
		if s.ExitCode == 0 && s.wants(0) {
			names = append(names, s.Name)
		}
	}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:min(len(names), r.IntN(3))]
	slices.Sort(names)
	return names
}
