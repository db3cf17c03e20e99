package log

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// FileList holds the live files of a version in little memory: what add-actions repeat is packed away, a
// block of them at a time. It is immutable; the list of a later version shares what has not changed.
type FileList struct {
	blocks []packedFiles
	index  [][]fileEntry // runs, each by hash: where the files in blocks are
	gone   []uint64      // a bit for each file in blocks: it is no longer live
	packed int           // files in blocks, those that are gone counted
	fresh  []Add         // files that are in no block yet
	at     map[fileHash]int
	hashes *fileSet // for its seeds
	live   int
	sum    fileSums
}

// fileSums adds up files.
type fileSums struct {
	bytes, rows int64
	untold      int // files whose statistics tell no number of rows
}

func (s *fileSums) put(size, rows int64) { s.count(size, rows, 1) }

func (s *fileSums) take(size, rows int64) { s.count(size, rows, -1) }

func (s *fileSums) count(size, rows int64, sign int) {
	s.bytes += int64(sign) * size
	if rows == untoldRows {
		s.untold += sign
		return
	}
	s.rows += int64(sign) * rows
}

// untoldRows stands for the number of rows of a file whose statistics do not tell it.
const untoldRows = math.MinInt64

// rowsOf is the number of a file's rows that no deletion vector has.
func rowsOf(a *Add) int64 {
	rows, told := NumRecords(a.Stats)
	if !told {
		return untoldRows
	}
	if a.DeletionVector != nil {
		rows -= a.DeletionVector.Cardinality
	}
	return rows
}

// fileEntry says where a packed file is.
type fileEntry struct {
	hash fileHash
	size int64
	rows int64  // as rowsOf says
	at   uint32 // number among the packed files
}

func compareEntries(a, b fileEntry) int {
	if c := cmp.Compare(a.hash[0], b.hash[0]); c != 0 {
		return c
	}
	return cmp.Compare(a.hash[1], b.hash[1])
}

const (
	freshFiles = 4096 // files that are kept unpacked
	mostRuns   = 8
	goneShare  = 4 // a list of which this part is gone is packed anew
)

// NewFileList returns the list of no files.
func NewFileList() *FileList {
	return &FileList{hashes: newFileSet(), at: map[fileHash]int{}}
}

// Len returns the number of files.
func (f *FileList) Len() int { return f.live }

// Bytes returns the size of the files.
func (f *FileList) Bytes() int64 { return f.sum.bytes }

// Rows returns the number of rows of the files, those of deletion vectors not counted, if the statistics of every file tell it.
func (f *FileList) Rows() (int64, bool) { return f.sum.rows, f.sum.untold == 0 }

// Each calls visit with every file until it returns false, in the order in which they were added. The file is visit's to keep; it keeps its
// block in memory, a thousand files.
func (f *FileList) Each(visit func(*Add) bool) {
	n := 0
	for i := range f.blocks {
		files := f.blocks[i].unpack()
		for j := range files {
			dead := f.isGone(n)
			if n++; dead {
				continue
			}
			if !visit(&files[j]) {
				return
			}
		}
	}
	for i := range f.fresh {
		if !visit(&f.fresh[i]) {
			return
		}
	}
}

func (f *FileList) isGone(n int) bool {
	return n>>6 < len(f.gone) && f.gone[n>>6]&(1<<(n&63)) != 0
}

// Sorted returns the files in the order of their paths.
func (f *FileList) Sorted() []Add {
	out := make([]Add, 0, f.live)
	f.Each(func(a *Add) bool { out = append(out, *a); return true })
	slices.SortFunc(out, func(a, b Add) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.DeletionVector.ID(), b.DeletionVector.ID()))
	})
	return out
}

// Update returns the list after a commit, whose actions are given in the order of the log.
func (f *FileList) Update(actions []*Action) *FileList {
	next := *f
	next.gone, next.fresh, next.at = slices.Clone(f.gone), slices.Clone(f.fresh), maps.Clone(f.at)
	for _, a := range actions {
		next.apply(a)
	}
	next.settle()
	return &next
}

// apply changes the list itself, which nobody else may have yet.
func (f *FileList) apply(a *Action) {
	switch {
	case a.Remove != nil:
		f.take(f.hashes.hash(a))
	case a.Add != nil:
		hash := f.hashes.hash(a)
		f.take(hash) // a file may be told anew, with other statistics
		f.put(a.Add, hash)
	}
}

// place returns the number of a live file among those of the list, packed ones first, -1 if it is not there. Numbers are good until the
// list changes.
func (f *FileList) place(hash fileHash) int {
	if i, ok := f.at[hash]; ok {
		return f.packed + i
	}
	for _, run := range f.index {
		i, ok := slices.BinarySearchFunc(run, fileEntry{hash: hash}, compareEntries)
		for ; ok && i < len(run) && run[i].hash == hash; i++ {
			if at := int(run[i].at); !f.isGone(at) {
				return at
			}
		}
	}
	return -1
}

// has reports whether the file that an action names is in the list.
func (f *FileList) has(a *Action) bool { return f.place(f.hashes.hash(a)) >= 0 }

// numbered calls visit with every file and its number.
func (f *FileList) numbered(visit func(n int, a *Add)) {
	n := 0
	for i := range f.blocks {
		for _, a := range f.blocks[i].unpack() {
			if !f.isGone(n) {
				visit(n, &a)
			}
			n++
		}
	}
	for i := range f.fresh {
		visit(n+i, &f.fresh[i])
	}
}

func (f *FileList) put(a *Add, hash fileHash) {
	f.at[hash] = len(f.fresh)
	f.fresh = append(f.fresh, *a)
	f.live++
	f.sum.put(a.Size, rowsOf(a))
}

// take removes a file if it is there.
func (f *FileList) take(hash fileHash) {
	if i, ok := f.at[hash]; ok {
		f.live--
		f.sum.take(f.fresh[i].Size, rowsOf(&f.fresh[i]))
		last := len(f.fresh) - 1
		if f.fresh[i] = f.fresh[last]; i < last {
			f.at[f.hashes.keyOf(f.fresh[i].Path, f.fresh[i].DeletionVector)] = i
		}
		f.fresh = f.fresh[:last]
		delete(f.at, hash)
		return
	}
	for _, run := range f.index {
		i, ok := slices.BinarySearchFunc(run, fileEntry{hash: hash}, compareEntries)
		for ; ok && i < len(run) && run[i].hash == hash; i++ { // an older life of the file is in the same run when runs were merged
			at := int(run[i].at)
			if f.isGone(at) {
				continue
			}
			for at>>6 >= len(f.gone) {
				f.gone = append(f.gone, 0)
			}
			f.gone[at>>6] |= 1 << (at & 63)
			f.live--
			f.sum.take(run[i].size, run[i].rows)
			return
		}
	}
}

// settle packs what has become much.
func (f *FileList) settle() {
	if dead := f.packed + len(f.fresh) - f.live; dead > freshFiles+f.live/goneShare {
		f.repack()
	} else if len(f.fresh) > freshFiles {
		f.pack()
	}
}

// repack leaves out what is gone.
func (f *FileList) repack() {
	b := newFileListBuilder(f.hashes)
	f.Each(func(a *Add) bool { b.add(a); return true })
	*f = *b.done()
}

// pack takes the fresh files into blocks.
func (f *FileList) pack() {
	b := newFileListBuilder(f.hashes)
	b.first = f.packed
	for i := range f.fresh {
		b.add(&f.fresh[i])
	}
	more := b.done()
	f.blocks = append(slices.Clip(f.blocks), more.blocks...)
	f.index = append(slices.Clip(f.index), more.index...)
	if len(f.index) > mostRuns {
		all := slices.Concat(f.index...)
		slices.SortFunc(all, compareEntries)
		f.index = [][]fileEntry{all}
	}
	f.packed += more.packed
	f.fresh, f.at = nil, map[fileHash]int{}
}

// fileListBuilder packs files one after the other.
type fileListBuilder struct {
	out   *FileList
	block filePacker
	run   []fileEntry
	first int // number of the first file
}

func newFileListBuilder(hashes *fileSet) *fileListBuilder {
	return &fileListBuilder{out: &FileList{hashes: hashes, at: map[fileHash]int{}}}
}

// add appends a file that is not in the list yet.
func (b *fileListBuilder) add(a *Add) {
	rows := rowsOf(a)
	b.run = append(b.run, fileEntry{b.out.hashes.keyOf(a.Path, a.DeletionVector), a.Size, rows, uint32(b.first + b.out.packed)})
	b.out.packed++
	b.out.live++
	b.out.sum.put(a.Size, rows)
	b.block.add(a)
	if b.block.count == blockFiles || len(b.block.text) >= blockText {
		b.out.blocks = append(b.out.blocks, b.block.pack())
	}
}

func (b *fileListBuilder) done() *FileList {
	if b.block.count > 0 {
		b.out.blocks = append(b.out.blocks, b.block.pack())
	}
	if len(b.run) > 0 {
		slices.SortFunc(b.run, compareEntries)
		b.out.index = [][]fileEntry{slices.Clip(b.run)}
	}
	return b.out
}
