package kafka

import (
	"bytes"
	"math/bits"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/twmb/franz-go/pkg/kgo"
)

// pools lends the client the memory that fetched records are decoded into.
// It gets it back when the last record of a batch is recycled, after its bytes
// have been copied into columns. Sizes are powers of two, so that a small
// batch does not leave a buffer in which a large one has no room.
type pools struct {
	bytes   [mostBytesClass + 1]sync.Pool   // *[]byte
	records [mostRecordsClass + 1]sync.Pool // *[]kgo.Record
}

// What is larger is left to the garbage collector: one giant record must not
// stay in memory for good.
const (
	mostBytesClass   = 22 // 4 MiB
	mostRecordsClass = 15
)

// class is the power of two that holds n.
func class(n int) int { return bits.Len(uint(max(n, 1) - 1)) }

// expansion is what a compressed byte is taken to become where the codec does
// not say; too little costs one allocation.
const expansion = 4

var xerial = []byte("\x82SNAPPY\x00")

// GetDecompressBytes returns a buffer with room for what the batch says that it
// holds, within bounds.
func (p *pools) GetDecompressBytes(compressed []byte, codec kgo.CompressionCodecType) []byte {
	size := expansion * len(compressed)
	if codec == kgo.CodecSnappy && !bytes.HasPrefix(compressed, xerial) {
		if n, err := s2.DecodedLen(compressed); err == nil {
			size = n
		}
	}
	k := class(size)
	if k > mostBytesClass {
		return nil
	}
	if b, _ := p.bytes[k].Get().(*[]byte); b != nil {
		return *b
	}
	return make([]byte, 0, 1<<k)
}

// PutDecompressBytes takes a buffer back, under the size that it surely has.
func (p *pools) PutDecompressBytes(b []byte) {
	if k := bits.Len(uint(cap(b))) - 1; k >= 0 && k <= mostBytesClass {
		p.bytes[k].Put(&b)
	}
}

// GetRecords returns a slice with room for n.
func (p *pools) GetRecords(n int) []kgo.Record {
	k := class(n)
	if k > mostRecordsClass {
		return nil
	}
	if r, _ := p.records[k].Get().(*[]kgo.Record); r != nil {
		return *r
	}
	return make([]kgo.Record, 0, 1<<k)
}

// PutRecords takes a slice back, under the size that it surely has.
func (p *pools) PutRecords(r []kgo.Record) {
	if k := bits.Len(uint(cap(r))) - 1; k >= 0 && k <= mostRecordsClass {
		p.records[k].Put(&r)
	}
}
