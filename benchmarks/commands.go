package benchmarks

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks/checkpoint"
	"github.com/deltaic/deltaic/benchmarks/commit"
	"github.com/deltaic/deltaic/benchmarks/ingest"
	"github.com/deltaic/deltaic/benchmarks/latency"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/recover"
	"github.com/deltaic/deltaic/benchmarks/relay"
	"github.com/deltaic/deltaic/benchmarks/soak"
	"github.com/deltaic/deltaic/benchmarks/start"
	"github.com/deltaic/deltaic/benchmarks/state"
	"github.com/deltaic/deltaic/benchmarks/tables"
	"github.com/deltaic/deltaic/node"
)

// Commands returns the suites as commands below `bench`, and the hidden command with which they start
// this program again for one side of a comparison.
func Commands() []*cobra.Command {
	return []*cobra.Command{nexmarkCommand(), ingestCommand(), latencyCommand(), commitCommand(), startCommand(), checkpointCommand(), stateCommand(), recoverCommand(),
		windowCommand(), distinctCommand(), skewCommand(), tablesCommand(), soakCommand(), expressionsCommand(), workerCommand()}
}

// misused ends a command whose flags cannot be.
func misused(err error) error { return &node.ExitError{Code: node.ExitUsage, Err: err} }

// size reads a flag that is a number of bytes.
func size(to *int64, flag, text string) (err error) {
	if *to, err = measure.Bytes(text); err != nil {
		return misused(fmt.Errorf("--%s: %w", flag, err))
	}
	return nil
}

// emit prints a report: one line under --json, indented without.
func emit(c *cobra.Command, r *measure.Report, err error) error {
	if err != nil {
		return err
	}
	oneLine, _ := c.Flags().GetBool("json")
	format, _ := c.Flags().GetString("output")
	return r.Print(c.OutOrStdout(), !oneLine && format != "json")
}

func ingestCommand() *cobra.Command {
	var o ingest.Options
	var brokers string
	c := &cobra.Command{
		Use:   "ingest",
		Short: "Kafka JSON to a Delta table, exactly once, per CPU-second (B1)",
		Long: "Reads the backlog of a topic of Nexmark events and writes its bids to a Delta table, an epoch\n" +
			"every second, in a process of its own. Without --brokers an own broker is started and filled.\n" +
			"encoding/json, a copy of memory and, where DELTAIC_DUCKDB names its program, DuckDB run in between.",
		Example: "  deltaic bench ingest --events 10000000 --rounds 3 --json\n  deltaic bench ingest --brokers localhost:9092 --topic nexmark --out ./bids --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if brokers != "" {
				o.Brokers = strings.Split(brokers, ",")
			}
			r, err := ingest.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.StringVar(&brokers, "brokers", "", "brokers of a topic that is there, host:port,...")
	f.StringVar(&o.Topic, "topic", "nexmark", "topic")
	f.StringVar(&o.Out, "out", "", "table to write, kept after the run (default: one that is removed)")
	f.Uint64Var(&o.Events, "events", 1_000_000, "events for the own broker")
	f.Float64Var(&o.TPS, "tps", 10_000, "events per second of event time, own broker")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the events, own broker")
	f.IntVar(&o.Partitions, "partitions", 4, "partitions, own broker")
	f.StringVar(&o.Transport, "transport", "none", "compression in the own broker: none, lz4, snappy or zstd")
	f.StringVar(&o.Compression, "compression", "snappy", "compression of the table's files")
	f.DurationVar(&o.Epoch, "epoch", 0, "interval of epochs (default 1s)")
	f.IntVar(&o.Rounds, "rounds", 1, "rounds of node, anchors, anchors, node")
	f.IntVar(&o.Parallelism, "parallelism", 0, "shares of the sink (default: as many as processors)")
	f.Int64Var(&o.MemoryLimit, "memory-limit", 0, "bytes that batches and writers hold at most (default: none)")
	f.StringVar(&o.VerifyBy, "verify-by", "", "who reads the table back: duckdb or oracle (default: DuckDB where it is installed)")
	f.StringVar(&o.CPUProfile, "cpu-profile", "", "file for the first run's profile of processor time")
	f.StringVar(&o.HeapProfile, "heap-profile", "", "file for the first run's profile of allocations")
	return c
}

func commitCommand() *cobra.Command {
	var o commit.Options
	c := &cobra.Command{
		Use:     "commit",
		Short:   "One-row commits a second through the ledger (B17)",
		Long:    "Commits epochs of one row each, pipelined, beside one thread that makes files of 4 KiB durable.",
		Example: "  deltaic bench commit --commits 500 --rounds 4 --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := commit.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.IntVar(&o.Commits, "commits", 500, "commits in each run")
	f.IntVar(&o.Ahead, "ahead", 4, "epochs whose files are made durable at once")
	f.IntVar(&o.Rounds, "rounds", 4, "rounds of table, anchor, anchor, table")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default: that for temporary files)")
	return c
}

func startCommand() *cobra.Command {
	var o start.Options
	c := &cobra.Command{
		Use:     "start",
		Short:   "From the start of the process to the first committed row (B19)",
		Long:    "Starts the program with `run` and a small flow, the broker being up, and watches its table.",
		Example: "  deltaic bench start --rounds 5 --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := start.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Program, "program", "", "the program to start (default: this one)")
	f.Uint64Var(&o.Rows, "rows", 1000, "rows in the topic")
	f.IntVar(&o.Rounds, "rounds", 5, "rounds of start, anchors, anchors, start")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default: that for temporary files)")
	return c
}

// worker is one side of a comparison: settings as JSON in, answers as JSON out.
type worker func(ctx context.Context, in io.Reader, out io.Writer) error

func workerCommand() *cobra.Command {
	kinds := map[string]worker{"broker": ingest.Broker, "ingest": ingest.Node, "latency": latency.Node, "relay": relay.Node, "checkpoint": checkpoint.Worker,
		"state": state.Worker, "points": state.Points, "recover": recover.Worker, "tables": tables.Worker, "soak-broker": soak.Broker, "soak-node": soak.Node, "nothing": nothing}
	return &cobra.Command{
		Use:    "worker KIND",
		Short:  "One side of a comparison, started by a suite",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			run := kinds[args[0]]
			if run == nil {
				return fmt.Errorf("there is no worker %q", args[0])
			}
			return run(c.Context(), c.InOrStdin(), c.OutOrStdout())
		},
	}
}

// nothing is a process that does nothing, as an anchor of how long one takes to start.
func nothing(context.Context, io.Reader, io.Writer) error { return nil }
