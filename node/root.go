package node

import (
	"time"

	"github.com/spf13/cobra"
)

// sampleEvery is the interval in which repeated log lines are thinned out.
const sampleEvery = time.Second

// root builds the tree of commands.
func (p *process) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "deltaic",
		Short: "Streams in, exactly once into Delta tables",
		Long: "Deltaic runs flows: streams come in (Kafka), are processed with keyed state, and go out\n" +
			"exactly once, first of all into Delta Lake tables.",
		Example:       "  deltaic demo\n  deltaic check flow.yaml\n  deltaic run flow.yaml",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().BoolVar(&p.json, "json", false, "print for machines: the same as -o json")
	root.PersistentFlags().StringVarP(&p.output, "output", "o", "text", "text or json")
	p.log.add(root)
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if p.output != "text" && p.output != "json" {
			return usage("-o is %q; want text or json", p.output)
		}
		return nil
	}
	root.AddCommand(p.runCommand(), p.checkCommand(), p.planCommand(), p.statusCommand(), p.explainCommand(), p.stopCommand(), p.tableCommand(), p.epochsCommand(),
		p.rewindCommand(), p.stateCommand(), p.fsckCommand(), p.quarantineCommand(),
		p.demoCommand(), p.listCommand(), p.versionCommand())
	if len(p.env.Bench) > 0 {
		root.AddCommand(p.benchCommand())
	}
	p.guard(root)
	return root
}

// group returns a command that only has commands below it.
func group(c *cobra.Command, below ...*cobra.Command) *cobra.Command {
	c.Args = cobra.NoArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return usage("%s needs one of its commands", cmd.CommandPath())
	}
	c.AddCommand(below...)
	return c
}

// guard notes when a command's own code begins, and makes its panics errors.
func (p *process) guard(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(cmd *cobra.Command, args []string) (err error) {
			p.began = true
			defer func() {
				if reason := recover(); reason != nil {
					err = panicked(reason)
				}
			}()
			return run(cmd, args)
		}
	}
	for _, below := range c.Commands() {
		p.guard(below)
	}
}
