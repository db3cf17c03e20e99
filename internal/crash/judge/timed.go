package judge

import (
	"fmt"
	"math"

	"github.com/deltaic/deltaic/internal/crash/model"
)

// window is a window of one part.
type window struct {
	start int64
	part  string
}

// counts is what a window's rows come to.
type counts struct {
	rows, sum int64
	keys      map[int64]bool
}

// timed compares tables over event time with the rows before the committed
// positions. A row is late if the greatest event time before it in its own split, less the delay, had passed
// its window's end; a window is over when the least of the splits has.
func (v *Verdict) timed(c Case) {
	all, late := map[window]*counts{}, map[string]int{}
	over := int64(math.MaxInt64)
	for split, end := range v.Positions {
		passed := int64(math.MinInt64)
		for offset := range end {
			r := c.Model.At(split, offset)
			if r.Kind != model.Good || r.Null {
				continue
			}
			w := window{r.Time - r.Time%model.Width, r.Part}
			if w.start+model.Width <= passed {
				late[fmt.Sprintf("%d@%d", split, offset)]++
			} else {
				if all[w] == nil {
					all[w] = &counts{keys: map[int64]bool{}}
				}
				all[w].add(r.Key)
			}
			passed = max(passed, r.Time-model.Delay)
		}
		over = min(over, passed)
	}
	windows, current := map[string]int{}, map[string]int{}
	for w, n := range all {
		text := fmt.Sprintf("start=%d p=%s n=%d s=%d d=%d", w.start, w.part, n.rows, n.sum, len(n.keys))
		current[text]++
		if w.start+model.Width <= over {
			windows[text]++
		}
	}
	row := func(r map[string]any) string {
		return fmt.Sprintf("start=%v p=%v n=%v s=%v d=%v", r["start"], r["p"], r["n"], r["s"], r["d"])
	}
	v.compare(c, c.Windows, windows, row)
	v.compare(c, c.Current, current, row)
	v.compare(c, c.Late, late, func(r map[string]any) string { return fmt.Sprintf("%v@%v", r["partition"], r["offset"]) })
}

func (n *counts) add(key int64) {
	n.rows, n.sum = n.rows+1, n.sum+key
	n.keys[key] = true
}
