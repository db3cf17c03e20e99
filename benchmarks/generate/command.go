// Package generate is the command that writes Nexmark events to a file or to
// Kafka brokers. [Command] returns it; the events are package nexmark's.
package generate

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/spf13/cobra"
)

// Command returns `generate`, for the group `bench`.
func Command() *cobra.Command {
	var o nexmark.Options
	var d nexmark.Destination
	var brokers string
	c := &cobra.Command{
		Use:   "generate",
		Short: "Write NX1 JSON events to a file or to Kafka",
		Long: "Writes Nexmark events in the deterministic profile NX1, an object each; row k goes to partition k mod\n" +
			"--partitions. The seed decides every byte. Prints what was written; the checksum is over the lines in event order.",
		Example: "  deltaic bench generate --events 1000000 --out events.json --json\n" +
			"  deltaic bench generate --events 10000000 --number --duplicates 0.01 --broken 0.01 --brokers localhost:9092 --topic nexmark --partitions 4",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if (d.Out == "") == (brokers == "") {
				return errors.New("give either --out or --brokers")
			}
			if brokers != "" {
				if d.Topic == "" {
					return errors.New("--brokers needs --topic")
				}
				d.Brokers = strings.Split(brokers, ",")
			}
			r, err := nexmark.Run(c.Context(), o, d)
			if err != nil {
				return err
			}
			return show(c, r)
		},
	}
	f := c.Flags()
	f.Uint64Var(&o.Events, "events", 1_000_000, "rows, without the duplicates")
	f.Float64Var(&o.TPS, "tps", 10_000, "events a second of event time")
	f.Uint64Var(&o.Seed, "seed", 1, "decides every byte")
	f.Uint64Var(&o.OutOfOrder, "out-of-order", 1, "size of the groups in which events are out of order; 1: none are")
	f.BoolVar(&o.Number, "number", false, "begin each record with n, the event's number")
	f.Float64Var(&o.Duplicates, "duplicates", 0, "share of rows behind which an earlier row is repeated, in another partition")
	f.Float64Var(&o.Broken, "broken", 0, "share of rows that are damaged, in one of ten ways")
	f.Float64Var(&o.Late, "late", 0, "share of rows whose event time lies behind the watermark")
	f.StringVar(&d.Out, "out", "", "file to write, - for standard output")
	f.StringVar(&brokers, "brokers", "", "brokers to write to: host:port,...")
	f.StringVar(&d.Topic, "topic", "", "topic, made with --partitions if it is not there; must be empty")
	f.IntVar(&o.Partitions, "partitions", 1, "partitions: row k goes to k mod this")
	f.StringVar(&d.Compression, "compression", "none", "of batches to brokers: none, lz4, snappy or zstd")
	return c
}

// show prints the result: on stderr when the events themselves went to stdout.
func show(c *cobra.Command, r nexmark.Result) error {
	r.Seconds = math.Round(r.Seconds*1000) / 1000
	out := c.OutOrStdout()
	if c.Flag("out").Value.String() == "-" {
		out = c.ErrOrStderr()
	}
	inJSON, _ := c.Flags().GetBool("json")
	if format, _ := c.Flags().GetString("output"); inJSON || format == "json" {
		return json.NewEncoder(out).Encode(r)
	}
	_, err := fmt.Fprintf(out, "%d events, %d bytes, crc32c %s, %d duplicates, %d broken, %d late, %.1f s\n",
		r.Events, r.Bytes, r.CRC32C, r.Duplicates, r.Broken, r.Late, r.Seconds)
	return err
}
