package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
	"github.com/deltaic/deltaic/supervision"
)

// mostBytes is what reading a hostile file of a few kilobytes may allocate.
const mostBytes = 64 << 20

// tryStats asks for all statistics of a file: whatever it says, they must hold together.
func tryStats(f *File) {
	var all func(path []batch.Field)
	all = func(path []batch.Field) {
		last := path[len(path)-1]
		if last.Type.Kind == batch.Struct {
			for _, k := range last.Type.Fields {
				all(append(path[:len(path):len(path)], k))
			}
			return
		}
		if s, ok := f.GroupStats(path, nil); ok {
			for i := range len(f.RowGroups()) {
				_, _ = batch.AppendText(nil, s.Min, i), batch.AppendText(nil, s.Max, i)
			}
			s.Release()
		}
		for g := range min(len(f.RowGroups()), 8) {
			if pages, s, ok := f.PageStats(g, path, nil); ok {
				_ = batch.AppendText(nil, s.Max, len(pages)-1)
				s.Release()
			}
		}
	}
	for _, field := range f.Schema().Fields {
		all([]batch.Field{field})
	}
}

// tryFile reads a file whole. Any error must be a failure that names the file.
func tryFile(t testing.TB, file []byte, skip bool, p *batch.Pool) (int, error) {
	t.Helper()
	rows, err := func() (int, error) {
		f, err := Open(bytes.NewReader(file), int64(len(file)), ReadOptions{Name: "hostile.parquet", Pool: p, Limits: Limits{BatchBytes: 16 << 20},
			SkipChecksums: skip})
		if err != nil {
			return 0, err
		}
		tryStats(f)
		r, err := f.Read(nil)
		if err != nil {
			return 0, err
		}
		defer r.Close()
		rows := 0
		for rows < 1<<20 {
			b, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return rows, err
			}
			rows += b.N
			for i := range b.N {
				_ = batch.AppendRowJSON(nil, b, i) // every offset and code must hold
			}
			b.Release()
		}
		return rows, nil
	}()
	if err != nil {
		var f *supervision.Failure
		if !errors.As(err, &f) || f.Path != "hostile.parquet" || f.Class == "" || f.Kind == 0 {
			t.Fatalf("error without name or class: %v", err)
		}
		if strings.Contains(err.Error(), "panicked") {
			t.Fatal(err)
		}
	}
	return rows, err
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileFooters(t *testing.T) {
	good := smallFile(t, "snappy")
	long := bytes.Clone(good)
	binary.LittleEndian.PutUint32(long[len(long)-8:], 0xFFFFFFFF)
	encrypted := bytes.Clone(good)
	copy(encrypted[len(encrypted)-4:], "PARE")
	deep := append([]byte("PAR1"), bytes.Repeat([]byte{0x1c}, 2000)...)
	deep = append(binary.LittleEndian.AppendUint32(deep, 2000), "PAR1"...)
	list := append([]byte("PAR1"), 0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07, 0)
	list = append(binary.LittleEndian.AppendUint32(list, 8), "PAR1"...)
	for name, file := range map[string][]byte{
		"empty": nil, "magic": []byte("PAR1"), "twice": []byte("PAR1PAR1"), "thrice": []byte("PAR1PAR1PAR1"),
		"length": long, "encrypted": encrypted, "deep": deep, "list": list, "cut": good[:len(good)-1], "text": []byte(strings.Repeat("hello ", 100)),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			if n := allocated(func() { _, err = tryFile(t, file, false, nil) }); n > 8<<20 {
				t.Errorf("allocated %d bytes", n)
			}
			var f *supervision.Failure
			if !errors.As(err, &f) || f.Class != "CANNOT_READ_FILE_FOOTER" || f.Kind != supervision.Fatal {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestMutations changes one byte of small files to several values: reading gives an error or as many rows as before.
func TestMutations(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	tries, errs := 0, 0
	for _, codec := range []string{"uncompressed", "snappy", "gzip", "zstd", "lz4_raw"} {
		good := smallFile(t, codec)
		want, err := tryFile(t, good, false, p)
		if err != nil {
			t.Fatal(err)
		}
		bad := make([]byte, len(good))
		step := 1
		if testing.Short() || codec != "snappy" {
			step = 7
		}
		for at := 0; at < len(good); at += step {
			for _, x := range []byte{0x01, 0x80, 0xff} {
				copy(bad, good)
				bad[at] ^= x
				var rows int
				var err error
				if n := allocated(func() { rows, err = tryFile(t, bad, false, p) }); n > mostBytes {
					t.Fatalf("%s: byte %d ^ %#x allocates %d bytes", codec, at, x, n)
				}
				tries++
				if err != nil {
					errs++
				} else if rows != want {
					t.Fatalf("%s: byte %d ^ %#x gives %d rows, not %d", codec, at, x, rows, want)
				}
			}
		}
	}
	t.Logf("%d mutations, %d refused", tries, errs)
}

// smallFile has every kind of column, dictionary and plain pages.
func smallFile(t testing.TB, codec string) []byte {
	t.Helper()
	s := batch.NewSchema(
		batch.Field{Name: "id", Type: batch.BigIntType},
		batch.Field{Name: "name", Type: batch.StringType, Nullable: true},
		batch.Field{Name: "tags", Type: batch.ArrayType(batch.StringType, true), Nullable: true},
		batch.Field{Name: "at", Type: batch.StructType(batch.Field{Name: "x", Type: batch.DoubleType, Nullable: true},
			batch.Field{Name: "ok", Type: batch.BooleanType, Nullable: true}), Nullable: true},
		batch.Field{Name: "m", Type: batch.MapType(batch.StringType, batch.IntType, true), Nullable: true},
		batch.Field{Name: "d", Type: batch.DecimalType(30, 3), Nullable: true})
	var b []*batch.Builder
	for _, f := range s.Fields {
		b = append(b, batch.NewBuilder(f.Type, nil))
	}
	const rows = 40
	for i := range rows {
		b[0].Int64(int64(i))
		if i%5 == 0 {
			b[1].Null()
			b[2].Null()
			b[3].Null()
		} else {
			b[1].String([]string{"a", "bb", "ccc"}[i%3])
			for range i % 4 {
				b[2].Kids[0].String("tag")
			}
			b[2].List()
			b[3].Kids[0].Float64(float64(i) / 2)
			b[3].Kids[1].Bool(i%2 == 0)
			b[3].Struct()
		}
		for k := range i % 3 {
			b[4].Kids[0].String(string(rune('k' + k)))
			b[4].Kids[1].Int32(int32(i))
		}
		b[4].List()
		b[5].Decimal(batch.Int128From(int64(i) - 20))
	}
	x := finish(s, rows, b)
	defer x.Release()
	var file bytes.Buffer
	w, err := NewWriter(&file, s, WriterOptions{Codec: codec, RowGroupRows: 25})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(x); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// FuzzRead reads any bytes; checksums are not looked at.
func FuzzRead(f *testing.F) {
	f.Add(statFile(f, rand.New(rand.NewPCG(1, 1)), 100))
	for _, codec := range []string{"uncompressed", "snappy", "zstd"} {
		f.Add(smallFile(f, codec))
	}
	f.Add(foreignFile(f))
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 1<<16 {
			return
		}
		_, _ = tryFile(t, file, true, nil)
	})
}

// TestMutatedPages changes bytes of pages without checksums.
func TestMutatedPages(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	good := smallFile(t, "uncompressed")
	footer := len(good) - 8 - int(binary.LittleEndian.Uint32(good[len(good)-8:]))
	want, _ := tryFile(t, good, false, p)
	bad := make([]byte, len(good))
	for at := 4; at < footer; at++ {
		for x := 1; x < 256; x += 36 {
			copy(bad, good)
			bad[at] ^= byte(x)
			var rows int
			var err error
			if n := allocated(func() { rows, err = tryFile(t, bad, true, p) }); n > mostBytes {
				t.Fatalf("byte %d ^ %#x allocates %d bytes", at, x, n)
			}
			if err == nil && rows != want {
				t.Fatalf("byte %d ^ %#x gives %d rows, not %d", at, x, rows, want)
			}
		}
	}
}
