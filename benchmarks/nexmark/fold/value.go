package fold

import (
	"strconv"

	"github.com/deltaic/deltaic/batch"
)

// value is what a check has folded. Its fields are exported for JSON.
type value struct {
	Sum    batch.Int128     `json:"sum,omitzero"`
	Max    int64            `json:"max,omitempty"`
	Set    map[string]bool  `json:"set,omitempty"`
	Counts map[string]int64 `json:"counts,omitempty"`
	Digest uint64           `json:"digest,omitempty"`

	numbers map[int64]bool // of Set, while rows come
}

// folded is the values of all checks.
type folded struct {
	values  []value
	digests []uint64 // room for one batch
}

func (v *value) sum(b *batch.Batch, c *batch.Column) {
	switch {
	case c.Type.Kind == batch.Decimal:
		for i := range b.Rows() {
			if r := b.Row(i); !c.IsNull(r) {
				if b.Kinds != nil && sign(b.Kinds[r]) < 0 {
					v.Sum = v.Sum.Sub(c.I128[r])
				} else {
					v.Sum = v.Sum.Add(c.I128[r])
				}
			}
		}
		return
	case c.Type.Kind == batch.BigInt && b.Kinds == nil && b.Sel == nil && c.Valid == nil:
		s := int64(0)
		for _, x := range c.I64[:b.N] {
			s += x
		}
		v.Sum = v.Sum.Add(batch.Int128From(s))
		return
	}
	v.each(b, c, Sum)
}

// each sums a whole number of each row.
func (v *value) each(b *batch.Batch, c *batch.Column, how How) {
	s := int64(0)
	for i := range b.Rows() {
		r := b.Row(i)
		if c.IsNull(r) {
			continue
		}
		var x int64
		switch {
		case how == Length:
			x = length(c, r)
		case how == Seconds:
			x = c.I64[r] / 1000 % modulus
		case c.Type.Kind == batch.Int:
			x = int64(c.I32[r])
		default:
			x = c.I64[r]
		}
		if b.Kinds != nil {
			x *= sign(b.Kinds[r])
		}
		s += x
	}
	v.Sum = v.Sum.Add(batch.Int128From(s))
}

func length(c *batch.Column, r int) int64 {
	if c.Dict != nil {
		return length(c.Dict, int(c.I32[r]))
	}
	return int64(c.Off[r+1] - c.Off[r])
}

// keep notes values of rows that never change.
func (v *value) keep(b *batch.Batch, c *batch.Column, how How) {
	for i := range b.Rows() {
		r := b.Row(i)
		switch {
		case c.IsNull(r):
		case how == Max:
			v.Max = max(v.Max, c.I64[r])
		case c.Type.Kind == batch.String:
			if text := c.Bytes(r); !v.Set[string(text)] {
				if v.Set == nil {
					v.Set = map[string]bool{}
				}
				v.Set[string(text)] = true
			}
		case !v.numbers[c.I64[r]]:
			if v.numbers == nil {
				v.numbers = map[int64]bool{}
			}
			v.numbers[c.I64[r]] = true
		}
	}
}

func (v *value) group(b *batch.Batch, c *batch.Column) {
	if v.Counts == nil {
		v.Counts = map[string]int64{}
	}
	for i := range b.Rows() {
		if r := b.Row(i); !c.IsNull(r) {
			n := int64(1)
			if b.Kinds != nil {
				n = sign(b.Kinds[r])
			}
			v.Counts[string(c.Bytes(r))] += n
		}
	}
}

// settle moves numbers into Set.
func (v *value) settle() {
	for n := range v.numbers {
		if v.Set == nil {
			v.Set = map[string]bool{}
		}
		v.Set[strconv.FormatInt(n, 10)] = true
	}
	v.numbers = nil
}

// merge adds what another has folded.
func (v *value) merge(o value) {
	v.Sum, v.Max, v.Digest = v.Sum.Add(o.Sum), max(v.Max, o.Max), v.Digest+o.Digest
	for k := range o.Set {
		if v.Set == nil {
			v.Set = map[string]bool{}
		}
		v.Set[k] = true
	}
	for k, n := range o.Counts {
		if v.Counts == nil {
			v.Counts = map[string]int64{}
		}
		if v.Counts[k] += n; v.Counts[k] == 0 {
			delete(v.Counts, k)
		}
	}
}

// result renders the value of a check: whole numbers as int64, decimals as text.
func (v *value) result(c bound, t batch.Type) any {
	switch c.How {
	case Max:
		return v.Max
	case Digest:
		return v.Digest
	case Distinct:
		return int64(len(v.Set))
	case Groups:
		if v.Counts == nil {
			return map[string]int64{}
		}
		return v.Counts
	}
	if t.Kind == batch.Decimal {
		return string(batch.AppendDecimal(nil, v.Sum, int(t.Scale)))
	}
	n, _ := v.Sum.Int64()
	return n
}
