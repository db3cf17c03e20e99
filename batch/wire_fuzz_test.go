package batch_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

// wireSchema has every shape that the wire form knows.
var wireSchema = batch.NewSchema(
	batch.Field{Name: "b", Type: batch.BooleanType}, batch.Field{Name: "t", Type: batch.TinyIntType},
	batch.Field{Name: "l", Type: batch.BigIntType}, batch.Field{Name: "f", Type: batch.FloatType},
	batch.Field{Name: "m", Type: batch.DecimalType(12, 2)}, batch.Field{Name: "s", Type: batch.StringType},
	batch.Field{Name: "o", Type: batch.StructType(batch.Field{Name: "x", Type: batch.DoubleType}, batch.Field{Name: "v", Type: batch.VoidType})},
	batch.Field{Name: "a", Type: batch.ArrayType(batch.ArrayType(batch.BinaryType, true), true)},
	batch.Field{Name: "k", Type: batch.MapType(batch.StringType, batch.IntType, true)},
	batch.Field{Name: "v", Type: batch.VariantType})

func wireExamples(n int) [][]byte {
	var out [][]byte
	draw := rapid.Custom(func(t *rapid.T) []byte {
		b := batchtest.Batch(t, wireSchema, nil, 9)
		return batch.Encode(nil, b)
	})
	for i := range n {
		out = append(out, draw.Example(i))
	}
	return out
}

// resum makes the checksum and the length right again, so that what is behind
// them is reached.
func resum(data []byte) {
	if len(data) < 24 {
		return
	}
	binary.LittleEndian.PutUint64(data[16:], uint64(len(data)))
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Update(0, table, data[:12]), table, data[16:])
	binary.LittleEndian.PutUint32(data[12:], sum)
}

func FuzzDecode(f *testing.F) {
	for i := range goldenFiles {
		data, _ := readGolden(f, i)
		f.Add(data)
	}
	for _, data := range wireExamples(12) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = bytes.Clone(data)
		if len(data) > 5 {
			copy(data, "DBAT\x01")
		}
		resum(data)
		account := batch.NewAccount("fuzz", 0)
		p := batch.NewPoolOf(account)
		b, err := batch.Decode(data, wireSchema, p)
		if limit := int64(4*len(data) + 1<<16); account.Peak() > limit {
			t.Fatalf("%d bytes took %d", len(data), account.Peak())
		}
		if err != nil {
			checkLent(t, p)
			return
		}
		// Whatever is accepted can be used whole.
		batch.Hash(b.Columns, b.N, nil)
		again, err := batch.Decode(batch.Encode(nil, b), wireSchema, p)
		if err != nil {
			t.Fatal(err)
		}
		batchtest.Equal(t, b, again)
		again.Release()
		b.Release()
		checkLent(t, p)
	})
}

func checkLent(t *testing.T, p *batch.Pool) {
	t.Helper()
	if p.Lent() != 0 || p.Account().Used() != 0 {
		t.Fatalf("%d columns and %d bytes leaked", p.Lent(), p.Account().Used())
	}
}

// TestDecodeNamesEveryDamage flips every byte and cuts at every length.
func TestDecodeNamesEveryDamage(t *testing.T) {
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	for _, data := range wireExamples(3) {
		for i := range data {
			damaged := bytes.Clone(data)
			damaged[i] ^= 1 << (i % 8)
			checkRefused(t, damaged, p, wireSchema)
			checkRefused(t, data[:i], p, wireSchema)
			resum(damaged) // now the structure alone protects us: no panic
			if b, err := batch.Decode(damaged, wireSchema, p); err == nil {
				batch.Hash(b.Columns, b.N, nil)
				batchtest.Rows(b)
				b.Release()
			}
		}
		checkRefused(t, append(bytes.Clone(data), 0), p, wireSchema)
	}
}

func checkRefused(t *testing.T, data []byte, p *batch.Pool, s *batch.Schema) {
	t.Helper()
	_, err := batch.Decode(data, s, p)
	var corrupt *batch.CorruptError
	if !errors.As(err, &corrupt) {
		t.Fatalf("damage was not seen: %v", err)
	}
}

func TestDecodeRefusesOthers(t *testing.T) {
	one := batch.NewSchema(batch.Field{Name: "n", Type: batch.IntType})
	c := batch.NewBuilder(batch.IntType, nil)
	c.Int32(7)
	data := batch.Encode(nil, batch.NewBatch(one, 1, c.Finish()))
	for _, other := range []*batch.Schema{batch.NewSchema(), wireSchema,
		batch.NewSchema(batch.Field{Name: "n", Type: batch.DateType})} {
		if _, err := batch.Decode(data, other, nil); err == nil {
			t.Errorf("read as %s", other)
		}
	}
	data[4] = 2
	resum(data)
	_, err := batch.Decode(data, one, nil)
	if want := "corrupt batch: format version 2: this program reads version 1"; err == nil || err.Error() != want {
		t.Errorf("want %q, got %v", want, err)
	}
}

// TestWireGolden holds the bytes of version 1.
func TestWireGolden(t *testing.T) {
	s := batch.NewSchema(batch.Field{Name: "n", Type: batch.IntType}, batch.Field{Name: "s", Type: batch.StringType})
	n, text := batch.NewBuilder(batch.IntType, nil), batch.NewBuilder(batch.StringType, nil)
	n.Int32(-2)
	n.Null()
	text.String("hé")
	text.String("")
	b := batch.NewBatch(s, 2, n.Finish(), text.Finish())
	b.Kinds = []batch.RowKind{batch.Insert, batch.Delete}
	want := "DBAT\x01\x01\x02\x00\x02\x00\x00\x00" + "\x85\x53\xc0\x1c" + "\x60\x00\x00\x00\x00\x00\x00\x00" +
		"\x00\x03\x00\x00\x00\x00\x00\x00" +
		"\x04\x00\x00\x01\x02\x00\x00\x00" + "\x01\x00\x00\x00\x00\x00\x00\x00" + "\xfe\xff\xff\xff\x00\x00\x00\x00" +
		"\x09\x00\x00\x00\x02\x00\x00\x00" + "\x00\x00\x00\x00\x03\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00" +
		"\x03\x00\x00\x00\x00\x00\x00\x00" + "h\xc3\xa9\x00\x00\x00\x00\x00"
	if got := string(batch.Encode(nil, b)); got != want {
		t.Errorf("want %q\n got %q", want, got)
	}
}
