package interop

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/local"
)

// scan calls each with the batches of a table's columns and returns the whole table's digest.
func scan(t *testing.T, path string, columns []string, each func(b *batch.Batch, row int)) *delta.Snapshot {
	t.Helper()
	store, err := local.New(path, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := delta.Open(store, delta.Options{}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{Columns: columns}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows() {
			each(b, b.Row(i))
		}
		b.Release()
	}
	return s
}

func digestOf(t *testing.T, path string) *batch.RowDigest {
	t.Helper()
	store, err := local.New(path, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := delta.Open(store, delta.Options{}).Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digest := &batch.RowDigest{}
	for b, err := range s.Scan(t.Context(), delta.ScanOptions{}) {
		if err == nil {
			err = digest.Add(b)
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	return digest
}

// faults counts what is wrong, and keeps a few words about each kind.
type faults struct {
	count map[string]int
	first map[string]string
}

func (f *faults) add(kind, detail string, args ...any) {
	if f.count == nil {
		f.count, f.first = map[string]int{}, map[string]string{}
	}
	if f.count[kind]++; f.count[kind] == 1 {
		f.first[kind] = fmt.Sprintf(detail, args...)
	}
}

// verify compares the tables with the truth: silver has every bid once, quarantine the broken offsets and
// no other, bronze all other offsets, and all three stand at the same epoch.
func (w *truth) verify(t *testing.T, dir string) {
	t.Helper()
	var f faults
	seen := make([][]bool, len(w.at)) // by bronze or quarantine
	for p := range w.at {
		seen[p] = make([]bool, len(w.at[p]))
	}
	take := func(table string, partition int32, offset int64) *record {
		if partition < 0 || int(partition) >= len(w.at) || offset < 0 || offset >= int64(len(w.at[partition])) {
			f.add(table+": no such offset", "%d/%d", partition, offset)
			return nil
		}
		if seen[partition][offset] {
			f.add(table+": doubled", "%d/%d", partition, offset)
		}
		seen[partition][offset] = true
		return &w.at[partition][offset]
	}
	bronze := scan(t, filepath.Join(dir, "bronze"), []string{"partition", "offset", "n", "event_type"}, func(b *batch.Batch, i int) {
		r := take("bronze", b.Columns[0].I32[i], b.Columns[1].I64[i])
		if r != nil && (r.broken || uint64(b.Columns[2].I64[i]) != r.n || (b.Columns[3].I32[i] == 2) != r.bid) {
			f.add("bronze: wrong", "%d/%d has n %d", b.Columns[0].I32[i], b.Columns[1].I64[i], b.Columns[2].I64[i])
		}
	})
	quarantine := scan(t, filepath.Join(dir, "quarantine"), []string{"partition", "offset"}, func(b *batch.Batch, i int) {
		if r := take("quarantine", b.Columns[0].I32[i], b.Columns[1].I64[i]); r != nil && !r.broken {
			f.add("quarantine: not broken", "%d/%d", b.Columns[0].I32[i], b.Columns[1].I64[i])
		}
	})
	for p := range seen {
		for o, ok := range seen[p] {
			if !ok {
				f.add("lost", "%d/%d, broken %v", p, o, w.at[p][o].broken)
			}
		}
	}
	found := make(map[uint64]bool, len(w.bids))
	silver := scan(t, filepath.Join(dir, "silver"), []string{"n"}, func(b *batch.Batch, i int) {
		n := uint64(b.Columns[0].I64[i])
		if found[n] {
			f.add("silver: doubled", "n %d", n)
		}
		if found[n] = true; !w.bids[n] {
			f.add("silver: no bid", "n %d", n)
		}
	})
	for n := range w.bids {
		if !found[n] {
			f.add("silver: lost", "n %d", n)
		}
	}
	for kind, n := range f.count {
		t.Errorf("%s: %d rows, the first %s", kind, n, f.first[kind])
	}
	epochs := map[int64]bool{}
	for _, s := range []*delta.Snapshot{bronze, silver, quarantine} {
		for _, x := range s.Txns {
			epochs[x.Version] = true
		}
	}
	if len(epochs) != 1 {
		t.Errorf("the three tables stand at epochs %v", epochs)
	}
	t.Logf("%d records: bronze %d, quarantine %d, silver %d; epochs %v", w.records, w.unbroken, w.broken, len(w.bids), epochs)
}

// verifyDuckDB counts the same by DuckDB, which shares no code with us.
func (w *truth) verifyDuckDB(t *testing.T, dir string) {
	t.Helper()
	var sumBids, sumUnbroken, sumBroken uint64
	for n := range w.bids {
		sumBids += n
	}
	for p := range w.at {
		for o, r := range w.at[p] {
			if r.broken {
				sumBroken += uint64(p*1_000_003 + o)
			} else {
				sumUnbroken += r.n
			}
		}
	}
	views := map[string]string{}
	for _, name := range []string{"bronze", "silver", "quarantine"} {
		views[name] = filepath.Join(dir, name)
	}
	got := sql(t, "duckdb", views,
		`SELECT count(*), count(DISTINCT partition::BIGINT * 1000000007 + "offset"), sum(n)::BIGINT FROM bronze`,
		`SELECT count(*), count(DISTINCT n), sum(n)::BIGINT FROM silver`,
		`SELECT count(*), count(DISTINCT partition::BIGINT * 1000000007 + "offset"), sum(partition::BIGINT * 1000003 + "offset")::BIGINT FROM quarantine`)
	for i, want := range [][2]uint64{{uint64(w.unbroken), sumUnbroken}, {uint64(len(w.bids)), sumBids}, {uint64(w.broken), sumBroken}} {
		var rows [][]json.Number
		if err := json.Unmarshal(got[i].Rows, &rows); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("[%d %d %d]", want[0], want[0], want[1])
		if fmt.Sprint(rows[0]) != text {
			t.Errorf("DuckDB: %s: %v, want %s", strings.Fields("bronze silver quarantine")[i], rows[0], text)
		}
	}
}
