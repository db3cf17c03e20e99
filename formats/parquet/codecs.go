package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/format"
)

// hadoopLz4 reads the deprecated LZ4 codec as Hadoop's writers framed it:
// blocks of the uncompressed and the compressed length, four bytes each, most
// significant first. Some writers left the frame out; those pages are read as
// LZ4_RAW.
type hadoopLz4 struct{}

var _ compress.Codec = hadoopLz4{}

func (hadoopLz4) String() string                            { return "LZ4" }
func (hadoopLz4) CompressionCodec() format.CompressionCodec { return format.Lz4 }

func (hadoopLz4) Encode([]byte, []byte) ([]byte, error) {
	return nil, errors.New("the deprecated codec LZ4 is read only; write LZ4_RAW")
}

func (hadoopLz4) Decode(dst, src []byte) ([]byte, error) {
	out, err := decodeHadoop(dst[:0], src, cap(dst))
	if err == nil {
		return out, nil
	}
	return codecLz4Raw.Decode(dst, src)
}

func decodeHadoop(out, src []byte, most int) ([]byte, error) {
	for len(src) > 0 {
		if len(src) < 8 {
			return nil, errors.New("a frame of LZ4 is cut off")
		}
		full, stored := int(binary.BigEndian.Uint32(src)), int(binary.BigEndian.Uint32(src[4:]))
		src = src[8:]
		if stored > len(src) || full > most-len(out) {
			return nil, fmt.Errorf("a frame of LZ4 says %d bytes in %d, %d are left", full, stored, len(src))
		}
		block, err := codecLz4Raw.Decode(make([]byte, 0, full), src[:stored])
		if err != nil {
			return nil, err
		}
		out = append(out, block...)
		src = src[stored:]
	}
	return out, nil
}
