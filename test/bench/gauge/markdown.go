package gauge

import (
	"fmt"
	"io"
	"strings"
)

// Printer prints lines of Markdown until one cannot be.
type Printer struct {
	To  io.Writer
	Err error // of the first line that could not be printed
}

// Line prints a line.
func (p *Printer) Line(format string, args ...any) {
	if p.Err == nil {
		_, p.Err = fmt.Fprintf(p.To, format+"\n", args...)
	}
}

// Row prints a row of a table.
func (p *Printer) Row(cells ...string) { p.Line("| %s |", strings.Join(cells, " | ")) }

// Head prints the head of a table.
func (p *Printer) Head(cells ...string) {
	p.Row(cells...)
	p.Line("|%s", strings.Repeat(" --- |", len(cells)))
}

// Yes says whether a goal is met, if there is one.
func Yes(met *bool) string {
	switch {
	case met == nil:
		return ""
	case *met:
		return "yes"
	}
	return "**no**"
}
