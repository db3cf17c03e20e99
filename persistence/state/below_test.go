package state

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

const testGroups = 16

// under is what lies below a table in tests: a map of the decided checkpoints.
type under struct {
	t     *rapid.T
	rows  map[string]string
	queue []func() // checkpoints that it does not know yet
	epoch int64    // of the first in the queue
	reads int
}

func (u *under) Read(places [][]byte, found func(i int, values []byte) error) error {
	for i, p := range places {
		if i > 0 && bytes.Compare(places[i-1], p) >= 0 {
			u.t.Fatalf("places are not ascending: %x %x", places[i-1], p)
		}
		u.reads++
		if v, there := u.rows[string(p)]; there {
			if err := found(i, []byte(v)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *under) Scan(segment int64, f func(places, values [][]byte) error) error {
	prefix := string(AppendPlace(nil, segment, 0)[:placeGroup])
	var places, values [][]byte
	for _, p := range slices.Sorted(maps.Keys(u.rows)) {
		if strings.HasPrefix(p, prefix) {
			places, values = append(places, []byte(p)), append(values, []byte(u.rows[p]))
		}
	}
	for from := 0; from < len(places); from += 7 {
		to := min(from+7, len(places))
		if err := f(places[from:to], values[from:to]); err != nil {
			return err
		}
	}
	return nil
}

func (u *under) counts() map[int64]int {
	counts := map[int64]int{}
	for p := range u.rows {
		segment, _ := SegmentOf([]byte(p))
		counts[segment]++
	}
	return counts
}

// tell queues what a checkpoint says.
func (m *model) tell(u *under, c *Copy) {
	encoder, err := NewEncoder(m.spec, testGroups)
	if err != nil {
		m.t.Fatal(err)
	}
	dropped, told := c.Dropped, &Encoded{}
	for c.Rewind(); ; {
		b := c.Next(m.pool)
		if b.N == 0 {
			b.Release()
			break
		}
		all, groups := make([]int32, b.N), make([]int32, b.N)
		for i := range all {
			all[i] = int32(i)
		}
		m.table.groups = testGroups
		for i, g := range m.table.groupsOf(b.Keys, b.N, batch.Hash(b.Keys, b.N, nil)) {
			groups[i] = int32(g)
		}
		encoder.Append(told, &b, all, groups)
		b.Release()
	}
	u.queue = append(u.queue, func() {
		maps.DeleteFunc(u.rows, func(p, _ string) bool {
			segment, _ := SegmentOf([]byte(p))
			return slices.Contains(dropped, segment)
		})
		for i, r := range told.Rows {
			p := string(told.Place(i))
			if _, there := u.rows[p]; there != (r.Kind != batch.Insert) {
				m.t.Fatalf("a row of kind %d, in the checkpoints before: %v", r.Kind, there)
			}
			if u.rows[p] = string(told.Values(i)); r.Kind == batch.Delete {
				delete(u.rows, p)
			}
		}
	})
}

func (m *model) fold(u *under, n int) {
	for range min(n, len(u.queue)) {
		u.queue[0]()
		u.queue = u.queue[1:]
		u.epoch++
	}
	m.table.Folded(u.epoch)
}

// A table of which most is below memory equals a Go map, whatever is evicted
// and whenever what is below hears of checkpoints.
func TestTableOverRowsBelowEqualsAGoMap(t *testing.T) {
	var evicted, reads, again int
	rapid.Check(t, func(t *rapid.T) {
		u := &under{t: t, rows: map[string]string{}}
		limit := int64(rapid.SampledFrom([]int{1, 30_000, 0}).Draw(t, "limit"))
		m := &model{t: t, pool: batch.NewPool(), account: batch.NewAccount("all", limit), rows: map[string]modelRow{}}
		m.spec = Spec{Name: "t", Keys: columnsOf(rapid.SampledFrom(modelKeys).Draw(t, "keys")), Values: columnsOf(rapid.SampledFrom(modelValues).Draw(t, "values")),
			Windowed: rapid.Bool().Draw(t, "windowed")}
		m.share()
		m.table, _ = NewTable(m.spec, m.pool, m.account)
		m.table.Attach(u, testGroups, nil)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 11).Draw(t, "step") {
			case 0, 1:
				m.epoch++
				c := &Copy{}
				m.table.Checkpoint(m.epoch, c)
				m.tell(u, c)
			case 2:
				m.fold(u, rapid.IntRange(0, 3).Draw(t, "fold"))
			case 3:
				evicted += m.table.Evict(rapid.IntRange(1, 300).Draw(t, "evict"))
			case 4:
				equalRows(t, "table", m.all(m.table), m.rows)
			case 5:
				at := m.segment()
				m.table.Drop(at)
				m.forget(at)
			case 6:
				m.epoch++
				c := &Copy{}
				m.table.Checkpoint(m.epoch, c)
				m.tell(u, c)
				m.fold(u, len(u.queue))
				m.table.Release()
				m.table, _ = NewTable(m.spec, m.pool, m.account)
				m.table.Attach(u, testGroups, u.counts())
				again++
				if m.table.Len() != len(m.rows) {
					t.Fatalf("%d rows are attached, want %d", m.table.Len(), len(m.rows))
				}
			case 7:
				m.feed(false)
			default:
				m.feed(true)
			}
		}
		equalRows(t, "table", m.all(m.table), m.rows)
		m.close()
		reads += u.reads
		if m.account.Used() != 0 || m.pool.Lent() != 0 {
			t.Fatalf("left over: %d bytes, %d columns", m.account.Used(), m.pool.Lent())
		}
	})
	if evicted == 0 || reads == 0 || again == 0 {
		t.Fatalf("never happened: %d rows evicted, %d reads, %d restarts", evicted, reads, again)
	}
	t.Logf("%d rows evicted, %d reads, %d restarts", evicted, reads, again)
}
