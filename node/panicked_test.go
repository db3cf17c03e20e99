package node

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A bug met while planning ends a command with one error, not the process with a stack and the exit code of wrong usage.
func TestPanicsAreErrors(t *testing.T) {
	for _, args := range [][]string{{"bench", "broken"}, {"bench", "broken", "--json"}} {
		var out, errs bytes.Buffer
		broken := &cobra.Command{Use: "broken", RunE: func(*cobra.Command, []string) error {
			var none []int
			_ = none[len(args)]
			return nil
		}}
		code := Main(context.Background(), args, Env{Stdout: &out, Stderr: &errs, Bench: []*cobra.Command{broken}})
		text := errs.String()
		if code != ExitFailed || !strings.Contains(text, "INTERNAL_ERROR") || !strings.Contains(text, "index out of range") || !strings.Contains(text, "panicked_test.go:") || strings.Contains(text, "goroutine") {
			t.Errorf("%v: exit code %d: %s", args, code, text)
		}
	}
}
