// Package compression wraps text files in the codecs that Spark names: none,
// gzip, zstd. [New] makes a writer, [Extension] says what the names of files end with.
//
// A writer ends with Close, which does not close what is below it. Writers are
// used again, so making one is cheap. Reading and the codecs of
// columnar files are no matter of this package.
package compression

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// extensions are the codecs; "" and uncompressed are none.
var extensions = map[string]string{"none": "", "uncompressed": "", "": "", "gzip": ".gz", "zstd": ".zst"}

// Extension returns what the names of files of the codec end with.
func Extension(codec string) (string, error) {
	e, ok := extensions[strings.ToLower(codec)]
	if !ok {
		return "", fmt.Errorf("there is no codec %q for text; use none, gzip or zstd", codec)
	}
	return e, nil
}

// Memory returns about how many bytes a writer of the codec holds.
func Memory(codec string) int64 {
	switch extensions[strings.ToLower(codec)] {
	case ".gz":
		return 1 << 20
	case ".zst":
		return 4 << 20
	}
	return 0
}

// New returns a writer that compresses into w, by a name that [Extension] knows.
func New(codec string, w io.Writer) (io.WriteCloser, error) {
	extension, err := Extension(codec)
	switch {
	case err != nil:
		return nil, err
	case extension == ".gz":
		z := gzips.Get().(*gzip.Writer)
		z.Reset(w)
		return &pooled{resetter: z, home: &gzips}, nil
	case extension == ".zst":
		z := zstds.Get().(*zstd.Encoder)
		z.Reset(w)
		return &pooled{resetter: z, home: &zstds}, nil
	}
	return plain{w}, nil
}

// plain leaves the bytes as they are.
type plain struct{ io.Writer }

func (plain) Close() error { return nil }

type resetter interface {
	io.WriteCloser
	Reset(io.Writer)
}

// pooled is a writer that goes home when it is closed.
type pooled struct {
	resetter
	home *sync.Pool
}

// Close ends the stream. A second Close does nothing.
func (p *pooled) Close() error {
	if p.resetter == nil {
		return nil
	}
	err := p.resetter.Close()
	p.resetter.Reset(nil)
	p.home.Put(p.resetter)
	p.resetter = nil
	return err
}

var (
	gzips = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
	zstds = sync.Pool{New: func() any {
		z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		if err != nil {
			panic(err) // the options are constants
		}
		return z
	}}
)
