package gauge

import (
	"encoding/json"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// Run is what a report says of the run that it is of.
type Run struct {
	Time    time.Time `json:"time"`
	Version string    `json:"version,omitempty"` // revision of this repository
	Go      string    `json:"go"`
	CPUs    int       `json:"cpus"`
	Rounds  int       `json:"rounds"`
	Scale   int       `json:"scale"` // sizes or numbers were divided by it; figures mean something at 1
}

// NewRun is one that begins now.
func NewRun(s Settings) Run {
	r := Run{Time: time.Now().UTC().Truncate(time.Second), Go: runtime.Version(), CPUs: runtime.NumCPU(), Rounds: s.Rounds, Scale: s.Scale}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				r.Version = s.Value
			}
		}
	}
	return r
}

// Save writes a report as JSON and as Markdown, to a path without its suffix.
func Save(path string, report any, writeMarkdown func(io.Writer) error) error {
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".json", append(text, '\n'), 0o644); err != nil {
		return err
	}
	f, err := os.Create(path + ".md")
	if err != nil {
		return err
	}
	if err := writeMarkdown(f); err != nil {
		_ = f.Close() // the cause matters more
		return err
	}
	return f.Close()
}
