package deletion_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/delta/deletion"
)

// encode is the vector of the rows as another library writes it.
func encode(t interface{ Fatal(...any) }, rows []uint64, runs bool) []byte {
	m := roaring64.BitmapOf(rows...)
	if runs {
		m.RunOptimize()
	}
	b := bytes.NewBuffer(binary.LittleEndian.AppendUint32(nil, 1681511377))
	if _, err := m.WriteTo(b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAgainstRoaring compares vectors of all three forms of blocks with the library that others write them with.
func TestAgainstRoaring(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		base := rapid.SampledFrom([]uint64{0, 65_500, 1 << 32, 5<<32 - 300, 1 << 40}).Draw(t, "base")
		var rows []uint64
		for range rapid.IntRange(0, 4).Draw(t, "pieces") {
			at, span := base+uint64(r.IntN(300_000)), 1+r.IntN(70_000)
			switch rapid.SampledFrom([]string{"few", "many", "run"}).Draw(t, "piece") {
			case "few":
				for range r.IntN(50) {
					rows = append(rows, at+uint64(r.IntN(span)))
				}
			case "many":
				for range r.IntN(20_000) {
					rows = append(rows, at+uint64(r.IntN(span)))
				}
			case "run":
				for i := range span {
					rows = append(rows, at+uint64(i))
				}
			}
		}
		v, err := deletion.Decode(encode(t, rows, rapid.Bool().Draw(t, "runs")))
		if err != nil {
			t.Fatal(err)
		}
		want := roaring64.BitmapOf(rows...)
		if v.Count() != int64(want.GetCardinality()) {
			t.Fatalf("%d rows, want %d", v.Count(), want.GetCardinality())
		}
		last := int64(-1)
		if !want.IsEmpty() {
			last = int64(want.Maximum())
		}
		if v.Last() != last {
			t.Fatalf("the last row is %d, want %d", v.Last(), last)
		}
		for range 8 {
			first, n := int64(base)+r.Int64N(400_000), r.IntN(10_000)
			var live []int32
			for i := range n {
				if !want.Contains(uint64(first) + uint64(i)) {
					live = append(live, int32(i))
				}
			}
			if got := v.AppendLive(nil, first, n); !slices.Equal(got, live) {
				t.Fatalf("rows %d to %d: %d live, want %d", first, first+int64(n), len(got), len(live))
			}
			if got := v.CountIn(first, n); got != n-len(live) {
				t.Fatalf("rows %d to %d: %d gone, want %d", first, first+int64(n), got, n-len(live))
			}
			if got := v.Has(first); got != want.Contains(uint64(first)) {
				t.Fatalf("row %d: %v", first, got)
			}
		}
	})
}

func fromHex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// TestKnownVectors decodes an inline vector and a file of Delta's own tests.
func TestKnownVectors(t *testing.T) {
	inline, err := deletion.Inline("^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", 44)
	if err != nil {
		t.Fatal(err)
	}
	v, err := deletion.Decode(inline)
	if err != nil {
		t.Fatal(err)
	}
	live := v.AppendLive(nil, 0, 30)
	for _, gone := range []int32{3, 4, 7, 11, 18, 29} {
		if slices.Contains(live, gone) || !v.Has(int64(gone)) {
			t.Errorf("row %d is not gone", gone)
		}
	}
	if v.Count() != 6 || len(live) != 24 {
		t.Errorf("%d rows gone, %d live", v.Count(), len(live))
	}
	file := fromHex("01 00000024 d1d33964 0100000000000000 00000000 3a300000 01000000 0000 0100 10000000 0000 0900 2a671846")
	if err := deletion.CheckVersion(file[0]); err != nil {
		t.Fatal(err)
	}
	data, err := deletion.Unframe(file[1:], 36)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = deletion.Decode(data); err != nil {
		t.Fatal(err)
	}
	if v.Count() != 2 || !v.Has(0) || !v.Has(9) || v.Last() != 9 {
		t.Errorf("%d rows gone, the last %d", v.Count(), v.Last())
	}
}

func TestFileName(t *testing.T) {
	name, err := deletion.FileName("ab^-aqEH.-t@S}K{vb[*k^")
	if want := "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"; err != nil || name != want {
		t.Errorf("%s (%v), want %s", name, err, want)
	}
	if name, err = deletion.FileName("^-aqEH.-t@S}K{vb[*k^"); err != nil || strings.Contains(name, "/") {
		t.Errorf("%s: %v", name, err)
	}
	for _, bad := range []string{"", "short", "^-aqEH.-t@S}K{vb[*k~", "#####^-aqEH.-t@S}K{####"} {
		if name, err := deletion.FileName(bad); err == nil {
			t.Errorf("%q is %s", bad, name)
		}
	}
}

// TestBroken says what is wrong with bytes that are no vector.
func TestBroken(t *testing.T) {
	good := encode(t, []uint64{1, 2, 70_000}, false)
	change := func(at int, to ...byte) []byte {
		b := slices.Clone(good)
		copy(b[at:], to)
		return b
	}
	for name, c := range map[string]struct {
		bytes []byte
		says  string
	}{
		"nothing":          {nil, "cut off"},
		"native":           {change(0, 0xd0), "native form"},
		"native, turned":   {fromHex("6439d3d0 00000000"), "native form"},
		"another magic":    {change(0, 1), "begins with the number"},
		"many bitmaps":     {change(4, 255, 255, 255, 255, 255, 255, 255, 255), "cut off"},
		"far bitmap":       {change(12, 255, 255, 255, 255), "upper half"},
		"no bitmap":        {change(16, 0), "no Roaring bitmap"},
		"many blocks":      {change(20, 255, 255, 255, 255), "blocks"},
		"rows in disorder": {change(40, 2, 0, 1, 0), "follows row"},
		"a tail":           {append(slices.Clone(good), 0), "follow the deletion vector"},
		"a cut":            {good[:len(good)-1], "cut off"},
	} {
		if v, err := deletion.Decode(c.bytes); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v and %v, want %q", name, v, err, c.says)
		}
	}
	framed := append(binary.BigEndian.AppendUint32(nil, 4), 1, 2, 3, 4, 0, 0, 0, 0)
	for _, c := range []struct {
		size int64
		says string
	}{{4, "checksum"}, {5, "the log says 5"}} {
		if _, err := deletion.Unframe(framed, c.size); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want %q", err, c.says)
		}
	}
	if _, err := deletion.Unframe(framed[:9], 4); err == nil {
		t.Error("a file that is cut off was read")
	}
	if err := deletion.CheckVersion(2); err == nil {
		t.Error("format version 2 was read")
	}
}

// FuzzDecode takes any bytes: memory follows their number, and what is read agrees with itself.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, []uint64{1, 2, 70_000, 1 << 33}, false))
	f.Add(encode(f, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, true))
	f.Add(encode(f, []uint64{}, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, err := deletion.Decode(b)
		runtime.ReadMemStats(&after)
		if grew := after.TotalAlloc - before.TotalAlloc; grew > 1<<20+uint64(len(b))*64 {
			t.Errorf("%d bytes took %d of memory", len(b), grew)
		}
		if err != nil {
			return
		}
		last := v.Last()
		if (last < 0) != (v.Count() == 0) || last >= 0 && !v.Has(last) || v.Has(last+1) {
			t.Errorf("%d rows, the last is %d", v.Count(), last)
		}
		if got := v.CountIn(0, math.MaxInt32); last < math.MaxInt32 && int64(got) != v.Count() {
			t.Errorf("%d rows, %d in ranges", v.Count(), got)
		}
	})
}

func ExampleDecode() {
	b, err := deletion.Inline("^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L", 44)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := deletion.Decode(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(v.Count(), "rows are gone; of the first eight there are", v.AppendLive(nil, 0, 8))
	// Output: 6 rows are gone; of the first eight there are [0 1 2 5 6]
}
