package stream

import (
	"fmt"
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
	"github.com/deltaic/deltaic/windows"
)

// keyedRow is a value with its key and what is aggregated of it, on its way into columns.
type keyedRow[K, T any] struct {
	Key    K
	Row    *T
	Ints   []int64
	Floats []float64
	Texts  []string
}

// Keyed is a stream whose values have keys.
type Keyed[K, T any] struct {
	stream Stream[T]
	name   string
	key    func(T) K
}

// KeyBy gives each value a key. The name stands before those of the steps that follow.
func KeyBy[T, K any](s Stream[T], name string, key func(T) K) Keyed[K, T] {
	return Keyed[K, T]{s, name, key}
}

// Aggregation is one aggregate of the values of a key; make it with Sum, Count and their like.
type Aggregation[T any] struct {
	name, call string
	ints       func(T) int64
	floats     func(T) float64
	texts      func(T) string
}

// As names the aggregate's column.
func (a Aggregation[T]) As(name string) Aggregation[T] { a.name = name; return a }

// Count counts the values of a key, as "count".
func Count[T any]() Aggregation[T] { return Aggregation[T]{name: "count", call: "count(*)"} }

// Sum adds a number of each value, as "sum". A sum beyond 64 bits is an error.
func Sum[T any](f func(T) int64) Aggregation[T] { return Over("sum", f) }

// Min is the least number of the values, as "min".
func Min[T any](f func(T) int64) Aggregation[T] { return Over("min", f) }

// Max is the greatest number of the values, as "max".
func Max[T any](f func(T) int64) Aggregation[T] { return Over("max", f) }

// Over is any aggregate function of one argument by its SQL name, over a number, a float or a text of each value: Over("avg", ...),
// Over("approx_count_distinct", ...), or one written in Go.
func Over[T any, V int64 | float64 | string](function string, f func(T) V) Aggregation[T] {
	a := Aggregation[T]{name: function, call: function + "(%s)"}
	switch f := any(f).(type) {
	case func(T) int64:
		a.ints = f
	case func(T) float64:
		a.floats = f
	case func(T) string:
		a.texts = f
	}
	return a
}

// CountDistinct counts different texts of the values, exactly, as "count".
func CountDistinct[T any](f func(T) string) Aggregation[T] {
	return Aggregation[T]{name: "count", call: "count(DISTINCT %s)", texts: f}
}

// Aggregate computes aggregates of the values of each key, in each window; the zero Spec is no window. A window
// without On is on the event time. The result has the key's columns (a key that is no struct is called "key"), the window, and the
// aggregates. step is the step's name, under which its state is kept.
func Aggregate[K, T any](k Keyed[K, T], step string, w windows.Spec, aggregations ...Aggregation[T]) *Frame {
	d := k.stream.frame
	if d.broken {
		return d
	}
	windowed, key := w.Kind() != 0, k.key
	rows := Map(k.stream, func(v T) keyedRow[K, T] {
		r := keyedRow[K, T]{Key: key(v)}
		if windowed {
			r.Row = &v
		}
		for _, a := range aggregations {
			switch {
			case a.ints != nil:
				r.Ints = append(r.Ints, a.ints(v))
			case a.floats != nil:
				r.Floats = append(r.Floats, a.floats(v))
			case a.texts != nil:
				r.Texts = append(r.Texts, a.texts(v))
			}
		}
		return r
	}).Frame().As(k.name)
	if rows.broken {
		return rows
	}
	time := w.Time()
	if time == "" {
		time = d.eventColumn()
	}
	if windowed && !w.Processing() && time == "" {
		d.flow.mistake(step, "MISSING_WATERMARK", "the window does not say which event time it is on, and the stream has no watermark", "set a watermark before Typed, or add .On(column)")
		return d.fail()
	}
	return aggregateColumns(rows, d, step, w, time, lists(aggregations))
}

// list is an aggregate and where its argument is among the lists of a value, "" if it has none.
type list struct{ name, call, argument string }

func lists[T any](aggregations []Aggregation[T]) []list {
	var ints, floats, texts int
	all := make([]list, len(aggregations))
	for i, a := range aggregations {
		all[i] = list{name: a.name, call: a.call}
		for where, n := range map[string]*int{"ints": &ints, "floats": &floats, "texts": &texts} {
			if there := map[string]bool{"ints": a.ints != nil, "floats": a.floats != nil, "texts": a.texts != nil}[where]; there {
				all[i].argument = fmt.Sprintf("%s[%d]", where, *n)
				*n++
			}
		}
	}
	return all
}

// aggregateColumns takes keys and arguments out of the values and aggregates them.
func aggregateColumns(rows, before *Frame, step string, w windows.Spec, time string, aggregates []list) *Frame {
	key := "key"
	if rows.schema.Fields[rows.schema.IndexFold("key")].Type.Kind == batch.Struct {
		key = "key.*"
	}
	columns, items := []string{key}, make([]string, len(aggregates))
	windowed := w.Kind() != 0
	if windowed && !w.Processing() {
		columns = append(columns, "row."+time+" AS "+parse.QuoteName(eventOfValue))
	}
	for i, a := range aggregates {
		items[i] = a.call + " AS " + parse.QuoteName(a.name)
		if a.argument != "" {
			argument := fmt.Sprintf("argument %d", i)
			columns = append(columns, a.argument+" AS "+parse.QuoteName(argument))
			items[i] = fmt.Sprintf(a.call, parse.QuoteName(argument)) + " AS " + parse.QuoteName(a.name)
		}
	}
	d := rows.Select(columns...)
	if d.broken {
		return d
	}
	var keys []any
	for _, f := range d.schema.Fields {
		if f.Name != eventOfValue && !strings.HasPrefix(f.Name, "argument ") {
			keys = append(keys, parse.QuoteName(f.Name))
		}
	}
	if windowed {
		if !w.Processing() {
			w = w.On(parse.QuoteName(eventOfValue))
			if at := before.schema.IndexFold(time); at >= 0 {
				c := *d
				c.events = d.padded()
				c.events[d.schema.IndexFold(eventOfValue)] = before.eventOf(at)
				d = &c
			}
		}
		keys = append(keys, w)
	}
	return d.GroupBy(keys...).Agg(step, items...)
}

// eventOfValue is the column with the event time of values that are aggregated.
const eventOfValue = "event time"
