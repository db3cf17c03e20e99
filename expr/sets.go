package expr

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
)

func constants(nodes []*node) bool {
	for _, n := range nodes {
		if n.literal == nil {
			return false
		}
	}
	return true
}

func ids(nodes []*node) string {
	var s strings.Builder
	for _, n := range nodes {
		fmt.Fprintf(&s, "%d,", n.id)
	}
	return s.String()
}

func setKind(k batch.Kind) bool {
	switch k {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.BigInt, batch.Date, batch.Timestamp, batch.TimestampNTZ,
		batch.String, batch.Binary, batch.Decimal:
		return true
	}
	return false
}

// inKernel looks values up in a set of constants. A value that is not found is
// null if a constant is.
func inKernel(t batch.Type, list []*node) kernel {
	set := map[string]bool{}
	whole := map[int64]bool{}
	null := false
	var scratch []byte
	for _, n := range list {
		if n.literal.IsNull(0) {
			null = true
			continue
		}
		if v, ok := wholeKey(n.literal, 0); ok {
			whole[v] = true
		} else {
			scratch = setKey(scratch[:0], n.literal, 0)
			set[string(scratch)] = true
		}
	}
	return func(r *run, _ []int32, a []val) (*batch.Column, error) {
		c := r.new(batch.BooleanType)
		var valid batch.Bitmap
		if null {
			valid = c.NewValid()
		}
		m := a[0].mask()
		var room [64]byte
		for i := range r.n {
			if a[0].null(i) {
				continue
			}
			found := false
			if v, ok := wholeKey(a[0].c, i&m); ok {
				found = whole[v]
			} else {
				found = set[string(setKey(room[:0], a[0].c, i&m))]
			}
			if found {
				c.Bits.Set(i)
			} else if null {
				valid.Clear(i)
			}
		}
		r.copyNulls(c, a[0])
		return c, nil
	}
}

func wholeKey(c *batch.Column, i int) (int64, bool) {
	switch c.Type.Kind {
	case batch.TinyInt, batch.SmallInt, batch.Int, batch.Date:
		return int64(c.I32[i]), true
	case batch.BigInt, batch.Timestamp, batch.TimestampNTZ:
		return c.I64[i], true
	}
	return 0, false
}

func setKey(dst []byte, c *batch.Column, i int) []byte {
	if c.Type.Kind == batch.Decimal {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(c.I128[i].Hi))
		return binary.LittleEndian.AppendUint64(dst, c.I128[i].Lo)
	}
	return c.Bytes(i)
}
