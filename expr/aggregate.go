package expr

import (
	"strings"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/expr/parse"
)

// aggregate binds aggregate(x, start, merge[, finish]). The j-th elements of all rows are merged at once.
func aggregate(b *binder, c *parse.Call) (*node, error) {
	x, err := b.arrayArgument(c.Args[0], batch.Array)
	if err != nil {
		return nil, err
	}
	if x.t.Fields[0].Type.Kind == batch.Void && x.literal != nil && x.literal.IsNull(0) {
		return nil, b.mismatch(c.Args[0], "an array is needed, not an untyped null")
	}
	start, err := b.bind(c.Args[1])
	if err != nil {
		return nil, err
	}
	state := batch.Field{Type: start.t, Nullable: true}
	merge, err := b.lambda(c.Args[2], 2, state, batch.Field{Type: x.t.Fields[0].Type, Nullable: true})
	if err != nil {
		return nil, err
	}
	if !allNullable(merge.body.t).Equal(allNullable(start.t)) {
		return nil, b.mismatch(c.Args[2], "the lambda makes %s of a state of type %s; cast the start", clip(merge.body.t.String()), clip(start.t.String()))
	}
	var finish *lambda
	t := start.t
	lambdas := []*lambda{merge}
	if len(c.Args) == 4 {
		if finish, err = b.lambda(c.Args[3], 1, state); err != nil {
			return nil, err
		}
		t, lambdas = finish.body.t, append(lambdas, finish)
	}
	k := func(r *run, sel []int32, a []val) (*batch.Column, error) {
		captured := a[2:]
		out, err := fold(r, sel, a[0], a[1], merge, captured[:len(merge.captured)])
		if err != nil || finish == nil {
			return out, err
		}
		defer out.Release()
		rows := r.pick(sel, func(int) uint64 { return ^uint64(0) })
		defer r.pool().PutRows(rows)
		states := batch.Gather(r.pool(), out, rows)
		defer states.Release()
		done, err := finish.apply(r, rows, captured[len(merge.captured):], states)
		if err != nil {
			return nil, err
		}
		defer done.Release()
		return scatter(r, done, rows, a[0]), nil
	}
	return b.wrap(strings.ToLower(c.Name), t, k, []*node{x, start}, lambdas...), nil
}

// scatter puts values of rows at their places, with null elsewhere, and where list is null.
func scatter(r *run, values *batch.Column, rows []int32, list val) *batch.Column {
	b := batch.NewBuilder(values.Type, r.pool())
	defer b.Release()
	b.Null()
	b.AppendRows(values, nil)
	all := b.Finish()
	defer all.Release()
	where := append(r.pool().Rows(r.n), make([]int32, r.n)...)
	defer r.pool().PutRows(where)
	for k, i := range rows {
		if !list.null(int(i)) {
			where[i] = int32(k + 1)
		}
	}
	return batch.Gather(r.pool(), all, where)
}

// fold merges elements into states: a column of r.n rows, null where the list is.
func fold(r *run, sel []int32, list, start val, merge *lambda, captured []val) (*batch.Column, error) {
	rows := []int32{}
	r.each(sel, func(i int) {
		if !list.null(i) {
			rows = append(rows, int32(i))
		}
	})
	first := make([]int32, len(rows))
	for k, i := range rows {
		first[k] = i & int32(start.mask())
	}
	states := batch.Gather(r.pool(), start.c, first)
	defer func() { states.Release() }()
	for j := int32(0); ; j++ {
		var active, of, places []int32 // entries of states; their rows; the elements
		for k, i := range rows {
			at := int(i) & list.mask()
			if place := list.c.Off[at] + j; place < list.c.Off[at+1] {
				active, of, places = append(active, int32(k)), append(of, i), append(places, place)
			}
		}
		if len(active) == 0 {
			return scatter(r, states, rows, list), nil
		}
		params := []*batch.Column{batch.Gather(r.pool(), states, active), batch.Gather(r.pool(), list.c.Kids[0], places)}
		next, err := merge.apply(r, of, captured, params...)
		release(params)
		if err != nil {
			return nil, err
		}
		if len(active) == len(rows) {
			states.Release()
			states = next
			continue
		}
		states, next = replaced(r, states, next, active)
		next.Release()
	}
}

// replaced returns states with the rows named taken from next, and releases the old ones.
func replaced(r *run, states, next *batch.Column, rows []int32) (after, same *batch.Column) {
	b := batch.NewBuilder(states.Type, r.pool())
	defer b.Release()
	b.AppendRows(states, nil)
	b.AppendRows(next, nil)
	both := b.Finish()
	defer both.Release()
	from := make([]int32, states.N)
	for i := range from {
		from[i] = int32(i)
	}
	for k, i := range rows {
		from[i] = int32(states.N + k)
	}
	states.Release()
	return batch.Gather(r.pool(), both, from), next
}

// arraySort binds array_sort with and without a lambda.
func arraySort(b *binder, c *parse.Call) (*node, error) {
	x, err := b.arrayArgument(c.Args[0], batch.Array)
	if err != nil {
		return nil, err
	}
	if len(c.Args) == 1 {
		if hasMap(x.t.Fields[0].Type) {
			return nil, b.mismatch(c, "elements of type %s have no order", clip(x.t.Fields[0].Type.String()))
		}
		return b.intern(b.call("array_sort", x.t, sortKernel(x.t, false, true), x), ""), nil
	}
	if x.t.Fields[0].Type.Kind == batch.Void && x.literal != nil && x.literal.IsNull(0) {
		return nil, b.mismatch(c.Args[0], "an array is needed, not an untyped null")
	}
	e := batch.Field{Type: x.t.Fields[0].Type, Nullable: true}
	l, err := b.lambda(c.Args[1], 2, e, e)
	if err != nil {
		return nil, err
	}
	if l.body.t.Kind != batch.Int {
		return nil, b.mismatch(c.Args[1], "the lambda gives %s; an int is needed", clip(l.body.t.String()))
	}
	n := b.wrap("array_sort", x.t, func(r *run, sel []int32, a []val) (*batch.Column, error) {
		places, rows := r.elements(sel, a[0])
		places, err := mergeSort(r, l, a[0].c.Kids[0], places, rows, a[1:])
		if err != nil {
			return nil, err
		}
		return r.lists(x.t, sel, a[0], rows, batch.Gather(r.pool(), a[0].c.Kids[0], places)), nil
	}, []*node{x}, l)
	n.fails = true
	return n, nil
}

// sortKernel sorts the elements of lists.
func sortKernel(t batch.Type, descending, nullsLast bool) kernel {
	return listKernel(t, [][]sourceOf{{givesKid, gives0}}, true, func(x *lister, i int) bool {
		from, n := x.span(0, i)
		before := len(x.rows[0])
		var places []int32
		for j := from; j < from+n; j++ {
			places = append(places, int32(j))
		}
		sortRows(x.kid(0), places, descending, nullsLast)
		x.rows[0] = x.rows[0][:before]
		for _, j := range places {
			x.take(0, 0, int(j))
		}
		return true
	})
}

// merging is one merge of two sorted runs of places.
type merging struct{ a, aEnd, b, bEnd, out int }

// mergeSort sorts the places within each row by the lambda. The merges of all rows go in step, a comparison of each at a time,
// so that the lambda is computed for a whole batch of pairs.
func mergeSort(r *run, l *lambda, kid *batch.Column, places, rows []int32, captured []val) ([]int32, error) {
	to := make([]int32, len(places))
	for width := 1; ; width *= 2 {
		var open []merging
		more := false
		for from := 0; from < len(places); {
			end := from
			for end < len(places) && rows[end] == rows[from] {
				end++
			}
			more = more || end-from > width
			for at := from; at < end; at += 2 * width {
				middle, last := min(at+width, end), min(at+2*width, end)
				open = append(open, merging{at, middle, middle, last, at})
			}
			from = end
		}
		if !more {
			return places, nil
		}
		if err := mergeRuns(r, l, kid, places, to, rows, open, captured); err != nil {
			return nil, err
		}
		places, to = to, places
	}
}

func mergeRuns(r *run, l *lambda, kid *batch.Column, places, to, rows []int32, open []merging, captured []val) error {
	for len(open) > 0 {
		var left, right, of []int32
		n := 0
		for _, m := range open {
			if m.a < m.aEnd && m.b < m.bEnd {
				left, right, of = append(left, places[m.a]), append(right, places[m.b]), append(of, rows[m.a])
				open[n] = m
				n++
				continue
			}
			copy(to[m.out:], places[m.a:m.aEnd])
			copy(to[m.out+m.aEnd-m.a:], places[m.b:m.bEnd])
		}
		if open = open[:n]; n == 0 {
			return nil
		}
		params := []*batch.Column{batch.Gather(r.pool(), kid, left), batch.Gather(r.pool(), kid, right)}
		order, err := l.apply(r, of, captured, params...)
		release(params)
		if err != nil {
			return err
		}
		for k := range open {
			m := &open[k]
			if order.IsNull(k) {
				r.fail(int(of[k]), "COMPARATOR_RETURNS_NULL", "the lambda of array_sort gives null for two elements", nil)
			}
			if order.IsNull(k) || order.I32[k] <= 0 {
				to[m.out] = places[m.a]
				m.a++
			} else {
				to[m.out] = places[m.b]
				m.b++
			}
			m.out++
		}
		order.Release()
	}
	return nil
}
