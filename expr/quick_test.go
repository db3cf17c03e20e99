package expr

import (
	"testing"

	"github.com/deltaic/deltaic/batch"
)

func TestQuick(t *testing.T) {
	for _, d := range Functions() {
		got, _ := evalText(d.Example)
		if got != d.Result {
			t.Errorf("%s = %s, want %s", d.Example, got, d.Result)
		}
	}
}

// evalText evaluates an expression without columns.
func evalText(text string) (string, string) {
	b, err := Bind(text, batch.NewSchema(), NewOptions())
	if err != nil {
		return err.Error(), ""
	}
	ctx := &Context{Pool: batch.NewPool()}
	c, err := b.Eval(ctx, &batch.Batch{N: 1})
	if err != nil {
		return err.Error(), ""
	}
	defer c.Release()
	if len(ctx.Rejected) > 0 {
		return ctx.Rejected[0].Class, ""
	}
	if c.IsNull(0) {
		return "NULL", b.Type().String()
	}
	return string(appendValue(nil, c, 0, nil)), b.Type().String()
}
