package benchmarks

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks/latency"
	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/relay"
)

// The cases of the suite latency.
const (
	kafkaDelta = "kafka-delta"
	kafkaKafka = "kafka-kafka"
)

// onlyKafka are the flags of the case kafka-kafka alone.
var onlyKafka = []string{"brokers", "rounds", "guarantee", "shape", "payload", "epoch", "backlog", "cpu-profile"}

func latencyCommand() *cobra.Command {
	var table latency.Options
	var topics relay.Options
	var name, brokers string
	c := &cobra.Command{
		Use:   "latency",
		Short: "From the time a row was to be sent to a committed version (B10) or another topic (B9)",
		Long: "Sends rows by a schedule that waits for nobody. In the case kafka-delta the table's log is followed from\n" +
			"outside, with epochs back to back; three durable creates that depend on each other run beside it. In the case\n" +
			"kafka-kafka a reader of committed records waits for each row, and runs take turns with those of a loop that\n" +
			"fetches and produces and does nothing else, and, with exactly-once, of the same flow at least once.",
		Example: "  deltaic bench latency --rate 50000 --duration 60s --json\n" +
			"  deltaic bench latency --case kafka-kafka --brokers localhost:9092 --rounds 4 --json\n" +
			"  deltaic bench latency --case kafka-kafka --guarantee exactly-once --json",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			var r *measure.Report
			switch name {
			case kafkaDelta:
				for _, flag := range onlyKafka {
					if c.Flags().Changed(flag) {
						return misused(fmt.Errorf("--%s is of --case %s", flag, kafkaKafka))
					}
				}
				r, err = latency.Run(c.Context(), table)
			case kafkaKafka:
				topics.Rate, topics.Duration, topics.Warmup = table.Rate, table.Duration, table.Warmup
				topics.Partitions, topics.Parallelism, topics.Dir = table.Partitions, table.Parallelism, table.Dir
				if brokers != "" {
					topics.Brokers = strings.Split(brokers, ",")
				}
				if err := topics.Check(); err != nil {
					return misused(fmt.Errorf("--%w", err))
				}
				r, err = relay.Run(c.Context(), topics)
			default:
				return misused(fmt.Errorf("--case is %q; it is %s or %s", name, kafkaDelta, kafkaKafka))
			}
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.StringVar(&name, "case", kafkaDelta, "kafka-delta or kafka-kafka")
	f.IntVar(&table.Rate, "rate", 0, "rows a second (default 50000, to a topic 10000)")
	f.DurationVar(&table.Duration, "duration", 0, "how long rows are sent (default 10s)")
	f.DurationVar(&table.Warmup, "warmup", 0, "rows sent before this are not counted (default 2s)")
	f.IntVar(&table.Partitions, "partitions", 4, "partitions of the topic")
	f.IntVar(&table.Parallelism, "parallelism", 1, "shares of the sink: files an epoch")
	f.StringVar(&table.Dir, "dir", "", "folder on the disk to measure (default: that for temporary files)")
	f.StringVar(&brokers, "brokers", "", "kafka-kafka: brokers to use, host:port,... (default: an own one)")
	f.IntVar(&topics.Rounds, "rounds", 2, "kafka-kafka: rounds of flow, bare loop, bare loop, flow")
	f.StringVar(&topics.Guarantee, "guarantee", relay.AtLeastOnce, "kafka-kafka: at-least-once, or exactly-once with its price")
	f.StringVar(&topics.Shape, "shape", relay.Stateless, "kafka-kafka: stateless, count (by key) or join (with a static table)")
	f.StringVar(&topics.Payload, "payload", relay.Bids, "kafka-kafka: bids (JSON) or lines (of a log, 1.2 KB)")
	f.DurationVar(&topics.Epoch, "epoch", 0, "kafka-kafka: interval of epochs (default: back to back where rows wait for them)")
	f.IntVar(&topics.Backlog, "backlog", 0, "kafka-kafka, exactly-once: rows of a run that tells the throughput (default 1000000)")
	f.StringVar(&topics.Profile, "cpu-profile", "", "kafka-kafka: file for the first run's profile of processor time")
	return c
}
