package persistence

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore/memory"
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

func TestKeyTypesThatChangedAreNamed(t *testing.T) {
	f, data := sample(t, batch.BigIntType)
	s, err := restore(f, data, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.KeySet("seen", []batch.Type{batch.StringType, batch.DateType})
	if err == nil || !strings.Contains(err.Error(),
		"step dedup: STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE: table seen: key types stored (bigint), wanted (string, date)") {
		t.Fatalf("got %v", err)
	}
	if _, err = s.KeySet("maps", []batch.Type{batch.MapType(batch.IntType, batch.IntType, true)}); err == nil {
		t.Fatal("a map was taken as a key")
	}
}

// The golden file of format 1 stays readable for ever.
func TestGoldenFileOfFormat1(t *testing.T) {
	path := filepath.Join("testdata", "state-v1")
	golden, err := os.ReadFile(path + ".dsf")
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
	s, err := restore(described, golden, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.tables["seen"].Len(); n != 20 {
		t.Fatalf("%d keys, want 20", n)
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
		f.Add(data, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		if sealed {
			data = append([]byte(nil), data...)
			reseal(data)
		}
		file, _ := sample(t, batch.BigIntType)
		file.Length, file.Digest = int64(len(data)), digestText(xxhash.Sum64(data))
		pool := batch.NewPool()
		s, err := restore(file, data, pool)
		if err == nil && s.tables["seen"].Len() > int(file.Rows) {
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
