package judge

import (
	"errors"
	"fmt"
	"math"

	"github.com/deltaic/deltaic/internal/crash/model"
	"github.com/deltaic/deltaic/internal/oracle"
)

// event is a row with an event time, at its place.
type event struct {
	model.Row
	split  int
	offset int64
	passed int64 // the watermark of its split before it
}

func (e event) place() string { return fmt.Sprintf("%d@%d", e.split, e.offset) }

// past is the rows with event times before the committed positions.
type past struct {
	events []event
	// least and greatest are the watermarks of the split that is furthest behind and of that furthest ahead.
	least, greatest int64
}

// past collects rows. A split's watermark is its greatest event time so far less the delay.
func (v *Verdict) past(m model.Model) past {
	p := past{least: math.MaxInt64, greatest: math.MinInt64}
	for split, end := range v.Positions {
		passed := int64(math.MinInt64)
		for offset := range end {
			r := m.At(split, offset)
			if r.Kind != model.Good || r.Null {
				continue
			}
			p.events = append(p.events, event{r, split, offset, passed})
			passed = max(passed, r.Time-model.Delay)
		}
		p.least, p.greatest = min(p.least, passed), max(p.greatest, passed)
	}
	return p
}

// window is a window of one part.
type window struct {
	start int64
	part  string
}

func (e event) window() window { return window{e.Time - e.Time%model.Width, e.Part} }

func (w window) end() int64 { return w.start + model.Width }

// counts is what a window's rows come to.
type counts struct {
	rows, sum int64
	keys      map[int64]bool
}

func (n *counts) add(key int64) {
	n.rows, n.sum = n.rows+1, n.sum+key
	n.keys[key] = true
}

// timed compares tables over event time with the rows before the committed
// positions. A row is late if its own split had passed its window's end before it; a window is over when the
// least of the splits has. Where a row may be late for other reasons the table of late rows says which are, and the
// rest must agree with that.
func (v *Verdict) timed(c Case, final bool) {
	if c.Hops != "" {
		v.spans(c)
		return
	}
	p := v.past(c.Model)
	told, err := read(c, c.Late, latePlace)
	if err != nil && !errors.Is(err, oracle.ErrNoTable) {
		v.find("%s: %v", c.Late, err)
		return
	}
	all, late := map[window]*counts{}, map[string]int{}
	for _, e := range p.events {
		w := e.window()
		must := w.end() <= e.passed && !c.Furthest // that of the epoch before decides there
		may := (c.Idle || c.Furthest) && told[e.place()] > 0 && w.end() <= p.greatest
		if must || may {
			late[e.place()]++
			continue
		}
		if all[w] == nil {
			all[w] = &counts{keys: map[int64]bool{}}
		}
		all[w].add(e.Key)
	}
	v.compare(c, c.Late, late, latePlace)
	row := func(r map[string]any) string {
		return fmt.Sprintf("start=%v p=%v n=%v s=%v d=%v", r["start"], r["p"], r["n"], r["s"], r["d"])
	}
	over, err := read(c, c.Windows, row)
	if err != nil && !errors.Is(err, oracle.ErrNoTable) {
		v.find("%s: %v", c.Windows, err)
		return
	}
	windows, current := map[string]int{}, map[string]int{}
	for w, n := range all {
		text := fmt.Sprintf("start=%d p=%s n=%d s=%d d=%d", w.start, w.part, n.rows, n.sum, len(n.keys))
		current[text]++
		must := w.end() <= p.least
		if c.Furthest {
			must = final && w.end() <= p.greatest // before the end the newest epoch is not counted
		}
		may := (c.Idle || c.Furthest) && over[text] > 0 && w.end() <= p.greatest
		if must || may {
			windows[text]++
		}
	}
	v.compare(c, c.Windows, windows, row)
	v.compare(c, c.Current, current, row)
}

func latePlace(r map[string]any) string { return fmt.Sprintf("%v@%v", r["partition"], r["offset"]) }
