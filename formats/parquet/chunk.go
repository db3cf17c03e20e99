package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/parquet-go/parquet-go/format"
)

// chunkReader walks the pages of one column chunk.
type chunkReader struct {
	file     *File
	meta     *format.ColumnMetaData
	physical format.Type
	width    int // FixedLenByteArray and Int96: bytes a value
	maxDef   uint8
	maxRep   uint8
	leaf     int   // index of the column chunk in a row group
	step     int64 // bytes to ask the file for at once

	at, end int64  // of the file: what is not read yet
	window  []byte // read and not used yet
	buffer  []byte // behind window
	body    []byte // of the page, decompressed; reused
	dict    dictionaryValues

	left       int64 // entries of the chunk not yet handed out, by its metadata
	entries    int   // of the page, not yet handed out
	defs, reps hybrid
	values     pageValues
}

// open begins a column chunk.
func (c *chunkReader) open(m *format.ColumnMetaData) {
	c.meta = m
	c.at = chunkStart(m)
	c.end = c.at + m.TotalCompressedSize
	c.left, c.entries = m.NumValues, 0
	c.window = c.window[:0]
	c.dict.reset()
}

// fill makes the window at least n bytes long, or as long as the chunk is.
func (c *chunkReader) fill(n int64) error {
	if int64(len(c.window)) >= n || c.at == c.end {
		return nil
	}
	more := min(max(n-int64(len(c.window)), c.step), c.end-c.at)
	need := len(c.window) + int(more)
	if cap(c.buffer) < need {
		grown := make([]byte, need)
		copy(grown, c.window)
		c.buffer = grown
	} else {
		copy(c.buffer[:cap(c.buffer)], c.window)
	}
	at := len(c.window)
	c.window = c.buffer[:need]
	if err := c.file.readAt(c.window[at:], c.at); err != nil {
		c.window = c.window[:at]
		return err
	}
	c.at += more
	return nil
}

// header reads the next page header.
func (c *chunkReader) header(h *format.PageHeader) error {
	for ask := int64(1); ; ask = int64(len(c.window)) + 1 {
		if err := c.fill(ask); err != nil {
			return err
		}
		*h = format.PageHeader{}
		n, err := decodeThrift(c.window, h)
		if err == nil {
			c.window = c.window[n:]
			return nil
		}
		if !errors.Is(err, errShort) || c.at == c.end || len(c.window) > 16<<20 {
			return fmt.Errorf("a page header: %w", err)
		}
	}
}

// nextPage makes the next data page current. The chunk has entries left.
func (c *chunkReader) nextPage() error {
	for c.entries == 0 {
		var h format.PageHeader
		if err := c.header(&h); err != nil {
			return err
		}
		if err := c.load(&h); err != nil {
			return err
		}
	}
	return nil
}

// passPages passes over whole pages of at most n entries together, without looking into them, and returns how
// many entries that were. If it returns fewer, the next page is current, or the chunk is at its end.
func (c *chunkReader) passPages(n int64) (passed int64, err error) {
	for passed < n && c.entries == 0 && c.left > 0 {
		var h format.PageHeader
		if err := c.header(&h); err != nil {
			return passed, err
		}
		entries := int64(-1)
		switch {
		case h.Type == format.DataPage && h.DataPageHeader.Valid:
			entries = int64(h.DataPageHeader.V.NumValues)
		case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
			entries = int64(h.DataPageHeaderV2.V.NumValues)
		}
		if entries < 0 || entries > min(n-passed, c.left) {
			if err := c.load(&h); err != nil {
				return passed, err
			}
			continue
		}
		stored, err := c.stored(&h)
		if err != nil {
			return passed, err
		}
		if here := int64(len(c.window)); stored <= here {
			c.window = c.window[stored:]
		} else {
			c.window = c.window[:0]
			c.at += stored - here
		}
		c.left -= entries
		passed += entries
	}
	return passed, nil
}

// stored returns the bytes of the page behind its header.
func (c *chunkReader) stored(h *format.PageHeader) (int64, error) {
	limit := c.file.options.Limits.PageBytes
	stored, full := int64(h.CompressedPageSize), int64(h.UncompressedPageSize)
	if stored < 0 || full < 0 || stored > limit || full > expansion(limit, stored) {
		return 0, fmt.Errorf("a page of %d bytes, %d uncompressed, is beyond the limit of %d", stored, full, expansion(limit, max(stored, 0)))
	}
	if stored > int64(len(c.window))+c.end-c.at {
		return 0, fmt.Errorf("a page of %d bytes goes beyond its column chunk", stored)
	}
	return stored, nil
}

// What a page may become however small it is, and how many times its bytes beyond that. Pages of real files are of a
// megabyte or so, and larger ones do not shrink to a hundredth.
const (
	smallPage  = 32 << 20
	mostShrunk = 128
)

// expansion returns what so many stored bytes may become.
func expansion(limit, stored int64) int64 {
	return min(limit, smallPage+mostShrunk*min(stored, limit))
}

// load reads the page of the header.
func (c *chunkReader) load(h *format.PageHeader) error {
	stored, err := c.stored(h)
	if err != nil {
		return err
	}
	if err := c.fill(stored); err != nil {
		return err
	}
	page := c.window[:stored]
	c.window = c.window[stored:]
	if h.CRC != 0 && !c.file.options.SkipChecksums && crc32.ChecksumIEEE(page) != uint32(h.CRC) {
		return errors.New("the checksum of a page is wrong")
	}
	return c.page(h, page)
}

func (c *chunkReader) page(h *format.PageHeader, page []byte) error {
	switch {
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		d := &h.DictionaryPageHeader.V
		if d.Encoding != format.Plain && d.Encoding != format.PlainDictionary {
			return fmt.Errorf("a dictionary is encoded as %s", d.Encoding)
		}
		body, err := c.decompress(page, int(h.UncompressedPageSize))
		if err != nil {
			return fmt.Errorf("a dictionary page: %w", err)
		}
		return c.dict.load(c, body, int(d.NumValues))
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		body, err := c.decompress(page, int(h.UncompressedPageSize))
		if err != nil {
			return fmt.Errorf("a data page: %w", err)
		}
		return c.pageV1(&h.DataPageHeader.V, body)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		return c.pageV2(&h.DataPageHeaderV2.V, page, int(h.UncompressedPageSize))
	case h.Type == format.IndexPage:
		return nil
	}
	return fmt.Errorf("a page of type %d has no header of that type", h.Type)
}

func (c *chunkReader) decompress(page []byte, size int) ([]byte, error) {
	out, err := decompress(c.meta.Codec, c.body, page, size)
	if err == nil && c.meta.Codec != format.Uncompressed {
		c.body = out
	}
	return out, err
}

func (c *chunkReader) pageV1(h *format.DataPageHeader, body []byte) (err error) {
	if err := c.count(h.NumValues); err != nil {
		return err
	}
	if c.maxRep > 0 {
		if c.reps, body, err = prefixedLevels(body, h.RepetitionLevelEncoding, c.maxRep); err != nil {
			return fmt.Errorf("repetition levels: %w", err)
		}
	}
	if c.maxDef > 0 {
		if c.defs, body, err = prefixedLevels(body, h.DefinitionLevelEncoding, c.maxDef); err != nil {
			return fmt.Errorf("definition levels: %w", err)
		}
	}
	return c.values.start(c, h.Encoding, body, int(h.NumValues))
}

func (c *chunkReader) pageV2(h *format.DataPageHeaderV2, page []byte, full int) (err error) {
	if err := c.count(h.NumValues); err != nil {
		return err
	}
	r, d := int(h.RepetitionLevelsByteLength), int(h.DefinitionLevelsByteLength)
	if r < 0 || d < 0 || r > len(page) || d > len(page)-r || r+d > full {
		return fmt.Errorf("levels of %d and %d bytes do not fit in a page of %d", r, d, len(page))
	}
	if c.reps, err = newHybrid(page[:r], widthOf(c.maxRep)); err != nil {
		return err
	}
	if c.defs, err = newHybrid(page[r:r+d], widthOf(c.maxDef)); err != nil {
		return err
	}
	body := page[r+d:]
	if compressed, ok := h.IsCompressed.Get(); (compressed || !ok) && len(body) > 0 {
		if body, err = c.decompress(body, full-r-d); err != nil {
			return fmt.Errorf("a data page: %w", err)
		}
	}
	return c.values.start(c, h.Encoding, body, int(h.NumValues))
}

func (c *chunkReader) count(n int32) error {
	if n < 0 || int64(n) > c.left {
		return fmt.Errorf("a page says %d values, the column chunk has %d left", n, c.left)
	}
	c.left -= int64(n)
	c.entries = int(n)
	return nil
}

// prefixedLevels returns the levels at the head of a V1 page and what follows.
func prefixedLevels(body []byte, e format.Encoding, greatest uint8) (hybrid, []byte, error) {
	if e != format.RLE {
		return hybrid{}, nil, fmt.Errorf("the encoding %s is not supported", e)
	}
	if len(body) < 4 {
		return hybrid{}, nil, errLevelsShort
	}
	n := int64(binary.LittleEndian.Uint32(body))
	if n > int64(len(body)-4) {
		return hybrid{}, nil, errLevelsShort
	}
	h, err := newHybrid(body[4:4+n], widthOf(greatest))
	return h, body[4+n:], err
}
