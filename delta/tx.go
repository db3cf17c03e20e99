package delta

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// WriteMode is what becomes of the rows that a table has when others are written.
type WriteMode uint8

// The modes of writing.
const (
	Append              WriteMode = iota // they stay
	Overwrite                            // they go: all, or those for which ReplaceWhere is true
	OverwritePartitions                  // those of the partitions that get rows go
)

// Error classes of writes, as Delta spells them.
const (
	ClassReplaceMismatch   = "DELTA_REPLACE_WHERE_MISMATCH"
	ClassIdempotentOptions = "DELTA_INVALID_IDEMPOTENT_WRITES_OPTIONS"
)

// WriteOptions say what a transaction does with the rows that it is given.
type WriteOptions struct {
	Mode WriteMode

	// ReplaceWhere, an SQL condition, limits what Overwrite replaces to the rows for which it is true. The new rows must be such rows too.
	ReplaceWhere string

	MergeSchema     bool     // columns, and fields within them, that the table lacks are added to it
	OverwriteSchema bool     // with Overwrite: the table gets the rows' columns instead of its own
	PartitionBy     []string // with OverwriteSchema: the table's partition columns from here on; nil: those it has

	// TxnAppID and TxnVersion, both or neither, make the transaction idempotent: it writes nothing if the
	// table has that version of the application, or a later one.
	TxnAppID   string
	TxnVersion *int64

	NoDataChange bool // the rows are those of the table, arranged in another way: who follows its changes sees none
	UserMetadata string
	Files        WriterOptions
	MaxRetries   int // races lost to other writers; 0: 10,000,000 as Spark
}

// Check refuses options that contradict each other.
func (o *WriteOptions) Check() error {
	bad := func(class, text, hint string) error {
		return &supervision.Failure{Kind: supervision.Fatal, Class: class, Message: text, Hint: hint}
	}
	switch {
	case (o.TxnAppID == "") != (o.TxnVersion == nil):
		return bad(ClassIdempotentOptions, "txnAppId and txnVersion are given both or neither", "give both: the version counts what the application has written")
	case o.TxnVersion != nil && *o.TxnVersion < 0:
		return bad(ClassIdempotentOptions, "txnVersion is "+strconv.FormatInt(*o.TxnVersion, 10)+"; it counts from 0", "count what the application writes from 0 on")
	case o.ReplaceWhere != "" && o.Mode == OverwritePartitions:
		return bad("DELTA_REPLACE_WHERE_WITH_DYNAMIC_PARTITION_OVERWRITE", "replaceWhere and the overwriting of partitions that get rows exclude each other", "keep one of them")
	case o.ReplaceWhere != "" && o.Mode != Overwrite:
		return bad("DELTA_REPLACE_WHERE_WITHOUT_OVERWRITE", "replaceWhere says what an overwrite replaces, and the mode is append", "write in mode overwrite, or leave replaceWhere out")
	case o.OverwriteSchema && (o.Mode != Overwrite || o.ReplaceWhere != ""):
		return bad("DELTA_OVERWRITE_SCHEMA_WITH_DYNAMIC_PARTITION_OVERWRITE", "overwriteSchema is for overwriting the whole table", "write in mode overwrite without replaceWhere, or use mergeSchema")
	case o.PartitionBy != nil && !o.OverwriteSchema:
		return bad(ClassMismatch, "the partition columns of a table change with overwriteSchema only", "leave them out, or overwrite the table with overwriteSchema")
	case o.NoDataChange && o.MergeSchema:
		return bad(ClassMismatch, "rows that are only arranged anew have no new columns: dataChange=false and mergeSchema exclude each other", "keep one of them")
	}
	return nil
}

// Tx is a transaction that writes rows: Write gives it batches, Commit makes them visible all at once, with what they replace
// gone. It is used by one goroutine. What other writers commit meanwhile is judged by Spark's rules when it commits.
type Tx struct {
	t      *Table
	o      WriteOptions
	head   *Head     // as the table was read
	all    *Snapshot // of head, for what replaces rows; nil for appends
	next   *Head     // as the table will be
	rows   *batch.Schema
	w      *Writer
	sealed []*Files
	count  int64
	repeat bool
	ended  error // why nothing more is taken
}

var errEnded = errors.New("delta: the transaction has ended")

// Begin opens a transaction on the newest version.
func (t *Table) Begin(ctx context.Context, o WriteOptions) (*Tx, error) {
	if err := o.Check(); err != nil {
		return nil, t.at(err, -1)
	}
	x := &Tx{t: t, o: o}
	var err error
	if o.Mode == Append {
		x.head, err = t.Head(ctx)
	} else if x.all, err = t.Snapshot(ctx); err == nil {
		x.head = x.all.Head
	}
	if err != nil {
		return nil, err
	}
	x.next = x.head
	x.repeat = x.known(x.head)
	if o.ReplaceWhere != "" {
		if _, err := x.replaced(); err != nil {
			return nil, t.at(err, x.head.Version)
		}
	}
	return x, nil
}

// known reports whether the table has what the transaction would write.
func (x *Tx) known(head *Head) bool {
	if x.o.TxnVersion == nil {
		return false
	}
	txn, there := head.Txns[x.o.TxnAppID]
	return there && txn.Version >= *x.o.TxnVersion
}

// Repeat reports that the table has the TxnVersion, or a later one: rows that are given are not looked at, and Commit does nothing.
func (x *Tx) Repeat() bool { return x.repeat }

// Head returns the version that the transaction began on.
func (x *Tx) Head() *Head { return x.head }

// Write takes the selected rows of a batch, which is borrowed. Their columns are matched with the table's by name, letter case
// ignored; one that the rows lack gets its default, or is null. An error about a row (supervision.Poison) leaves the transaction as it was before the batch.
func (x *Tx) Write(ctx context.Context, b *batch.Batch) error {
	if x.ended != nil {
		return x.ended
	}
	if x.repeat || b.Rows() == 0 && x.w != nil {
		return nil
	}
	if x.w == nil || b.Schema != x.rows {
		if err := x.take(b.Schema); err != nil {
			return x.fail(x.t.at(err, x.head.Version))
		}
	}
	if err := x.w.Write(ctx, b); err != nil {
		return x.fail(err)
	}
	x.count += int64(b.Rows())
	return nil
}

// fail ends the transaction with an error that is not about a row.
func (x *Tx) fail(err error) error {
	if supervision.KindOf(err) != supervision.Poison {
		x.Abort()
		x.ended = err
	}
	return err
}

// take makes the table what rows of the schema need, and the writer for them.
func (x *Tx) take(rows *batch.Schema) error {
	next := x.next
	var err error
	switch {
	case x.o.OverwriteSchema && x.rows == nil:
		partitionBy := next.Metadata.PartitionColumns
		if x.o.PartitionBy != nil {
			partitionBy = x.o.PartitionBy
		}
		var s *batch.Schema
		if s, err = keepMapping(next, rows); err == nil {
			next, err = x.t.reshaped(next, s, partitionBy)
		}
		if err == nil {
			err = x.t.staysClustered(next)
		}
	case x.o.MergeSchema || x.o.OverwriteSchema:
		next, err = x.t.grown(next, rows)
	}
	if err != nil {
		return err
	}
	if x.w == nil || next != x.next {
		if err := x.begin(next); err != nil {
			return err
		}
	}
	x.rows, x.next = rows, next
	return nil
}

// widening reports whether columns of the table may get wider types.
func widening(head *Head) bool {
	return head.Metadata.Configuration["delta.enableTypeWidening"] == "true" &&
		(head.Protocol.Supports("typeWidening") || head.Protocol.Supports("typeWidening-preview"))
}

// begin sets files aside that were written for the table as it would have been, and begins others.
func (x *Tx) begin(next *Head) error {
	if err := x.seal(); err != nil {
		return err
	}
	w, err := NewWriter(x.t, next, x.o.Files)
	if err != nil {
		return err
	}
	if x.o.ReplaceWhere != "" {
		if err := w.rules.check(ClassReplaceMismatch, "replaceWhere condition "+x.o.ReplaceWhere, x.o.ReplaceWhere); err != nil {
			return err
		}
	}
	x.w = w
	return nil
}

func (x *Tx) seal() error {
	if x.w == nil {
		return nil
	}
	files, err := x.w.Seal()
	if err == nil && files != nil {
		x.sealed = append(x.sealed, files)
	}
	return err
}

// Abort gives the transaction up. It may be called after Commit too, and does nothing then.
func (x *Tx) Abort() {
	if x.ended != nil {
		return
	}
	x.ended = errEnded
	if x.w != nil {
		x.w.Abort()
	}
	for _, f := range x.sealed {
		f.Abort()
	}
}

// Committed is what a transaction did.
type Committed struct {
	Version   int64 // that it made; if it was a repeat, the newest one
	Repeat    bool  // the table had its TxnVersion: nothing was written
	Operation string
	Metrics   []log.Parameter // operationMetrics of the commit
}

// Commit makes the rows visible in one version, which comes even if there are none, as in Spark.
func (x *Tx) Commit(ctx context.Context) (Committed, error) {
	done := Committed{Version: x.head.Version, Operation: "WRITE"}
	if x.ended != nil {
		return done, x.ended
	}
	if done.Repeat = x.repeat; x.repeat {
		x.Abort()
		return done, nil
	}
	defer x.Abort()
	c, err := x.commit(ctx)
	if err != nil {
		return done, x.t.at(err, x.head.Version)
	}
	done.Metrics = c.Metrics
	version, err := x.t.commit(ctx, c)
	if errors.Is(err, errRepeat) {
		newest, err := x.t.Head(ctx)
		if err != nil {
			return done, err
		}
		return Committed{Version: newest.Version, Operation: "WRITE", Repeat: true}, nil
	}
	if done.Version = version; err == nil {
		x.t.checksum(ctx)
	}
	return done, err
}

// commit makes the files durable, and the commit that names them.
func (x *Tx) commit(ctx context.Context) (*Commit, error) {
	if x.w == nil && x.o.Mode != Append {
		if err := x.begin(x.next); err != nil { // so that the table's features are looked at
			return nil, err
		}
	}
	if err := x.seal(); err != nil {
		return nil, err
	}
	c := &Commit{Operation: "WRITE", Read: x.head, UserMetadata: x.o.UserMetadata, MaxRetries: x.o.MaxRetries, Parameters: x.parameters()}
	for _, f := range x.sealed {
		adds, err := f.Finish(ctx)
		if err != nil {
			return nil, err
		}
		c.Adds = append(c.Adds, adds...)
	}
	if x.next != x.head {
		c.Metadata = &x.next.Metadata
		if !equalProtocol(&x.next.Protocol, &x.head.Protocol) {
			c.Protocol = &x.next.Protocol
		}
	}
	if x.o.TxnVersion != nil {
		c.Txns = []log.Txn{{AppID: x.o.TxnAppID, Version: *x.o.TxnVersion}}
		c.Check = func(newest *Head) error {
			if x.known(newest) {
				return errRepeat
			}
			return nil
		}
	}
	if err := x.replace(ctx, c); err != nil {
		return nil, err
	}
	x.measure(c)
	c.renumbers = x.o.NoDataChange
	for i := range c.Adds {
		c.Adds[i].DataChange = !x.o.NoDataChange
	}
	for i := range c.Removes {
		c.Removes[i].DataChange = !x.o.NoDataChange
	}
	return c, nil
}

func equalProtocol(a, b *log.Protocol) bool {
	return a.MinReader == b.MinReader && a.MinWriter == b.MinWriter && slices.Equal(a.ReaderFeatures, b.ReaderFeatures) && slices.Equal(a.WriterFeatures, b.WriterFeatures)
}

func (x *Tx) parameters() []log.Parameter {
	mode := "Append"
	if x.o.Mode != Append {
		mode = "Overwrite"
	}
	p := []log.Parameter{StringParameter("mode", mode), StringParameter("partitionBy", jsonStrings(x.next.Metadata.PartitionColumns))}
	if x.o.ReplaceWhere != "" {
		p = append(p, StringParameter("predicate", x.o.ReplaceWhere))
	}
	if x.o.Mode == OverwritePartitions {
		p = append(p, StringParameter("partitionOverwriteMode", "dynamic"))
	}
	return p
}

func (x *Tx) measure(c *Commit) {
	var size int64
	for i := range c.Adds {
		size += c.Adds[i].Size
	}
	setMetric(c, "numFiles", int64(len(c.Adds)))
	setMetric(c, "numOutputRows", x.count)
	setMetric(c, "numOutputBytes", size)
}

func jsonStrings(all []string) string {
	text := []byte{'['}
	for i, s := range all {
		if i > 0 {
			text = append(text, ',')
		}
		text = log.AppendString(text, s)
	}
	return string(append(text, ']'))
}
