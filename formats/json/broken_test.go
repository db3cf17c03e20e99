package json

import (
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

func decodeAll(d *Decoder, to *batch.Builder, records ...string) (failed []int) {
	in := batch.NewBuilder(batch.StringType, nil)
	for _, r := range records {
		in.String(r)
	}
	d.DecodeColumn(in.Finish(), nil, to, func(row int, _ *Error) { failed = append(failed, row) })
	return failed
}

// TestBrokenRecordsAreNull looks at the rows of records that fail among those that do not: null, and no others, call after call.
func TestBrokenRecordsAreNull(t *testing.T) {
	typ := batch.StructType(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "s", Type: batch.StringType, Nullable: true})
	d, err := NewDecoder(typ, Options{Mode: FailFast})
	if err != nil {
		t.Fatal(err)
	}
	to := batch.NewBuilder(typ, nil)
	for _, c := range []struct {
		records []string
		failed  []int
	}{
		{[]string{`{"n":1,"s":"a"}`, `{"n":2`, `{"n":3,"s":"c"}`, `{"n":"x","s":"d"}`}, []int{1, 3}},
		{[]string{`{"n":5}`, `{"s":"f"}`}, nil},
		{[]string{`oops`, `{"n":8,"s":"h"}`}, []int{0}},
	} {
		before := to.Len()
		if got := decodeAll(d, to, c.records...); !slices.Equal(got, c.failed) {
			t.Fatalf("of %q %v failed", c.records, got)
		}
		for i, record := range c.records {
			if null := to.Column().IsNull(before + i); null != slices.Contains(c.failed, i) {
				t.Errorf("the row of %s is null: %v", record, null)
			}
		}
	}
}

// TestOneRecordWithoutAKey says what is guessed behind a record that leaves a key out: what the many have, not what it had.
func TestOneRecordWithoutAKey(t *testing.T) {
	typ := batch.StructType(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true}, batch.Field{Name: "s", Type: batch.StringType, Nullable: true})
	d, err := NewDecoder(typ, Options{})
	if err != nil {
		t.Fatal(err)
	}
	decodeAll(d, batch.NewBuilder(typ, nil), `{"n":1,"s":"a"}`, `{"s":"b"}`, `{"n":3,"s":"c"}`)
	if first := d.root.head.next; first.path != "n" {
		t.Errorf("the next record is held against %q first", first.path)
	}
}
