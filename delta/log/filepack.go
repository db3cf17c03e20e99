package log

import (
	"encoding/binary"

	"github.com/klauspost/compress/s2"
)

// blockFiles is how many files are packed together, fewer if their text is long.
const (
	blockFiles = 1024
	blockText  = 4 << 20 // bytes
)

// packedFiles is a block of add-actions, compressed.
type packedFiles struct {
	data  []byte
	count int
	parts int // partition values of all files
}

// filePacker fills a block. Its memory is used again for the next one.
type filePacker struct {
	text, packed []byte
	count, parts int
}

// What an action has besides path, partition values, size and time.
const (
	packedDataChange = 1 << iota
	packedStats
	packedTags
	packedVector
	packedBaseRow
	packedCommitVersion
	packedClustering
)

func (p *filePacker) add(a *Add) {
	p.count++
	p.parts += len(a.Partition)
	flags := byte(0)
	for i, has := range []bool{a.DataChange, a.Stats != "", a.Tags != nil, a.DeletionVector != nil, a.BaseRowID != nil, a.DefaultRowCommitVersion != nil, a.ClusteringProvider != ""} {
		if has {
			flags |= 1 << i
		}
	}
	p.text = append(p.text, flags)
	p.string(a.Path)
	p.int(a.Size)
	p.int(a.ModificationTime)
	p.int(int64(len(a.Partition)))
	for _, v := range a.Partition {
		p.string(v.Column)
		p.string(v.Value)
	}
	if a.Stats != "" {
		p.string(a.Stats)
	}
	if a.Tags != nil {
		p.int(int64(len(a.Tags)))
		for k, v := range a.Tags {
			p.string(k)
			p.string(v)
		}
	}
	if d := a.DeletionVector; d != nil {
		p.string(d.StorageType)
		p.string(d.PathOrInline)
		p.pointer(d.Offset)
		p.int(d.SizeInBytes)
		p.int(d.Cardinality)
		p.pointer(d.MaxRowIndex)
	}
	if a.BaseRowID != nil {
		p.int(*a.BaseRowID)
	}
	if a.DefaultRowCommitVersion != nil {
		p.int(*a.DefaultRowCommitVersion)
	}
	if a.ClusteringProvider != "" {
		p.string(a.ClusteringProvider)
	}
}

func (p *filePacker) int(v int64) { p.text = binary.AppendVarint(p.text, v) }

func (p *filePacker) pointer(v *int64) {
	if v == nil {
		p.text = append(p.text, 0)
		return
	}
	p.text = append(p.text, 1)
	p.int(*v)
}

func (p *filePacker) string(s string) {
	p.text = append(binary.AppendUvarint(p.text, uint64(len(s))), s...)
}

// pack returns the block and begins the next one.
func (p *filePacker) pack() packedFiles {
	if n := s2.MaxEncodedLen(len(p.text)); cap(p.packed) < n {
		p.packed = make([]byte, n)
	}
	data := s2.Encode(p.packed[:cap(p.packed)], p.text)
	out := packedFiles{data: append(make([]byte, 0, len(data)), data...), count: p.count, parts: p.parts}
	p.text, p.count, p.parts = p.text[:0], 0, 0
	return out
}

// unpack returns the block's files. Their texts share one piece of memory.
func (b *packedFiles) unpack() []Add {
	data, err := s2.Decode(nil, b.data)
	if err != nil {
		panic("delta: a list of files in memory is broken: " + err.Error()) // it was packed by this process
	}
	u := fileUnpacker{text: string(data)}
	files, parts := make([]Add, b.count), make([]PartitionValue, 0, b.parts)
	for i := range files {
		parts = u.file(&files[i], parts)
	}
	return files
}

// fileUnpacker reads what a filePacker wrote.
type fileUnpacker struct{ text string }

func (u *fileUnpacker) file(a *Add, parts []PartitionValue) []PartitionValue {
	flags := u.text[0]
	u.text = u.text[1:]
	a.DataChange = flags&packedDataChange != 0
	a.Path, a.Size, a.ModificationTime = u.string(), u.int(), u.int()
	if n := int(u.int()); n > 0 {
		from := len(parts)
		for range n {
			parts = append(parts, PartitionValue{u.string(), u.string()})
		}
		a.Partition = parts[from:len(parts):len(parts)]
	}
	if flags&packedStats != 0 {
		a.Stats = u.string()
	}
	if flags&packedTags != 0 {
		n := u.int()
		a.Tags = make(map[string]string, n)
		for range n {
			k := u.string()
			a.Tags[k] = u.string()
		}
	}
	if flags&packedVector != 0 {
		a.DeletionVector = &DeletionVector{StorageType: u.string(), PathOrInline: u.string(), Offset: u.pointer(), SizeInBytes: u.int(),
			Cardinality: u.int(), MaxRowIndex: u.pointer()}
	}
	if flags&packedBaseRow != 0 {
		v := u.int()
		a.BaseRowID = &v
	}
	if flags&packedCommitVersion != 0 {
		v := u.int()
		a.DefaultRowCommitVersion = &v
	}
	if flags&packedClustering != 0 {
		a.ClusteringProvider = u.string()
	}
	return parts
}

// uvarint reads a number; binary.Uvarint wants bytes.
func (u *fileUnpacker) uvarint() (v uint64) {
	for shift := 0; ; shift += 7 {
		c := u.text[0]
		u.text = u.text[1:]
		if v |= uint64(c&0x7f) << shift; c < 0x80 {
			return v
		}
	}
}

func (u *fileUnpacker) int() int64 {
	v := u.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

func (u *fileUnpacker) pointer() *int64 {
	there := u.text[0] != 0
	if u.text = u.text[1:]; !there {
		return nil
	}
	v := u.int()
	return &v
}

func (u *fileUnpacker) string() string {
	n := u.uvarint()
	s := u.text[:n]
	u.text = u.text[n:]
	return s
}
