package demo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// expect returns what the table must hold for the positions.
func (v *verification) expect(name string, ends []int64) expectation {
	switch name {
	case Silver:
		return newSilver(v, ends)
	case Quarantine:
		return newRaw(v, ends, Quarantine)
	case Gold:
		return newGold(v, ends)
	case LateRows:
		return &late{silver: newSilver(v, ends)}
	}
	return newRaw(v, ends, Bronze)
}

// raw expects rows that are records as they are, by their place: all of
// them in bronze, the broken ones in quarantine.
type raw struct {
	v           *verification
	ends        []int64
	brokenOnly  bool
	seen, wrong []bitmap
	expected    int64
}

func newRaw(v *verification, ends []int64, table string) *raw {
	r := &raw{v: v, ends: ends, brokenOnly: table == Quarantine, seen: bitmaps(ends), wrong: bitmaps(ends)}
	r.each(func(Place) { r.expected++ })
	return r
}

// each walks the places that are expected.
func (r *raw) each(do func(Place)) {
	for partition, end := range r.ends {
		for offset := range end {
			if r.brokenOnly {
				if kind, _ := r.v.plan.Kind(int32(partition), offset); kind != Broken {
					continue
				}
			}
			do(Place{int32(partition), offset})
		}
	}
}

func (r *raw) count() int64 { return r.expected }

func (r *raw) missing(tell func(string)) {
	r.each(func(at Place) {
		if !r.seen[at.Partition].has(at.Offset) && !r.wrong[at.Partition].has(at.Offset) {
			tell("the record of " + at.String())
		}
	})
}

func (r *raw) row(values map[string]any) (verdict, string) {
	at, problem := r.v.place(values)
	if problem != "" {
		return wrong, problem
	}
	if end := r.ends[at.Partition]; at.Offset >= end {
		return wrong, fmt.Sprintf("a row of %s, the committed position of the partition is %d", at, end)
	}
	record := r.v.plan.Record(at.Partition, at.Offset)
	if r.brokenOnly && record.Kind != Broken {
		return wrong, fmt.Sprintf("the record of %s is %s, it does not belong into quarantine", at, record.Kind)
	}
	if problem := r.compare(values, record); problem != "" {
		if !r.seen[at.Partition].has(at.Offset) {
			r.wrong[at.Partition].set(at.Offset)
		}
		return wrong, r.explain(values, at, problem)
	}
	if r.seen[at.Partition].has(at.Offset) {
		return doubled, "the record of " + at.String() + " once more"
	}
	r.seen[at.Partition].set(at.Offset)
	return right, ""
}

// compare says in which column the row differs from the record.
func (r *raw) compare(values map[string]any, record Record) string {
	value, ok := text(values["value"])
	if !ok || value != string(record.Value) {
		return fmt.Sprintf("value is %s, must be %s", abridge(value), abridge(string(record.Value)))
	}
	if at, there := values["timestamp"]; there && !sameTime(at, record.Timestamp) || !there && !r.brokenOnly {
		return fmt.Sprintf("timestamp is %v, must be %v", at, timestamp(record.Timestamp))
	}
	if key, there := values["key"]; there && key != nil {
		if k, ok := text(key); !ok || k != string(record.Key) {
			return fmt.Sprintf("key is %v, must be %s", key, record.Key)
		}
	}
	if r.brokenOnly {
		if e, there := values["error"]; !there || e == nil || e == "" {
			return "it gives no error"
		}
	}
	return ""
}

// explain adds whose content a row holds when that can be told: a row that was moved.
func (r *raw) explain(values map[string]any, at Place, problem string) string {
	value, _ := text(values["value"])
	if _, rest, ok := strings.Cut(value, `"order_id":"`); ok {
		if id, _, ok := strings.Cut(rest, `"`); ok {
			from, ok := parseOrderID(id)
			if ok && from != at && int(from.Partition) < len(r.ends) && string(r.v.plan.Record(from.Partition, from.Offset).Value) == value {
				return fmt.Sprintf("the row of %s holds the record of %s: moved", at, from)
			}
		}
	}
	return fmt.Sprintf("the row of %s is altered: %s", at, problem)
}

func abridge(s string) string {
	if len(s) > 120 {
		return strconv.Quote(s[:120]) + "..."
	}
	return strconv.Quote(s)
}

// parseOrderID returns the place an order was made for.
func parseOrderID(id string) (Place, bool) {
	rest, ok := strings.CutPrefix(id, "o-")
	p, o, cut := strings.Cut(rest, "-")
	partition, err := strconv.ParseInt(p, 10, 32)
	offset, err2 := strconv.ParseInt(o, 10, 64)
	at := Place{int32(partition), offset}
	return at, ok && cut && err == nil && err2 == nil && partition >= 0 && offset >= 0 && orderID(at) == id
}

// silver expects each order once, by the place it was made for.
type silver struct {
	v           *verification
	ends        []int64
	want        []bitmap
	seen, wrong []bitmap
	expected    int64
}

func newSilver(v *verification, ends []int64) *silver {
	longest := slices.Repeat([]int64{slices.Max(ends)}, len(ends)) // a duplicate may come before the order it repeats is committed
	s := &silver{v: v, ends: ends, want: bitmaps(longest), seen: bitmaps(longest), wrong: bitmaps(longest)}
	for partition, end := range ends {
		for offset := range end {
			kind, origin := v.plan.Kind(int32(partition), offset)
			if kind != Broken && !s.want[origin.Partition].has(origin.Offset) {
				s.want[origin.Partition].set(origin.Offset)
				s.expected++
			}
		}
	}
	return s
}

func (s *silver) count() int64 { return s.expected }

func (s *silver) missing(tell func(string)) {
	for partition, want := range s.want {
		for i, word := range want {
			if word &^= s.seen[partition][i] | s.wrong[partition][i]; word == 0 {
				continue
			}
			for bit := range int64(64) {
				if word>>bit&1 == 1 {
					tell("order " + orderID(Place{int32(partition), int64(i)*64 + bit}))
				}
			}
		}
	}
}

func (s *silver) row(values map[string]any) (verdict, string) {
	id, _ := text(values["order_id"])
	at, ok := parseOrderID(id)
	if !ok || int(at.Partition) >= len(s.want) || !s.want[at.Partition].has(at.Offset) {
		return wrong, fmt.Sprintf("order_id is %v: no such order was committed", values["order_id"])
	}
	if problem := s.compare(values, s.v.plan.order(at), at); problem != "" {
		if !s.seen[at.Partition].has(at.Offset) {
			s.wrong[at.Partition].set(at.Offset)
		}
		return wrong, fmt.Sprintf("order %s is altered: %s", id, problem)
	}
	if s.seen[at.Partition].has(at.Offset) {
		return doubled, "order " + id + " once more"
	}
	s.seen[at.Partition].set(at.Offset)
	return right, ""
}

// compare says in which column the row differs from the order.
func (s *silver) compare(values map[string]any, o Order, made Place) string {
	for _, column := range []struct {
		name  string
		want  any
		equal bool
	}{
		{"customer", o.Customer, values["customer"] == o.Customer},
		{"region", o.Region, values["region"] == o.Region},
		{"amount", cents(o.Cents), values["amount"] == cents(o.Cents)},
		{"currency", o.Currency, values["currency"] == o.Currency},
		{"at", timestamp(o.At), sameTime(values["at"], o.At)},
	} {
		if !column.equal {
			return fmt.Sprintf("%s is %v, must be %v", column.name, values[column.name], column.want)
		}
	}
	if items, there := values["items"]; there && !sameItems(items, o.Items) {
		return fmt.Sprintf("items is %v", items)
	}
	if _, there := values["offset"]; !there {
		return ""
	}
	at, problem := s.v.place(values)
	switch {
	case problem != "":
		return problem
	case at.Offset >= s.ends[at.Partition]:
		return fmt.Sprintf("it comes from %s, the committed position is %d", at, s.ends[at.Partition])
	}
	if kind, origin := s.v.plan.Kind(at.Partition, at.Offset); kind == Broken || origin != made {
		return fmt.Sprintf("it claims to come from %s, which does not hold it: moved", at)
	}
	return ""
}

func cents(c int64) string { return string(appendCents(nil, c)) }

func sameItems(value any, items []Item) bool {
	list, ok := value.([]any)
	if !ok || len(list) != len(items) {
		return false
	}
	for i, e := range list {
		group, ok := e.(map[string]any)
		if !ok || group["sku"] != items[i].SKU || group["quantity"] != items[i].Quantity || group["price"] != cents(items[i].Cents) {
			return false
		}
	}
	return true
}
