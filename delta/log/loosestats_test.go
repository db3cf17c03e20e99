package log_test

import (
	"testing"

	"github.com/deltaic/deltaic/delta/log"
)

func TestLooseStats(t *testing.T) {
	for stats, want := range map[string]string{
		"":                                     `{"numRecords":7,"tightBounds":false}`,
		"{}":                                   `{"numRecords":7,"tightBounds":false}`,
		`{"numRecords":3,"minValues":{"a":1}}`: `{"numRecords":7,"minValues":{"a":1},"tightBounds":false}`,
		`{"tightBounds":true,"maxValues":{"d":12345678901234567890.10,"s":"<\"ü"},"x":[1,null],"numRecords":7}`: `{"numRecords":7,"maxValues":{"d":12345678901234567890.10,"s":"<\"ü"},"x":[1,null],"tightBounds":false}`,
		`{"minValues":{"a":`: `{"numRecords":7,"tightBounds":false}`,
	} {
		got := log.LooseStats(stats, 7)
		if got != want {
			t.Errorf("%s became %s, want %s", stats, got, want)
		}
		if n, ok := log.NumRecords(got); !ok || n != 7 {
			t.Errorf("%s: %d, %v", got, n, ok)
		}
	}
}
