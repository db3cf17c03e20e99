package demo

import (
	"fmt"
	"math/bits"
	"path/filepath"
	"strings"
	"time"

	"github.com/deltaic/deltaic/internal/oracle"
)

// goldEnds returns the positions that gold must stand at: those of the ledger's newest epoch, or those of the
// epoch before where the newest one has rows for gold that a crash kept from being committed.
func (v *verification) goldEnds(s state, ends []int64) ([]int64, error) {
	t := s.tables[Gold]
	if t == nil || s.manifest == nil || len(s.manifest.Sinks[Gold].Prepared) == 0 || t.Transactions[s.appID()].Version >= s.epoch() {
		return ends, nil
	}
	v.report.Notes = append(v.report.Notes, fmt.Sprintf(
		"table %s: epoch %d is decided and not yet committed there: a crash came between, the next start of the demo rolls it forward; it is compared as of the epoch before",
		Gold, s.epoch()))
	entries, err := oracle.ReadLedger(v.ledgerPath(), "")
	if err != nil {
		return nil, fmt.Errorf("reading the ledger: %w", err)
	}
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Epoch != s.epoch()-1 {
			continue
		}
		m, err := entries[i].LoadManifest(filepath.Join(v.dir, Checkpoint))
		if err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", err)
		}
		before := *v
		before.report = Report{Positions: map[string]int64{}}
		then, _ := before.positions(m)
		return then, nil
	}
	return make([]int64, len(ends)), nil
}

// gold expects a row for each minute and region that has an order in time: how many orders, of how many
// customers, and their amounts.
type gold struct {
	want map[minute]*takings
	seen map[minute]bool
}

// minute is a window of gold.
type minute struct {
	start  int64 // milliseconds
	region string
}

type takings struct {
	orders, cents int64
	customers     bitmap
}

const customers = 10_001 // one more than the greatest number of a customer

func newGold(v *verification, ends []int64) *gold {
	g := &gold{want: map[minute]*takings{}, seen: map[minute]bool{}}
	newSilver(v, ends).each(func(at Place) {
		if v.plan.Late(at) {
			return
		}
		o := v.plan.order(at)
		m := minute{o.At - o.At%Window, o.Region}
		t := g.want[m]
		if t == nil {
			t = &takings{customers: newBitmap(customers)}
			g.want[m] = t
		}
		t.orders++
		t.cents += o.Cents
		t.customers.set(o.Customer)
	})
	return g
}

func (g *gold) count() int64 { return int64(len(g.want)) }

func (g *gold) missing(tell func(string)) {
	for m := range g.want {
		if !g.seen[m] {
			tell(m.String())
		}
	}
}

func (g *gold) row(values map[string]any) (verdict, string) {
	start, _ := values["minute"].(time.Time)
	region, _ := text(values["region"])
	m := minute{start.UnixMilli(), region}
	t := g.want[m]
	if t == nil {
		return wrong, fmt.Sprintf("minute %v, region %v: no order of it came in time", values["minute"], values["region"])
	}
	if g.seen[m] {
		return doubled, m.String() + " once more"
	}
	g.seen[m] = true
	distinct := int64(0)
	for _, w := range t.customers {
		distinct += int64(bits.OnesCount64(w))
	}
	for _, c := range []struct {
		name string
		want any
	}{{"orders", t.orders}, {"customers", distinct}, {"revenue", cents(t.cents)}} {
		if values[c.name] != c.want {
			return wrong, fmt.Sprintf("%s: %s is %v, must be %v", m, c.name, values[c.name], c.want)
		}
	}
	return right, ""
}

// String names the row for people.
func (m minute) String() string {
	return fmt.Sprintf("minute %s of region %s", timestamp(m.start).Format(time.RFC3339), m.region)
}

// each walks the places of the orders that are expected.
func (s *silver) each(do func(Place)) {
	for partition, want := range s.want {
		for i, word := range want {
			for ; word != 0; word &= word - 1 {
				do(Place{int32(partition), int64(i)*64 + int64(bits.TrailingZeros64(word))})
			}
		}
	}
}

// late expects each late order once, wherever the copy that was looked at came from.
type late struct{ silver *silver }

func (l *late) count() (n int64) {
	l.silver.each(func(at Place) {
		if l.silver.v.plan.Late(at) {
			n++
		}
	})
	return n
}

func (l *late) missing(tell func(string)) {
	l.silver.each(func(at Place) {
		if l.silver.v.plan.Late(at) && !l.silver.seen[at.Partition].has(at.Offset) {
			tell("late order " + orderID(at))
		}
	})
}

func (l *late) row(values map[string]any) (verdict, string) {
	value, _ := text(values["value"])
	_, rest, _ := strings.Cut(value, `"order_id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	s := l.silver
	made, ok := parseOrderID(id)
	if !ok || int(made.Partition) >= len(s.want) || !s.want[made.Partition].has(made.Offset) || !s.v.plan.Late(made) {
		return wrong, fmt.Sprintf("value is %s: no such order was late", abridge(value))
	}
	at, problem := s.v.place(values)
	if problem != "" {
		return wrong, problem
	}
	if kind, origin := s.v.plan.Kind(at.Partition, at.Offset); at.Offset >= s.ends[at.Partition] || kind == Broken || origin != made {
		return wrong, fmt.Sprintf("late order %s claims to come from %s, which does not hold it", id, at)
	}
	if s.seen[made.Partition].has(made.Offset) {
		return doubled, "late order " + id + " once more"
	}
	s.seen[made.Partition].set(made.Offset)
	return right, ""
}
