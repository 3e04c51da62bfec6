package artifact

import (
	"path"
	"slices"
	"strings"

	"github.com/converged-computing/oras-operator/pkg/tree"
)

// orderLinks returns the symlinks that a stock client can make, in an order in which it can, and the others. A stock
// client refuses a link that leaves the tree and one whose target path leads through a link that is already there.
func orderLinks(entries []tree.Entry) (inside, others []int) {
	through := map[int][]int{} // link → links that its target leads through
	waits := map[int]int{}     // link → how many links that lead through it are still to be made
	at := map[string]int{}
	for i, e := range entries {
		if e.Type != tree.Symlink {
			continue
		}
		if _, ok := lexicalTarget(e); !ok {
			others = append(others, i)
			continue
		}
		at[string(e.Path)] = i
		inside = append(inside, i)
	}
	for _, i := range inside {
		target, _ := lexicalTarget(entries[i])
		for dir := path.Dir(target); dir != "."; dir = path.Dir(dir) {
			if link, ok := at[dir]; ok {
				through[i] = append(through[i], link)
				waits[link]++
			}
		}
	}
	order := release(inside, through, waits)
	return order, append(others, missing(inside, order)...)
}

// lexicalTarget returns where a link points within the tree.
func lexicalTarget(e tree.Entry) (string, bool) {
	text := string(e.Link)
	if path.IsAbs(text) {
		return "", false
	}
	target := path.Join(string(e.Path.Dir()), text)
	return target, target != ".." && !strings.HasPrefix(target, "../")
}

// release orders links so that each comes after all that lead through it. Links in a circle are not in the result.
func release(links []int, through map[int][]int, waits map[int]int) []int {
	var order []int
	for _, i := range links {
		if waits[i] == 0 {
			order = append(order, i)
		}
	}
	for next := 0; next < len(order); next++ {
		for _, link := range through[order[next]] {
			if waits[link]--; waits[link] == 0 {
				order = append(order, link)
			}
		}
	}
	return order
}

func missing(all, some []int) []int {
	have := make(map[int]bool, len(some))
	for _, i := range some {
		have[i] = true
	}
	return slices.DeleteFunc(slices.Clone(all), func(i int) bool { return have[i] })
}
