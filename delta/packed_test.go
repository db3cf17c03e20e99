package delta_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// unpacked returns the folder of a conformance table, which may be packed beside its expectation.
func unpacked(t *testing.T, file string) string {
	t.Helper()
	dir := filepath.Dir(file)
	packed, err := os.Open(filepath.Join(dir, "delta.tar.zst"))
	if errors.Is(err, os.ErrNotExist) {
		return filepath.Join(dir, "delta")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	z, err := zstd.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	dir = t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF { // the archive holds the table's folder
			return filepath.Join(dir, filepath.Base(filepath.Dir(file)))
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatalf("%s: %v", h.Name, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(path, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
