package persistence_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/persistence"
)

const groups = 64

var keyTypes = [][]batch.Type{
	{batch.BigIntType}, {batch.StringType}, {batch.BinaryType}, {batch.IntType}, {batch.BooleanType}, {batch.DoubleType},
	{batch.FloatType}, {batch.DateType}, {batch.TimestampType}, {batch.DecimalType(38, 4)}, {batch.VoidType},
	{batch.BigIntType, batch.StringType}, {batch.StringType, batch.StringType}, {batch.TinyIntType, batch.DayTimeType, batch.YearMonthType},
	{batch.StructType(batch.Field{Name: "a", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "b", Type: batch.StringType, Nullable: true})},
	{batch.ArrayType(batch.StringType, true), batch.SmallIntType},
}

// draw appends one of few values, often null.
func draw(t *rapid.T, b *batch.Builder, wide int) {
	if rapid.IntRange(0, 9).Draw(t, "null") == 0 {
		b.Null()
		return
	}
	v := rapid.IntRange(0, wide).Draw(t, "value")
	switch b.Type().Kind {
	case batch.Boolean:
		b.Bool(v%2 == 0)
	case batch.Float:
		b.Float32(float32(v) / 4)
	case batch.Double:
		b.Float64(float64(v) / 4)
	case batch.Decimal:
		b.Decimal(batch.Int128From(int64(-v)))
	case batch.String, batch.Binary:
		b.String(fmt.Sprintf("%0*d", v%40, v))
	case batch.BigInt, batch.Timestamp, batch.DayTime:
		b.Int64(int64(v) << 33)
	case batch.Struct:
		for _, k := range b.Kids {
			draw(t, k, wide)
		}
		b.Struct()
	case batch.Array:
		for range v % 4 {
			draw(t, b.Kids[0], wide)
		}
		b.List()
	case batch.Void:
		b.Null()
	default:
		b.Int32(int32(v % 128))
	}
}

func text(keys []*batch.Column, i int) string {
	var s []byte
	for _, k := range keys {
		s = append(batch.AppendJSON(s, k, i), '|')
	}
	return string(s)
}

// world is a job of some tasks over one object store.
type world struct {
	types   []batch.Type
	pool    *batch.Pool
	account *batch.Account
	objects *memory.Store
	unique  int
	stores  []*persistence.Store
	sets    []persistence.KeySet
	files   []persistence.StateFile // of the decided manifest
	epoch   int64
	attempt int64

	bases, removed, rescaled int // how often it happened
}

func (w *world) start(t *rapid.T, parallelism int) {
	for _, s := range w.stores {
		s.Close()
	}
	if used := w.account.Used(); used != 0 {
		t.Fatalf("closed stores leave %d bytes charged", used)
	}
	if w.attempt++; len(w.stores) != parallelism && len(w.files) > 0 {
		w.rescaled++
	}
	w.stores, w.sets = nil, nil
	for p := range parallelism {
		s, err := persistence.NewStore(persistence.Options{Flow: "flow", Incarnation: "i-1", Step: "dedup/a", Attempt: w.attempt, Groups: groups,
			Lo: p * groups / parallelism, Hi: (p + 1) * groups / parallelism, Pool: w.pool, Account: w.account,
			Unique: func() string { w.unique++; return fmt.Sprint("u", w.unique) }})
		if err == nil {
			err = s.Restore(context.Background(), w.objects, w.files)
		}
		var set persistence.KeySet
		if err == nil {
			set, err = s.KeySet("seen", w.types)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.stores, w.sets = append(w.stores, s), append(w.sets, set)
	}
}

// insert routes a batch to the tasks and returns the rows that were fresh.
func (w *world) insert(t *rapid.T, keys []*batch.Column, n int) []bool {
	hashes := batch.Hash(keys, n, nil)
	fresh := make([]bool, n)
	for p, set := range w.sets {
		lo, hi := p*groups/len(w.sets), (p+1)*groups/len(w.sets)
		sel := []int32{}
		for i, h := range hashes {
			if g := batch.KeyGroup(h, groups); g >= lo && g < hi {
				sel = append(sel, int32(i))
			}
		}
		bits := make(batch.Bitmap, batch.BitmapWords(n))
		if err := set.Insert(keys, sel, n, hashes, bits); err != nil {
			t.Fatal(err)
		}
		for i := range fresh {
			fresh[i] = fresh[i] || bits.Get(i)
		}
	}
	return fresh
}

func (w *world) checkpoint(t *rapid.T) {
	w.epoch++
	next := slices.Clone(w.files)
	for _, s := range w.stores {
		c := s.Checkpoint(w.epoch)
		files, err := c.Write(context.Background(), w.objects)
		c.Release()
		if err != nil {
			t.Fatal(err)
		}
		next = append(next, files...)
		if b := s.Upkeep(w.files); b != nil {
			files, err := b.Write(context.Background(), w.objects)
			if err != nil {
				t.Fatal(err)
			}
			w.bases += len(files)
			next = append(next, files...)
		}
	}
	next = persistence.Live(next)
	for _, name := range persistence.Obsolete(w.files, next) {
		w.removed++
		if err := w.objects.Delete(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
	w.files = next
}

// Any history of inserts, checkpoints, bases and restarts at other
// parallelisms equals a Go map.
func TestStoresEqualAGoMap(t *testing.T) {
	var bases, removed, rescaled int
	rapid.Check(t, func(t *rapid.T) {
		w := &world{types: rapid.SampledFrom(keyTypes).Draw(t, "types"), pool: batch.NewPool(), account: batch.NewAccount("all", 0),
			objects: memory.New(memory.Options{})}
		wide := rapid.SampledFrom([]int{3, 100, 5000}).Draw(t, "wide")
		parallelism := rapid.SampledFrom([]int{1, 2, 7, groups})
		w.start(t, parallelism.Draw(t, "parallelism"))
		seen, decided := map[string]bool{}, map[string]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				w.start(t, parallelism.Draw(t, "parallelism"))
				seen = maps.Clone(decided)
			case 1, 2, 3:
				w.checkpoint(t)
				decided = maps.Clone(seen)
			default:
				w.feed(t, wide, seen)
			}
			total := 0
			for _, s := range w.sets {
				total += s.Len()
			}
			if total != len(seen) {
				t.Fatalf("%d keys, want %d", total, len(seen))
			}
		}
		for _, s := range w.stores {
			s.Close()
		}
		bases, removed, rescaled = bases+w.bases, removed+w.removed, rescaled+w.rescaled
		if w.account.Used() != 0 || w.pool.Lent() != 0 {
			t.Fatalf("left over: %d bytes, %d columns", w.account.Used(), w.pool.Lent())
		}
	})
	if bases == 0 || removed == 0 || rescaled == 0 {
		t.Fatalf("never tried: %d bases, %d files removed, %d restores at another parallelism", bases, removed, rescaled)
	}
	t.Logf("%d bases, %d files removed, %d restores at another parallelism", bases, removed, rescaled)
}

func (w *world) feed(t *rapid.T, wide int, seen map[string]bool) {
	n := rapid.IntRange(0, 40).Draw(t, "rows")
	var keys []*batch.Column
	for _, k := range w.types {
		b := batch.NewBuilder(k, w.pool)
		for range n {
			draw(t, b, wide)
		}
		keys = append(keys, b.Finish())
		b.Release()
	}
	for i, fresh := range w.insert(t, keys, n) {
		key := text(keys, i)
		if fresh == seen[key] {
			t.Fatalf("row %d key %s: fresh %v, seen %v", i, key, fresh, seen[key])
		}
		seen[key] = true
	}
	for _, k := range keys {
		k.Release()
	}
}
