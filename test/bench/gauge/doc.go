// Package gauge is what the benchmarks share: what a process has used, medians with their range, and tables in Markdown.
package gauge
