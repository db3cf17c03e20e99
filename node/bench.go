package node

import "github.com/spf13/cobra"

// benchCommand gathers the suites that the main brings: they live above this package.
func (p *process) benchCommand() *cobra.Command {
	return group(&cobra.Command{Use: "bench", Short: "Generate events and run benchmarks",
		Example: "  deltaic bench generate --events 1000000 --out events.json"}, p.env.Bench...)
}
