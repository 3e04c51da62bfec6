// Command generate makes the templates of the Helm chart from what the kustomizations in config/ make, so that both install
// the same. What a switch among the chart's values turns on is what another kustomization makes otherwise than the default.
//
//	generate --default=DIR --switch=prometheus.enabled=DIR … --out=DIR
//
// Each directory is one of kustomize build --output: a file for each object.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// alternative is what is installed where a value is true.
type alternative struct{ value, dir string }

func run(args []string) error {
	var others []alternative
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	usual := flags.String("default", "", "`DIR` of what is installed with no switch on")
	out := flags.String("out", "", "`DIR` to write the templates to")
	flags.Func("switch", "`VALUE=DIR` of what is installed where that value is true; may be repeated", func(s string) error {
		value, dir, _ := strings.Cut(s, "=")
		others = append(others, alternative{value, dir})
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, all := range append(others, alternative{dir: *usual}) {
		entries, err := os.ReadDir(all.dir)
		if err != nil {
			return fmt.Errorf("looking for manifests: %w", err)
		}
		for _, entry := range entries {
			text, err := template(entry.Name(), *usual, others)
			if err != nil {
				return fmt.Errorf("making a template of %s: %w", entry.Name(), err)
			}
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(*out, entry.Name()), []byte(text), 0o644); err != nil {
				return fmt.Errorf("writing a template: %w", err)
			}
		}
	}
	return nil
}

// template returns the template of an object: as it always is, or as it is with and without the one switch that matters to it.
func template(file, usual string, others []alternative) (string, error) {
	without, err := body(filepath.Join(usual, file))
	if err != nil {
		return "", err
	}
	text := without
	if strings.Contains(file, "_networkpolicy_") {
		text = "{{- if .Values.networkPolicy.enabled }}\n" + without + "{{- end }}\n"
	}
	for _, other := range others {
		with, err := body(filepath.Join(other.dir, file))
		switch {
		case err != nil:
			return "", err
		case with == without:
			continue
		case text != without:
			return "", fmt.Errorf("two switches change it, the second is %s", other.value)
		}
		text = fmt.Sprintf("{{- if .Values.%s }}\n%s{{- else }}\n%s{{- end }}\n", other.value, with, without)
	}
	return text, nil
}

// body returns the object in a file as a template, or nothing where there is none. The namespace is not the chart's to make:
// `helm install` does.
func body(path string) (string, error) {
	manifest, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var o object
	if err := yaml.Unmarshal(manifest, &o); err != nil {
		return "", err
	}
	if o["kind"] == "Namespace" {
		return "", nil
	}
	var h holes
	if err := h.cut(o); err != nil {
		return "", err
	}
	written, err := yaml.Marshal(o)
	return h.fill(string(written)), err
}
