package expr

import (
	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/datetime"
)

// fewTexts is how many texts of times in one batch make a dictionary.
const fewTexts = 64

// timeTexts formats times of which many have one text, as days of events do: each text is made once,
// and the result is a dictionary.
type timeTexts struct {
	pattern *datetime.Pattern
	step    int64 // times of one multiple of it have one text
	slots   [2 * fewTexts]timeText
	texts   *batch.Builder
}

// timeText is a text that was made: code plus one, 0 where there is none.
type timeText struct {
	span int64
	code int32
}

// timeTextsOf makes a kernel of a pattern: with a dictionary where it can be one, row by row else.
func timeTextsOf(p *datetime.Pattern, byRow kernel) kernel {
	step := p.Step()
	return func(r *run, sel []int32, a []val) (*batch.Column, error) {
		if step < datetime.Second || a[0].one || !datetime.UTC(r.zone) {
			return byRow(r, sel, a)
		}
		x := &timeTexts{pattern: p, step: step, texts: batch.NewBuilder(batch.StringType, r.pool())}
		defer x.texts.Release()
		codes := r.pool().Rows(r.n)[:r.n]
		defer r.pool().PutRows(codes)
		if !x.fill(codes, a[0].c, sel) {
			return byRow(r, sel, a)
		}
		if r.n > 0 && x.texts.Len() == 0 {
			x.texts.Bytes(nil) // rows that are null have a code too
		}
		out := r.pool().NewDict(x.texts.Finish(), r.n)
		copy(out.I32, codes)
		out.CopyValid(a[0].c)
		return out, nil
	}
}

// fill finds the code of each row that counts, 0 for the others. It returns false if there are too many.
func (x *timeTexts) fill(codes []int32, times *batch.Column, sel []int32) bool {
	clear(codes)
	from, code := int64(0), int32(-1)
	at := func(i int) bool {
		t := times.I64[i]
		if uint64(t-from) >= uint64(x.step) || code < 0 {
			if times.IsNull(i) {
				return true
			}
			if from, code = x.code(t); code < 0 {
				return false
			}
		}
		codes[i] = code
		return true
	}
	if sel != nil {
		for _, i := range sel {
			if !at(int(i)) {
				return false
			}
		}
		return true
	}
	for i := range codes {
		if !at(i) {
			return false
		}
	}
	return true
}

// code returns the start of the span of a time and the code of its text, made if it is not there; -1 if there
// is no room.
func (x *timeTexts) code(t int64) (from int64, code int32) {
	span := t / x.step
	if t%x.step < 0 {
		span--
	}
	if span*x.step > t { // the span begins before the first timestamp there is
		return 0, -1
	}
	for k := uint64(span); ; k++ {
		slot := &x.slots[k%uint64(len(x.slots))]
		switch {
		case slot.code == 0 && x.texts.Len() == fewTexts:
			return 0, -1
		case slot.code == 0:
			var room [64]byte
			x.texts.Bytes(x.pattern.Append(room[:0], t, nil))
			*slot = timeText{span, int32(x.texts.Len())}
		case slot.span != span:
			continue
		}
		return span * x.step, slot.code - 1
	}
}
