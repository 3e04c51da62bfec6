package main

import (
	"github.com/spf13/cobra"
)

// newRoot returns the command with all its subcommands, each from a file of its name. Alone it runs the manager.
func newRoot() *cobra.Command {
	logging := &logOptions{}
	root := newManagerCommand(logging)
	root.Version = version
	root.SilenceErrors = true
	root.SilenceUsage = true
	logging.addFlags(root.PersistentFlags())
	root.AddCommand(
		newInjectCommand(),
		newRegistryCommand(logging),
	)
	return root
}
