package node

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/node/flowfile"
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
	o := delta.CreateOptions{Schema: s, PartitionBy: f.partitionBy, Properties: properties, Description: f.comment, Commit: delta.Commit{Operation: operation}}
	if err := o.Check(); err != nil {
		return nil, invalid(err)
	}
	return delta.Create(ctx, table.Store(), o, delta.Options{})
}

func (f *madeFlags) ddl() (*batch.Schema, error) {
	s, err := delta.ParseDDL(f.schema)
	if err != nil {
		return nil, invalid(err)
	}
	return s, nil
}

func (p *process) tableCreateCommand() *cobra.Command {
	var f madeFlags
	c := &cobra.Command{
		Use: "create PATH", Short: "Make an empty table", Args: cobra.ExactArgs(1),
		Long: "Makes a table without rows. Columns are given as in SQL: a name, a type, and NOT NULL, COMMENT 'text', DEFAULT expression or\n" +
			"GENERATED ALWAYS AS (expression). A column with the last two need not be in the rows that are written.",
		Example: "  deltaic table create lake/orders --schema \"id BIGINT NOT NULL, region STRING\" --partition-by region\n" +
			"  deltaic table create lake/orders --schema \"at TIMESTAMP, day DATE GENERATED ALWAYS AS (CAST(at AS DATE)), state STRING DEFAULT 'new'\" --partition-by day",
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
	input           string
	create          bool
	txn             string
	mode            string
	replaceWhere    string
	mergeSchema     bool
	overwriteSchema bool
	userMetadata    string
	maxRecords      int64
	targetSize      string
}

func (p *process) tableAppendCommand() *cobra.Command {
	var f appendFlags
	c := &cobra.Command{
		Use: "append PATH --input FILE", Short: "Append the rows of a file to a table", Args: cobra.ExactArgs(1),
		Long: "Writes the rows of a .json (an object a line), .csv or .parquet file in one commit. --create makes the table,\n" +
			"with --schema or with the columns that the file has. --merge-schema adds columns to it that the file has and it lacks. --txn makes a\n" +
			"repeat of the command a no-op. With --mode overwrite the rows take the place of those that are there: of all, or of those for\n" +
			"which --replace-where is true; with --mode overwrite-partitions, of those of the partitions that the file has rows of.",
		Example: "  deltaic table append lake/orders --input new.json\n  deltaic table append lake/orders --input day.parquet --create --partition-by region\n" +
			"  deltaic table append lake/orders --input day.json --txn loader:17 --merge-schema\n" +
			"  deltaic table append lake/orders --input north.json --mode overwrite --replace-where \"region = 'north'\"",
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
	c.Flags().StringVar(&f.mode, "mode", "append", "append, overwrite or overwrite-partitions: what becomes of the rows that are there")
	c.Flags().StringVar(&f.replaceWhere, "replace-where", "", "with --mode overwrite: replace the rows for which this SQL condition is true; the new ones must be such rows")
	c.Flags().BoolVar(&f.mergeSchema, "merge-schema", false, "add columns, and fields within them, that the file has and the table lacks")
	c.Flags().BoolVar(&f.overwriteSchema, "overwrite-schema", false, "with --mode overwrite: the table gets the file's columns instead of its own, and --partition-by if that is given")
	c.Flags().StringVar(&f.userMetadata, "user-metadata", "", "text for the commit")
	c.Flags().Int64Var(&f.maxRecords, "max-records-per-file", 0, "rows at which a file is closed and another begun")
	c.Flags().StringVar(&f.targetSize, "target-file-size", "", "size likewise, such as 64MB")
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

// options are those of the transaction.
func (f *appendFlags) options(txn *log.Txn) (delta.WriteOptions, error) {
	o := delta.WriteOptions{ReplaceWhere: f.replaceWhere, MergeSchema: f.mergeSchema, OverwriteSchema: f.overwriteSchema, UserMetadata: f.userMetadata}
	switch f.mode {
	case "append":
	case "overwrite":
		o.Mode = delta.Overwrite
	case "overwrite-partitions":
		o.Mode = delta.OverwritePartitions
	default:
		return o, usage("--mode is %q; want append, overwrite or overwrite-partitions", f.mode)
	}
	if o.Files.MaxRecords = f.maxRecords; f.maxRecords < 0 {
		return o, usage("--max-records-per-file is %d; want a number from 1", f.maxRecords)
	}
	if f.targetSize != "" {
		n, err := flowfile.Bytes(f.targetSize)
		if err != nil || n <= 0 {
			return o, usage("--target-file-size is %q; want a size such as 64MB", f.targetSize)
		}
		o.Files.TargetFileSize = n
	}
	if f.overwriteSchema {
		o.PartitionBy = f.partitionBy
	}
	if txn != nil {
		o.TxnAppID, o.TxnVersion = txn.AppID, &txn.Version
	}
	return o, nil
}

func appendFile(ctx context.Context, path string, f appendFlags) (committed, error) {
	done := committed{Operation: "WRITE", OperationMetrics: map[string]json.RawMessage{}}
	txn, err := parseTxn(f.txn)
	if err != nil {
		return done, err
	}
	o, err := f.options(txn)
	if err != nil {
		return done, err
	}
	if err := o.Check(); err != nil {
		return done, invalid(err)
	}
	in, err := openInput(f.input)
	if err != nil {
		return done, err
	}
	defer in.close()
	table, err := f.target(ctx, path, in)
	if err != nil {
		return done, err
	}
	tx, err := table.Begin(ctx, o)
	if f := (*supervision.Failure)(nil); asFailure(err, &f) && f.Line > 0 {
		return done, invalid(err) // of the condition
	}
	if err != nil {
		return done, err
	}
	defer tx.Abort()
	if !tx.Repeat() {
		if err := f.write(ctx, tx, in); err != nil {
			return done, err
		}
	}
	made, err := tx.Commit(ctx)
	done.Version, done.Repeat = made.Version, made.Repeat
	done.OperationMetrics = parameters(made.Metrics)
	if err == nil {
		_ = table.Maintain(ctx) // the rows are in; a checkpoint that fails is due again at the next commit
	}
	return done, err
}

// write gives the input's rows to the transaction.
func (f *appendFlags) write(ctx context.Context, tx *delta.Tx, in input) error {
	s := tx.Head().Schema
	seen, err := in.infer()
	switch {
	case err != nil:
	case f.overwriteSchema && f.schema != "":
		s, err = f.ddl()
	case f.overwriteSchema:
		s = seen
	case f.mergeSchema:
		s, err = delta.WithNewColumns(s, seen)
	}
	if err == nil {
		err = in.match(s, f.mergeSchema || f.overwriteSchema)
	}
	if err != nil {
		return err
	}
	return in.each(func(b *batch.Batch) error {
		defer b.Release()
		return tx.Write(ctx, b)
	})
}

// target returns the table, made if that is asked for.
func (f *appendFlags) target(ctx context.Context, path string, in input) (*delta.Table, error) {
	table, err := openTable(path)
	if err != nil {
		return nil, err
	}
	if _, err = table.Head(ctx); err == nil {
		described := len(f.properties) > 0 || f.comment != "" || !f.overwriteSchema && (f.schema != "" || len(f.partitionBy) > 0)
		if described {
			return nil, invalid(&supervision.Failure{Kind: supervision.Fatal, Class: delta.ClassExists, Path: path,
				Message: "the table is there already", Hint: "--schema, --partition-by, --property and --comment describe a new one"})
		}
		return table, nil
	}
	var missing *supervision.Failure
	if !f.create || !asFailure(err, &missing) || missing.Class != log.ClassNotFound {
		if asFailure(err, &missing) && missing.Class == log.ClassNotFound {
			hinted := *missing
			hinted.Hint = "--create makes the table"
			err = &hinted
		}
		return nil, err
	}
	s, err := f.schemaOf(in)
	if err != nil {
		return nil, err
	}
	if err := in.match(s, f.mergeSchema); err != nil {
		return nil, err
	}
	return f.madeFlags.create(ctx, table, s, "")
}

func (f *appendFlags) schemaOf(in input) (*batch.Schema, error) {
	if f.schema != "" {
		return f.ddl()
	}
	return in.infer()
}
