package deletion_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/delta/deletion"
)

// TestWith adds rows in steps, and holds each vector against a set, its bytes against the library that others read
// them with.
func TestWith(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		want := roaring64.New()
		var v *deletion.Vector
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			step := roaring64.New()
			at := rapid.SampledFrom([]uint64{0, 65_000, 130_000, 1<<32 - 70_000}).Draw(t, "at") + uint64(r.IntN(300))
			span := 1 + uint64(r.IntN(60_000))
			switch rapid.SampledFrom([]string{"few", "many", "run"}).Draw(t, "rows") {
			case "few":
				for range r.IntN(50) {
					step.Add(at + r.Uint64N(span))
				}
			case "many":
				for range r.IntN(9_000) {
					step.Add(at + r.Uint64N(span))
				}
			case "run":
				step.AddRange(at, at+span)
			}
			var rows []uint32
			for _, row := range step.ToArray() {
				if row < 1<<32 {
					rows = append(rows, uint32(row))
				}
			}
			old := v
			v = v.With(rows)
			for _, row := range rows {
				want.Add(uint64(row))
			}
			if !old.Within(v) || v.Within(old) != (old.Count() == v.Count()) {
				t.Fatalf("%d rows within %d: %v, the other way: %v", old.Count(), v.Count(), old.Within(v), v.Within(old))
			}
		}
		data := v.Append(nil)
		got := roaring64.New()
		if _, err := got.ReadFrom(bytes.NewReader(data[4:])); err != nil || binary.LittleEndian.Uint32(data) != 1681511377 {
			t.Fatalf("%x: %v", data[:min(len(data), 40)], err)
		}
		if !got.Equals(want) || v.Count() != int64(want.GetCardinality()) {
			t.Fatalf("%d rows, of which others read %d; want %d", v.Count(), got.GetCardinality(), want.GetCardinality())
		}
		want.RunOptimize()
		if most := want.GetSerializedSizeInBytes() + 4; uint64(len(data)) > most {
			t.Fatalf("%d bytes; the library needs %d", len(data), most)
		}
		back, err := deletion.Decode(data)
		if err != nil || !back.Within(v) || !v.Within(back) || back.Last() != v.Last() {
			t.Fatalf("%d rows read back of %d: %v", back.Count(), v.Count(), err)
		}
	})
}

// TestFramed writes the file of Delta's own tests byte for byte, and another vector behind it.
func TestFramed(t *testing.T) {
	file, size := deletion.AppendFramed(deletion.AppendVersion(nil), (*deletion.Vector)(nil).With([]uint32{0, 9}))
	want := strings.ReplaceAll("01 00000024 d1d33964 0100000000000000 00000000 3a300000 01000000 0000 0100 10000000 0000 0900 2a671846", " ", "")
	if got := hex.EncodeToString(file); got != want || size != 36 {
		t.Fatalf("%s of size %d, want\n%s", got, size, want)
	}
	at := len(file)
	file, size = deletion.AppendFramed(file, (*deletion.Vector)(nil).With([]uint32{5, 70_000}))
	data, err := deletion.Unframe(file[at:], size)
	if err != nil {
		t.Fatal(err)
	}
	v, err := deletion.Decode(data)
	if err != nil || v.Count() != 2 || !v.Has(5) || !v.Has(70_000) {
		t.Fatalf("%d rows, %v", v.Count(), err)
	}
}

func TestFileText(t *testing.T) {
	const id = "d2c639aa-8816-431a-aaf6-d3fe2512ff61"
	text, err := deletion.FileText(id)
	if err != nil || text != "^-aqEH.-t@S}K{vb[*k^" {
		t.Fatalf("%s, %v", text, err)
	}
	if name, err := deletion.FileName(text); err != nil || name != "deletion_vector_"+id+".bin" {
		t.Errorf("%s, %v", name, err)
	}
	for _, bad := range []string{"", id + "00", strings.Replace(id, "d2", "xx", 1)} {
		if text, err := deletion.FileText(bad); err == nil {
			t.Errorf("%q is %s", bad, text)
		}
	}
}

func ExampleVector_With() {
	var none *deletion.Vector
	v := none.With([]uint32{1, 4}).With([]uint32{2, 3})
	b := v.Append(nil)
	again, err := deletion.Decode(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	var ranges []string
	again.Rows(func(lo, hi int64) { ranges = append(ranges, fmt.Sprintf("%d to %d", lo, hi-1)) })
	fmt.Println(again.Count(), "rows are gone:", slices.Compact(ranges), "in", len(b), "bytes")
	// Output: 4 rows are gone: [1 to 4] in 31 bytes
}
