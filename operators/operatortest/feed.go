package operatortest

import (
	"math"
	"math/rand/v2"

	"github.com/deltaic/deltaic/batch"
)

// feed is how far an input has been read.
type feed struct {
	Input
	at        int
	watermark int64
}

func newFeed(in Input) *feed { return &feed{Input: in, watermark: math.MinInt64} }

// cut returns the next n rows in one of the forms that a batch can have, with what they came behind.
func (f *feed) cut(n int, random *rand.Rand, p *batch.Pool) *batch.Batch {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(f.Rows.Row(f.at + i))
	}
	f.at += n
	behind := f.observe(rows)
	if random.IntN(2) == 0 {
		some := f.Rows.Gather(p, rows)
		some.Behind = behind
		return some
	}
	some := f.Rows.Retain()
	some.Sel = rows
	if behind != nil {
		some.Behind = make([]int64, some.N)
		for i := range some.Behind {
			some.Behind[i] = math.MinInt64
		}
		for i, r := range rows {
			some.Behind[r] = behind[i]
		}
	}
	return some
}

// observe moves the watermark over the rows and returns what they came behind, nil if all came in time.
func (f *feed) observe(rows []int32) []int64 {
	if f.Time == nil {
		return nil
	}
	c, late := f.Rows.Columns[f.Time.Column], false
	behind := make([]int64, len(rows))
	for i, r := range rows {
		behind[i] = math.MinInt64
		if c.IsNull(int(r)) {
			continue
		}
		if t := c.I64[r]; t < f.watermark {
			behind[i], late = f.watermark, true
		} else {
			f.watermark = max(f.watermark, t-f.Time.Delay)
		}
	}
	if !late {
		return nil
	}
	return behind
}
