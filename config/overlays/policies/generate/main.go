package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Stdout, "config/webhook"); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run prints the policies, and the binding of each, for the webhooks that are in a directory.
func run(out io.Writer, webhooks string) error {
	scopes, err := readScopes(webhooks)
	if err != nil {
		return err
	}
	documents := []string{"# Written from the code by make generate.\n"}
	for _, p := range policies() {
		scope, ok := scopes[p.name]
		if !ok {
			return fmt.Errorf("finding what policy %s matches: %s has no such webhook", p.name, webhooks)
		}
		for _, object := range []any{p.object(scope), p.binding()} {
			document, err := yaml.Marshal(object)
			if err != nil {
				return fmt.Errorf("printing policy %s: %w", p.name, err)
			}
			documents = append(documents, "---\n"+string(document))
		}
	}
	if _, err := io.WriteString(out, strings.Join(documents, "")); err != nil {
		return fmt.Errorf("printing the policies: %w", err)
	}
	return nil
}
