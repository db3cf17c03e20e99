package location_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"s3://lake": "s3 lake  ", "s3://lake/": "s3 lake  ", "S3A://lake/a/b": "s3a lake  a/b/", "s3://lake/a/b//": "s3 lake  a/b/",
		"abfss://lake@acc.dfs.core.windows.net/t": "abfss lake acc.dfs.core.windows.net t/", "s3://lake/p=%2F é/x": "s3 lake  p=%2F é/x/",
	} {
		p, err := location.Parse(text)
		if got := fmt.Sprint(p.Scheme, " ", p.Bucket, " ", p.Account, " ", p.Prefix); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"s3://", "s3:///a", "s3://an-id:a-secret@lake/a", "s3://lake/a//b", "s3://lake/../b", "s3://lake/.hidden", "s3://la ke/a", "s3://lake?x/a"} {
		_, err := location.Parse(text)
		if f := (*supervision.Failure)(nil); !errors.As(err, &f) || f.Class != location.ClassInvalid {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "a-secret") {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
}

func TestOpen(t *testing.T) {
	location.Register("test", func(p location.Place) (objstore.Store, error) {
		return memory.New(memory.Options{Name: p.URI()}), nil
	})
	dir := t.TempDir()
	for text, want := range map[string]string{
		dir: dir, "file://" + dir: dir, "file:" + dir: dir, "test://b/p": "memory://test://b/p",
		"./a/../b": mustAbs(t, "b"), "odd.name://x": mustAbs(t, "odd.name:/x"),
	} {
		s, err := location.Open(text)
		if err != nil || s.URI() != want {
			t.Errorf("%s: %v, %v, want %s", text, s, err, want)
		}
	}
	for _, text := range []string{"nope://b/p", "file://elsewhere/a"} {
		if _, err := location.Open(text); err == nil {
			t.Errorf("%s was opened", text)
		}
	}
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

func TestWhatBelongsToALocation(t *testing.T) {
	if a, b := location.Here("s3://lake/a"), location.Here("s3://lake/a/"); a != b || !filepath.IsAbs(a) || a == location.Here("s3://lake/b") {
		t.Errorf("%s, %s", a, b)
	}
	if got := location.Here("./state"); got != "./state" {
		t.Errorf("a folder is its own: %s", got)
	}
}

func ExampleJoin() {
	fmt.Println(location.Join("state/orders", "ledger"))
	fmt.Println(location.Join("s3://lake/state/orders/", "ledger"))
	// Output:
	// state/orders/ledger
	// s3://lake/state/orders/ledger
}

func ExampleOpen() {
	store, err := location.Open("/lake/orders")
	if err != nil {
		panic(err)
	}
	fmt.Println(store.URI(), location.Remote("/lake/orders"), location.Remote("s3://lake/orders"))
	// Output: /lake/orders false true
}
