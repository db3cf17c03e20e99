package deletion

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"strings"
)

// Append appends the vector in the portable form, which [Decode] reads.
func (v *Vector) Append(b []byte) []byte {
	var blocks []block
	if v != nil {
		blocks = v.blocks
	}
	b = binary.LittleEndian.AppendUint32(b, magicPortable)
	count := len(b)
	b = binary.LittleEndian.AppendUint64(b, 0)
	for n := uint64(1); len(blocks) > 0; n++ {
		high, to := blocks[0].base>>32, 1
		for to < len(blocks) && blocks[to].base>>32 == high {
			to++
		}
		b = appendBitmap(binary.LittleEndian.AppendUint32(b, uint32(high)), blocks[:to])
		blocks = blocks[to:]
		binary.LittleEndian.PutUint64(b[count:], n)
	}
	return b
}

// appendBitmap appends blocks, whose rows differ in the lower 32 bits alone, as a Roaring bitmap.
func appendBitmap(b []byte, blocks []block) []byte {
	flags := make([]byte, (len(blocks)+7)/8)
	hasRuns := false
	for i := range blocks {
		if blocks[i].runs != nil {
			flags[i>>3] |= 1 << (i & 7)
			hasRuns = true
		}
	}
	begin := len(b)
	if hasRuns {
		b = binary.LittleEndian.AppendUint32(b, cookieRuns|uint32(len(blocks)-1)<<16)
		b = append(b, flags...)
	} else {
		b = binary.LittleEndian.AppendUint32(b, cookiePlain)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(blocks)))
	}
	for i := range blocks {
		b = binary.LittleEndian.AppendUint16(b, uint16(blocks[i].base>>16))
		b = binary.LittleEndian.AppendUint16(b, uint16(blocks[i].rows()-1))
	}
	offsets := len(b)
	if !hasRuns || len(blocks) >= withOffsets {
		b = append(b, make([]byte, 4*len(blocks))...)
	}
	for i := range blocks {
		if !hasRuns || len(blocks) >= withOffsets {
			binary.LittleEndian.PutUint32(b[offsets+4*i:], uint32(len(b)-begin))
		}
		b = blocks[i].append(b)
	}
	return b
}

func (k *block) append(b []byte) []byte {
	switch {
	case k.runs != nil:
		b = binary.LittleEndian.AppendUint16(b, uint16(len(k.runs)))
		for _, r := range k.runs {
			b = binary.LittleEndian.AppendUint16(b, r.first)
			b = binary.LittleEndian.AppendUint16(b, r.last-r.first)
		}
	case k.bits != nil:
		for _, w := range k.bits {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
	default:
		for _, row := range k.array {
			b = binary.LittleEndian.AppendUint16(b, row)
		}
	}
	return b
}

// AppendVersion appends the byte that a file of vectors begins with.
func AppendVersion(b []byte) []byte { return append(b, 1) }

// AppendFramed appends a vector to a file of vectors: its size, itself and its checksum. It returns the size, which is
// what the log says; the vector's offset is the length of b.
func AppendFramed(b []byte, v *Vector) (file []byte, size int64) {
	at := len(b)
	b = v.Append(append(b, 0, 0, 0, 0))
	data := b[at+4:]
	binary.BigEndian.PutUint32(b[at:], uint32(len(data)))
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(data)), int64(len(data))
}

// FileText returns what a descriptor says of a file of vectors that lies in the table's folder and is called by the UUID, in
// its usual form: [FileName] of it is the file's name.
func FileText(uuid string) (string, error) {
	id, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	if err != nil || len(id) != 16 {
		return "", errors.Join(errors.New("a file of deletion vectors is called by a UUID, not by "+uuid), err)
	}
	text := make([]byte, 0, 20)
	for i := 0; i < len(id); i += 4 {
		var digits [5]byte
		for n, at := binary.BigEndian.Uint32(id[i:]), 4; at >= 0; n, at = n/85, at-1 {
			digits[at] = z85[n%85]
		}
		text = append(text, digits[:]...)
	}
	return string(text), nil
}
