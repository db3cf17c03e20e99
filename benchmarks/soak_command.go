package benchmarks

import (
	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks/soak"
)

func soakCommand() *cobra.Command {
	var o soak.Options
	var limit string
	c := &cobra.Command{
		Use:   "soak",
		Short: "The main job for a long time under faults: what is lost and what grows (B20)",
		Long: "Runs Kafka to Delta with each row once, sums by minute and a quarantine, while its process and the broker are killed and its sinks are\n" +
			"slow, stalled or full in turn. At the end every row of every table is compared with the plan; memory, goroutines, open files, state and\n" +
			"the time of commits are told as what they grew by over the middle half, in which the process is not killed.",
		Example: "  deltaic bench soak --duration 1h --rate 1000 --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := size(&o.Memory, "memory-limit", limit); err != nil {
				return err
			}
			r, err := soak.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.DurationVar(&o.Duration, "duration", 0, "how long faults come (default 1h)")
	f.IntVar(&o.Rate, "rate", 1000, "rows a second")
	f.IntVar(&o.Partitions, "partitions", 4, "partitions of the topic")
	f.DurationVar(&o.Epoch, "epoch", 0, "interval of epochs (default 1s)")
	f.DurationVar(&o.Every, "fault-every", 0, "a fault comes so often (default 20s)")
	f.StringVar(&limit, "memory-limit", "256MiB", "memory_limit: what the engine holds at most")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the moments of faults")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to use (default: that for temporary files)")
	f.StringVar(&o.Samples, "samples", "", "file for the samples of the middle half, a JSON object a line")
	return c
}
