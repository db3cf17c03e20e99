package kafka

import (
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pools lends the client the memory that fetched records are decoded into.
// It gets it back when the last record of a batch is recycled, after its bytes
// have been copied into columns.
type pools struct {
	bytes   sync.Pool // *[]byte
	records sync.Pool // *[]kgo.Record
}

// What is larger is left to the garbage collector: one giant record must not
// stay in memory for good.
const (
	mostPooledBytes   = 4 << 20
	mostPooledRecords = 1 << 15
)

// GetDecompressBytes returns any buffer; the client grows what is too small.
func (p *pools) GetDecompressBytes(compressed []byte, _ kgo.CompressionCodecType) []byte {
	if b, _ := p.bytes.Get().(*[]byte); b != nil {
		return *b
	}
	return make([]byte, 0, min(4*len(compressed), mostPooledBytes))
}

// PutDecompressBytes takes a buffer back.
func (p *pools) PutDecompressBytes(b []byte) {
	if cap(b) <= mostPooledBytes {
		p.bytes.Put(&b)
	}
}

// GetRecords returns any slice; the client replaces what is too small.
func (p *pools) GetRecords(int) []kgo.Record {
	if r, _ := p.records.Get().(*[]kgo.Record); r != nil {
		return *r
	}
	return nil
}

// PutRecords takes a slice back.
func (p *pools) PutRecords(r []kgo.Record) {
	if cap(r) <= mostPooledRecords {
		p.records.Put(&r)
	}
}
