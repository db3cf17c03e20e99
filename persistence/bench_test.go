package persistence

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
)

const benchRows = 4096

// load is batches of keys with their hashes: in random order, or each key once.
type load struct {
	types   []batch.Type
	columns [][]*batch.Column
	hashes  [][]uint64
}

func newLoad(types []batch.Type, keys int, once bool) *load {
	random := rand.New(rand.NewPCG(1, 2))
	l := &load{types: types}
	total := 1 << 20
	if once {
		total = max(keys, benchRows)
	}
	for from := 0; from+benchRows <= total; from += benchRows {
		var columns []*batch.Column
		builders := make([]*batch.Builder, len(types))
		for i, t := range types {
			builders[i] = batch.NewBuilder(t, nil)
		}
		for r := range benchRows {
			v := from + r
			if !once {
				v = random.IntN(keys)
			}
			for _, b := range builders {
				if b.Type().Kind == batch.String {
					b.String("customer-" + strconv.Itoa(10_000_000+v)) // 17 bytes
				} else {
					b.Int64(int64(v) * 7)
				}
			}
		}
		for _, b := range builders {
			columns = append(columns, b.Finish())
		}
		l.columns = append(l.columns, columns)
		l.hashes = append(l.hashes, batch.Hash(columns, benchRows, nil))
	}
	return l
}

func (l *load) fill(t KeySet, fresh batch.Bitmap) {
	for i := range l.columns {
		_ = t.Insert(l.columns[i], nil, benchRows, l.hashes[i], fresh)
	}
}

// newSet returns a set of keys in a store of its own.
func newSet(types []batch.Type) (*Store, KeySet) {
	s, err := NewStore(testOptions(batch.NewPool()))
	if err != nil {
		panic(err)
	}
	t, err := s.KeySet("seen", types)
	if err != nil {
		panic(err)
	}
	return s, t
}

var benchTypes = map[string][]batch.Type{
	"bigint": {batch.BigIntType}, "string17": {batch.StringType}, "bigint+string17": {batch.BigIntType, batch.StringType},
}

func BenchmarkInsert(b *testing.B) {
	for _, name := range []string{"bigint", "string17", "bigint+string17"} {
		for _, keys := range []int{1000, 1_000_000} {
			for _, build := range []bool{false, true} {
				mode := "steady"
				if build {
					mode = "build"
				}
				b.Run(fmt.Sprintf("%s/keys=%d/%s", name, keys, mode), func(b *testing.B) {
					l, fresh := newLoad(benchTypes[name], keys, build), make(batch.Bitmap, batch.BitmapWords(benchRows))
					store, set := newSet(l.types)
					if !build {
						l.fill(set, fresh)
					}
					b.ResetTimer()
					for i := range b.N {
						at := i % len(l.columns)
						if build && at == 0 {
							store, set = newSet(l.types)
						}
						_ = set.Insert(l.columns[at], nil, benchRows, l.hashes[at], fresh)
					}
					b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds()/1e6, "Mrows/s")
					b.ReportMetric(float64(store.Usage()[0].Bytes)/float64(set.Len()), "B/key")
				})
			}
		}
	}
}

// BenchmarkGoMap is the anchor of BenchmarkInsert: a map of bigints, one key at
// a time.
func BenchmarkGoMap(b *testing.B) {
	for _, keys := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("bigint/keys=%d/steady", keys), func(b *testing.B) {
			l, seen := newLoad(benchTypes["bigint"], keys, false), map[int64]struct{}{}
			for _, c := range l.columns {
				for _, k := range c[0].I64 {
					seen[k] = struct{}{}
				}
			}
			fresh := 0
			b.ResetTimer()
			for i := range b.N {
				for _, k := range l.columns[i%len(l.columns)][0].I64 {
					if _, ok := seen[k]; !ok {
						fresh++
					}
				}
			}
			b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

func benchStore(types []batch.Type, keys int) (*Store, KeySet) {
	s, t := newSet(types)
	newLoad(types, keys, true).fill(t, make(batch.Bitmap, batch.BitmapWords(benchRows)))
	return s, t
}

// BenchmarkCheckpoint is the part that the task waits for.
func BenchmarkCheckpoint(b *testing.B) {
	for _, name := range []string{"bigint", "string17"} {
		b.Run(name, func(b *testing.B) {
			s, t := benchStore(benchTypes[name], 1_000_000)
			segment, rows := s.tables["seen"].Segment(0), make([]uint32, t.Len())
			for i := range rows {
				rows[i] = uint32(i)
			}
			s.Checkpoint(1).Release()
			for b.Loop() {
				segment.Touch(rows)
				s.Checkpoint(1).Release()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(t.Len()), "ns/key")
		})
	}
}

func BenchmarkWriteAndRestore(b *testing.B) {
	for _, name := range []string{"bigint", "string17", "bigint+string17"} {
		s, t := benchStore(benchTypes[name], 1_000_000)
		change, n, u := s.Checkpoint(1), t.Len(), 0
		change.options.Unique = func() string { u++; return strconv.Itoa(u) }
		ctx, objects := context.Background(), memory.New(memory.Options{})
		files, err := change.Write(ctx, objects)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("write/"+name, func(b *testing.B) {
			for b.Loop() {
				objects := memory.New(memory.Options{})
				if _, err := change.Write(ctx, objects); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
			b.ReportMetric(float64(files[0].Length)/float64(n), "B/key")
		})
		b.Run("restore/"+name, func(b *testing.B) {
			for b.Loop() {
				s, _ := NewStore(testOptions(change.options.Pool))
				if err := s.Restore(ctx, objects, files); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
		})
	}
}
