package fold

import (
	"fmt"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/supervision"
)

// How a check folds its column.
type How string

// The ways of folding.
const (
	Rows     How = "rows"     // number of rows; no column
	Sum      How = "sum"      // of a BIGINT, INT or DECIMAL
	Length   How = "length"   // sum of the bytes of a STRING
	Max      How = "max"      // of a BIGINT
	Seconds  How = "modulus"  // sum of a TIMESTAMP's milliseconds modulo 1,000,003
	Distinct How = "distinct" // number of values of a BIGINT, TIMESTAMP or STRING
	Groups   How = "groups"   // number of rows for each value of a STRING
	Digest   How = "digest"   // sum of [Mix] over the columns of each row, all of BIGINT or TIMESTAMP, modulo 2^64; no column
)

// Check is one check column of a query.
type Check struct {
	Key    string // in the result
	How    How
	Column string // of the sink's rows
}

const modulus = 1_000_003

// bound is a check bound to a schema.
type bound struct {
	Check
	column int
}

func bind(checks []Check, s *batch.Schema) ([]bound, error) {
	out := make([]bound, len(checks))
	for i, c := range checks {
		out[i] = bound{Check: c, column: -1}
		if c.How == Rows || c.How == Digest && numbers(s) {
			continue
		}
		out[i].column = s.Index(c.Column)
		if out[i].column < 0 || !c.takes(s.Fields[out[i].column].Type) {
			return nil, supervision.New(supervision.Fatal, "INVALID_FLOW", "check %s (%s of %s) does not fit the rows (%s)", c.Key, c.How, c.Column, s)
		}
	}
	return out, nil
}

func (c Check) takes(t batch.Type) bool {
	switch c.How {
	case Sum:
		return t.Kind == batch.BigInt || t.Kind == batch.Int || t.Kind == batch.Decimal
	case Max:
		return t.Kind == batch.BigInt
	case Seconds:
		return t.Kind == batch.Timestamp
	case Distinct:
		return t.Kind == batch.BigInt || t.Kind == batch.Timestamp || t.Kind == batch.String
	}
	return t.Kind == batch.String
}

// numbers reports whether every column has what [Digest] takes.
func numbers(s *batch.Schema) bool {
	for _, f := range s.Fields {
		if f.Type.Kind != batch.BigInt && f.Type.Kind != batch.Timestamp {
			return false
		}
	}
	return true
}

// sign says whether a row adds to the sums or is taken off.
func sign(k batch.RowKind) int64 {
	if k == batch.Delete || k == batch.UpdateBefore {
		return -1
	}
	return 1
}

// add folds the rows of b that count.
func (f *folded) add(checks []bound, b *batch.Batch) error {
	for i := range checks {
		c := &checks[i]
		v := &f.values[i]
		switch c.How {
		case Rows:
			v.Sum = v.Sum.Add(batch.Int128From(weights(b)))
			continue
		case Digest:
			f.digest(v, b)
			continue
		}
		column := b.Columns[c.column]
		switch c.How {
		case Sum:
			v.sum(b, column)
		case Length, Seconds:
			v.each(b, column, c.How)
		case Max, Distinct:
			if b.Kinds != nil {
				return fmt.Errorf("fold: %s cannot be taken back, and rows that change came", c.Key)
			}
			v.keep(b, column, c.How)
		case Groups:
			v.group(b, column)
		}
	}
	return nil
}

func weights(b *batch.Batch) int64 {
	if b.Kinds == nil {
		return int64(b.Rows())
	}
	n := int64(0)
	for i := range b.Rows() {
		n += sign(b.Kinds[b.Row(i)])
	}
	return n
}
