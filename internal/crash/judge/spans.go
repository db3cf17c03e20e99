package judge

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/deltaic/deltaic/internal/crash/model"
)

// spans compares sliding windows, sessions and what timers told with the rows before the committed positions. Each of the
// three steps drops late rows of its own: those that are late for all of their windows, and those behind the watermark.
func (v *Verdict) spans(c Case) {
	p := v.past(c.Model)
	late := map[string]int{}
	hops, minutes, parts := map[window]*counts{}, map[window]*counts{}, map[string][]event{}
	add := func(to map[window]*counts, w window, key int64) {
		if to[w] == nil {
			to[w] = &counts{keys: map[int64]bool{}}
		}
		to[w].add(key)
	}
	for _, e := range p.events {
		counted := false
		for start := e.Time - e.Time%model.Slide; start > e.Time-model.Width; start -= model.Slide {
			if w := (window{start, e.Part}); w.end() > e.passed {
				add(hops, w, e.Key)
				counted = true
			}
		}
		if !counted {
			late["hop "+e.place()]++
		}
		if e.Time < e.passed {
			late["session "+e.place()]++
			late["alarm "+e.place()]++
			continue
		}
		add(minutes, e.window(), e.Key)
		parts[e.Part] = append(parts[e.Part], e)
	}
	v.compare(c, c.Late, late, func(r map[string]any) string { return fmt.Sprintf("%v %s", r["step"], latePlace(r)) })
	v.compare(c, c.Hops, hopsOver(hops, p.least), func(r map[string]any) string {
		return fmt.Sprintf("start=%v p=%v n=%v s=%v", r["start"], r["p"], r["n"], r["s"])
	})
	v.compare(c, c.Sessions, sessionsOver(parts, p.least), func(r map[string]any) string {
		return fmt.Sprintf("start=%v end=%v p=%v n=%v s=%v", r["start"], r["end"], r["p"], r["n"], r["s"])
	})
	v.compare(c, c.Alarms, alarmsOver(minutes, p.least), func(r map[string]any) string {
		return fmt.Sprintf("start=%v p=%v n=%v s=%v before=%v", r["start"], r["p"], r["n"], r["s"], r["before"])
	})
}

func hopsOver(hops map[window]*counts, watermark int64) map[string]int {
	over := map[string]int{}
	for w, n := range hops {
		if w.end() <= watermark {
			over[fmt.Sprintf("start=%d p=%s n=%d s=%d", w.start, w.part, n.rows, n.sum)]++
		}
	}
	return over
}

// sessionsOver makes the sessions of each part; one that ends where another begins is the same.
func sessionsOver(parts map[string][]event, watermark int64) map[string]int {
	over := map[string]int{}
	for part, events := range parts {
		slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.Time, b.Time) })
		for i := 0; i < len(events); {
			start, end, rows, sum := events[i].Time, events[i].Time+model.Gap, 0, int64(0)
			for ; i < len(events) && events[i].Time <= end; i++ {
				end, rows, sum = events[i].Time+model.Gap, rows+1, sum+events[i].Key
			}
			if end < watermark {
				over[fmt.Sprintf("start=%d end=%d p=%s n=%d s=%d", start, end, part, rows, sum)]++
			}
		}
	}
	return over
}

// alarmsOver is what timers told of minutes: in the order of their times, each with the one before.
func alarmsOver(minutes map[window]*counts, watermark int64) map[string]int {
	var ended []window
	for w := range minutes {
		if w.end() <= watermark {
			ended = append(ended, w)
		}
	}
	slices.SortFunc(ended, func(a, b window) int { return cmp.Compare(a.start, b.start) })
	over, before := map[string]int{}, map[string]int64{}
	for _, w := range ended {
		n := minutes[w]
		over[fmt.Sprintf("start=%d p=%s n=%d s=%d before=%d", w.start, w.part, n.rows, n.sum, before[w.part])]++
		before[w.part] = w.start
	}
	return over
}
