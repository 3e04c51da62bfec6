package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/converged-computing/oras-operator/pkg/transfer"
)

// outcome is the JSON form of what a command did, or would do.
type outcome struct {
	Reference     string   `json:"reference"`
	Digest        string   `json:"digest,omitempty"`
	Source        string   `json:"source,omitempty"` // of a copy
	Into          string   `json:"into,omitempty"`   // of a pull
	DryRun        bool     `json:"dryRun,omitempty"`
	Files         *int     `json:"files,omitempty"`
	Blobs         *int     `json:"blobs,omitempty"`
	Bytes         int64    `json:"bytes"`
	BytesSent     *int64   `json:"bytesSent,omitempty"`
	BytesReceived *int64   `json:"bytesReceived,omitempty"`
	Seconds       float64  `json:"seconds"`
	Warnings      []string `json:"warnings,omitempty"`
	Layers        []layer  `json:"layers,omitempty"` // of a dry run

	headline string // of the text form
}

// layer is one that a dry run tells about.
type layer struct {
	Title string `json:"title"`
	Kind  string `json:"kind"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	Size  int64  `json:"size,omitempty"` // of the blob, where it is known
}

func newOutcome(headline string, r transfer.Result, start time.Time) outcome {
	o := outcome{
		headline: headline, Reference: r.Reference, Digest: string(r.Descriptor.Digest), Bytes: r.Bytes,
		Seconds: time.Since(start).Round(time.Millisecond).Seconds(), Warnings: r.Warnings,
	}
	for _, l := range r.Planned {
		o.Layers = append(o.Layers, layer{l.Title, string(l.Kind), l.Files, l.Bytes, l.Size})
	}
	return o
}

// finish tells people and scripts what was done.
func (s *session) finish(o outcome) error {
	if s.output == formJSON {
		return printJSON(s.cmd.OutOrStdout(), o)
	}
	s.warn(o.Warnings)
	if s.quiet {
		return nil
	}
	text := o.headline + "\n" + o.summary() + "\n"
	if o.DryRun {
		text += o.table()
	}
	return printed(io.WriteString(s.cmd.OutOrStdout(), text))
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return printed(0, encoder.Encode(v))
}

func printed(_ int, err error) error {
	if err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}

// summary is such as "12 files, 30MB, 3MB sent in 1.2s".
func (o outcome) summary() string {
	if o.Blobs != nil && *o.Blobs == 0 {
		return "it was there already"
	}
	var parts []string
	if o.Files != nil {
		parts = append(parts, count(*o.Files, "file"))
	}
	if o.Blobs != nil {
		parts = append(parts, count(*o.Blobs, "blob"))
	}
	parts = append(parts, size(o.Bytes))
	if o.DryRun {
		return strings.Join(append(parts, "in "+count(len(o.Layers), "layer")), ", ")
	}
	if o.BytesSent != nil {
		parts = append(parts, size(*o.BytesSent)+" sent")
	}
	if o.BytesReceived != nil {
		parts = append(parts, size(*o.BytesReceived)+" received")
	}
	return fmt.Sprintf("%s in %s", strings.Join(parts, ", "), time.Duration(o.Seconds*float64(time.Second)).Round(10*time.Millisecond))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// table is the layers of a dry run.
func (o outcome) table() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, l := range o.Layers {
		files := count(l.Files, "file")
		if l.Files == 0 && l.Size > 0 {
			files = "archive of " + size(l.Size)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", l.Kind, files, size(l.Bytes), printable(l.Title)) // into memory
	}
	_ = w.Flush()
	return out.String()
}
