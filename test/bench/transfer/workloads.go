package main

// workload is a tree and what is done with it.
type workload struct {
	key, name string // the key is for choosing
	tree      maker
	file      string // what is pushed, a name in the tree; the whole of it if this is empty
	steps     []step
	lines     []line // of the table
	floor     bool   // how long cp and sha256sum take is measured beside it
	ours      bool   // there is no stock way, or it is not of interest
	most      int    // rounds; 0 is as many as asked for
}

// step is one command that is measured.
type step struct {
	name   string
	verb   verb
	change change // of the tree before, not measured
	// confirm steps are run in the pass that counts bytes only, to see that what is there afterwards is right.
	confirm bool
	ours    bool // the stock client does not take it
}

// verb is what a tool is told to do.
type verb string

const (
	push  verb = "push"
	pull  verb = "pull"
	patch verb = "patch"
)

// Names of steps.
const (
	stepPush  = "push"
	stepPull  = "pull"
	stepAgain = "push again"
	stepPatch = "patch"
)

func thereAndBack() []step { return []step{{name: stepPush, verb: push}, {name: stepPull, verb: pull}} }

// pushedAgain is a push, a change and a push. The change that comes first makes the tree what it was. To the stock client
// everything is new the second time, so that its first push stands for it.
func pushedAgain(c change) []step {
	return []step{
		{name: stepPush, verb: push, change: func(dir string, _ int) error { return c(dir, -1) }},
		{name: stepAgain, verb: push, change: c, ours: true},
		{name: stepPull, verb: pull, confirm: true},
	}
}

func patched(c change) []step {
	return []step{
		{name: stepPush, verb: push},
		{name: stepPatch, verb: patch, change: c},
		{name: stepPull, verb: pull, confirm: true},
	}
}

// patchedFile is the file that is patched.
const patchedFile = "file-000000"

const (
	maxMemory = 96 * mib // of a push or a pull, see the goals in the README
	rare      = 3        // rounds of what takes long and is about memory
)

// overLoopback are the workloads beside a registry on the same machine.
func overLoopback() []workload {
	return []workload{
		{
			key: "random", name: "1 GiB random, one file in a directory", floor: true,
			tree: one("random.bin", gib, random), steps: thereAndBack(),
			lines: []line{timed(stepPush, atLeast(7)), timed(stepPull, atLeast(2.5))},
		},
		{
			key: "text", name: "1 GiB text, one file in a directory", floor: true,
			tree: one("text.log", gib, newText()), steps: thereAndBack(),
			lines: []line{timed(stepPush, atLeast(6)), timed(stepPull, atLeast(4))},
		},
		{
			key: "small", name: "20,000 files of 4 KiB in 200 directories, random", floor: true,
			tree: nested(200, 100, 4*kib, random), steps: thereAndBack(),
			lines: []line{timed(stepPush, atLeast(3)), timed(stepPull, atLeast(2))},
		},
		{
			key: "small-text", name: "the same with text in the files", floor: true,
			tree: nested(200, 100, 4*kib, newText()), steps: thereAndBack(),
			lines: []line{timed(stepPush, noGoal()), timed(stepPull, noGoal())},
		},
		{
			key: "file", name: "512 MiB random, pushed as a file",
			tree: one("random.bin", 512*mib, random), file: "random.bin", steps: thereAndBack(),
			lines: []line{timed(stepPush, atLeast(1)), timed(stepPull, atLeast(1.3))},
		},
		rewrittenLarge(),
		rewrittenSmall(),
		{
			key: "patch", name: "patch one 1 MiB file in 1 GiB, beside one file of 1023 MiB", ours: true,
			tree:  both(one("large.bin", 1023*mib, random), files(1, mib, random)),
			steps: patched(rewriteFile(patchedFile, mib, random)),
			lines: []line{timed(stepPatch, within(0.3)), wired(stepPatch, "", within(1.2*mib))},
		},
		{
			key: "patch-many", name: "patch one of 1,024 files of 1 MiB", ours: true,
			tree:  files(1024, mib, random),
			steps: patched(rewriteFile(patchedFile, mib, random)),
			lines: []line{timed(stepPatch, noGoal()), wired(stepPatch, "", noGoal())},
		},
	}
}

func rewrittenLarge() workload {
	return workload{
		key: "rewritten", name: "256 files of 4 MiB, pushed again with 2 rewritten",
		tree: files(256, 4*mib, random), steps: pushedAgain(rewrite("", 2, 4*mib, random)),
		lines: []line{
			timedAgainst(stepAgain, stepPush, atLeast(20)), wired(stepAgain, stepPush, share(0.02)),
		},
	}
}

func rewrittenSmall() workload {
	return workload{
		key: "rewritten-small", name: "the 20,000 small files, pushed again with 20 rewritten in one directory",
		tree: nested(200, 100, 4*kib, random), steps: pushedAgain(rewrite(directory(1), 20, 4*kib, random)),
		lines: []line{
			timedAgainst(stepAgain, stepPush, atLeast(3)), wired(stepAgain, stepPush, share(0.15)),
		},
	}
}

// forMemory are the workloads that are about memory.
func forMemory() []workload {
	all := []workload{
		{key: "10-gib", name: "one file of 10 GiB, a hole", tree: hole(10 * gib)},
		{key: "100000", name: "100,000 files of 64 bytes in one directory", tree: files(100_000, 64, newText())},
		{key: "2000-layers", name: "2,000 files of 4 MiB, each a layer, holes", tree: holes(2000, 4*mib)},
	}
	for i := range all {
		all[i].ours, all[i].most, all[i].steps = true, rare, thereAndBack()
		all[i].lines = []line{remembered(stepPush, within(maxMemory)), remembered(stepPull, within(maxMemory))}
	}
	return all
}

// overLink are the workloads over a link.
func overLink() []workload {
	return []workload{
		{
			key: "random", name: "256 MiB random, one file in a directory",
			tree: one("random.bin", 256*mib, random), steps: thereAndBack(),
			lines: []line{timed(stepPush, noGoal()), timed(stepPull, noGoal())},
		},
		{
			key: "small", name: "20,000 files of 4 KiB in 200 directories, random",
			tree: nested(200, 100, 4*kib, random), steps: thereAndBack(),
			lines: []line{timed(stepPush, noGoal()), timed(stepPull, noGoal())},
		},
		rewrittenLarge().withoutGoals(),
	}
}

// withoutGoals is a workload whose goals hold elsewhere; where nothing is counted, there are no lines about bytes.
func (w workload) withoutGoals() workload {
	var lines []line
	for _, l := range w.lines {
		if l.of == seconds {
			l.goal = noGoal()
			lines = append(lines, l)
		}
	}
	w.lines = lines
	return w
}
