package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// decompress returns the size bytes that src holds, in dst if they fit. It
// takes memory as the bytes come, not as size promises, so that a few hostile
// bytes cost little. parquet-go's own decoders have no such bound.
func decompress(c format.CompressionCodec, dst, src []byte, size int) ([]byte, error) {
	switch c {
	case format.Uncompressed:
		return src, checkSize(len(src), size)
	case format.Snappy:
		n, err := snappy.DecodedLen(src)
		if err == nil {
			err = checkSize(n, size)
		}
		if err != nil {
			return nil, err
		}
		if n > 64*len(src)+64 { // no snappy element gives more
			return nil, fmt.Errorf("%d bytes of snappy cannot hold %d bytes", len(src), n)
		}
		return snappy.Decode(growBytes(dst, n), src)
	case format.Lz4Raw:
		return decompressLz4(dst, src, size)
	case format.Lz4:
		if out, err := decompressHadoop(dst, src, size); err == nil {
			return out, nil
		}
		return decompressLz4(dst, src, size)
	case format.Zstd:
		return decompressZstd(dst, src, size)
	case format.Gzip:
		r, err := gzip.NewReader(bytes.NewReader(src))
		if err != nil {
			return nil, err
		}
		return readExactly(r, dst, size)
	case format.Brotli:
		return readExactly(brotli.NewReader(bytes.NewReader(src)), dst, size)
	}
	return nil, fmt.Errorf("codec %s is not supported", c)
}

func checkSize(got, want int) error {
	if got != want {
		return fmt.Errorf("the page has %d bytes, its header says %d", got, want)
	}
	return nil
}

// readExactly reads size bytes and makes sure that no more follow.
func readExactly(r io.Reader, dst []byte, size int) ([]byte, error) {
	dst = dst[:0]
	for len(dst) < size {
		step := min(size-len(dst), max(64<<10, len(dst)))
		at := len(dst)
		dst = extend(dst, step)
		if _, err := io.ReadFull(r, dst[at:]); err != nil {
			return nil, fmt.Errorf("after %d of %d bytes: %w", at, size, noEOF(err))
		}
	}
	var one [1]byte
	if n, _ := io.ReadFull(r, one[:]); n > 0 {
		return nil, fmt.Errorf("the page has more than the %d bytes that its header says", size)
	}
	return dst, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func decompressLz4(dst, src []byte, size int) ([]byte, error) {
	if size > 255*len(src)+64 {
		return nil, fmt.Errorf("%d bytes of LZ4 cannot hold %d bytes", len(src), size)
	}
	dst = growBytes(dst, size)
	n, err := lz4.UncompressBlock(src, dst)
	if err != nil {
		return nil, err
	}
	return dst, checkSize(n, size)
}

// decompressHadoop reads the deprecated LZ4 codec as Hadoop's writers framed
// it: blocks of the uncompressed and the compressed length, four bytes each,
// most significant first. Some writers left the frame out.
func decompressHadoop(dst, src []byte, size int) ([]byte, error) {
	if size > 255*len(src)+64 {
		return nil, fmt.Errorf("%d bytes of LZ4 cannot hold %d bytes", len(src), size)
	}
	dst = growBytes(dst, size)
	at := 0
	for len(src) > 0 {
		if len(src) < 8 {
			return nil, errors.New("a frame of LZ4 is cut off")
		}
		full, stored := int(binary.BigEndian.Uint32(src)), int(binary.BigEndian.Uint32(src[4:]))
		src = src[8:]
		if stored > len(src) || full > size-at {
			return nil, fmt.Errorf("a frame of LZ4 says %d bytes in %d, %d are left", full, stored, len(src))
		}
		n, err := lz4.UncompressBlock(src[:stored], dst[at:at+full])
		if err != nil || n != full {
			return nil, fmt.Errorf("a frame of LZ4 gives %d of %d bytes: %w", n, full, err)
		}
		at += n
		src = src[stored:]
	}
	return dst, checkSize(at, size)
}

var zstdPool = sync.Pool{New: func() any {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
	if err != nil {
		return err
	}
	return d
}}

func decompressZstd(dst, src []byte, size int) ([]byte, error) {
	d, ok := zstdPool.Get().(*zstd.Decoder)
	if !ok {
		return nil, errors.New("the zstd decoder could not be made")
	}
	defer zstdPool.Put(d)
	var h zstd.Header
	if h.Decode(src) == nil && h.HasFCS && h.FrameContentSize == uint64(size) && size <= 1000*len(src)+1<<20 {
		out, err := d.DecodeAll(src, growBytes(dst, size)[:0])
		if err != nil {
			return nil, err
		}
		return out, checkSize(len(out), size)
	}
	if err := d.Reset(bytes.NewReader(src)); err != nil {
		return nil, err
	}
	defer func() { _ = d.Reset(nil) }()
	return readExactly(d, dst, size)
}
