package benchmarks

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks/expressions"
)

func expressionsCommand() *cobra.Command {
	var o expressions.Options
	var names []string
	for _, c := range expressions.Cases() {
		names = append(names, c.Name)
	}
	c := &cobra.Command{
		Use:   "expressions",
		Short: "Twenty fixed expressions over columns in memory, beside DuckDB, a core each",
		Long: "Evaluates four expressions each of integers and decimals, texts, dates with a zone, regular expressions and\n" +
			"nested values over the same rows here and in DuckDB, on one thread, and counts the results that are not null.\n" +
			"Ratios are of rows in a second of processor time, above 1 is ahead; those named _net leave out what it takes\n" +
			"DuckDB to read its table. Results are compared row by row. DELTAIC_DUCKDB names its program (benchmarks/duckdb).",
		Example: "  deltaic bench expressions --rows 10000000 --rounds 5 --json\n  deltaic bench expressions --case regex_extract,string_like --rows 1000000",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := expressions.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.Cases, "case", nil, "cases to run: "+strings.Join(names, ", ")+" (default: all)")
	f.IntVar(&o.Rows, "rows", 10_000_000, "rows that each expression is evaluated over")
	f.IntVar(&o.Rounds, "rounds", 3, "rounds of Deltaic, DuckDB, DuckDB, Deltaic")
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the rows")
	f.StringVar(&o.Profile, "cpu-profile", "", "file for a profile of processor time of Deltaic's side")
	return c
}
