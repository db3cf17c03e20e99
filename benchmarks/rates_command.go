package benchmarks

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks/measure"
	"github.com/deltaic/deltaic/benchmarks/rates"
)

func windowCommand() *cobra.Command {
	var o rates.Options
	c := rateCommand(&o, "window", "q5,q11,"+strings.Join(rates.WindowCases, ","), rates.Window)
	c.Short = "Sliding and session windows (B5, B6)"
	c.Long = "Runs q5, q11, q11 with a fifth of its events out of order and one in fifty late, and windows of one and ten minutes that slide by\n" +
		"a second, from columns in memory. Every result is verified. Where DELTAIC_DUCKDB names its program, DuckDB answers the same queries in between."
	c.Example = "  deltaic bench window --json\n  deltaic bench window --case hop_60s,hop_600s --hop-keys 100000 --hop-seconds 1000 --rounds 1 --json"
	f := c.Flags()
	f.Uint64Var(&o.Hop.Keys, "hop-keys", 10_000, "keys of the hops")
	f.Uint64Var(&o.Hop.Rate, "hop-rate", 0, "rows of the hops in a second of event time (default: as many as keys)")
	f.Uint64Var(&o.Hop.Seconds, "hop-seconds", 700, "event time of the hops")
	return c
}

func distinctCommand() *cobra.Command {
	var o rates.Options
	c := rateCommand(&o, "distinct", "q15,q16", rates.Distinct)
	c.Short = "Exact DISTINCT, and any query by keys, beside DuckDB (B8, B4)"
	c.Long = "Runs queries of Nexmark from columns in memory. Every result is verified. Where DELTAIC_DUCKDB names its program, DuckDB\n" +
		"answers the same queries in between."
	c.Example = "  deltaic bench distinct --json\n  deltaic bench distinct --case q15,q16,q17,q18,q19 --rounds 4 --json"
	return c
}

func skewCommand() *cobra.Command {
	var o rates.Options
	c := rateCommand(&o, "skew", "q5,q15,q17", rates.Skew)
	c.Short = "99 % of the rows on one key, beside none (B18)"
	c.Long = "Runs queries of Nexmark with all bids but one in a hundred on the hot auction of their hundred, and with all on any auction,\n" +
		"from columns in memory. Every result is verified."
	c.Example = "  deltaic bench skew --parallelism 2 --json"
	return c
}

// rateCommand is a suite of package rates with the flags that all have.
func rateCommand(o *rates.Options, use, cases string, run func(context.Context, rates.Options) (*measure.Report, error)) *cobra.Command {
	c := &cobra.Command{
		Use:  use,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := run(c.Context(), *o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.Cases, "case", nil, "cases of one interleaved run, any query of Nexmark among them (default "+cases+")")
	f.Uint64Var(&o.Events, "events", 1_000_000, "events of Nexmark")
	f.Float64Var(&o.TPS, "tps", 10_000, "events a second of event time")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the events")
	f.IntVar(&o.Rounds, "rounds", 2, "rounds of all cases, each beside DuckDB, forwards and backwards, behind a pass that is not timed")
	f.IntVar(&o.Parallelism, "parallelism", 1, "ranges of key groups and shares of the sink")
	f.DurationVar(&o.Epoch, "epoch", 0, "interval of epochs (default 1s)")
	return c
}
