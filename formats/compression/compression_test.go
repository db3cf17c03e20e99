package compression_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/deltaic/deltaic/formats/compression"
)

func TestEveryCodecComesBack(t *testing.T) {
	text := []byte(strings.Repeat("a line of text\n", 10_000))
	for codec, open := range map[string]func(io.Reader) (io.Reader, error){
		"none": func(r io.Reader) (io.Reader, error) { return r, nil },
		"GZIP": func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
		"zstd": func(r io.Reader) (io.Reader, error) { return zstd.NewReader(r) },
	} {
		for range 3 { // the writers are used again
			var out bytes.Buffer
			w, err := compression.New(codec, &out)
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < len(text); at += 1000 {
				if _, err := w.Write(text[at : at+1000]); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if codec != "none" && out.Len() > len(text)/10 {
				t.Errorf("%s: %d bytes of %d", codec, out.Len(), len(text))
			}
			r, err := open(&out)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s: %d bytes came back, %v", codec, len(got), err)
			}
		}
	}
	if _, err := compression.New("rar", nil); err == nil || !strings.Contains(err.Error(), "rar") {
		t.Errorf("got %v", err)
	}
}

// What a writer is said to hold is of the order of what it takes.
func TestMemory(t *testing.T) {
	for _, codec := range []string{"gzip", "zstd"} {
		const writers = 8
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		var all []io.WriteCloser
		for range writers {
			w, err := compression.New(codec, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(bytes.Repeat([]byte("a line of text\n"), 200_000)); err != nil {
				t.Fatal(err)
			}
			all = append(all, w)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		each, said := int64(after.HeapAlloc-before.HeapAlloc)/writers, compression.Memory(codec)
		if each > 2*said || each < said/8 {
			t.Errorf("%s: a writer holds %d bytes, said are %d", codec, each, said)
		}
		t.Logf("%s: %d bytes", codec, each)
		for _, w := range all {
			_ = w.Close()
		}
	}
}

func ExampleExtension() {
	e, _ := compression.Extension("gzip")
	fmt.Println("part-00000.json" + e)
	// Output:
	// part-00000.json.gz
}

func ExampleNew() {
	var out bytes.Buffer
	w, _ := compression.New("gzip", &out)
	_, _ = w.Write([]byte("hello"))
	_ = w.Close()
	r, _ := gzip.NewReader(&out)
	text, _ := io.ReadAll(r)
	fmt.Println(string(text))
	// Output:
	// hello
}
