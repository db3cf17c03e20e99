package benchmarks

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/deltaic/deltaic/benchmarks/tables"
)

func tablesCommand() *cobra.Command {
	var o tables.Options
	c := &cobra.Command{
		Use:   "delta",
		Short: "Delta tables opened, refreshed, appended to, checkpointed and scanned, beside delta-rs",
		Long: "Makes a table of many files, one of many commits and one of many rows, and does the same to them with\n" +
			"Deltaic and with delta-rs in turn, each time in a process of its own. Both must see the same files and rows.\n" +
			"delta-rs is taken from where the scripts in DELTAIC_INTEROP install it; without that variable there are no anchors.\n" +
			"With --spark Spark does each case once as well, in a session that has just been started: its numbers are beside, with no ratio.\n" +
			"Ratios of seconds and bytes are Deltaic's to delta-rs', below 1 is ahead; those of rates are above 1 then.",
		Example: "  deltaic bench delta --json\n  deltaic bench delta --case open_files,append --files 100000 --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := tables.Run(c.Context(), o)
			return emit(c, r, err)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&o.Cases, "case", nil, "cases to run: "+strings.Join(tables.Cases(), ", ")+" (default: all)")
	f.IntVar(&o.Files, "files", 1_000_000, "files of the table of many files")
	f.IntVar(&o.Commits, "commits", 100_000, "commits of the table of many commits")
	f.IntVar(&o.Rows, "rows", 10_000_000, "rows of the table that is scanned")
	f.IntVar(&o.Rounds, "rounds", 1, "rounds of Deltaic, delta-rs, delta-rs, Deltaic")
	f.BoolVar(&o.Spark, "spark", false, "Spark too, installed by the same scripts at first use; at full size it takes most of an hour")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default: that for temporary files)")
	f.StringVar(&o.Profile, "cpu-profile", "", "file for the last run's profile of processor time, with the case's name in front")
	return c
}
