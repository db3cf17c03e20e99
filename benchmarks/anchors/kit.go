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
	"runtime"
)

// Kit runs operations of other engines on Delta tables, each in a process of its own, in the Python environment that
// the scripts of DELTAIC_INTEROP keep.
type Kit struct{ dir string }

// Engine is one of those that a Kit has.
type Engine string

// The engines.
const (
	DeltaRS Engine = "delta-rs"
	Spark   Engine = "Spark" // with Delta, a session on as many threads as there are processors
)

//go:embed deltars.py
var deltaRS string

//go:embed spark.py
var spark string

// programs say what an engine needs to be installed and what it runs.
var programs = map[Engine]struct{ needs, text string }{DeltaRS: {"light", deltaRS}, Spark: {"full", spark}}

// FindKit returns the kit, nil if DELTAIC_INTEROP does not name the folder with the scripts.
func FindKit() *Kit {
	if dir := os.Getenv("DELTAIC_INTEROP"); dir != "" {
		return &Kit{dir}
	}
	return nil
}

// inEnvironment runs Python as the scripts of the kit do: installed at first use, in the folder where they keep it, and with their modules at hand.
const inEnvironment = `. "$0/oracle/lib.sh"; need "$1"; export PYTHONPATH="$0/oracle/py"; exec "$VENV/bin/python" -c "$2"`

// Do runs one operation: settings are given as JSON, and the answer is read into another value.
func (k *Kit) Do(ctx context.Context, by Engine, settings, answer any) error {
	in, err := json.Marshal(settings)
	if err != nil {
		return err
	}
	p := programs[by]
	c := exec.CommandContext(ctx, "bash", "-c", inEnvironment, k.dir, p.needs, p.text)
	c.Dir = filepath.Join(k.dir, "oracle") // lib.sh looks beside itself
	c.Env = append(os.Environ(), fmt.Sprintf("SPARK_MASTER=local[%d]", runtime.GOMAXPROCS(0)))
	var out, said bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(append(in, '\n')), &out, &said
	if err := c.Run(); err != nil {
		text := said.Bytes()
		return fmt.Errorf("bench: %s: %w: %s", by, err, bytes.TrimSpace(text[max(0, len(text)-2000):]))
	}
	return json.Unmarshal(out.Bytes(), answer)
}
