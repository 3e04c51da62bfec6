package shim

import (
	"bytes"
	"os"
	"strconv"
)

// descendants returns the processes that descend from this one, parents first. It needs a /proc of this process
// namespace; without one it returns nothing.
func descendants() []int {
	self := os.Getpid()
	if link, err := os.Readlink("/proc/self"); err != nil || link != strconv.Itoa(self) {
		return nil
	}
	return below(self, processes())
}

// below returns what children leads to from root, parents first.
func below(root int, children map[int][]int) []int {
	found := children[root]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found
}

// processes returns the children of each process.
func processes() map[int][]int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		if parent, ok := parentOf(stat); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	return children
}

// parentOf returns the fourth field of /proc/<pid>/stat. The second is the name of the process in parentheses, which
// may itself hold spaces and parentheses.
func parentOf(stat []byte) (int, bool) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return parent, err == nil
}
