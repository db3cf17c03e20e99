package flows

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/stream"
)

// Shapes whose result depends on more than the rows: on when epochs begin, or on which source is faster. What they write
// says enough to compute the rest again.

// onTheClock has windows of the time at which a row's epoch began, which a second sink is told with each row.
func onTheClock(d *draw, in *data) shape {
	const size = 3_000 // microseconds
	weights := map[string]row{}
	for _, rows := range in.splits {
		for _, r := range rows {
			weights[strconv.FormatInt(r.id, 10)] = r
		}
	}
	return shape{name: "windows of processing time", mode: pick(d, stream.Update, stream.Complete),
		wide: func(s scene) *stream.Frame {
			s.t.Select("id", "unix_micros(current_timestamp()) AS now").To("side", s.side, stream.Append)
			return s.t.GroupBy(fmt.Sprintf("window(processing_time(), '%d microseconds')", size), "g").Agg("clocked", "count(*) AS n", "sum(v) AS s").
				Select("unix_micros(window.start) AS ws", "g", "n", "s")
		},
		check: func(w written) error {
			type window struct{ start, g int64 }
			type total struct {
				rows, sum int64
				any       bool
			}
			all, ids := map[window]*total{}, []string{}
			for _, text := range w.side {
				id, at, _ := strings.Cut(text, "|")
				now, err := strconv.ParseInt(at, 10, 64)
				if err != nil {
					return err
				}
				ids = append(ids, id)
				r := weights[id]
				key := window{now - now%size, r.g}
				if all[key] == nil {
					all[key] = &total{}
				}
				t := all[key]
				t.rows++
				if r.v != nil {
					t.sum, t.any = t.sum+*r.v, true
				}
			}
			slices.Sort(ids)
			if diff := difference(in.ids(), ids); diff != "" {
				return fmt.Errorf("ids: %s", diff)
			}
			var want []string
			for k, t := range all {
				sum := "NULL"
				if t.any {
					sum = strconv.FormatInt(t.sum, 10)
				}
				want = append(want, fmt.Sprintf("%d|%d|%d|%s", k.start, k.g, t.rows, sum))
			}
			return differ(want, w.rows)
		}}
}

// fastest puts two sources together of which the one that is further decides: which rows of the other are late depends
// on how they ran. Those that were not told to be late must be in the result, and whatever was told could have been.
func fastest(d *draw, in *data) shape {
	const size = 10 * second
	in.other = drawData(d)
	in.other.delay = in.delay
	in.other.passed(d)
	for s := range in.other.splits {
		for i := range in.other.splits[s] {
			in.other.splits[s][i].id += 1_000_000
		}
	}
	final := max(in.final(), in.other.final())
	return shape{name: "multipleWatermarkPolicy max", timed: true, fixed: true, mode: stream.Append,
		wide: func(s scene) *stream.Frame {
			s.flow.MultipleWatermarkPolicy("max")
			return watermarked(s.t, in).Union(watermarked(s.flow.From("other", s.other), in)).
				GroupBy("window(ts, '10 seconds')", "g").Agg("fastest", "count(*) AS n", "sum(id) AS s").
				Select("unix_micros(window.start) AS ws", "g", "n", "s")
		},
		check: func(w written) error {
			type window struct{ start, g int64 }
			all, late := map[window][2]int64{}, map[string]bool{}
			for _, id := range w.late {
				late[id] = true
			}
			for _, rows := range slices.Concat(in.splits, in.other.splits) {
				for _, r := range rows {
					if r.at == nil {
						continue
					}
					start := *r.at - ((*r.at%size)+size)%size
					switch told := late[strconv.FormatInt(r.id, 10)]; {
					case told && start+size > max(final, r.behind):
						return fmt.Errorf("row %d of %d is late, though no source came beyond %d", r.id, *r.at, final)
					case !told && start+size <= r.behind:
						return fmt.Errorf("row %d of %d is not late, though its split had passed %d", r.id, *r.at, r.behind)
					case !told && start+size <= final:
						n := all[window{start, r.g}]
						all[window{start, r.g}] = [2]int64{n[0] + 1, n[1] + r.id}
					}
				}
			}
			var want []string
			for k, n := range all {
				want = append(want, fmt.Sprintf("%d|%d|%d|%d", k.start, k.g, n[0], n[1]))
			}
			return differ(want, w.rows)
		}}
}

// differ is difference as an error, of rows in any order.
func differ(want, got []string) error {
	slices.Sort(want)
	slices.Sort(got)
	if diff := difference(want, got); diff != "" {
		return fmt.Errorf("%s", diff)
	}
	return nil
}
