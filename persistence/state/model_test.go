package state

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

// modelRow is what a Go map keeps of a row: the value of each column as text.
type modelRow string

// model drives a table and a map from row to values alike.
type model struct {
	t        *rapid.T
	spec     Spec
	pool     *batch.Pool
	account  *batch.Account
	table    *Table
	replica  *Table // of the checkpoints
	groups   *Table // with the first keys of rows that share them
	rows     map[string]modelRow
	reused   int
	versions int
	epoch    int64
}

var modelKeys = [][]batch.Type{
	{}, {batch.BigIntType}, {batch.StringType}, {batch.IntType}, {batch.BooleanType}, {batch.DoubleType}, {batch.DecimalType(38, 4)},
	{batch.BigIntType, batch.StringType}, {batch.StringType, batch.DateType, batch.BigIntType}, {batch.StringType, batch.DoubleType}, {batch.IntType, batch.BooleanType},
}

var modelValues = [][]batch.Type{
	{}, {batch.BigIntType, batch.BigIntType}, {batch.BinaryType}, {batch.DoubleType, batch.StringType, batch.BooleanType, batch.IntType, batch.FloatType, batch.BinaryType},
}

func columnsOf(types []batch.Type) []Column {
	var c []Column
	for i, t := range types {
		c = append(c, Column{Name: fmt.Sprint("c", i), Type: t})
	}
	return c
}

// cell appends the n-th of the values of a type, null for 0.
func cell(b *batch.Builder, n int) {
	if n == 0 {
		b.Null()
		return
	}
	switch b.Type().Kind {
	case batch.Boolean:
		b.Bool(n%2 == 0)
	case batch.Double:
		b.Float64(float64(n) / 4)
	case batch.Decimal:
		b.Decimal(batch.Int128From(int64(-n)))
	case batch.String, batch.Binary:
		b.String(fmt.Sprintf("%0*d", n*n%300, n)[:n*n%300])
	case batch.BigInt:
		b.Int64(int64(n) << 33)
	default:
		b.Int32(int32(n))
	}
}

func (m *model) keys(rows, wide int) []*batch.Column {
	var keys []*batch.Column
	draws := rapid.SliceOfN(rapid.IntRange(0, wide), rows, rows).Draw(m.t, "keys")
	for _, k := range m.spec.Keys {
		b := batch.NewBuilder(k.Type, m.pool)
		for _, d := range draws {
			cell(b, d)
		}
		keys = append(keys, b.Finish())
		b.Release()
	}
	return keys
}

func (m *model) key(segment int64, keys []*batch.Column, i int) string {
	text := fmt.Append(nil, segment)
	for _, k := range keys {
		text = batch.AppendJSON(append(text, '|'), k, i)
	}
	return string(text)
}

func (m *model) value(s *Segment, r uint32) modelRow {
	text := ""
	for i, v := range m.spec.Values {
		if width(v.Type.Kind) > 0 {
			text += fmt.Sprint(s.Words(i).At(r), " ")
		} else {
			text += fmt.Sprintf("%x ", s.Bytes(i).At(r))
		}
	}
	return modelRow(text)
}

func (m *model) zero() modelRow {
	text := ""
	for _, v := range m.spec.Values {
		if width(v.Type.Kind) > 0 {
			text += "0 "
		} else {
			text += " "
		}
	}
	return modelRow(text)
}

// share draws how many keys come first, and whether rows share them.
func (m *model) share() {
	m.spec.Prefix = rapid.IntRange(NoPrefix, len(m.spec.Keys)).Draw(m.t, "prefix")
	if m.spec.Shared = rapid.Bool().Draw(m.t, "shared"); m.spec.Shared && len(m.spec.Keys) > 1 {
		m.spec.Prefix = len(m.spec.Keys) - 1
	}
}

// groupsOf finds the first keys of a batch in another table, out of which some went before.
func (m *model) groupsOf(at int64, keys []*batch.Column, n int) Groups {
	if m.groups == nil {
		m.groups, _ = NewTable(headSpec(&m.spec), m.pool, m.account)
	}
	s := m.groups.Segment(at)
	if rapid.IntRange(0, 3).Draw(m.t, "groups go") == 0 {
		_ = s.Scan(func(rows []uint32) error { s.Remove(rows[:len(rows)/2]); return nil })
	}
	keys = keys[:m.spec.Prefix]
	g := Groups{Segment: s, Rows: make([]uint32, n), Hashes: batch.Hash(keys, n, nil)}
	if err := s.Upsert(keys, nil, n, g.Hashes, g.Rows, nil); err != nil {
		m.t.Fatal(err)
	}
	return g
}

// close gives back the memory of the table and of its groups.
func (m *model) close() {
	m.table.Release()
	if m.groups != nil {
		m.groups.Release()
	}
}

// set gives a row new values.
func (m *model) set(s *Segment, r uint32) {
	m.versions++
	for i, v := range m.spec.Values {
		switch n := m.versions; {
		case v.Type.Kind == batch.Boolean:
			s.Words(i).Set(r, uint64(n&1))
		case v.Type.Kind == batch.Int:
			s.Words(i).Set(r, uint64(int64(-n)))
		case v.Type.Kind == batch.Float:
			s.Words(i).Set(r, uint64(uint32(n)))
		case width(v.Type.Kind) > 0:
			*s.Words(i).Slot(r) += uint64(n) << 40
		case n%97 == 0:
			s.Bytes(i).Set(r, make([]byte, arenaLarge+n))
		case n%5 == 0:
			s.Bytes(i).Set(r, append(s.Bytes(i).At(r), byte(n)))
		default:
			s.Bytes(i).Set(r, []byte(fmt.Sprintf("%0*d", n%7*n%200, n)))
		}
	}
	s.Touch([]uint32{r})
}

func (m *model) segment() int64 {
	if !m.spec.Windowed {
		return 0
	}
	return int64(rapid.IntRange(-2, 2).Draw(m.t, "segment")) * 60_000_000
}

func release(columns []*batch.Column) {
	for _, c := range columns {
		c.Release()
	}
}

// feed upserts keys, or looks for them, and changes and deletes some.
func (m *model) feed(add bool) {
	t, n := m.t, rapid.IntRange(1, 30).Draw(m.t, "rows")
	at := m.segment()
	keys := m.keys(n, rapid.SampledFrom([]int{3, 200}).Draw(t, "wide"))
	defer release(keys)
	var sel []int32
	if rapid.Bool().Draw(t, "selection") {
		sel = []int32{}
		for i := range n {
			if i%3 != 1 {
				sel = append(sel, int32(i))
			}
		}
	}
	selected := sel
	if sel == nil {
		for i := range n {
			selected = append(selected, int32(i))
		}
	}
	s := m.table.Segment(at)
	hashes, rows, fresh := batch.Hash(keys, n, nil), make([]uint32, n), make(batch.Bitmap, batch.BitmapWords(n))
	var err error
	before := s.grid.n
	if add && m.table.heads != nil && rapid.Bool().Draw(t, "in groups") {
		err = s.UpsertIn(m.groupsOf(at, keys, n), keys, sel, n, hashes, rows, fresh)
	} else if add {
		err = s.Upsert(keys, sel, n, hashes, rows, fresh)
	} else {
		err = s.Find(keys, sel, n, hashes, rows)
	}
	if err != nil {
		t.Fatal(err)
	}
	if fresh.Count(n) > s.grid.n-before {
		m.reused++
	}
	for _, i := range selected {
		key := m.key(at, keys, int(i))
		want, there := m.rows[key]
		if !add {
			if (rows[i] == NoRow) == there {
				t.Fatalf("found %s: %v, in the map: %v", key, rows[i] != NoRow, there)
			}
		} else if fresh.Get(int(i)) == there {
			t.Fatalf("%s: fresh %v, in the map %v", key, fresh.Get(int(i)), there)
		}
		if !there && add {
			want = m.zero()
			m.rows[key] = want
		}
		if add || there {
			if got := m.value(s, rows[i]); got != want {
				t.Fatalf("%s is %q, want %q", key, got, want)
			}
		}
	}
	for _, i := range selected {
		key := m.key(at, keys, int(i))
		if _, there := m.rows[key]; !there {
			continue
		}
		if i%3 == 0 {
			m.set(s, rows[i])
			m.rows[key] = m.value(s, rows[i])
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "delete") > 0 {
		return
	}
	var gone []uint32
	for _, i := range selected {
		key := m.key(at, keys, int(i))
		if _, there := m.rows[key]; there && i%2 == 0 {
			gone = append(gone, rows[i])
			delete(m.rows, key)
		}
	}
	s.Delete(gone)
}

// forget takes a segment out of the map.
func (m *model) forget(at int64) {
	segment := fmt.Sprint(at)
	maps.DeleteFunc(m.rows, func(k string, _ modelRow) bool { return k == segment || strings.HasPrefix(k, segment+"|") })
}

// all returns the rows of a table.
func (m *model) all(t *Table) map[string]modelRow {
	got := map[string]modelRow{}
	for _, at := range t.Segments() {
		s := t.Lookup(at)
		err := s.Scan(func(rows []uint32) error {
			keys := s.Keys(m.pool, rows)
			defer release(keys)
			for i, r := range rows {
				got[m.key(at, keys, i)] = m.value(s, r)
			}
			for v := range m.spec.Values {
				c := s.Values(m.pool, v, rows)
				if c.N != len(rows) {
					m.t.Fatal("a column of values is short")
				}
				c.Release()
			}
			return nil
		})
		if err != nil {
			m.t.Fatal(err)
		}
	}
	for _, at := range t.Segments() {
		m.heads(t.Lookup(at))
	}
	if len(got) != t.Len() {
		m.t.Fatalf("scanned %d rows, the table has %d", len(got), t.Len())
	}
	return got
}

// heads checks that every first key that rows share is there as often as rows have it.
func (m *model) heads(s *Segment) {
	if s.heads == nil {
		return
	}
	sum := uint64(0)
	_ = s.heads.Scan(func(rows []uint32) error {
		for _, r := range rows {
			if sum += s.heads.Words(0).At(r); s.heads.Words(0).At(r) == 0 {
				m.t.Fatal("a head that no row has")
			}
		}
		return nil
	})
	if sum != uint64(s.index.rows) {
		m.t.Fatalf("heads are counted %d times, there are %d rows", sum, s.index.rows)
	}
}

// replay applies a checkpoint to the replica.
func (m *model) replay() {
	c := &Copy{}
	m.epoch++
	m.table.Checkpoint(m.epoch, c)
	for _, at := range c.Dropped {
		m.replica.Drop(at)
	}
	for range 2 { // a repeat changes nothing
		c.Rewind()
		for {
			b := c.Next(m.pool)
			if b.N == 0 {
				b.Release()
				break
			}
			sel := make([]int32, b.N)
			for i := range sel {
				sel[i] = int32(i)
			}
			if err := m.replica.Apply(&b, sel, batch.Hash(b.Keys, b.N, nil)); err != nil {
				m.t.Fatal(err)
			}
			b.Release()
		}
	}
	m.replica.Settle()
}

func equalRows(t *rapid.T, what string, got, want map[string]modelRow) {
	if maps.Equal(got, want) {
		return
	}
	for k, v := range want {
		if got[k] != v {
			t.Fatalf("%s: %s is %q, want %q", what, k, got[k], v)
		}
	}
	t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
}

// Any history of a table equals a Go map's, and so does a table that is fed by
// its checkpoints.
func TestTableEqualsAGoMap(t *testing.T) {
	reused := 0
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, pool: batch.NewPool(), account: batch.NewAccount("all", 0), rows: map[string]modelRow{}}
		m.spec = Spec{Name: "t", Keys: columnsOf(rapid.SampledFrom(modelKeys).Draw(t, "keys")), Values: columnsOf(rapid.SampledFrom(modelValues).Draw(t, "values")),
			Windowed: rapid.Bool().Draw(t, "windowed")}
		m.share()
		m.table, _ = NewTable(m.spec, m.pool, m.account)
		m.replica, _ = NewTable(m.spec, m.pool, m.account)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0:
				m.replay()
				equalRows(t, "replica", m.all(m.replica), m.rows)
			case 1:
				equalRows(t, "table", m.all(m.table), m.rows)
			case 2:
				at := m.segment()
				m.table.Drop(at)
				m.forget(at)
			case 3:
				m.feed(false)
			default:
				m.feed(true)
			}
		}
		m.close()
		m.replica.Release()
		reused += m.reused
		if m.account.Used() != 0 || m.pool.Lent() != 0 {
			t.Fatalf("left over: %d bytes, %d columns", m.account.Used(), m.pool.Lent())
		}
	})
	if reused == 0 {
		t.Fatal("no row number was used again")
	}
}

// What segments are charged is given back when they are dropped.
func TestDropGivesMemoryBack(t *testing.T) {
	account := batch.NewAccount("all", 0)
	table, err := NewTable(Spec{Name: "w", Keys: columnsOf([]batch.Type{batch.StringType}), Values: columnsOf([]batch.Type{batch.BinaryType}), Windowed: true}, nil, account)
	if err != nil {
		t.Fatal(err)
	}
	for at := range int64(3) {
		s := table.Segment(at)
		b := batch.NewBuilder(batch.StringType, nil)
		for i := range 1000 {
			b.String(fmt.Sprint("key ", i))
		}
		keys, rows := []*batch.Column{b.Finish()}, make([]uint32, 1000)
		if err := s.Upsert(keys, nil, 1000, batch.Hash(keys, 1000, nil), rows, nil); err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			s.Bytes(0).Set(r, make([]byte, i*100%70_001))
		}
		s.Delete(rows[:500])
		table.Checkpoint(1, &Copy{})
		s.leave(1 << 20)
	}
	for at := range int64(3) {
		table.Drop(at)
	}
	if account.Used() != 0 || table.Charged() != 0 {
		t.Fatalf("%d bytes are charged still", account.Used())
	}
}

// A key with a count and a sum takes at most 56 bytes however many there are; 40 is the aim.
func TestBytesPerKey(t *testing.T) {
	worst, sum, n := 0.0, 0.0, 0
	table, err := NewTable(Spec{Name: "a", Keys: columnsOf([]batch.Type{batch.BigIntType}), Values: columnsOf([]batch.Type{batch.BigIntType, batch.BigIntType})}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, values, hashes, rows := table.Segment(0), make([]int64, 4096), make([]uint64, 4096), make([]uint32, 4096)
	for from := 0; from < 4_000_000; from += len(values) {
		for i := range values {
			values[i] = int64(from + i)
		}
		mixAll(values, hashes)
		if err := s.Upsert([]*batch.Column{bigints(values...)}, nil, len(values), hashes, rows, nil); err != nil {
			t.Fatal(err)
		}
		if from >= 100_000 {
			each := float64(table.Charged()) / float64(s.Len())
			worst, sum, n = max(worst, each), sum+each, n+1
		}
	}
	t.Logf("%.1f bytes a key at worst, %.1f on average", worst, sum/float64(n))
	if worst > 56 {
		t.Fatalf("%.1f bytes a key", worst)
	}
}
