package persistence_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/persistence"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/persistence/state"
)

// job is tasks that keep one table with values, and the map that they must equal.
type job struct {
	spec    state.Spec
	pool    *batch.Pool
	account *batch.Account
	objects *memory.Store
	stores  []*persistence.Store
	tables  []*state.Table
	files   []persistence.StateFile
	epoch   int64
	attempt int64
	unique  int
	version int
	schema  int               // of valuesOf
	rows    map[string]string // by segment and key
	image   *image.Image
	disk    vfs.FS         // of the image
	counts  map[string]int // how often what happened
}

// valuesOf returns the values of the tables' first schema, of one without a value, in another order and wider, and of one
// with a value that rows from before have not.
func valuesOf(schema int) (values []state.Column, version int) {
	values = []state.Column{{Name: "count", Type: batch.BigIntType}, {Name: "sketch", Type: batch.BinaryType}}
	small, ratio := state.Column{Name: "small", Type: batch.IntType}, state.Column{Name: "ratio", Type: batch.FloatType}
	if schema == 0 {
		return append(values, small, state.Column{Name: "note", Type: batch.BinaryType}, ratio), 1
	}
	small.Type, ratio.Type = batch.BigIntType, batch.DoubleType
	if schema == 1 {
		return append(values, ratio, small), 1
	}
	return append(values, state.Column{Name: "added", Type: batch.IntType, Since: 2, Default: 7}, small, ratio), 2
}

func (j *job) value(name string) int {
	return slices.IndexFunc(j.spec.Values, func(c state.Column) bool { return c.Name == name })
}

// set makes a row hold what follows from its version, and returns it as text.
func (j *job) set(s *state.Segment, row uint32, version int) string {
	sketch := fmt.Sprintf("%0*d", version%50, version)
	s.Words(0).Set(row, uint64(version))
	s.Bytes(1).Set(row, []byte(sketch))
	s.Words(j.value("small")).Set(row, uint64(-int64(version)))
	if ratio := float64(version) / 4; j.schema == 0 {
		s.Words(j.value("ratio")).Set(row, uint64(math.Float32bits(float32(ratio))))
		s.Bytes(j.value("note")).Set(row, []byte(sketch))
	} else {
		s.Words(j.value("ratio")).Set(row, math.Float64bits(ratio))
	}
	if i := j.value("added"); i >= 0 {
		s.Words(i).Set(row, uint64(version))
	}
	s.Touch([]uint32{row})
	return j.get(s, row)
}

// get returns a row as text, the same in every schema.
func (j *job) get(s *state.Segment, row uint32) string {
	ratio, added := math.Float64frombits(s.Words(j.value("ratio")).At(row)), uint64(7)
	if j.schema == 0 {
		ratio = float64(math.Float32frombits(uint32(s.Words(j.value("ratio")).At(row))))
	}
	if i := j.value("added"); i >= 0 {
		added = s.Words(i).At(row)
	}
	return fmt.Sprintf("%d %q %d %v %d", s.Words(0).At(row), s.Bytes(1).At(row), int64(s.Words(j.value("small")).At(row)), ratio, added)
}

// drawSpec draws a table; keys are a bigint and perhaps a string or another bigint behind it.
func drawSpec(t *rapid.T) state.Spec {
	s := state.Spec{Name: "t", Windowed: rapid.Bool().Draw(t, "windowed"), Keys: []state.Column{{Name: "user", Type: batch.BigIntType}}}
	s.Values, s.Version = valuesOf(0)
	switch rapid.IntRange(0, 4).Draw(t, "keys") {
	case 0:
		s.Keys, s.Prefix = append(s.Keys, state.Column{Name: "item", Type: batch.StringType}), 1
	case 1:
		s.Keys = append(s.Keys, state.Column{Name: "item", Type: batch.StringType})
	case 2:
		s.Keys = []state.Column{}
	case 3:
		s.Keys, s.Prefix, s.Shared = append(s.Keys, state.Column{Name: "item", Type: batch.BigIntType}), 1, true
	}
	return s
}

func (j *job) start(t *rapid.T, parallelism int) {
	for _, s := range j.stores {
		s.Close()
	}
	if j.account.Used() != 0 {
		t.Fatalf("closed stores leave %d bytes charged", j.account.Used())
	}
	if len(j.stores) != parallelism && len(j.files) > 0 {
		j.counts["rescaled"]++
	}
	j.attempt++
	j.stores, j.tables = nil, nil
	j.reopen(t)
	for p := range parallelism {
		s, err := persistence.NewStore(persistence.Options{Flow: "flow", Incarnation: "i-1", Step: "sum", Attempt: j.attempt, Groups: groups,
			Lo: p * groups / parallelism, Hi: (p + 1) * groups / parallelism, Pool: j.pool, Account: j.account, Image: j.image,
			Unique: func() string { j.unique++; return fmt.Sprint("u", j.unique) }})
		if err == nil {
			err = s.Restore(context.Background(), j.objects, j.files)
		}
		var table *state.Table
		if err == nil {
			table, err = s.Table(j.spec)
		}
		if err == nil {
			err = s.CheckUsed()
		}
		if err != nil {
			t.Fatal(err)
		}
		if table.Spec().Shared != j.spec.Shared {
			t.Fatal("a table has forgotten that its rows share keys")
		}
		j.stores, j.tables = append(j.stores, s), append(j.tables, table)
	}
}

// all returns every row of every task.
func (j *job) all(t *rapid.T) map[string]string {
	got, total := map[string]string{}, 0
	for _, table := range j.tables {
		total += table.Len()
		for _, at := range table.Segments() {
			s := table.Lookup(at)
			if err := s.Scan(func(rows []uint32) error {
				keys := s.Keys(j.pool, rows)
				for i, r := range rows {
					got[fmt.Sprint(at, "|", text(keys, i))] = j.get(s, r)
				}
				for _, k := range keys {
					k.Release()
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if total != len(got) {
		t.Fatalf("tables say %d rows, scans met %d", total, len(got))
	}
	return got
}

func (j *job) segment(t *rapid.T) int64 {
	if !j.spec.Windowed {
		return 0
	}
	return int64(rapid.IntRange(0, 4).Draw(t, "segment"))
}

func (j *job) feed(t *rapid.T) {
	n, at := rapid.IntRange(1, 30).Draw(t, "rows"), j.segment(t)
	wide := rapid.SampledFrom([]int{5, 300}).Draw(t, "wide")
	var keys []*batch.Column
	for _, k := range j.spec.Keys {
		b := batch.NewBuilder(k.Type, j.pool)
		for range n {
			draw(t, b, wide)
		}
		keys = append(keys, b.Finish())
		b.Release()
	}
	hashes := batch.Hash(keys, n, nil)
	routes := hashes
	if j.spec.Prefix == 1 {
		routes = batch.Hash(keys[:1], n, nil)
	}
	remove := rapid.IntRange(0, 2).Draw(t, "remove") == 0
	for p, table := range j.tables {
		lo, hi := p*groups/len(j.tables), (p+1)*groups/len(j.tables)
		sel := []int32{}
		for i, h := range routes {
			g := batch.KeyGroup(h, groups)
			if len(keys) == 0 {
				g = 0
			}
			if g >= lo && g < hi {
				sel = append(sel, int32(i))
			}
		}
		if len(sel) > 0 {
			j.update(t, table.Segment(at), keys, sel, n, hashes, remove)
		}
	}
	for _, k := range keys {
		k.Release()
	}
}

func (j *job) update(t *rapid.T, s *state.Segment, keys []*batch.Column, sel []int32, n int, hashes []uint64, remove bool) {
	rows, fresh := make([]uint32, n), make(batch.Bitmap, batch.BitmapWords(n))
	if err := s.Upsert(keys, sel, n, hashes, rows, fresh); err != nil {
		t.Fatal(err)
	}
	for _, i := range sel {
		key := fmt.Sprint(s.At(), "|", text(keys, int(i)))
		if _, there := j.rows[key]; there == fresh.Get(int(i)) {
			t.Fatalf("%s: fresh %v, in the map %v", key, fresh.Get(int(i)), there)
		}
		j.version++
		j.rows[key] = j.set(s, rows[i], j.version)
	}
	if !remove {
		return
	}
	for _, i := range sel {
		if i%2 == 0 {
			s.Delete(rows[i:][:1])
			delete(j.rows, fmt.Sprint(s.At(), "|", text(keys, int(i))))
			j.counts["deleted"]++
		}
	}
}

// upgrade makes the step want other values from the next start on.
func (j *job) upgrade(t *rapid.T) {
	if j.schema == 2 || !rapid.Bool().Draw(t, "upgrade") {
		return
	}
	j.schema++
	j.spec.Values, j.spec.Version = valuesOf(j.schema)
	if len(j.files) > 0 {
		j.counts["migrated"]++
	}
}

func (j *job) drop(t *rapid.T) {
	at := j.segment(t)
	for _, table := range j.tables {
		table.Drop(at)
	}
	prefix := fmt.Sprint(at, "|")
	maps.DeleteFunc(j.rows, func(k, _ string) bool { return k[:len(prefix)] == prefix })
	j.counts["dropped"]++
}

// reopen closes the image and opens it again, an older one or none now and then.
func (j *job) reopen(t *rapid.T) {
	if j.image == nil {
		return
	}
	if err := j.image.Close(); err != nil {
		t.Fatal(err)
	}
	if rapid.IntRange(0, 4).Draw(t, "lost image") == 0 {
		j.counts["images lost"]++
		j.disk = vfs.NewMem()
	}
	j.open()
}

func (j *job) open() {
	j.image = image.New(image.Options{FS: j.disk, Dir: "image", Cache: 1 << 20})
}

// upkeep folds and merges, or dies before it tells the store.
func (j *job) upkeep(t *rapid.T, s *persistence.Store, decided []persistence.StateFile) []persistence.StateFile {
	u := s.Upkeep(decided)
	if u == nil {
		return nil
	}
	files, err := u.Write(context.Background(), j.objects)
	if err != nil {
		t.Fatal(err)
	}
	j.counts["upkeeps"]++
	j.counts["bases"] += len(files)
	s.Done(u)
	return files
}

// countByKinds holds that the kinds of rows in files say which keys are new.
func (j *job) countByKinds(t *rapid.T) {
	total := 0
	for _, s := range j.stores {
		n, err := s.CountByKinds(j.objects, j.files)
		if err != nil {
			t.Fatal(err)
		}
		total += n
	}
	if total != len(j.rows) {
		t.Fatalf("by the kinds of their rows files hold %d rows, they do %d", total, len(j.rows))
	}
}

func (j *job) checkpoint(t *rapid.T) {
	j.epoch++
	next := append([]persistence.StateFile(nil), j.files...)
	for _, s := range j.stores {
		c := s.Checkpoint(j.epoch)
		files, err := c.Write(context.Background(), j.objects)
		c.Release()
		if err != nil {
			t.Fatal(err)
		}
		next = append(next, files...)
		next = append(next, j.upkeep(t, s, j.files)...)
	}
	next = persistence.Live(next)
	for _, name := range persistence.Obsolete(j.files, next) {
		j.counts["removed"]++
		if err := j.objects.Delete(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
	j.files = next
}

// Any history of a table with values, deletes and windows, of checkpoints, bases and restarts at
// other parallelisms equals a Go map.
func TestTablesEqualAGoMap(t *testing.T) {
	counts := map[string]int{}
	rapid.Check(t, func(t *rapid.T) { history(t, counts, nil, 0) })
	happened(t, counts, "bases", "removed", "rescaled", "deleted", "dropped", "migrated")
}

// The same with most rows below memory, in an image that gets lost now and then.
func TestTablesOverAnImageEqualAGoMap(t *testing.T) {
	defer persistence.Small()()
	counts := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		history(t, counts, vfs.NewMem(), rapid.SampledFrom([]int64{0, 1, 40_000}).Draw(t, "memory limit"))
	})
	happened(t, counts, "bases", "removed", "rescaled", "deleted", "dropped", "migrated", "upkeeps", "images lost")
}

func happened(t *testing.T, counts map[string]int, what ...string) {
	t.Helper()
	for _, w := range what {
		if counts[w] == 0 {
			t.Errorf("never happened: %s (%v)", w, counts)
		}
	}
	t.Log(counts)
}

func history(t *rapid.T, counts map[string]int, disk vfs.FS, limit int64) {
	j := &job{spec: drawSpec(t), pool: batch.NewPool(), account: batch.NewAccount("all", limit), objects: memory.New(memory.Options{}),
		rows: map[string]string{}, counts: counts, disk: disk}
	if disk != nil {
		j.open()
		defer func() { _ = j.image.Close() }()
	}
	parallelism := rapid.SampledFrom([]int{1, 2, 7})
	j.start(t, parallelism.Draw(t, "parallelism"))
	decided := map[string]string{}
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		switch rapid.IntRange(0, 9).Draw(t, "step") {
		case 0:
			j.upgrade(t)
			j.start(t, parallelism.Draw(t, "parallelism"))
			j.rows = maps.Clone(decided)
		case 1, 2, 3:
			j.checkpoint(t)
			decided = maps.Clone(j.rows)
			j.countByKinds(t)
		case 4:
			j.drop(t)
		default:
			j.feed(t)
			continue // to look would bring all to memory
		}
		if got := j.all(t); !maps.Equal(got, j.rows) {
			t.Fatalf("tables hold\n%v, want\n%v", got, j.rows)
		}
	}
	for _, s := range j.stores {
		s.Close()
	}
	if j.account.Used() != 0 || j.pool.Lent() != 0 {
		t.Fatalf("left over: %d bytes, %d columns", j.account.Used(), j.pool.Lent())
	}
}
