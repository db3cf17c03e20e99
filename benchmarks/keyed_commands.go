package benchmarks

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks/checkpoint"
	"github.com/deltaic/deltaic/benchmarks/recover"
	"github.com/deltaic/deltaic/benchmarks/state"
)

func checkpointCommand() *cobra.Command {
	var o checkpoint.Options
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "What an epoch every second costs a keyed count and sum (B11, B15)",
		Long: "Updates counts and sums by key at a steady rate and as fast as it goes, with epochs and without in turn,\n" +
			"in one task on a thread of its own. Files of the same sizes are made durable behind each epoch.",
		Example: "  deltaic bench checkpoint --keys 10000000 --rate 200000 --stretch 20s --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := checkpoint.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.IntVar(&o.Keys, "keys", 10_000_000, "keys")
	f.IntVar(&o.Small, "small-keys", 100_000, "keys of the run that growth is told against")
	f.Float64Var(&o.Rate, "rate", 200_000, "updates a second")
	f.DurationVar(&o.Epoch, "epoch", 0, "interval of epochs (default 1s)")
	f.DurationVar(&o.Stretch, "stretch", 0, "how long each stretch with or without epochs is (default 10s)")
	f.IntVar(&o.Rounds, "rounds", 2, "rounds of with, without, without, with")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default: that for temporary files)")
	f.StringVar(&o.Profile, "cpu-profile", "", "file for a profile of processor time of the large run")
	return c
}

func stateCommand() *cobra.Command {
	var o state.Options
	var limit, process string
	c := &cobra.Command{
		Use:   "state",
		Short: "Updates of more keys than fit into memory (B14)",
		Long: "Reads, changes and writes 32 bytes behind each key, uniform and by a Zipf law, under a limit of memory, beside one get and one\n" +
			"set an update in Pebble. `make bench-state` runs it in a control group of 1 GiB.",
		Example: "  deltaic bench state --keys 50000000 --memory-limit 512MiB --process-limit 920MiB --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(size(&o.MemoryLimit, "memory-limit", limit), size(&o.Process, "process-limit", process)); err != nil {
				return err
			}
			r, err := state.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.IntVar(&o.Keys, "keys", 50_000_000, "keys")
	f.Uint64Var(&o.Updates, "updates", 0, "updates once the keys are there (default: as many as keys)")
	f.Uint64Var(&o.AnchorUpdates, "anchor-updates", 0, "updates of the anchor (default 1000000)")
	f.StringSliceVar(&o.Distributions, "distribution", nil, "uniform, zipf (default: both)")
	f.DurationVar(&o.Epoch, "epoch", 0, "interval of epochs (default 1s)")
	f.StringVar(&limit, "memory-limit", "512MiB", "memory_limit: what the engine holds at most")
	f.StringVar(&process, "process-limit", "", "what the runtime keeps the whole process within (default: 1.8 of the memory limit)")
	f.IntVar(&o.Rounds, "rounds", 0, "rounds of engine, anchor, anchor, engine (default: engine and anchor once)")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default: that for temporary files)")
	f.StringVar(&o.Profile, "cpu-profile", "", "file for a profile of processor time of the last run of the engine")
	return c
}

func recoverCommand() *cobra.Command {
	var o recover.Options
	var limit string
	c := &cobra.Command{
		Use:   "recover",
		Short: "From the start of the process to the first rows, after kill -9 with much state (B12)",
		Long: "Kills a flow that counts and sums by key into a Delta table, again and again at random moments, and compares its table\n" +
			"after each kill, and all of its state at the end, with what the rows of input come to.",
		Example: "  deltaic bench recover --keys 18750000 --kills 50 --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := size(&o.MemoryLimit, "memory-limit", limit); err != nil {
				return err
			}
			r, err := recover.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.Int64Var(&o.Keys, "keys", 18_750_000, "keys: 56 bytes of memory each")
	f.IntVar(&o.Kills, "kills", 50, "how often the flow is killed")
	f.Float64Var(&o.Rate, "rate", 100_000, "rows a second once the keys are there")
	f.StringVar(&limit, "memory-limit", "", "memory_limit of the flow (default: none)")
	f.DurationVar(&o.Settle, "settle", 0, "how long the flow runs before the first kill (default 30s)")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the moments")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default: that for temporary files)")
	return c
}
