package anchors

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// DeltaRS runs operations of delta-rs, each in a process of its own, in the Python environment that the scripts of
// DELTAIC_INTEROP keep.
type DeltaRS struct{ kit string }

//go:embed deltars.py
var deltaRS string

// FindDeltaRS returns delta-rs, nil if DELTAIC_INTEROP does not name the folder with the scripts.
func FindDeltaRS() *DeltaRS {
	if kit := os.Getenv("DELTAIC_INTEROP"); kit != "" {
		return &DeltaRS{kit}
	}
	return nil
}

// inEnvironment runs Python as the scripts of the kit do: installed at first use, in the folder where they keep it.
const inEnvironment = `. "$0/oracle/lib.sh"; need light; exec "$VENV/bin/python" -c "$1"`

// Do runs one operation: settings are given as JSON, and the answer is read into another value.
func (d *DeltaRS) Do(ctx context.Context, settings, answer any) error {
	in, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "bash", "-c", inEnvironment, d.kit, deltaRS)
	c.Dir = filepath.Join(d.kit, "oracle") // lib.sh looks beside itself
	var out, said bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(append(in, '\n')), &out, &said
	if err := c.Run(); err != nil {
		text := said.Bytes()
		return fmt.Errorf("bench: delta-rs: %w: %s", err, bytes.TrimSpace(text[max(0, len(text)-2000):]))
	}
	return json.Unmarshal(out.Bytes(), answer)
}
