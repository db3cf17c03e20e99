package delta

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/formats/parquet"
	"github.com/deltaic/deltaic/supervision"
)

// WriterOptions tune a writer of data files. The zero value is a good choice.
type WriterOptions struct {
	TargetFileSize int64          // bytes at which a file is closed and another begun; 0: delta.targetFileSize, else 128 MiB
	MaxRecords     int64          // rows at which a file is closed; 0: no bound
	MaxOpenFiles   int            // files being filled at once; the one longest untouched is closed for another; 0: 64
	MaxBuffered    int64          // bytes of memory of all files being filled, beyond which the largest is closed; 0: 256 MiB
	Codec          string         // of Parquet; "": delta.parquet.compression.codec, else snappy
	Account        *batch.Account // charged with what is buffered
	Pool           *batch.Pool

	// Name makes the base name of a file from its number in this writer and a fresh
	// UUID, without the extension; no name may ever be given twice. Nil: Spark's part-00000-<uuid>-c000.
	Name func(number int, id string) string
}

// Writer turns batches into data files of a table. It is used by one
// goroutine, except that Finish of what Seal returned may run beside it.
type Writer struct {
	t       *Table
	o       WriterOptions
	codec   string
	schema  *batch.Schema // of the table
	plan    *statsPlan
	columns []int         // of the table, in the files
	file    *batch.Schema // of the files
	ids     func([]string) (int32, bool)
	keys    []int    // partition columns of the table
	names   []string // theirs in the log
	rules   *rules

	folder string // in front of all names

	rows *batch.Schema // of the last batch
	fit  *fit

	buffers *parquet.Buffers // of files that are done, for the next ones

	open   map[string]*dataFile // by partition key
	clock  int64                // counts batches: when a file was touched last
	number int
	closed []*dataFile // full ones of this epoch, not durable yet
	groups groups
	err    error // sticky
}

// NewWriter returns a writer of files that fit the table as head has it.
func NewWriter(t *Table, head *Head, o WriterOptions) (*Writer, error) {
	return newWriter(t, head, o, nil)
}

// newWriter returns a writer whose files have columns beyond those of the table, called so and without statistics.
func newWriter(t *Table, head *Head, o WriterOptions, beyond []batch.Field) (*Writer, error) {
	if err := log.CheckAppend(&head.Protocol, &head.Metadata, head.Schema); err != nil {
		return nil, t.at(err, head.Version)
	}
	w := &Writer{t: t, o: o, schema: head.Schema, open: map[string]*dataFile{}}
	var err error
	if w.rules, err = newRules(head); err != nil {
		return nil, t.at(err, head.Version)
	}
	w.rules.context.Pool = o.Pool
	if err := w.settings(head); err != nil {
		return nil, err
	}
	kept := w.o.MaxBuffered
	if limit := o.Account.Limit(); limit > 0 {
		kept = min(kept, limit/8) // what is kept must never be what sources wait for
	}
	w.buffers = parquet.NewBuffers(o.Account, kept)
	return w, w.layout(head, beyond)
}

// settings works out what options and the table's properties say.
func (w *Writer) settings(head *Head) error {
	config, o := head.Metadata.Configuration, &w.o
	if o.TargetFileSize <= 0 {
		o.TargetFileSize = 128 << 20
		if s := config["delta.targetFileSize"]; s != "" {
			n, err := parseSize(s)
			if err != nil {
				return w.t.failure(supervision.Fatal, ClassProperty, head.Version, "delta.targetFileSize: %s", err)
			}
			o.TargetFileSize = n
		}
	}
	if o.MaxOpenFiles <= 0 {
		o.MaxOpenFiles = 64
	}
	if o.MaxBuffered <= 0 {
		o.MaxBuffered = 256 << 20
	}
	if w.codec = strings.ToLower(o.Codec); w.codec == "" {
		w.codec = strings.ToLower(config["delta.parquet.compression.codec"])
	}
	switch w.codec {
	case "":
		w.codec = "snappy"
	case "none":
		w.codec = "uncompressed"
	case "lz4":
		w.codec = "lz4_raw" // Hadoop's framing of lz4 is read and not written
	}
	return nil
}

// layout works out which columns lie in the files, under which names, and which in the log.
func (w *Writer) layout(head *Head, beyond []batch.Field) error {
	m, err := mappingOf(&head.Metadata)
	if err == nil {
		err = m.check(head.Schema.Fields, "")
	}
	if err != nil {
		return w.t.failure(supervision.Fatal, log.ClassBroken, head.Version, "%w", err)
	}
	clusters, err := w.t.clusterColumns(head)
	if err != nil {
		return err
	}
	var fields []batch.Field
	for i, f := range head.Schema.Fields {
		if partitionIndex(head, f.Name) < 0 {
			fields = append(fields, f)
			w.columns = append(w.columns, i)
		}
	}
	w.plan = newStatsPlan(fields, m, head.Metadata.Configuration, clusters.has)
	both := head.Protocol.Supports("materializePartitionColumns") // the files have the partition columns too
	for _, p := range head.Metadata.PartitionColumns {
		at := head.Schema.Index(p)
		w.keys, w.names = append(w.keys, at), append(w.names, m.physical(head.Schema.Fields[at]))
		if both {
			fields, w.columns = append(fields, head.Schema.Fields[at]), append(w.columns, at)
		}
	}
	w.ids = m.fieldIDs(fields)
	for i := range beyond {
		w.columns = append(w.columns, len(head.Schema.Fields)+i)
	}
	w.file = batch.NewSchema(slices.Concat(m.inFiles(fields), beyond)...)
	if beyond != nil {
		w.schema = batch.NewSchema(slices.Concat(head.Schema.Fields, beyond)...)
	}
	return nil
}

func partitionIndex(head *Head, column string) int {
	for i, p := range head.Metadata.PartitionColumns {
		if p == column {
			return i
		}
	}
	return -1
}

// parseSize reads a number of bytes such as 128mb, as Spark writes it.
func parseSize(s string) (int64, error) {
	text := strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), "b")
	shift := 0
	for unit, n := range map[string]int{"k": 10, "m": 20, "g": 30, "t": 40} {
		if strings.HasSuffix(text, unit) {
			text, shift = strings.TrimSuffix(text, unit), n
			break
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n <= 0 || n > 1<<50>>shift {
		return 0, fmt.Errorf("%q is no size such as 134217728 or 128mb", s)
	}
	return n << shift, nil
}

// Write takes the selected rows of the batch, which is borrowed. Its columns are
// matched with the table's by name. An error that is not about a row (Poison) ends the writer.
func (w *Writer) Write(ctx context.Context, b *batch.Batch) error {
	if w.err != nil {
		return w.err
	}
	if b.Rows() == 0 {
		return nil
	}
	if b.Kinds != nil {
		for i := range b.Rows() {
			if b.Kinds[b.Row(i)] != batch.Insert {
				return w.fail(w.t.failure(supervision.Fatal, "DELTA_UNSUPPORTED_OUTPUT_MODE", -1,
					"a row that updates or deletes came to a writer that appends"))
			}
		}
	}
	if b.Schema != w.rows {
		f, err := fitRows(b.Schema, w.schema, w.rules.fills()...)
		if err != nil {
			return w.fail(w.t.at(err, -1))
		}
		w.rows, w.fit = b.Schema, f
	}
	rows := &batch.Batch{Schema: w.schema, Columns: w.fit.columns(b, w.o.Pool), N: b.N, Sel: b.Sel}
	defer func() {
		for _, c := range rows.Columns {
			c.Release()
		}
	}()
	if err := w.rules.demand(rows, w.fit.from, w.t.o.Now()); err != nil {
		return w.t.at(err, -1)
	}
	w.clock++
	if len(w.keys) == 0 {
		return w.fail(w.append(ctx, "", nil, rows.Columns, b.Sel, b.N))
	}
	return w.fail(w.split(ctx, rows.Columns, b.Sel, b.N))
}

func (w *Writer) fail(err error) error {
	if err != nil && supervision.KindOf(err) != supervision.Poison {
		w.err = err
	}
	return err
}

// groups collects the rows of one batch by partition; its memory is used again.
type groups struct {
	index map[string]int
	keys  []string
	rows  [][]int32
	key   []byte
	last  []byte
}

// split groups the rows by partition and appends each group to its file.
func (w *Writer) split(ctx context.Context, columns []*batch.Column, sel []int32, n int) error {
	g := &w.groups
	if g.index == nil {
		g.index = map[string]int{}
	}
	clear(g.index)
	g.keys, g.last = g.keys[:0], g.last[:0]
	group := -1
	for i := range rowsOf(sel, n) {
		row := rowAt(sel, i)
		g.key = g.key[:0]
		for _, k := range w.keys {
			g.key = putKey(g.key, columns[k], int(row))
		}
		if group < 0 || string(g.key) != string(g.last) {
			found, ok := g.index[string(g.key)]
			if !ok {
				found = len(g.keys)
				key := string(g.key)
				g.index[key] = found
				g.keys = append(g.keys, key)
				if found == len(g.rows) {
					g.rows = append(g.rows, nil)
				}
				g.rows[found] = g.rows[found][:0]
			}
			group = found
			g.last = append(g.last[:0], g.key...)
		}
		g.rows[group] = append(g.rows[group], row)
	}
	// All partition values are checked before any row is taken, so that a bad one leaves nothing half done.
	values := make([]log.PartitionValues, len(g.keys))
	for i := range g.keys {
		if w.open[g.keys[i]] != nil {
			continue
		}
		v, err := w.partition(columns, int(g.rows[i][0]))
		if err != nil {
			return err
		}
		values[i] = v
	}
	for i, key := range g.keys {
		if err := w.append(ctx, key, values[i], columns, g.rows[i], n); err != nil {
			return err
		}
	}
	return nil
}

// partition returns the row's partition values.
func (w *Writer) partition(columns []*batch.Column, row int) (log.PartitionValues, error) {
	out := make(log.PartitionValues, len(w.keys))
	for i, k := range w.keys {
		f := w.schema.Fields[k]
		v, err := partitionValue(columns[k], row)
		if err != nil {
			return nil, w.t.failure(supervision.Poison, "DELTA_INVALID_PARTITION_VALUE", -1, "row %d of the batch: partition column %s: %s", row, f.Name, err)
		}
		if v == "" && !f.Nullable {
			return nil, w.t.failure(supervision.Poison, ClassNotNull, -1,
				"the partition column %s is NOT NULL and row %d of the batch has an empty value for it, which Delta reads as null", f.Name, row)
		}
		out[i] = log.PartitionValue{Column: w.names[i], Value: v}
	}
	return out, nil
}

// append writes the rows to the partition's file, and closes what is full.
func (w *Writer) append(ctx context.Context, key string, values log.PartitionValues, columns []*batch.Column, sel []int32, n int) error {
	for w.o.MaxRecords > 0 {
		room := w.o.MaxRecords
		if f := w.open[key]; f != nil {
			room -= f.parquet.Rows()
		}
		if int64(rowsOf(sel, n)) <= room {
			break
		}
		if sel == nil {
			sel = make([]int32, n)
			for i := range sel {
				sel[i] = int32(i)
			}
		}
		if err := w.appendSome(ctx, key, values, columns, sel[:room], n); err != nil {
			return err
		}
		sel = sel[room:]
	}
	return w.appendSome(ctx, key, values, columns, sel, n)
}

func (w *Writer) appendSome(ctx context.Context, key string, values log.PartitionValues, columns []*batch.Column, sel []int32, n int) error {
	f := w.open[key]
	if f == nil {
		if values == nil && len(w.keys) > 0 {
			// Closed for room since the values were checked: they are in the key's first row.
			v, err := w.partition(columns, int(sel[0]))
			if err != nil {
				return err
			}
			values = v
		}
		if err := w.makeRoom(); err != nil {
			return err
		}
		var err error
		if f, err = w.newFile(ctx, values); err != nil {
			return err
		}
		w.open[key] = f
	}
	f.touched = w.clock
	data := make([]*batch.Column, len(w.columns))
	for i, c := range w.columns {
		data[i] = columns[c]
	}
	if err := f.write(&batch.Batch{Schema: w.file, Columns: data, N: n, Sel: sel}); err != nil {
		return err
	}
	if f.size() >= w.o.TargetFileSize || w.o.MaxRecords > 0 && f.parquet.Rows() >= w.o.MaxRecords {
		return w.close(key)
	}
	return w.shrink()
}

// makeRoom closes the file that was not touched for the longest time, if there are too many.
func (w *Writer) makeRoom() error {
	if len(w.open) < w.o.MaxOpenFiles {
		return nil
	}
	oldest, at := "", int64(-1)
	for key, f := range w.open {
		if at < 0 || f.touched < at || f.touched == at && key < oldest {
			oldest, at = key, f.touched
		}
	}
	return w.close(oldest)
}

// shrink closes the largest files until the memory of all is within bounds.
func (w *Writer) shrink() error {
	for {
		largest, most, all := "", int64(-1), int64(0)
		for key, f := range w.open {
			held := f.parquet.Buffered()
			all += held
			if held > most || held == most && key < largest {
				largest, most = key, held
			}
		}
		if all <= w.o.MaxBuffered || len(w.open) <= 1 {
			return nil
		}
		if err := w.close(largest); err != nil {
			return err
		}
	}
}

// cut closes every open file: what comes next begins others.
func (w *Writer) cut() error {
	for _, key := range slices.Sorted(maps.Keys(w.open)) {
		if err := w.close(key); err != nil {
			return w.fail(err)
		}
	}
	return nil
}

// close ends the partition's file and lets go of its memory. Making it durable is left to
// Finish, unless too many wait for that.
func (w *Writer) close(key string) error {
	f := w.open[key]
	delete(w.open, key)
	w.closed = append(w.closed, f)
	if err := f.end(w.t); err != nil {
		return err
	}
	if len(w.closed) >= w.o.MaxOpenFiles {
		return finishAll(w.closed, w.t)
	}
	return nil
}
