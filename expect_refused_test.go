package deltaic_test

import (
	"fmt"
	"strings"
	"testing"
)

// Mistakes in expectations are told where they are in the flow file.
func TestExpectationsThatAreRefused(t *testing.T) {
	dir := rejectedRows(t)
	for rule, want := range map[string]string{
		"expect: {}": "expect has no rules",
		`expect_or_drop: {a: {constraint: "id > 0", onViolation: fail}}`: "contradict",
		"expectFrom: {path: nope}":                                       "the table of rules",
	} {
		file := flowFile(t, dir, strings.Replace(castFlow, "    do:\n", "    do:\n      - "+rule+"\n", 1))
		code, failed := lines(t, "check", file)
		if code != 3 || !strings.Contains(fmt.Sprint(failed), want) || !strings.Contains(fmt.Sprint(failed), "line:11") {
			t.Errorf("%s: exit code %d, %v", rule, code, failed)
		}
	}
}
