package batch_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/batch/batchtest"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files of the newest wire form anew")

const goldenFiles = 7 // the last one has rows that came behind a watermark

func goldenName(i int) string { return filepath.Join("testdata", "wire1", fmt.Sprint(i)) }

// TestWireGoldenFiles reads what version 1 wrote when it was new: every type,
// nested ones, dictionaries, row kinds, origins, lateness. These files are never changed.
func TestWireGoldenFiles(t *testing.T) {
	if *rewrite {
		writeGolden(t)
	}
	p := batch.NewPool()
	batchtest.CheckLeaks(t, p)
	for i := range goldenFiles {
		data, rows := readGolden(t, i)
		b, err := batch.Decode(data, wireSchema, p)
		if err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		if got := strings.Join(batchtest.Rows(b), "\n"); got != rows {
			t.Errorf("file %d: want\n%s\ngot\n%s", i, rows, got)
		}
		if !bytes.Equal(batch.Encode(nil, b), data) {
			t.Errorf("file %d: encoding gives other bytes", i)
		}
		if size, err := batch.Peek(data); size != int64(len(data)) || err != nil {
			t.Errorf("file %d: length %d of %d, %v", i, size, len(data), err)
		}
		b.Release()
	}
}

func readGolden(t testing.TB, i int) (data []byte, rows string) {
	t.Helper()
	data, err := os.ReadFile(goldenName(i) + ".batch")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(goldenName(i) + ".rows")
	if err != nil {
		t.Fatal(err)
	}
	return data, string(text)
}

func writeGolden(t *testing.T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(goldenName(0)), 0o755); err != nil {
		t.Fatal(err)
	}
	written := 0
	for _, data := range wireExamples(200) {
		b, err := batch.Decode(data, wireSchema, nil)
		if err != nil {
			t.Fatal(err)
		}
		if b.N < 3 || written == goldenFiles || written == 0 && (b.Kinds == nil || b.Origin == nil) || written == goldenFiles-1 && b.Behind == nil {
			continue
		}
		if _, err := os.Stat(goldenName(written) + ".batch"); err == nil {
			written++
			continue
		}
		rows := strings.Join(batchtest.Rows(b), "\n")
		if os.WriteFile(goldenName(written)+".batch", data, 0o644) != nil ||
			os.WriteFile(goldenName(written)+".rows", []byte(rows), 0o644) != nil {
			t.Fatal("cannot write the golden files")
		}
		written++
	}
}
