package persistence

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/persistence/state"
	"github.com/deltaic/deltaic/supervision"
)

func testOptions(pool *batch.Pool) Options {
	return Options{Flow: "orders", Incarnation: "4e0f", Step: "dedup", Attempt: 3, Groups: 256, Hi: 256, Pool: pool,
		Unique: func() string { return "unique" }}
}

// sample writes a change file of a few keys and returns it with its bytes.
func sample(t testing.TB, types ...batch.Type) (StateFile, []byte) {
	t.Helper()
	s, err := NewStore(testOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	set, err := s.KeySet("seen", types)
	if err != nil {
		t.Fatal(err)
	}
	const n = 20
	var keys []*batch.Column
	for _, k := range types {
		b := batch.NewBuilder(k, nil)
		for i := range n {
			switch {
			case i == 7:
				b.Null()
			case k.Kind == batch.String:
				b.String(strings.Repeat("key", i))
			default:
				b.Int64(int64(i) * 1_000_003)
			}
		}
		keys = append(keys, b.Finish())
	}
	if err := set.Insert(keys, nil, n, batch.Hash(keys, n, nil), make(batch.Bitmap, 1)); err != nil {
		t.Fatal(err)
	}
	objects := memory.New(memory.Options{})
	files, err := s.Checkpoint(9).Write(context.Background(), objects)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := objects.Get(context.Background(), files[0].Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return files[0], data
}

func restore(f StateFile, data []byte, pool *batch.Pool) (*Store, error) {
	objects := memory.New(memory.Options{})
	if err := objects.Put(context.Background(), f.Name, data); err != nil {
		return nil, err
	}
	s, err := NewStore(testOptions(pool))
	if err != nil {
		return nil, err
	}
	return s, s.Restore(context.Background(), objects, []StateFile{f})
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	for _, types := range [][]batch.Type{{batch.BigIntType}, {batch.StringType}, {batch.StringType, batch.BigIntType}} {
		f, data := sample(t, types...)
		pool := batch.NewPool()
		for bit := range 8 * len(data) {
			data[bit/8] ^= 1 << (bit % 8)
			if _, err := restore(f, data, pool); err == nil {
				t.Fatalf("%v: bit %d of byte %d of %d was flipped and nobody saw it", types, bit%8, bit/8, len(data))
			} else if !strings.Contains(err.Error(), f.Name) {
				t.Fatalf("the error does not name the file: %v", err)
			}
			data[bit/8] ^= 1 << (bit % 8)
		}
		for cut := range data {
			if _, err := restore(f, data[:cut], pool); err == nil {
				t.Fatalf("%v: cut to %d of %d bytes and nobody saw it", types, cut, len(data))
			}
			short := f
			short.Length = int64(cut)
			if _, err := restore(short, data[:cut], pool); err == nil {
				t.Fatalf("%v: cut to %d of %d bytes in the manifest too and nobody saw it", types, cut, len(data))
			}
		}
		if _, err := restore(f, data, pool); err != nil || pool.Lent() != 0 {
			t.Fatal(err, pool.Lent())
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	f, data := sample(t, batch.BigIntType)
	version := func(d []byte) []byte {
		d = append([]byte(nil), d...)
		binary.LittleEndian.PutUint32(d[len(magic):], formatVersion+1)
		return d
	}
	for name, c := range map[string]struct {
		file  func(*StateFile)
		data  []byte
		class string
		says  string
	}{
		"newer format":   {data: version(data), class: "STATE_STORE_UNSUPPORTED_FORMAT_VERSION", says: "format version 3"},
		"another digest": {file: func(f *StateFile) { f.Digest = "xxh64:0" }, class: "CORRUPT_STATE_FILE", says: "digest"},
		"another length": {file: func(f *StateFile) { f.Length++ }, class: "CORRUPT_STATE_FILE", says: "bytes"},
		"another epoch":  {file: func(f *StateFile) { f.Epoch++ }, class: "CORRUPT_STATE_FILE", says: "Epoch:10"},
		"another range":  {file: func(f *StateFile) { f.GroupLo++ }, class: "CORRUPT_STATE_FILE", says: "GroupLo:1"},
		"more rows":      {file: func(f *StateFile) { f.Rows++ }, class: "CORRUPT_STATE_FILE", says: "rows"},
		"no such file":   {file: func(f *StateFile) { f.Name += "x" }, data: nil, class: "NOT_EXISTS", says: "not there"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := memory.New(memory.Options{})
			d := data
			if c.data != nil {
				d = c.data
			}
			if err := objects.Put(context.Background(), f.Name, d); err != nil {
				t.Fatal(err)
			}
			file := f
			if c.file != nil {
				c.file(&file)
			}
			s, _ := NewStore(testOptions(nil))
			err := s.Restore(context.Background(), objects, []StateFile{file})
			if err == nil || !strings.Contains(err.Error(), c.class) || !strings.Contains(err.Error(), c.says) ||
				supervision.KindOf(err) != supervision.Fatal {
				t.Fatalf("got %v", err)
			}
			if len(s.tables) != 0 {
				t.Fatal("a store that was not restored holds tables")
			}
		})
	}
}

func TestATableOfANewerVersionIsNamed(t *testing.T) {
	s, err := NewStore(testOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	spec := state.Spec{Name: "groups", Keys: []state.Column{{Name: "k", Type: batch.BigIntType}}, Version: 2}
	table, err := s.Table(spec)
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBuilder(batch.BigIntType, nil)
	b.Int64(1)
	keys := []*batch.Column{b.Finish()}
	if err := table.Segment(0).Upsert(keys, nil, 1, batch.Hash(keys, 1, nil), make([]uint32, 1), nil); err != nil {
		t.Fatal(err)
	}
	objects := memory.New(memory.Options{})
	files, err := s.Checkpoint(1).Write(context.Background(), objects)
	if err != nil {
		t.Fatal(err)
	}
	older, _ := NewStore(testOptions(nil))
	if err := older.Restore(context.Background(), objects, files); err != nil {
		t.Fatal(err)
	}
	spec.Version = 1
	var f *supervision.Failure
	if _, err := older.Table(spec); !errors.As(err, &f) || f.Class != "STATE_STORE_UNSUPPORTED_SCHEMA_VERSION" || f.Kind != supervision.Fatal ||
		!strings.Contains(f.Message, "table groups is stored with schema version 2, this build reads up to 1") || !strings.Contains(f.Hint, "newer") || f.Step == "" {
		t.Fatalf("got %v", err)
	}
}

func TestKeyTypesThatChangedAreNamed(t *testing.T) {
	f, data := sample(t, batch.BigIntType)
	s, err := restore(f, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.KeySet("seen", []batch.Type{batch.StringType, batch.DateType})
	if err == nil || !strings.Contains(err.Error(),
		"step dedup: STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE: table seen: keys stored (key1 bigint), wanted (key1 string, key2 date)") {
		t.Fatalf("got %v", err)
	}
	if _, err = s.KeySet("maps", []batch.Type{batch.MapType(batch.IntType, batch.IntType, true)}); err == nil {
		t.Fatal("a map was taken as a key")
	}
}

// richSample writes a change file with all that format 2 has: values, a key that is
// gone, dropped segments.
func richSample(t testing.TB) (StateFile, []byte) {
	t.Helper()
	s, err := NewStore(testOptions(nil))
	if err != nil {
		t.Fatal(err)
	}
	table, err := s.Table(state.Spec{Name: "sums", Keys: []state.Column{{Name: "user", Type: batch.BigIntType}, {Name: "item", Type: batch.StringType}}, Prefix: 1,
		Values: []state.Column{{Name: "count", Type: batch.BigIntType}, {Name: "last", Type: batch.BinaryType}}, Windowed: true, Version: 2})
	if err != nil {
		t.Fatal(err)
	}
	users, items := batch.NewBuilder(batch.BigIntType, nil), batch.NewBuilder(batch.StringType, nil)
	for i := range 8 {
		users.Int64(int64(i / 2))
		items.String(strings.Repeat("i", i))
	}
	keys, rows := []*batch.Column{users.Finish(), items.Finish()}, make([]uint32, 8)
	fill := func(segment *state.Segment, count uint64) {
		if err := segment.Upsert(keys, nil, 8, batch.Hash(keys, 8, nil), rows, nil); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			segment.Words(0).Set(r, count)
			segment.Bytes(1).Set(r, []byte("last"))
		}
	}
	fill(table.Segment(60_000_000), 1)
	fill(table.Segment(120_000_000), 2)
	s.Checkpoint(8).Release()
	table.Drop(60_000_000)
	fill(table.Segment(120_000_000), 3)
	table.Segment(120_000_000).Touch(rows)
	table.Segment(120_000_000).Delete(rows[6:])
	objects := memory.New(memory.Options{})
	files, err := s.Checkpoint(9).Write(context.Background(), objects)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := objects.Get(context.Background(), files[0].Name, 0)
	if err != nil {
		t.Fatal(err)
	}
	return files[0], data
}

// golden reads a golden file, after writing it if that is asked for.
func golden(t *testing.T, name string, f StateFile, data []byte) (StateFile, []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if data != nil && os.Getenv("DELTAIC_UPDATE_GOLDEN") != "" {
		text, _ := json.MarshalIndent(f, "", "  ")
		if err := os.WriteFile(path+".dsf", data, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path+".json", append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path + ".dsf")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var described StateFile
	if err := json.Unmarshal(text, &described); err != nil {
		t.Fatal(err)
	}
	return described, data
}

// The golden file of format 1 stays readable for ever.
func TestGoldenFileOfFormat1(t *testing.T) {
	f, data := golden(t, "state-v1", StateFile{}, nil)
	s, err := restore(f, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.tables["seen"].Len(); n != 20 {
		t.Fatalf("%d keys, want 20", n)
	}
	if _, err := s.KeySet("seen", []batch.Type{batch.StringType, batch.BigIntType}); err != nil {
		t.Fatal(err)
	}
}

// The golden file of format 2 stays readable for ever, and is what is written.
func TestGoldenFileOfFormat2(t *testing.T) {
	f, data := richSample(t)
	described, stored := golden(t, "state-v2", f, data)
	s, err := restore(described, stored, nil)
	if err != nil {
		t.Fatal(err)
	}
	table := s.tables["sums"]
	if n, at := table.Len(), table.Segments(); n != 6 || len(at) != 1 || at[0] != 120_000_000 {
		t.Fatalf("%d rows in segments %v, want 6 in 120000000", n, at)
	}
	segment := table.Lookup(120_000_000)
	if got := segment.Words(0).At(0); got != 3 || string(segment.Bytes(1).At(5)) != "last" {
		t.Fatalf("a count of %d, %q", got, segment.Bytes(1).At(5))
	}
	if string(stored) != string(data) || described != f {
		t.Fatal("the same rows are written in another way than in format 2: raise formatVersion")
	}
}

func TestEveryFlippedBitOfValuesIsFound(t *testing.T) {
	f, data := richSample(t)
	pool := batch.NewPool()
	for bit := range 8 * len(data) {
		data[bit/8] ^= 1 << (bit % 8)
		if _, err := restore(f, data, pool); err == nil || !strings.Contains(err.Error(), f.Name) {
			t.Fatalf("bit %d of byte %d of %d was flipped: %v", bit%8, bit/8, len(data), err)
		}
		data[bit/8] ^= 1 << (bit % 8)
	}
	if _, err := restore(f, data, pool); err != nil || pool.Lent() != 0 {
		t.Fatal(err, pool.Lent())
	}
}

func TestTablesThatChangedAreNamed(t *testing.T) {
	f, data := richSample(t)
	keys := []state.Column{{Name: "user", Type: batch.BigIntType}, {Name: "item", Type: batch.StringType}}
	values := []state.Column{{Name: "count", Type: batch.BigIntType}, {Name: "last", Type: batch.BinaryType}}
	for says, spec := range map[string]state.Spec{
		"": {Keys: keys, Prefix: 1, Values: values, Windowed: true, Version: 2},
		"SCHEMA_VERSION: table sums is stored with schema version 2, this build reads up to 1":                                                                              {Keys: keys, Prefix: 1, Values: values, Windowed: true, Version: 1},
		"VALUE_SCHEMA_NOT_COMPATIBLE: table sums: values stored (count bigint, last binary), wanted (count bigint, first binary)":                                           {Keys: keys, Prefix: 1, Values: []state.Column{values[0], {Name: "first", Type: batch.BinaryType}}, Windowed: true, Version: 2},
		"VALUE_SCHEMA_NOT_COMPATIBLE: table sums: value count is stored as bigint and cannot become int: values stored (count bigint, last binary), wanted (count int)":     {Keys: keys, Prefix: 1, Values: []state.Column{{Name: "count", Type: batch.IntType}}, Windowed: true, Version: 2},
		"VALUE_SCHEMA_NOT_COMPATIBLE: table sums: value last is stored as binary and cannot become bigint: values stored (count bigint, last binary), wanted (last bigint)": {Keys: keys, Prefix: 1, Values: []state.Column{{Name: "last", Type: batch.BigIntType}}, Windowed: true, Version: 2},
		"KEY_SCHEMA_NOT_COMPATIBLE: table sums: keys stored (user bigint, item string), wanted (user bigint)":                                                               {Keys: keys[:1], Prefix: 1, Values: values, Windowed: true, Version: 2},
		"KEY_SCHEMA_NOT_COMPATIBLE: table sums: rows stored by the first 1 keys, windowed true, wanted by 2":                                                                {Keys: keys, Values: values, Windowed: true, Version: 2},
	} {
		s, err := restore(f, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		spec.Name = "sums"
		if _, err = s.Table(spec); says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
	s, _ := NewStore(testOptions(nil))
	if _, err := s.Table(state.Spec{Name: "odd", Keys: keys, Values: []state.Column{{Name: "v", Type: batch.DecimalType(38, 2)}}}); err == nil {
		t.Error("a value of 128 bits was taken")
	}
}

// A key of 10 MB is kept, written and restored like any other.
func TestLargeKeysAndValues(t *testing.T) {
	s, _ := NewStore(testOptions(nil))
	spec := state.Spec{Name: "large", Keys: []state.Column{{Name: "k", Type: batch.StringType}}, Values: []state.Column{{Name: "v", Type: batch.BinaryType}}}
	table, err := s.Table(spec)
	if err != nil {
		t.Fatal(err)
	}
	b := batch.NewBuilder(batch.StringType, nil)
	b.String(strings.Repeat("large key ", 1<<20))
	b.String("small")
	keys, rows, objects := []*batch.Column{b.Finish()}, make([]uint32, 2), memory.New(memory.Options{})
	var files []StateFile
	for round := range 3 {
		segment := table.Segment(0)
		if err := segment.Upsert(keys, nil, 2, batch.Hash(keys, 2, nil), rows, nil); err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			if round > 0 && segment.Bytes(0).At(r)[i] != byte(round) {
				t.Fatalf("round %d: a value is lost", round)
			}
			segment.Bytes(0).Set(r, bytes.Repeat([]byte{byte(round + 1)}, 1<<20+round))
		}
		segment.Touch(rows)
		o := s.options
		o.Unique = func() string { return strconv.Itoa(round) }
		s.options = o
		written, err := s.Checkpoint(int64(round)).Write(context.Background(), objects)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, written...)
		s, _ = NewStore(testOptions(nil))
		if err := s.Restore(context.Background(), objects, files); err != nil {
			t.Fatal(err)
		}
		if table, err = s.Table(spec); err != nil || table.Len() != 2 {
			t.Fatal(err, table.Len())
		}
	}
}

// reseal makes the checksums of a broken file right, so that what is behind
// them is tested too.
func reseal(data []byte) {
	seal := func(from, to int) bool {
		if from < 0 || to < from || to+8 > len(data) {
			return false
		}
		binary.LittleEndian.PutUint64(data[to:], xxhash.Sum64(data[from:to]))
		return true
	}
	at := len(magic) + 8
	if len(data) < at {
		return
	}
	at += int(binary.LittleEndian.Uint32(data[at-4:]))
	for start := 0; seal(start, at); {
		start = at + 8
		if len(data) < start+lengthBytes {
			return
		}
		n := binary.LittleEndian.Uint32(data[start:])
		appendLength(data[:start], n)
		at = start + lengthBytes + int(n)
		if n == 0 {
			at += 8
		}
		if n >= 24 && at <= len(data) {
			wire := data[start+lengthBytes : at]
			table := crc32.MakeTable(crc32.Castagnoli)
			binary.LittleEndian.PutUint32(wire[12:], crc32.Update(crc32.Checksum(wire[:12], table), table, wire[16:]))
		}
	}
}

func FuzzRestore(f *testing.F) {
	for _, types := range [][]batch.Type{{batch.BigIntType}, {batch.StringType}, {batch.StringType, batch.BigIntType}} {
		_, data := sample(f, types...)
		f.Add(data, true, false)
	}
	_, data := richSample(f)
	f.Add(data, true, true)
	f.Fuzz(func(t *testing.T, data []byte, sealed, rich bool) {
		if sealed {
			data = append([]byte(nil), data...)
			reseal(data)
		}
		file, _ := sample(t, batch.BigIntType)
		if rich {
			file, _ = richSample(t)
		}
		file.Length, file.Digest = int64(len(data)), digestText(xxhash.Sum64(data))
		pool := batch.NewPool()
		s, err := restore(file, data, pool)
		if err == nil && s.tables["seen"] != nil && s.tables["seen"].Len() > int(file.Rows) {
			t.Fatal("more keys than rows")
		}
		if pool.Lent() != 0 {
			t.Fatalf("%d columns are out", pool.Lent())
		}
	})
}

func TestClaimedLengthsTakeNoMemory(t *testing.T) {
	f, data := sample(t, batch.StringType)
	at := len(magic) + 8 + int(binary.LittleEndian.Uint32(data[len(magic)+4:])) + 8
	appendLength(data[:at], 1<<32-1)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := restore(f, data, nil); err == nil {
		t.Fatal("a block longer than its file was taken")
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 2<<20 {
		t.Fatalf("%d bytes were taken for it", took)
	}
}
