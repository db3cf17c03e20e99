package node

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/supervision"
	"github.com/spf13/cobra"
)

// committed is what commands that write a version print.
type committed struct {
	Version          int64                      `json:"version"`
	Operation        string                     `json:"operation"`
	OperationMetrics map[string]json.RawMessage `json:"operationMetrics"`
	Repeat           bool                       `json:"repeat,omitempty"` // the --txn was there before: nothing was written
}

func (p *process) printCommit(path string, c committed) error {
	if p.asJSON() {
		return p.print(c)
	}
	if c.Repeat {
		p.say("%s: nothing written, the transaction is in the table already (version %d)\n", path, c.Version)
		return nil
	}
	metrics, err := json.Marshal(c.OperationMetrics)
	p.say("%s: version %d  %s  %s\n", path, c.Version, c.Operation, metrics)
	return err
}

// madeFlags describe a table to be made.
type madeFlags struct {
	schema      string
	partitionBy []string
	properties  []string
	comment     string
}

func (f *madeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.schema, "schema", "", "columns of a new table, DDL: \"id BIGINT NOT NULL, at TIMESTAMP\"")
	c.Flags().StringSliceVar(&f.partitionBy, "partition-by", nil, "partition columns of a new table")
	c.Flags().StringArrayVar(&f.properties, "property", nil, "property of a new table: key=value (repeatable)")
	c.Flags().StringVar(&f.comment, "comment", "", "description of a new table")
}

// create makes the table with the schema.
func (f *madeFlags) create(ctx context.Context, table *delta.Table, s *batch.Schema, operation string) (*delta.Table, error) {
	properties := map[string]string{}
	for _, p := range f.properties {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, usage("--property %s: want key=value", p)
		}
		properties[k] = v
	}
	return delta.Create(ctx, table.Store(), delta.CreateOptions{Schema: s, PartitionBy: f.partitionBy, Properties: properties,
		Description: f.comment, Commit: delta.Commit{Operation: operation}}, delta.Options{})
}

func (f *madeFlags) ddl() (*batch.Schema, error) {
	s, err := parse.DDL(f.schema)
	if err != nil {
		return nil, invalid(err)
	}
	return s, nil
}

func (p *process) tableCreateCommand() *cobra.Command {
	var f madeFlags
	c := &cobra.Command{
		Use: "create PATH", Short: "Make an empty table", Args: cobra.ExactArgs(1),
		Example: "  deltaic table create lake/orders --schema \"id BIGINT NOT NULL, region STRING\" --partition-by region",
		RunE: func(c *cobra.Command, args []string) error {
			if f.schema == "" {
				return usage("a new table needs --schema")
			}
			s, err := f.ddl()
			if err != nil {
				return err
			}
			table, err := openTable(args[0])
			if err != nil {
				return err
			}
			if _, err := f.create(c.Context(), table, s, ""); err != nil {
				return err
			}
			return p.printCommit(args[0], committed{Version: 0, Operation: "CREATE TABLE", OperationMetrics: map[string]json.RawMessage{}})
		},
	}
	f.add(c)
	return c
}

// appendFlags are the flags of table append.
type appendFlags struct {
	madeFlags
	input  string
	create bool
	txn    string
}

func (p *process) tableAppendCommand() *cobra.Command {
	var f appendFlags
	c := &cobra.Command{
		Use: "append PATH --input FILE", Short: "Append the rows of a file to a table", Args: cobra.ExactArgs(1),
		Long: "Appends the rows of a .json file (an object a line) or a .parquet file in one commit. --create makes the table,\n" +
			"with --schema or with the columns that the file has. --txn makes a repeat of the command a no-op.",
		Example: "  deltaic table append lake/orders --input new.json\n  deltaic table append lake/orders --input day.parquet --create --partition-by region\n" +
			"  deltaic table append lake/orders --input day.json --txn loader:17",
		RunE: func(c *cobra.Command, args []string) error {
			if f.input == "" {
				return usage("--input FILE is missing")
			}
			done, err := appendFile(c.Context(), args[0], f)
			if err != nil {
				return err
			}
			return p.printCommit(args[0], done)
		},
	}
	f.madeFlags.add(c)
	c.Flags().StringVar(&f.input, "input", "", "file whose rows are appended: .json, .csv with the names of its columns in the first line, or .parquet")
	c.Flags().BoolVar(&f.create, "create", false, "make the table if it is not there")
	c.Flags().StringVar(&f.txn, "txn", "", "appId:version; a table that has the version, or a later one, is left alone")
	return c
}

// parseTxn reads appId:version; the id may hold colons.
func parseTxn(text string) (*log.Txn, error) {
	if text == "" {
		return nil, nil
	}
	i := strings.LastIndexByte(text, ':')
	if i <= 0 {
		return nil, usage("--txn is %q; want appId:version", text)
	}
	n, err := strconv.ParseInt(text[i+1:], 10, 64)
	if err != nil || n < 0 {
		return nil, usage("--txn is %q; the version is a whole number from 0", text)
	}
	return &log.Txn{AppID: text[:i], Version: n}, nil
}

func appendFile(ctx context.Context, path string, f appendFlags) (committed, error) {
	done := committed{Operation: "WRITE", OperationMetrics: map[string]json.RawMessage{}}
	txn, err := parseTxn(f.txn)
	if err != nil {
		return done, err
	}
	in, err := openInput(f.input)
	if err != nil {
		return done, err
	}
	defer in.close()
	table, head, err := f.target(ctx, path, in)
	if err != nil {
		return done, err
	}
	if txn != nil {
		if t, there := head.Txns[txn.AppID]; there && t.Version >= txn.Version {
			done.Version, done.Repeat = head.Version, true
			return done, nil
		}
	}
	adds, rows, size, err := writeFiles(ctx, table, head, in)
	if err != nil {
		return done, err
	}
	c := delta.Commit{Operation: done.Operation, Adds: adds, Read: head,
		Parameters: []log.Parameter{delta.StringParameter("mode", "Append"), delta.StringParameter("partitionBy", partitionText(head.Metadata.PartitionColumns))},
		Metrics: []log.Parameter{delta.StringParameter("numFiles", fmt.Sprint(len(adds))), delta.StringParameter("numOutputRows", fmt.Sprint(rows)),
			delta.StringParameter("numOutputBytes", fmt.Sprint(size))}}
	if txn != nil {
		c.Txns = []log.Txn{*txn}
	}
	done.OperationMetrics = parameters(c.Metrics)
	done.Version, err = table.Commit(ctx, c)
	return done, err
}

func partitionText(columns []string) string {
	if columns == nil {
		columns = []string{}
	}
	text, err := json.Marshal(columns)
	if err != nil {
		return "[]"
	}
	return string(text)
}

// target returns the table, made if that is asked for.
func (f *appendFlags) target(ctx context.Context, path string, in input) (*delta.Table, *delta.Head, error) {
	table, err := openTable(path)
	if err != nil {
		return nil, nil, err
	}
	head, err := table.Head(ctx)
	if err == nil {
		if f.schema != "" || len(f.partitionBy) > 0 || len(f.properties) > 0 || f.comment != "" {
			return nil, nil, invalid(&supervision.Failure{Kind: supervision.Fatal, Class: delta.ClassExists, Path: path,
				Message: "the table is there already", Hint: "--schema, --partition-by, --property and --comment describe a new one"})
		}
		return table, head, in.match(head.Schema)
	}
	var missing *supervision.Failure
	if !f.create || !asFailure(err, &missing) || missing.Class != log.ClassNotFound {
		if asFailure(err, &missing) && missing.Class == log.ClassNotFound && missing.Hint == "" {
			hinted := *missing
			hinted.Hint = "--create makes the table"
			err = &hinted
		}
		return nil, nil, err
	}
	s, err := f.schemaOf(in)
	if err != nil {
		return nil, nil, err
	}
	if err := in.match(s); err != nil {
		return nil, nil, err
	}
	if table, err = f.madeFlags.create(ctx, table, s, ""); err != nil {
		return nil, nil, err
	}
	head, err = table.Head(ctx)
	return table, head, err
}

func (f *appendFlags) schemaOf(in input) (*batch.Schema, error) {
	if f.schema != "" {
		return f.ddl()
	}
	return in.infer()
}

// writeFiles makes the data files of the input's rows; nothing of it is visible yet.
func writeFiles(ctx context.Context, table *delta.Table, head *delta.Head, in input) (adds []log.Add, rows, size int64, err error) {
	w, err := delta.NewWriter(table, head, delta.WriterOptions{})
	if err != nil {
		return nil, 0, 0, err
	}
	err = in.each(func(b *batch.Batch) error {
		defer b.Release()
		rows += int64(b.Rows())
		return w.Write(ctx, b)
	})
	if err != nil {
		w.Abort()
		return nil, 0, 0, err
	}
	adds, err = w.Finish(ctx)
	for _, a := range adds {
		size += a.Size
	}
	return adds, rows, size, err
}
