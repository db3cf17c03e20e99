package benchmarks

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/nexmark/suite"
)

func nexmarkCommand() *cobra.Command {
	o := suite.Options{}
	var brokers, limit string
	c := &cobra.Command{
		Use:   "nexmark",
		Short: "One query of Nexmark, with its check columns (B3, B4)",
		Long: "Runs a query over the events of a deterministic run, from columns or records in memory, a file or Kafka, and prints\n" +
			"what it took and the check columns of what the sink holds. --verify compares them with a recomputation from the events.",
		Example: "  deltaic bench nexmark --query q5 --events 100000 --tps 1000 --verify --json\n" +
			"  deltaic bench nexmark --query q17 --source kafka --brokers localhost:9092 --topic nexmark --events 1000000 --sink delta --out ./q17 --json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if brokers != "" {
				o.Brokers = strings.Split(brokers, ",")
			}
			if err := size(&o.MemoryLimit, "memory-limit", limit); err != nil {
				return err
			}
			if err := o.Check(); err != nil {
				return misused(err)
			}
			r, err := suite.Run(c.Context(), o)
			if err != nil {
				return err
			}
			e := json.NewEncoder(c.OutOrStdout())
			if oneLine, _ := c.Flags().GetBool("json"); !oneLine {
				e.SetIndent("", "  ")
			}
			if err := e.Encode(r); err != nil {
				return err
			}
			if r.Verified != nil && !*r.Verified {
				return measure.ErrWrong
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.Query, "query", "", "q0 to q22, less those that join streams")
	f.Uint64Var(&o.Events, "events", 100_000, "events of the run")
	f.Float64Var(&o.TPS, "tps", 10_000, "events a second of event time")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the events")
	f.Uint64Var(&o.OutOfOrder, "out-of-order", 1, "size of the groups in which events are out of order; 1: none are")
	f.IntVar(&o.Partitions, "partitions", 1, "partitions of input that is not Kafka's: row k lies in k mod this")
	f.StringVar(&o.Source, "source", "memory", strings.Join(suite.Sources, ", "))
	f.StringVar(&o.File, "file", "", "file that bench generate wrote, for --source file")
	f.StringVar(&brokers, "brokers", "", "brokers, host:port,..., for --source kafka")
	f.StringVar(&o.Topic, "topic", "nexmark", "topic, for --source kafka")
	f.StringVar(&o.Sink, "sink", "blackhole", strings.Join(suite.Sinks, ", "))
	f.StringVar(&o.Out, "out", "", "table or folder to write, kept after the run (default: one that is removed)")
	f.StringVar(&o.Clock, "clock", "real", "event: windows on processing time run on event time")
	f.IntVar(&o.Parallelism, "parallelism", 1, "ranges of key groups and shares of the sink")
	f.IntVar(&o.BatchRows, "batch-rows", 0, "rows that a batch holds at most (default 4096)")
	f.DurationVar(&o.Epoch, "epoch", 0, "interval of epochs (default 1s)")
	f.StringVar(&limit, "memory-limit", "", "what batches and state hold at most, such as 1GB (default: no limit)")
	f.BoolVar(&o.NoEnd, "no-end-of-input", false, "the end of the input does not close windows")
	f.BoolVar(&o.Verify, "verify", false, "compare with a recomputation from the events; exit code 1 if it differs")
	f.StringVar(&o.Profile, "cpu-profile", "", "file for a profile of processor time")
	return c
}
