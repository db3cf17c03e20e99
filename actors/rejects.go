package actors

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/expr/agg"
	"github.com/deltaic/deltaic/operators"
	"github.com/deltaic/deltaic/supervision"
	"github.com/deltaic/deltaic/topology"
)

// splitName says where a split's rows come from, for people.
type splitName struct {
	source    string
	topic     string
	partition int32 // -1 if the split has none
	split     connectors.SplitID
	places    connectors.Placing // nil: the source knows no more
}

// rejects makes quarantine rows.
type rejects struct {
	pool   *batch.Pool
	splits []splitName // by Batch.Origin.Split
	epoch  *operators.Epoch
	flow   string
	prefix string // of ids: the flow's incarnation
	task   int
	number int64 // of rows rejected by the task
	shape  *batch.Schema
	digest string // of shape
	record []byte
	held   []*batch.Builder // rows that wait, by column; nil: none
}

const rejectedMessageBytes = 1 << 10

// Rows wait here until so many or so much have come, at most until the barrier: a batch of few rows and many columns costs its sinks
// more than its rows do.
const heldRows, heldBytes = 1024, 256 << 10

// hold adds the quarantine's rows for the rejected ones to those that wait.
func (r *rejects) hold(step string, in *batch.Batch, rows []operators.Rejected) {
	if r.held == nil {
		r.held = make([]*batch.Builder, len(topology.QuarantineSchema.Fields))
		for i, f := range topology.QuarantineSchema.Fields {
			r.held[i] = batch.NewBuilder(f.Type, r.pool)
		}
	}
	builders, digest, shown := r.held, r.digestOf(in.Schema), said(in)
	for _, row := range rows {
		p := r.placeOf(in, row.Row)
		place(builders, p)
		text(builders[4], step, step != "")
		text(builders[5], row.Rule, row.Rule != "")
		text(builders[6], row.Class, row.Class != "")
		text(builders[7], trim(row.Message), true)
		r.record = batch.AppendRowJSON(r.record[:0], shown, int(row.Row))
		if row.Raw != nil {
			builders[8].Bytes(row.Raw)
			builders[10].Bytes(r.record)
		} else {
			builders[8].Bytes(r.record)
			builders[10].Null()
		}
		builders[9].Int64(r.epoch.Now)
		text(builders[11], digest, true)
		part(builders[12:15], p)
		text(builders[15], r.flow, true)
		r.number++
		r.record = r.id(r.record[:0])
		builders[16].Bytes(r.record)
		builders[17].Null()
		kind := batch.Insert
		if in.Kinds != nil {
			kind = in.Kinds[row.Row]
		}
		text(builders[topology.QuarantineChange], operators.ChangeType(kind), kind != batch.Insert)
	}
}

// waiting returns how many rows wait.
func (r *rejects) waiting() int {
	if r == nil || r.held == nil {
		return 0
	}
	return r.held[0].Len()
}

// forget takes back the rows that came since so many waited.
func (r *rejects) forget(since int) {
	if r.waiting() > since {
		for _, b := range r.held {
			b.Truncate(since)
		}
	}
}

// take returns the rows that wait as a batch: nil if there are none or, unless all is set, not many yet.
func (r *rejects) take(all bool) *batch.Batch {
	n := r.waiting()
	if n == 0 || !all && n < heldRows && len(r.held[topology.QuarantineValue].Column().Data)+len(r.held[topology.QuarantineRecord].Column().Data) < heldBytes {
		return nil
	}
	builders := r.held
	r.held = nil
	return finishRows(topology.QuarantineSchema, builders, n)
}

// close gives back what rows wait in.
func (r *rejects) close() {
	if r != nil {
		for _, b := range r.held {
			b.Release()
		}
		r.held = nil
	}
}

// id appends a name that no other quarantined row has.
func (r *rejects) id(to []byte) []byte {
	to = append(append(to, r.prefix...), '-')
	to = append(strconv.AppendInt(to, r.epoch.Number, 10), '-')
	to = append(strconv.AppendInt(to, int64(r.task), 10), '-')
	return strconv.AppendInt(to, r.number, 10)
}

// digestOf names the columns of a batch: rows with the same digest had the same.
func (r *rejects) digestOf(s *batch.Schema) string {
	if s != r.shape {
		sum := sha256.Sum256([]byte(s.String()))
		r.shape, r.digest = s, hex.EncodeToString(sum[:6])
	}
	return r.digest
}

// part appends version, file and row of a source that is a table.
func part(builders []*batch.Builder, p operators.Place) {
	number(builders[0], p.Version)
	text(builders[1], p.File, p.File != "")
	number(builders[2], p.Row)
}

// place appends topic, partition, offset and source of a row: the first columns of side tables.
func place(builders []*batch.Builder, p operators.Place) {
	text(builders[0], p.Topic, p.Topic != "")
	if p.Partition >= 0 {
		builders[1].Int32(p.Partition)
	} else {
		builders[1].Null()
	}
	number(builders[2], p.Offset)
	text(builders[3], p.Source, p.Source != "")
}

// number appends what is not negative, else a null.
func number(b *batch.Builder, v int64) {
	if v >= 0 {
		b.Int64(v)
	} else {
		b.Null()
	}
}

// late returns the late sink's rows for the dropped ones.
func (r *rejects) late(step string, in *batch.Batch, rows []int32, watermark int64) *batch.Batch {
	builders := make([]*batch.Builder, len(topology.LateSchema.Fields))
	for i, f := range topology.LateSchema.Fields {
		builders[i] = batch.NewBuilder(f.Type, r.pool)
	}
	for _, row := range rows {
		place(builders, r.placeOf(in, row))
		text(builders[4], step, step != "")
		passed := watermark
		if in.Behind != nil {
			passed = max(passed, in.Behind[row])
		}
		builders[5].Int64(passed)
		builders[6].Bytes(batch.AppendRowJSON(nil, said(in), int(row)))
		builders[7].Int64(r.epoch.Now)
	}
	return finishRows(topology.LateSchema, builders, len(rows))
}

// said returns the batch as its author knows it: without the column by which folded rows travel.
func said(in *batch.Batch) *batch.Batch {
	last := len(in.Columns) - 1
	if last < 0 || in.Schema.Fields[last].Name != agg.FoldedField.Name {
		return in
	}
	c := *in
	c.Schema, c.Columns = batch.NewSchema(in.Schema.Fields[:last]...), in.Columns[:last]
	return &c
}

func finishRows(s *batch.Schema, builders []*batch.Builder, n int) *batch.Batch {
	columns := make([]*batch.Column, len(builders))
	for i, b := range builders {
		columns[i] = b.Finish()
		b.Release()
	}
	return batch.NewBatch(s, n, columns...)
}

func text(b *batch.Builder, s string, valid bool) {
	if valid {
		b.String(s)
	} else {
		b.Null()
	}
}

// placeOf returns where a row came from.
func (r *rejects) placeOf(in *batch.Batch, row int32) operators.Place {
	o := in.Origin
	if o == nil || int(row) >= len(o.Split) || int(o.Split[row]) >= len(r.splits) {
		return operators.Nowhere
	}
	n := r.splits[o.Split[row]]
	p := operators.Place{Source: n.source, Topic: n.topic, Partition: n.partition, Offset: o.Offset[row], Version: -1, Row: -1}
	if n.places == nil {
		return p
	}
	more, known := n.places.Place(n.split, p.Offset)
	if !known {
		return p
	}
	if more.Source != "" { // it was there before
		p = operators.Place{Source: more.Source, Topic: more.Topic, Partition: more.Partition, Offset: more.Offset}
	}
	p.Version, p.File, p.Row = more.Version, more.File, more.Row
	return p
}

// locate fills in where the row came from.
func (r *rejects) locate(f *supervision.Failure, in *batch.Batch, row int32) {
	r.placeOf(in, row).Mark(f)
}

func classOf(err error) string {
	var f *supervision.Failure
	if errors.As(err, &f) && f.Class != "" {
		return f.Class
	}
	return "INTERNAL_ERROR"
}

// short is the failure's first line without its place, which has columns of its own.
func short(err error) string {
	var f *supervision.Failure
	if errors.As(err, &f) {
		return trim(f.Message)
	}
	return trim(err.Error())
}

func trim(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > rejectedMessageBytes {
		s = strings.ToValidUTF8(s[:rejectedMessageBytes], "") + "..."
	}
	return s
}

// stepError adds the step's name to a failure that has none.
func stepError(step string, err error) error {
	if err == nil {
		return nil
	}
	var f *supervision.Failure
	if errors.As(err, &f) {
		if f.Step == "" {
			named := *f
			named.Step = step
			return &named
		}
		return err
	}
	return &supervision.Failure{Kind: supervision.Restart, Class: "STEP_FAILED", Step: step, Message: err.Error(), Cause: err}
}
