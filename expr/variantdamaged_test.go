package expr

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/batch"
)

// TestDamagedVariants: of variants whose bytes are changed anywhere, is_valid_variant says whether they can be read, and the other functions
// fail for those that cannot. What is taken into another variant reads as before.
func TestDamagedVariants(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 9))
	schema := batch.NewSchema(batch.Field{Name: "v", Type: batch.VariantType, Nullable: true})
	var bound [3]*Bound
	for i, text := range []string{"is_valid_variant(v)", "schema_of_variant(v)", "to_json(to_variant_object(array(v)))"} {
		b, err := Bind(text, schema, NewOptions())
		if err != nil {
			t.Fatal(err)
		}
		bound[i] = b
	}
	whole, err := evaluated(`to_variant_object(struct('a long text, longer than the sixty-three bytes of a short one, so that it has a length of its own' AS x, map('k', array(1, null, 70000)) AS y, DATE'2026-01-31' AS z, 12.50BD AS d, X'0102' AS b))`)
	if err != nil {
		t.Fatal(err)
	}
	metadata, value := whole.Kids[0].Bytes(0), whole.Kids[1].Bytes(0)
	broken := 0
	for range 5000 {
		m, v := slices.Clone(metadata), slices.Clone(value)
		for range random.IntN(3) {
			v[random.IntN(len(v))] = byte(random.IntN(256))
		}
		if random.IntN(4) == 0 {
			m[random.IntN(len(m))] ^= 1 << random.IntN(8)
		}
		if random.IntN(8) == 0 {
			v = v[:1+random.IntN(len(v)-1)]
		}
		text, fault := batch.AppendVariantJSON(nil, m, v)
		column := batch.NewBuilder(batch.VariantType, nil)
		column.Kids[0].Bytes(m)
		column.Kids[1].Bytes(v)
		column.Struct()
		in := &batch.Batch{Schema: schema, Columns: []*batch.Column{column.Finish()}, N: 1}
		var results [3]*batch.Column
		rejected := 0
		for i, b := range bound {
			ctx := &Context{}
			c, err := b.Eval(ctx, in)
			if err != nil {
				t.Fatalf("%x %x: %v", m, v, err)
			}
			results[i], rejected = c, rejected+len(ctx.Rejected)
		}
		if results[0].Bool(0) != (fault == nil) {
			t.Fatalf("%x %x: valid %t, %v", m, v, results[0].Bool(0), fault)
		}
		if fault != nil {
			if broken++; rejected != 2 {
				t.Fatalf("%x %x: %v, and %d of two functions fail", m, v, fault, rejected)
			}
			continue
		}
		if got := results[2]; !got.IsNull(0) && len(got.Bytes(0)) != len(text)+2 {
			t.Fatalf("%s within an array is %s", text, got.Bytes(0))
		}
	}
	if broken < 500 || broken > 4500 {
		t.Errorf("%d of 5000 were broken", broken)
	}
}

func evaluated(text string) (*batch.Column, error) {
	b, err := Bind(text, batch.NewSchema(), NewOptions())
	if err != nil {
		return nil, err
	}
	return b.Eval(&Context{}, &batch.Batch{N: 1})
}
