package node

import (
	"context"
	"errors"

	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// changesFlags are the flags of table changes.
type changesFlags struct {
	from, to         int64
	fromTime, toTime string
	rows             readFlags // columns, limit, format, out
}

func (p *process) tableChangesCommand() *cobra.Command {
	f := changesFlags{}
	c := &cobra.Command{
		Use: "changes PATH", Short: "Print what changed from version to version", Args: cobra.ExactArgs(1),
		Long: "Prints the rows that versions inserted, updated and deleted, with the columns _change_type, _commit_version and\n" +
			"_commit_timestamp behind those of the table. The table's change feed must have been on in all of them.",
		Example: "  deltaic table changes lake/orders --from 3 --to 5 --json\n" +
			"  deltaic table changes lake/orders --from-timestamp 2026-01-31T10:00:00Z --columns order_id,amount",
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("from") && f.fromTime == "" {
				return usage("say where the changes begin: --from VERSION or --from-timestamp TIME")
			}
			if f.from < 0 || f.to < -1 || f.rows.limit < -1 {
				return usage("--from, --to and --limit are not below 0")
			}
			return p.tableChanges(c.Context(), args[0], f)
		},
	}
	c.Flags().Int64Var(&f.from, "from", 0, "first version")
	c.Flags().Int64Var(&f.to, "to", -1, "last version; -1: the newest")
	c.Flags().StringVar(&f.fromTime, "from-timestamp", "", "begin with the first version of this time or later: 2026-01-31T10:20:30Z, or 2026-01-31 10:20:30 in UTC")
	c.Flags().StringVar(&f.toTime, "to-timestamp", "", "end with the last version of this time or earlier")
	c.Flags().StringSliceVar(&f.rows.columns, "columns", nil, "columns to print before those of the change, in this order")
	c.Flags().Int64Var(&f.rows.limit, "limit", -1, "rows to print at most; -1: all, 20 in a table for people")
	c.Flags().StringVar(&f.rows.format, "format", "", "json (lines), csv or parquet")
	c.Flags().StringVar(&f.rows.out, "out", "", "file to write instead of printing; it must not exist")
	c.MarkFlagsMutuallyExclusive("from", "from-timestamp")
	c.MarkFlagsMutuallyExclusive("to", "to-timestamp")
	return c
}

// versions resolves the times among the flags.
func (f *changesFlags) versions(ctx context.Context, table *delta.Table) error {
	if f.fromTime != "" {
		at, err := parseTime("--from-timestamp", f.fromTime)
		if err == nil {
			f.from, err = table.VersionFrom(ctx, at)
		}
		if err != nil {
			return err
		}
	}
	if f.toTime == "" {
		return nil
	}
	at, err := parseTime("--to-timestamp", f.toTime)
	if err != nil {
		return err
	}
	f.to, err = table.VersionAt(ctx, at)
	var failure *supervision.Failure
	if errors.As(err, &failure) && failure.Class == delta.ClassTimestampGreater {
		f.to, err = -1, nil // all there is lies before it
	}
	return err
}

func (p *process) tableChanges(ctx context.Context, path string, f changesFlags) error {
	table, err := openTable(path)
	if err != nil {
		return err
	}
	if err := f.versions(ctx, table); err != nil {
		return err
	}
	if f.to < 0 { // what is printed and what is checked are the same versions, whoever commits meanwhile
		head, err := table.Head(ctx)
		if err != nil {
			return err
		}
		f.to = head.Version
	}
	o := delta.ChangesOptions{Columns: f.rows.columns}
	schema, err := table.ChangesSchema(ctx, f.from, f.to, o)
	if err != nil {
		return err
	}
	out, err := p.rowOutput(f.rows, schema)
	if err != nil {
		return err
	}
	for b, err := range limited(table.Changes(ctx, f.from, f.to, o), f.rows.limit) {
		if err == nil {
			err = out.write(b)
			b.Release()
		}
		if err != nil {
			out.discard()
			return err
		}
	}
	return out.finish()
}
