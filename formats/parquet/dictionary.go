package parquet

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// dictionary is the set of distinct values of one column in one row group. Its
// values lie in PLAIN encoding, ready to be written; the table is open
// addressing over their numbers.
type dictionary struct {
	limit int // bytes of values
	wide  int // bytes a value; 0: strings
	*dictionaryBuffers
}

type dictionaryBuffers struct {
	plain []byte
	keys  []uint64 // fixed: the value. strings: length<<32 | offset in plain
	hash  []uint32 // strings: upper half of the hash, by number
	slots []uint32 // number+1, 0: free
}

func (b *dictionaryBuffers) held() int64 {
	return int64(cap(b.plain)) + int64(cap(b.keys))*8 + int64(cap(b.hash)+cap(b.slots))*4
}

func (d *dictionary) reset(l *leafWriter) {
	d.dictionaryBuffers = &l.table
	switch l.physical {
	case format.Int32, format.Float:
		d.wide = 4
	case format.Int64, format.Double:
		d.wide = 8
	}
	d.plain, d.keys, d.hash = d.plain[:0], d.keys[:0], d.hash[:0]
	clear(d.slots)
}

func (d *dictionary) bitWidth() uint {
	return uint(bits.Len(uint(max(len(d.keys)-1, 0))))
}

// room makes the table large enough for n more values.
func (d *dictionary) room(n int) {
	need := 2 * (len(d.keys) + n)
	if need <= len(d.slots) {
		return
	}
	size := 1 << bits.Len(uint(max(need, 1024)-1))
	if cap(d.slots) >= size {
		d.slots = d.slots[:size]
		clear(d.slots)
	} else {
		d.slots = make([]uint32, size)
	}
	mask := uint32(size - 1)
	for i, k := range d.keys {
		h := uint32(mix(k) >> 32)
		if d.wide == 0 {
			h = d.hash[i]
		}
		at := h & mask
		for d.slots[at] != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = uint32(i + 1)
	}
}

// mix spreads a fixed-width value over 64 bits, the upper half best.
func mix(v uint64) uint64 {
	v ^= v >> 32
	v *= 0x9e3779b97f4a7c15
	return v ^ v<<32
}

// probeBlock is how many values are looked up together. The table is larger
// than the processor's near caches when a dictionary is worth most; loads that do not
// depend on each other wait for memory together.
const probeBlock = 256

// addFixed appends the numbers of the values to codes; one of the two is nil.
func (d *dictionary) addFixed(codes []int32, v32 []uint32, v64 []uint64) []int32 {
	for len(v32) > 0 {
		n := min(len(v32), probeBlock)
		d.room(n)
		for _, v := range v32[:n] {
			codes = append(codes, d.number(uint64(v)))
		}
		v32 = v32[n:]
	}
	var found [probeBlock]uint32
	for len(v64) > 0 {
		n := min(len(v64), probeBlock)
		d.room(n)
		block, slots := v64[:n], d.slots
		mask := uint32(len(slots) - 1)
		for i, v := range block {
			found[i] = slots[uint32(mix(v)>>32)&mask]
		}
		at := len(codes)
		codes = slices.Grow(codes, n)[:at+n]
		out := codes[at:]
		for i, v := range block {
			if s := found[i&(probeBlock-1)]; s != 0 && d.keys[s-1] == v {
				out[i] = int32(s - 1)
			} else {
				out[i] = d.number(v)
			}
		}
		v64 = v64[n:]
	}
	return codes
}

// number returns the number of a fixed-width value; there is room for it.
func (d *dictionary) number(v uint64) int32 {
	mask := uint32(len(d.slots) - 1)
	at := uint32(mix(v)>>32) & mask
	for {
		s := d.slots[at]
		if s == 0 {
			break
		}
		if d.keys[s-1] == v {
			return int32(s - 1)
		}
		at = (at + 1) & mask
	}
	d.keys = append(d.keys, v)
	d.slots[at] = uint32(len(d.keys))
	if d.wide == 4 {
		d.plain = binary.LittleEndian.AppendUint32(d.plain, uint32(v))
	} else {
		d.plain = binary.LittleEndian.AppendUint64(d.plain, v)
	}
	return int32(len(d.keys) - 1)
}

// addStrings appends the numbers of the values of s, a column without a
// dictionary of its own.
func (d *dictionary) addStrings(codes []int32, s source, l *leafWriter) []int32 {
	for s.len() > 0 {
		n := min(s.len(), probeBlock)
		block := source{column: s.column, lo: s.lo, hi: s.lo + n}
		if s.rows != nil {
			block.rows, s.rows = s.rows[:n], s.rows[n:]
		}
		s.lo += n
		codes = d.addBlock(codes, block, l)
	}
	return codes
}

// addBlock is addStrings for at most probeBlock values.
func (d *dictionary) addBlock(codes []int32, s source, l *leafWriter) []int32 {
	n := s.len()
	if 2*(len(d.keys)+n) > len(d.slots) {
		d.room(max(512, len(d.keys)))
	}
	var values [probeBlock][]byte
	var hashes, found [probeBlock]uint32
	off, data := s.column.Off, s.column.Data
	if s.rows == nil {
		for i := range n {
			values[i] = data[off[s.lo+i]:off[s.lo+i+1]]
		}
	} else {
		for i, r := range s.rows {
			values[i] = data[off[r]:off[r+1]]
		}
	}
	for i, v := range values[:n] {
		hashes[i] = hashBytes(v)
	}
	slots := d.slots
	mask := uint32(len(slots) - 1)
	for i, h := range hashes[:n] {
		found[i] = slots[h&mask]
	}
	var keys [probeBlock]uint64
	for i, f := range found[:n] {
		if f != 0 && d.hash[f-1] == hashes[i] {
			keys[i] = d.keys[f-1]
		} else {
			found[i] = 0
		}
	}
	at := len(codes)
	codes = slices.Grow(codes, n)[:at+n]
	out := codes[at:]
	for i, v := range values[:n] {
		k := uint32(keys[i]) + 4
		if f := found[i]; f != 0 && string(d.plain[k:k+uint32(keys[i]>>32)]) == string(v) {
			out[i] = int32(f - 1)
		} else {
			out[i] = d.addString(v, hashes[i], l)
		}
	}
	return codes
}

// addString returns the number of v, whose hash is h, and widens the column's bounds if it is
// new.
func (d *dictionary) addString(v []byte, h uint32, l *leafWriter) int32 {
	if 2*(len(d.keys)+1) > len(d.slots) {
		d.room(max(512, len(d.keys)))
	}
	mask := uint32(len(d.slots) - 1)
	at := h & mask
	for {
		s := d.slots[at]
		if s == 0 {
			break
		}
		if d.hash[s-1] == h && string(d.value(s-1)) == string(v) {
			return int32(s - 1)
		}
		at = (at + 1) & mask
	}
	d.keys = append(d.keys, uint64(len(v))<<32|uint64(len(d.plain)))
	d.hash = append(d.hash, h)
	d.slots[at] = uint32(len(d.keys))
	d.plain = binary.LittleEndian.AppendUint32(d.plain, uint32(len(v)))
	d.plain = append(d.plain, v...)
	l.bounds.bytes(v)
	return int32(len(d.keys) - 1)
}

func (d *dictionary) value(i uint32) []byte {
	k := d.keys[i]
	off := uint32(k) + 4
	return d.plain[off : off+uint32(k>>32)]
}

// hashBytes is a multiply-and-fold hash, good enough for a table that a
// hostile writer can only make slow, as far as the limit of a dictionary.
func hashBytes(b []byte) uint32 {
	const m1, m2 = 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	h := uint64(len(b)) * m2
	for len(b) >= 16 {
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(b)^m1^h, binary.LittleEndian.Uint64(b[8:])^m2)
		h = hi ^ lo
		b = b[16:]
	}
	var x, y uint64
	switch {
	case len(b) >= 8:
		x, y = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[len(b)-8:])
	case len(b) >= 4:
		x, y = uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[len(b)-4:]))
	case len(b) > 0:
		x = uint64(b[0]) | uint64(b[len(b)>>1])<<8 | uint64(b[len(b)-1])<<16
	}
	hi, lo := bits.Mul64(x^m1^h, y^m2)
	h = hi ^ lo
	return uint32(h>>32) ^ uint32(h)
}

// appendValues appends the values numbered codes in PLAIN encoding.
func (d *dictionary) appendValues(out []byte, codes []int32) []byte {
	switch d.wide {
	case 4:
		for _, c := range codes {
			out = binary.LittleEndian.AppendUint32(out, uint32(d.keys[c]))
		}
	case 8:
		for _, c := range codes {
			out = binary.LittleEndian.AppendUint64(out, d.keys[c])
		}
	default:
		for _, c := range codes {
			k := d.keys[c]
			out = append(out, d.plain[uint32(k):uint32(k)+4+uint32(k>>32)]...)
		}
	}
	return out
}

// The values after which a dictionary on trial is looked at first, and after
// which it is decided on.
const (
	firstLook = 2048
	lastLook  = 16384
)

// judgeDictionary gives the dictionary up when it does not pay: at the first
// look when nearly every value is new, at the last when codes and dictionary
// together are not clearly smaller than the values, and whenever it is full.
func (l *leafWriter) judgeDictionary() {
	seen, distinct := int(l.values)+len(l.codes), len(l.dict.keys)
	if l.dict.limit >= 0 && len(l.dict.plain) > l.dict.limit {
		l.dropDictionary()
		return
	}
	if l.coding != codingTrial || seen < firstLook {
		return
	}
	average := len(l.dict.plain) / max(distinct, 1)
	cost := len(l.dict.plain) + seen*int(l.dict.bitWidth())/8
	switch {
	case distinct > seen/4*3:
		l.dropDictionary()
	case seen < lastLook:
	case cost > seen*average/4*3:
		l.dropDictionary()
	default:
		l.coding = codingDict
	}
}

// dropDictionary turns the page being filled, and all later ones of the row
// group, to plain encoding. Pages already finished keep the dictionary.
func (l *leafWriter) dropDictionary() {
	l.coding = codingPlain
	l.plain = l.dict.appendValues(l.plain[:headroom], l.codes)
	l.codes = l.codes[:0]
	if l.dictPages == 0 {
		l.dict.reset(l)
	}
}
