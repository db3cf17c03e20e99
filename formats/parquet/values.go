package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"

	"github.com/deltaic/deltaic/batch"
)

var errValuesShort = errors.New("a page has fewer values than its header says")

// pageValues hands out the values of the current page.
type pageValues struct {
	encoding valueEncoding
	plain    []byte  // what is left of PLAIN values; all of BYTE_STREAM_SPLIT ones
	codes    hybrid  // dictionary codes; run-length booleans
	ints     []int64 // what is left of delta numbers
	offsets  []int64 // delta strings: what is left of offsets into plain
	bit, at  int     // booleans: bits used of plain. split values: handed out
	count    int     // split values in the page
}

type valueEncoding uint8

const (
	valuesPlain valueEncoding = iota
	valuesCodes
	valuesInts
	valuesSplit
	valuesRuns
	valuesOffsets
)

// start begins a page of at most n values.
func (v *pageValues) start(c *chunkReader, e format.Encoding, body []byte, n int) (err error) {
	*v = pageValues{ints: v.ints[:0], plain: body}
	switch e {
	case format.Plain:
		return nil
	case format.RLEDictionary, format.PlainDictionary:
		v.encoding = valuesCodes
		if len(body) == 0 { // every entry is null
			return nil
		}
		v.codes, err = newHybrid(body[1:], uint(body[0]))
		return err
	case format.RLE:
		if c.physical != format.Boolean || len(body) < 4 {
			break
		}
		v.encoding = valuesRuns
		v.codes, err = newHybrid(body[4:], 1)
		return err
	case format.DeltaBinaryPacked:
		if c.physical != format.Int32 && c.physical != format.Int64 {
			break
		}
		v.encoding = valuesInts
		v.ints, _, err = deltaInts(body, v.ints, n)
		return err
	case format.DeltaLengthByteArray:
		if c.physical != format.ByteArray {
			break
		}
		v.encoding = valuesOffsets
		v.offsets, v.plain, err = deltaLengths(body, n)
		return err
	case format.DeltaByteArray:
		if c.physical != format.ByteArray && c.physical != format.FixedLenByteArray {
			break
		}
		v.encoding = valuesOffsets
		v.offsets, v.plain, err = deltaStrings(body, n, expansion(c.file.options.Limits.PageBytes, int64(len(body))))
		return err
	case format.ByteStreamSplit:
		w := c.bytesEach()
		if w == 0 || len(body)%w != 0 {
			break
		}
		v.encoding, v.count = valuesSplit, len(body)/w
		return nil
	}
	return fmt.Errorf("values of %s cannot be encoded as %s in %d bytes", c.physical, e, len(body))
}

// bytesEach returns the bytes of a value of a fixed width, else 0.
func (c *chunkReader) bytesEach() int {
	switch c.physical {
	case format.Int32, format.Float:
		return 4
	case format.Int64, format.Double:
		return 8
	case format.Int96, format.FixedLenByteArray:
		return c.width
	}
	return 0
}

// take returns the next n plain values of width bytes.
func (v *pageValues) take(n, width int) ([]byte, error) {
	if n*width > len(v.plain) {
		return nil, errValuesShort
	}
	b := v.plain[:n*width]
	v.plain = v.plain[n*width:]
	return b, nil
}

// number is a value as it lies in a file: four or eight bytes.
type number interface{ int32 | int64 }

// numbers appends the next n values of a column whose values have the width of
// T. dict is the dictionary of that width.
func numbers[T number](c *chunkReader, out []T, n int, dict []T) ([]T, error) {
	v, at := &c.values, len(out)
	var zero T
	width := int(unsafe.Sizeof(zero))
	switch v.encoding {
	case valuesPlain:
		b, err := v.take(n, width)
		if err != nil {
			return out, err
		}
		out = grown(out, n)
		loadNumbers(out[at:], b)
	case valuesCodes:
		codes, err := c.dict.next(v, n)
		if err != nil {
			return out, err
		}
		out = grown(out, n)
		for i, code := range codes {
			if uint(code) >= uint(len(dict)) {
				return out[:at], errCode
			}
			out[at+i] = dict[code]
		}
	case valuesInts:
		if n > len(v.ints) {
			return out, errValuesShort
		}
		out = grown(out, n)
		for i, x := range v.ints[:n] {
			out[at+i] = T(x)
		}
		v.ints = v.ints[n:]
	case valuesSplit:
		if n > v.count-v.at {
			return out, errValuesShort
		}
		out = grown(out, n)
		for i := range n {
			var x uint64
			for k := range width {
				x |= uint64(v.plain[k*v.count+v.at+i]) << (8 * k)
			}
			out[at+i] = T(x)
		}
		v.at += n
	default:
		return out, errValuesShort
	}
	return out, nil
}

var errCode = errors.New("a value refers to a dictionary entry that is not there")

func grown[T any](s []T, n int) []T {
	if need := len(s) + n; need > cap(s) {
		g := make([]T, len(s), max(need, 2*cap(s)))
		copy(g, s)
		s = g
	}
	return s[:len(s)+n]
}

func loadNumbers[T number](out []T, b []byte) {
	if littleEndian {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(out))), len(b)), b)
		return
	}
	width := len(b) / max(len(out), 1)
	for i := range out {
		if width == 4 {
			out[i] = T(int32(binary.LittleEndian.Uint32(b[i*4:])))
		} else {
			out[i] = T(binary.LittleEndian.Uint64(b[i*8:]))
		}
	}
}

// bools sets the bits of the next n values from bit at on.
func (c *chunkReader) bools(out batch.Bitmap, at, n int) error {
	v := &c.values
	switch v.encoding {
	case valuesPlain:
		if v.bit+n > len(v.plain)*8 {
			return errValuesShort
		}
		copyBits(out, at, v.plain, v.bit, n)
		v.bit += n
		return nil
	case valuesRuns:
		c.dict.codes = growInts(c.dict.codes, n)
		if err := read(&v.codes, c.dict.codes); err != nil {
			return err
		}
		for i, x := range c.dict.codes {
			out.Put(at+i, x != 0)
		}
		return nil
	}
	return errors.New("booleans are not encoded as a dictionary")
}

// fixed hands the next n values of a fixed width in bytes to each.
func (c *chunkReader) fixed(n int, each func(i int, b []byte)) error {
	v, w := &c.values, c.width
	switch v.encoding {
	case valuesPlain:
		b, err := v.take(n, w)
		if err != nil {
			return err
		}
		for i := range n {
			each(i, b[i*w:(i+1)*w])
		}
	case valuesCodes:
		codes, err := c.dict.next(v, n)
		if err != nil {
			return err
		}
		for i, code := range codes {
			if uint(code) >= uint(len(c.dict.fixed)/w) {
				return errCode
			}
			each(i, c.dict.fixed[int(code)*w:(int(code)+1)*w])
		}
	case valuesSplit:
		if n > v.count-v.at {
			return errValuesShort
		}
		value := make([]byte, w)
		for i := range n {
			for k := range value {
				value[k] = v.plain[k*v.count+v.at+i]
			}
			each(i, value)
		}
		v.at += n
	default:
		if n > len(v.offsets)-1 {
			return errValuesShort
		}
		for i := range n {
			b := v.plain[v.offsets[i]:v.offsets[i+1]]
			if len(b) != w {
				return fmt.Errorf("a value has %d bytes instead of %d", len(b), w)
			}
			each(i, b)
		}
		v.offsets = v.offsets[n:]
	}
	return nil
}

// strings appends the next n byte arrays to the offsets and data of a column,
// whose data may grow to budget bytes.
func (c *chunkReader) strings(off []int32, data []byte, n int, budget int64) ([]int32, []byte, error) {
	v := &c.values
	switch v.encoding {
	case valuesPlain:
		return v.plainStrings(off, data, n, budget)
	case valuesCodes:
		codes, err := c.dict.next(v, n)
		if err != nil {
			return off, data, err
		}
		d := c.dict.strings
		for _, code := range codes {
			if d == nil || uint(code) >= uint(d.N) {
				return off, data, errCode
			}
			b := d.Data[d.Off[code]:d.Off[code+1]]
			if int64(len(data)+len(b)) > budget {
				return off, data, errBudget(budget)
			}
			data = append(data, b...)
			off = append(off, int32(len(data)))
		}
	case valuesOffsets:
		if n > len(v.offsets)-1 {
			return off, data, errValuesShort
		}
		lo, hi := v.offsets[0], v.offsets[n]
		if int64(len(data))+hi-lo > budget {
			return off, data, errBudget(budget)
		}
		base := int64(len(data)) - lo
		data = append(data, v.plain[lo:hi]...)
		for _, o := range v.offsets[1 : n+1] {
			off = append(off, int32(base+o))
		}
		v.offsets = v.offsets[n:]
	default:
		return off, data, errValuesShort
	}
	return off, data, nil
}

func errBudget(budget int64) error {
	return fmt.Errorf("the strings of a batch take more than %d bytes", budget)
}

func (v *pageValues) plainStrings(off []int32, data []byte, n int, budget int64) ([]int32, []byte, error) {
	b := v.plain
	if most := len(b) - 4*n; most < 0 {
		return off, data, errValuesShort
	}
	at := 0
	for range n {
		if len(b)-at < 4 {
			return off, data, errValuesShort
		}
		size := int(binary.LittleEndian.Uint32(b[at:]))
		at += 4
		if size > len(b)-at {
			return off, data, errValuesShort
		}
		if int64(len(data)+size) > budget {
			return off, data, errBudget(budget)
		}
		data = append(data, b[at:at+size]...)
		off = append(off, int32(len(data)))
		at += size
	}
	v.plain = b[at:]
	return off, data, nil
}

// dictionaryValues is the dictionary of a column chunk in the form that its
// physical type is read in.
type dictionaryValues struct {
	pool    *batch.Pool
	i32     []int32
	i64     []int64
	fixed   []byte
	strings *batch.Column // Binary or String, owned
	typ     batch.Type    // of strings
	codes   []int32
}

func (d *dictionaryValues) reset() {
	d.strings.Release()
	d.strings, d.i32, d.i64, d.fixed = nil, d.i32[:0], d.i64[:0], d.fixed[:0]
}

// next returns the next n codes; they are not checked.
func (d *dictionaryValues) next(v *pageValues, n int) ([]int32, error) {
	d.codes = growInts(d.codes, n)
	return d.codes, read(&v.codes, d.codes)
}

func (d *dictionaryValues) load(c *chunkReader, body []byte, n int) error {
	d.reset()
	if n < 0 {
		return fmt.Errorf("a dictionary says %d values", n)
	}
	if w := c.bytesEach(); n*max(w, 1) > len(body) {
		return fmt.Errorf("a dictionary says %d values in %d bytes", n, len(body))
	}
	switch c.physical {
	case format.Int32, format.Float:
		d.i32 = grown(d.i32, n)
		loadNumbers(d.i32, body[:4*n])
	case format.Int64, format.Double:
		d.i64 = grown(d.i64, n)
		loadNumbers(d.i64, body[:8*n])
	case format.Int96, format.FixedLenByteArray:
		d.fixed = append(d.fixed, body[:n*c.width]...)
	case format.ByteArray:
		return d.loadStrings(body, n)
	default:
		return errors.New("booleans have no dictionary")
	}
	return nil
}

func (d *dictionaryValues) loadStrings(body []byte, n int) error {
	if 4*n > len(body) {
		return errValuesShort
	}
	col := d.pool.NewColumn(d.typ, n)
	col.ReserveData(len(body) - 4*n)
	at := 0
	for i := range n {
		if len(body)-at < 4 {
			col.Release()
			return errValuesShort
		}
		size := int(binary.LittleEndian.Uint32(body[at:]))
		at += 4
		if size > len(body)-at {
			col.Release()
			return errValuesShort
		}
		col.AppendData(body[at : at+size])
		col.Off[i+1] = int32(len(col.Data))
		at += size
	}
	d.strings = col
	return nil
}

// copyBits copies n bits of src from bit from on to those of out from at on. The
// bits of out behind at are zero.
func copyBits(out batch.Bitmap, at int, src []byte, from, n int) {
	for n > 0 {
		// As many as lie in one word of out and in the bytes at hand.
		room := min(n, 64-at&63, 56)
		var raw [8]byte
		copy(raw[:], src[from>>3:])
		word := binary.LittleEndian.Uint64(raw[:]) >> (from & 7) & (1<<room - 1)
		out[at>>6] |= word << (at & 63)
		at, from, n = at+room, from+room, n-room
	}
}
