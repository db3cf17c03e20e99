package keyed_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/operators/keyed"
	"github.com/deltaic/deltaic/supervision"
)

// large keeps as much for a key as it is asked to, in each kind of state.
type large struct {
	keyed.Base[string, result]
	value *keyed.Value[string]
	list  *keyed.List[string]
	kinds *keyed.Map[int32, string]
}

func (l *large) Init(h *keyed.Handle) (err error) {
	if l.value, err = keyed.NewValue[string](h, "value", 0); err != nil {
		return err
	}
	if l.list, err = keyed.NewList[string](h, "list", 0); err == nil {
		l.kinds, err = keyed.NewMap[int32, string](h, "kinds", 0)
	}
	return err
}

func (l *large) Input(_ string, rows []event, c *keyed.Call[result]) error {
	text := strings.Repeat("x", 65<<20)
	switch rows[0].Kind {
	case 1:
		l.value.Set(text)
	case 2:
		l.list.Append(text)
	case 3:
		l.kinds.Put(1, text)
	case 4: // as much in parts
		for range 65 {
			l.list.Append(text[:1<<20])
		}
	}
	return nil
}

// TestAValueIsBounded: what is kept for a key as one value is refused by name if it is too large; a list of as much is not.
func TestAValueIsBounded(t *testing.T) {
	for kind := int32(1); kind <= 4; kind++ {
		op, err := keyed.New(events, keyed.Options{Keys: []int{0}, Time: -1}, &large{})
		b := newBench(t, op, err)
		err = b.rows(event{"u", kind, micros(0)})
		var f *supervision.Failure
		if kind == 4 && err != nil || kind < 4 && (!errors.As(err, &f) || f.Class != "STATE_STORE_VALUE_TOO_LARGE" || !strings.Contains(f.Hint, "memory_limit")) {
			t.Errorf("kind %d: %v", kind, err)
		}
	}
}
