package delta

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/delta/log"
)

// startFiles is what the table had when the stream began: files by age, then by path, as in Spark. Split i of n reads
// every n-th file from the i-th on. Of a table with many files only those that come next are in memory; the log is read again for more.
type startFiles struct {
	version int64
	time    int64 // milliseconds since 1970
	n       int   // files in all, those that are excluded too
	rows    int64 // about how many they have, and their bytes
	bytes   int64

	ages   []ageRange    // of files, the oldest first; nil: all files are in memory
	loaded int           // how many of ages
	first  int           // the number of the first file in memory
	pieces []sourcePiece // those in memory
	sums   []startRest   // by file in memory, of it and each that its split reads behind it; nil: not counted
	splits int           // for which they are
	next   []int         // by split, the number of the first file that it has not read yet
}

// ageRange is the files of some age.
type ageRange struct {
	from, to int64 // the least and the greatest modification time
	first, n int   // the number of its first file, and how many they are
}

// The files that are in memory at once, about, and the ranges of age that are counted apart.
const (
	startAtOnce = 50_000
	ageRanges   = 4096
)

// indexOf returns the number of the file that a position is before.
func (f *startFiles) indexOf(p sourcePosition) int {
	if p.starting() {
		return p.Index
	}
	return f.n
}

// needed returns the number of the first file that some split has not read yet.
func (f *startFiles) needed() int {
	needed := f.n
	for _, i := range f.next {
		needed = min(needed, i)
	}
	return needed
}

// at returns a file, nil if it is not in memory.
func (f *startFiles) at(i int) *sourcePiece {
	if i < f.first || i-f.first >= len(f.pieces) {
		return nil
	}
	return &f.pieces[i-f.first]
}

// startRest is how much a split has to read.
type startRest struct{ files, rows, bytes int64 }

// count counts what is in memory, once: who delivers rows asks for the rest with each batch.
func (f *startFiles) count(splits int) {
	if len(f.sums) == len(f.pieces) && f.splits == splits {
		return
	}
	f.sums, f.splits = make([]startRest, len(f.pieces)), splits
	for i := len(f.pieces) - 1; i >= 0; i-- {
		if i+splits < len(f.pieces) {
			f.sums[i] = f.sums[i+splits]
		}
		if p, sum := &f.pieces[i], &f.sums[i]; !p.skip {
			sum.files, sum.rows, sum.bytes = sum.files+1, sum.rows+p.rows, sum.bytes+p.add.Size
		}
	}
}

// rest returns how much a split has to read from a file on: about, of what is not in memory.
func (f *startFiles) rest(i, splits int) (files, rows, bytes int64) {
	f.count(splits)
	unknown := max((f.first-i+splits-1)/splits, 0)
	i += unknown * splits
	if end := f.first + len(f.pieces); i < end {
		sum := f.sums[i-f.first]
		files, rows, bytes = sum.files, sum.rows, sum.bytes
		i += (end - i + splits - 1) / splits * splits
	}
	if unknown += max((f.n-i+splits-1)/splits, 0); unknown > 0 {
		left, n := int64(unknown), int64(f.n)
		files, rows, bytes = files+left, rows+left*(f.rows/n), bytes+left*(f.bytes/n)
	}
	return files, rows, bytes
}

// loadStart reads what the table had at a version, as far as it is needed first by splits that go on with those files.
func (s *Source) loadStart(ctx context.Context, version int64, next []int) (*startFiles, error) {
	head, err := s.table.log.HeadAt(ctx, version)
	if err != nil {
		return nil, s.lost(err, version)
	}
	if why := s.readable(head); why != "" {
		return nil, s.changedSchema(head, why)
	}
	f := &startFiles{version: version, next: next}
	if err := s.countStart(ctx, f); err != nil {
		return nil, s.lost(err, version)
	}
	if s.o.EventTime != "" {
		if f.pieces, err = s.inOrder(ctx, head, f.pieces); err != nil {
			return nil, err
		}
		f.n = len(f.pieces)
	}
	if s.o.ReadChangeFeed {
		if f.time, err = s.timeOf(ctx, version, nil); err != nil {
			return nil, err
		}
	}
	return f, s.moreOf(ctx, f)
}

// startFilesOf calls each for the files of a version, in no order. What each is given it copies if it keeps it. It is begun anew where a
// checkpoint turns out to be broken: again is called then.
func (s *Source) startFilesOf(ctx context.Context, version int64, again func(), each func(a *log.Add)) error {
	return s.table.log.Load(ctx, version, func(seg *log.Segment) error {
		again()
		return s.table.log.Files(ctx, seg, func(a *log.Add) error {
			each(a)
			return nil
		}, nil)
	})
}

// countStart counts the files, and takes them into memory if they are few.
func (s *Source) countStart(ctx context.Context, f *startFiles) error {
	least, most := int64(0), int64(0)
	few := int(s.startAtOnce)
	if s.o.EventTime != "" {
		few = -1 // their times decide about the order, so all are looked at together
	}
	err := s.startFilesOf(ctx, f.version, func() { *f = startFiles{version: f.version, next: f.next} }, func(a *log.Add) {
		p := newSourcePiece(&s.o, piece{kind: pieceInsert, add: *a})
		if f.n++; f.n == 1 {
			least, most = a.ModificationTime, a.ModificationTime
		}
		least, most = min(least, a.ModificationTime), max(most, a.ModificationTime)
		if !p.skip {
			f.rows, f.bytes = f.rows+p.rows, f.bytes+a.Size
		}
		switch {
		case few < 0 || f.n <= few:
			p.add = *a.Clone()
			p.add.Stats = ""
			f.pieces = append(f.pieces, p)
		default:
			f.pieces = nil
		}
	})
	if err != nil {
		return err
	}
	if few < 0 || f.n <= few {
		sortByAge(f.pieces)
		return nil
	}
	return s.rangeAges(ctx, f, least, most, few)
}

// rangeAges cuts the files by their age into ranges of at most so many files; those of one age, to a 4,096th of all, stay together.
func (s *Source) rangeAges(ctx context.Context, f *startFiles, least, most int64, few int) error {
	var counts [ageRanges]int
	width := uint64(most-least)/ageRanges + 1
	err := s.startFilesOf(ctx, f.version, func() { counts = [ageRanges]int{} }, func(a *log.Add) { counts[uint64(a.ModificationTime-least)/width]++ })
	if err != nil {
		return err
	}
	first := 0
	for i, n := range counts {
		if n == 0 {
			continue // behind the last file there may be no time left
		}
		at := least + int64(uint64(i)*width)
		to := most
		if uint64(most-at) >= width {
			to = at + int64(width-1)
		}
		if last := len(f.ages) - 1; last >= 0 && f.ages[last].n+n <= few {
			f.ages[last].to, f.ages[last].n = to, f.ages[last].n+n
		} else {
			f.ages = append(f.ages, ageRange{at, to, first, n})
		}
		first += n
	}
	for f.loaded < len(f.ages)-1 && f.ages[f.loaded].first+f.ages[f.loaded].n <= f.needed() {
		f.loaded++
	}
	f.first = f.ages[f.loaded].first
	return nil
}

func sortByAge(pieces []sourcePiece) {
	slices.SortFunc(pieces, func(a, b sourcePiece) int {
		return cmp.Or(cmp.Compare(a.add.ModificationTime, b.add.ModificationTime), strings.Compare(a.add.Path, b.add.Path))
	})
}

// wanting reports whether files should be read into memory: fewer are there than the next epochs may read.
func (f *startFiles) wanting(ahead int64) bool {
	return f.loaded < len(f.ages) && int64(f.first+len(f.pieces)-f.needed()) < ahead
}

// moreOf reads files into memory until there are enough, and lets those go that are read. Only one caller changes f.
func (s *Source) moreOf(ctx context.Context, f *startFiles) error {
	for {
		s.mu.Lock()
		wanting := f.wanting(s.filesAhead())
		s.mu.Unlock()
		if !wanting {
			return nil
		}
		r := f.ages[f.loaded]
		var pieces []sourcePiece
		err := s.startFilesOf(ctx, f.version, func() { pieces = nil }, func(a *log.Add) {
			if a.ModificationTime < r.from || a.ModificationTime > r.to {
				return
			}
			p := newSourcePiece(&s.o, piece{kind: pieceInsert, add: *a.Clone()})
			pieces = append(pieces, p)
		})
		if err != nil {
			return s.lost(err, f.version)
		}
		sortByAge(pieces)
		s.mu.Lock()
		read := min(max(f.needed()-f.first, 0), len(f.pieces))
		f.pieces, f.first = append(slices.Clone(f.pieces[read:]), pieces...), f.first+read
		f.sums = nil
		f.loaded++
		s.signal()
		s.mu.Unlock()
	}
}

// filesAhead is how many files are kept ready to be read.
func (s *Source) filesAhead() int64 {
	return 4 * max(s.o.MaxFiles, min(s.startAtOnce, defaultMaxFiles))
}
