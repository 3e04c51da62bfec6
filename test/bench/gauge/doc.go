// Package gauge is what the benchmarks share: their flags, what a process has used, medians with their range, and reports as JSON
// and as tables in Markdown.
package gauge
