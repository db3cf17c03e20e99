package expr

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

// TestNumbersWidenTheirColumns: numbers that a column does not hold make it wider, once and for good, and only where some do not fit; what is no number
// stays null.
func TestNumbersWidenTheirColumns(t *testing.T) {
	log := &versions{}
	text := "from_json(v, 'a INT, f FLOAT, d DECIMAL(4,1), n STRUCT<x: SMALLINT>, l ARRAY<INT>, s STRING', map('schemaEvolutionMode', 'addNewColumnsWithTypeWidening', 'schemaLocation', 'here'))"
	b := bindOver(t, text, log)
	if got, err := evalOver(b, `{"a":1,"f":1.5,"d":2.5,"n":{"x":3},"l":[4],"s":"t"}`, `{"a":"no","l":["no"]}`); err != nil || len(*log) != 0 {
		t.Fatalf("%s, %v", got, err)
	}
	for _, c := range []struct{ record, says, ddl string }{
		{`{"a":3000000000}`, "a from int to bigint", "a BIGINT, f FLOAT, d DECIMAL(4,1)"},
		{`{"a":3000000000,"f":1e30,"n":{"x":70000},"new":true}`, "n.x from smallint to bigint; and fields that the schema does not name: new boolean", ""},
		{`{"d":12345.5,"l":[1,3000000000]}`, "d from decimal(4,1) to decimal(38,1), l from int to bigint", ""},
	} {
		_, err := evalOver(b, `{"a":1,"f":1.5,"d":2.5,"n":{"x":3},"l":[4]}`, c.record, `{"a":"no"}`, "no json")
		if !errors.Is(err, ErrPlanAnew) || !strings.Contains(err.Error(), c.says) {
			t.Fatalf("%s: %v", c.record, err)
		}
		b = bindOver(t, text, log)
		if got, err := evalOver(b, c.record); err != nil || strings.Contains(got, "null}, ") {
			t.Fatalf("%s: %s, %v", c.record, got, err)
		}
	}
	if want := "struct<a:bigint,f:float,d:decimal(38,1),n:struct<x:bigint>,l:array<bigint>,s:string,new:boolean>"; b.Type().String() != want || len(*log) != 3 {
		t.Errorf("%s after %d versions, want %s", b.Type(), len(*log), want)
	}
	got, err := evalOver(b, `{"a":3000000000,"f":1e30,"d":12345.5,"n":{"x":70000},"l":[1,3000000000],"new":true}`)
	if want := "{3000000000, 1.0E30, 12345.5, {70000}, [1, 3000000000], null, true}"; err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	// What no type holds plans nothing anew.
	if got, err := evalOver(b, `{"a":99999999999999999999,"n":7}`); err != nil || len(*log) != 3 {
		t.Errorf("%s, %v", got, err)
	}
	for _, other := range []batch.Type{batch.StringType, batch.BigIntType, batch.DecimalType(38, 2)} {
		if w, ok := wideType(other); ok {
			t.Error(fmt.Sprint(other, " became ", w))
		}
	}
}
