package json

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
)

var collectionRecords = []string{
	`[{"a":1,"c":"x"},{"a":2},null,{}]`, `[]`, `[{"a":"x","c":"y"},{"c":"z"}]`, `[1,2]`, `[1,"x"]`, `[null]`, `[[1]]`, `null`, `x`, `[1,2`, `{"k":1,"l":2}`, `{}`,
	`{"k":"x"}`, `{"k":null,"k":3}`, `{"k":1`, ``, `  `, `5`, `"s"`, `[1] 2`, `[{"a":1,"c":"lorem ipsum"}]`, `{"k":1}}`,
}

// TestCollectionsAreFields: a list or a map at the top is what it is as the one field of an object, in a column of others, by row and in each mode.
func TestCollectionsAreFields(t *testing.T) {
	types := []batch.Type{
		batch.ArrayType(batch.StructType(batch.Field{Name: "a", Type: batch.IntType, Nullable: true}, batch.Field{Name: "c", Type: batch.StringType, Nullable: true}), true),
		batch.ArrayType(batch.BigIntType, true),
		batch.MapType(batch.StringType, batch.IntType, true),
	}
	rapid.Check(t, func(t *rapid.T) {
		typ := rapid.SampledFrom(types).Draw(t, "type")
		records := rapid.SliceOfN(rapid.SampledFrom(collectionRecords), 1, 30).Draw(t, "records")
		o := Options{Mode: rapid.SampledFrom([]Mode{Permissive, FailFast}).Draw(t, "mode")}
		if typ.Fields[0].Type.Kind == batch.Struct { // for which an object is a list of one
			for i, s := range records {
				if strings.HasPrefix(s, "{") {
					records[i] = "[" + s + "]"
				}
			}
		}
		decode := func(typ batch.Type, before, after string) (*batch.Column, map[int]bool) {
			in := batch.NewBuilder(batch.StringType, nil)
			for _, s := range records {
				if strings.TrimSpace(s) != "" {
					s = before + s + after
				}
				in.String(s)
			}
			d, err := NewDecoder(typ, o)
			if err != nil {
				t.Fatal(err)
			}
			out, failed := batch.NewBuilder(typ, nil), map[int]bool{}
			d.DecodeColumn(in.Finish(), nil, out, func(row int, e *Error) { failed[row] = true })
			return out.Finish(), failed
		}
		got, failed := decode(typ, "", "")
		want, wrong := decode(batch.StructType(batch.Field{Name: "v", Type: typ, Nullable: true}), `{"v":`, `}`)
		if !cmp.Equal(failed, wrong) || got.N != len(records) {
			t.Fatalf("%d of %d rows, wrong are %v, want %v", got.N, len(records), failed, wrong)
		}
		for i, s := range records {
			expected := any(nil)
			if !want.IsNull(i) {
				expected = plain(want.Kids[0], i)
			}
			if have := plain(got, i); !cmp.Equal(have, expected) {
				t.Fatalf("%q is %v, want %v", s, have, expected)
			}
		}
	})
}

// TestOneObjectIsAListOfIt is Spark's rule.
func TestOneObjectIsAListOfIt(t *testing.T) {
	typ := batch.ArrayType(batch.StructType(batch.Field{Name: "a", Type: batch.IntType, Nullable: true}), true)
	d, err := NewDecoder(typ, Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := batch.NewBuilder(typ, nil)
	for _, s := range []string{`{"a":1}`, `[{"a":1}]`} {
		if err := d.Decode([]byte(s), out); err != nil {
			t.Fatal(err)
		}
	}
	if c := out.Finish(); !cmp.Equal(plain(c, 0), plain(c, 1)) {
		t.Fatalf("%v and %v", plain(c, 0), plain(c, 1))
	}
}
