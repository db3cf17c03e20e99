package node

import (
	"context"
	"runtime"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/spf13/cobra"
)

// readFlags are the flags of table read.
type readFlags struct {
	version   int64
	timestamp string
	columns   []string
	where     string
	limit     int64
	format    string
	out       string
	digest    bool
}

func (p *process) tableReadCommand() *cobra.Command {
	f := readFlags{}
	c := &cobra.Command{
		Use: "read PATH", Short: "Print rows of a table", Args: cobra.ExactArgs(1),
		Long: "Prints rows as a table of 20, or with --json all of them, an object a line. --digest prints a digest in\n" +
			"which the order of rows does not count.",
		Example: "  deltaic table read lake/orders --limit 5\n  deltaic table read lake/orders --where \"amount > 100\" --columns order_id,amount --json\n" +
			"  deltaic table read lake/orders --version 3 --digest --json\n  deltaic table read lake/orders --format parquet --out orders.parquet",
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkVersion(f.version); err != nil {
				return err
			}
			if f.limit < -1 {
				return usage("--limit is %d", f.limit)
			}
			return p.tableRead(c.Context(), args[0], f)
		},
	}
	c.Flags().Int64Var(&f.version, "version", -1, "version to read; -1: the newest")
	c.Flags().StringVar(&f.timestamp, "timestamp", "", "read the version that was the newest at this time: 2026-01-31T10:20:30Z, or 2026-01-31 10:20:30 in UTC")
	c.Flags().StringSliceVar(&f.columns, "columns", nil, "columns to print, in this order")
	c.Flags().StringVar(&f.where, "where", "", "print only rows for which this SQL expression is true")
	c.Flags().Int64Var(&f.limit, "limit", -1, "rows to print at most; -1: all, 20 in a table for people")
	c.Flags().StringVar(&f.format, "format", "", "json (lines), csv or parquet")
	c.Flags().StringVar(&f.out, "out", "", "file to write instead of printing; it must not exist")
	c.Flags().BoolVar(&f.digest, "digest", false, "print version, number of rows and their digest")
	c.MarkFlagsMutuallyExclusive("version", "timestamp")
	c.MarkFlagsMutuallyExclusive("digest", "format")
	return c
}

// checkVersion refuses a --version that no table has; -1 is the newest.
func checkVersion(version int64) error {
	if version < -1 {
		return usage("--version is %d; versions begin at 0", version)
	}
	return nil
}

func (p *process) tableRead(ctx context.Context, path string, f readFlags) error {
	table, err := openTable(path)
	if err != nil {
		return err
	}
	if f.timestamp != "" {
		if f.version, err = versionAt(ctx, table, f.timestamp); err != nil {
			return err
		}
	}
	s, err := table.SnapshotAt(ctx, f.version)
	if err != nil {
		return err
	}
	q, err := newRowQuery(s, f)
	if err != nil {
		return invalid(err)
	}
	if f.digest {
		return p.digestRows(ctx, s, q)
	}
	return p.printRows(ctx, s, q, f)
}

// printRows prints or writes the rows of a query as the flags say.
func (p *process) printRows(ctx context.Context, s *delta.Snapshot, q *rowQuery, f readFlags) error {
	out, err := p.rowOutput(f, q.schema)
	if err != nil {
		return err
	}
	for b, err := range q.rows(ctx, s) {
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

// digestRows prints version, rows and digest.
func (p *process) digestRows(ctx context.Context, s *delta.Snapshot, q *rowQuery) error {
	var d batch.RowDigest
	for b, err := range q.rows(ctx, s) {
		if err != nil {
			return err
		}
		err = d.Add(b)
		b.Release()
		if err != nil {
			return err
		}
	}
	if p.asJSON() {
		return p.print(struct {
			Version int64  `json:"version"`
			Rows    int64  `json:"rows"`
			Digest  string `json:"rows_digest"`
		}{s.Version, d.Rows(), d.String()})
	}
	p.say("version %d  %d rows  %s\n", s.Version, d.Rows(), d.String())
	return nil
}

// versionAt returns the version that was the newest at a time.
func versionAt(ctx context.Context, table *delta.Table, text string) (int64, error) {
	at, err := parseTime("--timestamp", text)
	if err != nil {
		return 0, err
	}
	return table.VersionAt(ctx, at)
}

// parseTime reads the time that a flag gives.
func parseTime(flag, text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usage("%s is %q; write it as 2026-01-31T10:20:30Z", flag, text)
}

// rowQuery is what table read wants of a snapshot.
type rowQuery struct {
	scan   delta.ScanOptions
	schema *batch.Schema
	limit  int64
}

func newRowQuery(s *delta.Snapshot, f readFlags) (*rowQuery, error) {
	q := &rowQuery{limit: f.limit, scan: delta.ScanOptions{Columns: f.columns, Where: f.where, Parallel: runtime.GOMAXPROCS(0)}}
	if f.limit >= 0 {
		q.scan.Parallel = 1 // what is read ahead may not be needed
	}
	var err error
	q.schema, err = s.ScanSchema(q.scan)
	return q, err
}
