package gauge

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Settings are what every benchmark is told.
type Settings struct {
	Rounds, Scale int
	Only          *regexp.Regexp // matched against the keys of what can be measured
	Out           string         // .json and .md are added; nothing is written if it is empty
	Dir           string         // where the scratch directory is made
}

// Parse reads arguments: the flags that are given, and those of all benchmarks. Each of the binaries must be there; its path becomes
// absolute, since commands run elsewhere. Of the flags of all, only says what it is matched against, and dir how large that becomes.
func (s *Settings) Parse(flags *flag.FlagSet, args []string, only, dir string, binaries ...*string) error {
	var pattern string
	flags.IntVar(&s.Rounds, "rounds", 5, "how often each is measured")
	flags.IntVar(&s.Scale, "scale", 1, "divide sizes and numbers by this, to see that all works")
	flags.StringVar(&pattern, "only", "", only)
	flags.StringVar(&s.Out, "out", "", "write this `file` with .json and with .md added")
	flags.StringVar(&s.Dir, "dir", "", dir+"; default the system's for temporary files")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if s.Rounds < 1 || s.Scale < 1 || flags.NArg() > 0 {
		return errors.New("reading arguments: rounds and scale are at least 1, and there are no others but flags")
	}
	var err error
	if s.Only, err = regexp.Compile(pattern); err != nil {
		return fmt.Errorf("reading --only: %w", err)
	}
	for _, path := range binaries {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
		if _, err := os.Stat(*path); err != nil {
			return err
		}
	}
	return nil
}
