package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
)

// finishPage encodes and compresses the page being filled, appends it to the
// chunk and begins the next one.
func (l *leafWriter) finishPage(codec compress.Codec) error {
	if l.entries == 0 {
		return nil
	}
	coded := l.coding != codingPlain
	values := l.plain
	if coded {
		var err error
		if l.packed, err = dictionaryCodes.EncodeInt32(l.packed, l.codes); err != nil {
			return fmt.Errorf("column %s: %w", joinPath(l.path), err)
		}
		values = append(l.plain[:headroom], l.packed...)
		l.plain = values
	}
	levels, err := l.levels()
	if err != nil {
		return fmt.Errorf("column %s: %w", joinPath(l.path), err)
	}
	var body []byte
	if len(levels) <= headroom {
		body = values[headroom-len(levels):]
		copy(body, levels)
	} else {
		body = append(levels, values[headroom:]...)
		l.scratch = body
	}
	header := format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{
		NumValues: int32(l.entries), Encoding: format.Plain,
		DefinitionLevelEncoding: format.RLE, RepetitionLevelEncoding: format.RLE,
		Statistics: format.Statistics{NullCount: int64(l.nulls)},
	})}
	if coded {
		header.DataPageHeader.V.Encoding = format.RLEDictionary
		l.dictPages++
	} else {
		l.flatPages++
	}
	size, err := appendPage(&l.chunk, &header, body, codec, &l.packed)
	if err != nil {
		return fmt.Errorf("column %s: %w", joinPath(l.path), err)
	}
	l.uncompressed += size
	l.values += int64(l.entries)
	l.nullCount += int64(l.nulls)
	l.groupRows += int64(l.rows)
	l.startPage()
	return nil
}

var dictionaryCodes = &rle.DictionaryEncoding{}

// levels returns the repetition and definition levels of a V1 page, each with
// its length in front. They may lie in the scratch buffer.
func (l *leafWriter) levels() ([]byte, error) {
	out := l.scratch[:0]
	var err error
	if l.maxRep > 0 {
		if out, err = l.appendLevels(out, l.reps, l.maxRep); err != nil {
			return nil, err
		}
	}
	if l.maxDef > 0 {
		if l.nulls == 0 {
			// One run: every entry is there.
			run := binary.AppendUvarint(make([]byte, 4, 16), uint64(l.entries)<<1)
			run = append(run, l.maxDef)
			binary.LittleEndian.PutUint32(run, uint32(len(run)-4))
			out = append(out, run...)
		} else if out, err = l.appendLevels(out, l.defs, l.maxDef); err != nil {
			return nil, err
		}
	}
	l.scratch = out
	return out, nil
}

func (l *leafWriter) appendLevels(out, levels []byte, greatest uint8) ([]byte, error) {
	e := rle.Encoding{BitWidth: bits.Len8(greatest)}
	encoded, err := e.EncodeLevels(l.packed[:0], levels)
	if err != nil {
		return nil, err
	}
	l.packed = encoded
	out = binary.LittleEndian.AppendUint32(out, uint32(len(encoded)))
	return append(out, encoded...), nil
}

// appendPage compresses body and appends header and body to out. It returns
// the uncompressed size of both.
func appendPage(out *segments, header *format.PageHeader, body []byte, codec compress.Codec, scratch *[]byte) (int64, error) {
	if len(body) > math.MaxInt32 {
		return 0, fmt.Errorf("a page of %d bytes is larger than the format allows", len(body))
	}
	stored := body
	if codec != compress.Codec(codecPlain) {
		var err error
		if stored, err = compressPage(codec, (*scratch)[:cap(*scratch)], body); err != nil {
			return 0, fmt.Errorf("compressing a page with %s: %w", codec, err)
		}
		*scratch = stored
	}
	header.UncompressedPageSize = int32(len(body))
	header.CompressedPageSize = int32(len(stored))
	header.CRC = int32(crc32.ChecksumIEEE(stored))
	var text bytes.Buffer
	if err := thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&text)).Encode(header); err != nil {
		return 0, err
	}
	out.append(text.Bytes())
	out.append(stored)
	return int64(text.Len() + len(body)), nil
}

// compressPage is codec.Encode, but for snappy, where the library would choose
// the slower of two encoders.
func compressPage(codec compress.Codec, dst, body []byte) ([]byte, error) {
	if codec == compress.Codec(codecSnappy) {
		if most := s2.MaxEncodedLen(len(body)); cap(dst) < most {
			dst = make([]byte, 0, most+most/8)
		}
		return s2.EncodeSnappy(dst[:cap(dst)], body), nil
	}
	return codec.Encode(dst[:0], body)
}

// dictionaryPage makes the dictionary page, which is empty if no page uses one.
func (l *leafWriter) dictionaryPage(codec compress.Codec) (*segments, error) {
	page := &l.first
	page.reset()
	if l.dictPages == 0 {
		return page, nil
	}
	header := format.PageHeader{Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(
		format.DictionaryPageHeader{NumValues: int32(len(l.dict.keys)), Encoding: format.Plain})}
	size, err := appendPage(page, &header, l.dict.plain, codec, &l.packed)
	if err != nil {
		return nil, fmt.Errorf("dictionary of column %s: %w", joinPath(l.path), err)
	}
	l.uncompressed += size
	return page, nil
}

// describe describes the finished column chunk, whose dictionary page (of so many
// bytes) begins at offset.
func (l *leafWriter) describe(codec compress.Codec, offset int64, dictionaryBytes int) format.ColumnChunk {
	m := format.ColumnMetaData{
		Type: l.physical, PathInSchema: l.path, Codec: codec.CompressionCodec(),
		NumValues: l.values, TotalUncompressedSize: l.uncompressed,
		TotalCompressedSize: int64(dictionaryBytes + l.chunk.size),
		DataPageOffset:      offset + int64(dictionaryBytes), Statistics: l.statistics(),
	}
	count := func(page format.PageType, e format.Encoding, n int32) {
		m.EncodingStats = append(m.EncodingStats, format.PageEncodingStats{PageType: page, Encoding: e, Count: n})
	}
	if dictionaryBytes > 0 {
		m.DictionaryPageOffset = offset
		count(format.DictionaryPage, format.Plain, 1)
		count(format.DataPage, format.RLEDictionary, l.dictPages)
	}
	if l.flatPages > 0 {
		count(format.DataPage, format.Plain, l.flatPages)
	}
	m.Encoding = append(m.Encoding, format.Plain, format.RLE)
	if dictionaryBytes > 0 {
		m.Encoding = append(m.Encoding, format.RLEDictionary)
	}
	return format.ColumnChunk{FileOffset: offset, MetaData: m}
}

// presentOf splits rows (all from lo up to hi if rows is nil) of a column into
// those that are not null and definition levels for all of them.
func presentOf(c *batch.Column, s source, present byte, defs []byte, rows []int32) ([]byte, []int32) {
	n := s.len()
	defs, rows = growBytes(defs, n), growInts(rows, n)
	k := 0
	for i := 0; i < n; i++ {
		row := int32(s.lo + i)
		if s.rows != nil {
			row = s.rows[i]
		}
		bit := byte(c.Valid[row>>6] >> (uint(row) & 63) & 1)
		defs[i] = present - 1 + bit
		rows[k] = row
		k += int(bit)
	}
	return defs, rows[:k]
}

func growBytes(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n, max(n, 4096))
	}
	return b[:n]
}

func growInts(b []int32, n int) []int32 {
	if cap(b) < n {
		return make([]int32, n, max(n, 4096))
	}
	return b[:n]
}
