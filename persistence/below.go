package persistence

import (
	"context"
	"math"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/internal/mutant"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/persistence/state"
)

// Changes are folded into what is below memory when they are foldAfterBytes or foldAfterFiles, or when memory
// is short: folding many epochs at once writes a row that changed in each of them once.
// A restore loads state of up to eagerBytes whole; more stays below until it is asked for.
// These are variables for tests alone.
var (
	foldAfterBytes int64 = 16 << 20
	foldAfterFiles       = 64
	eagerBytes     int64 = 64 << 20
)

// foldPiece is how much of the changes is folded until it counts, so that a process that dies again and again gets on.
var foldPiece int64 = 64 << 20 // a variable for tests alone

// memoryOfFile is about how much memory a byte of a state file takes.
const memoryOfFile = 3

// mustFold reports whether files that the image does not know are to be folded.
func (s *Store) mustFold(todo []input) bool {
	if len(todo) == 0 {
		return false
	}
	return len(todo) >= foldAfterFiles || bytesOf(todo) >= foldAfterBytes || s.options.Account.Over()
}

// since returns the shares of inputs that key groups do not know by their marks.
func since(inputs []input, marks []*image.Mark, lo int) []input {
	var out []input
	for _, in := range inputs {
		var groups []groupRange
		for _, r := range in.groups {
			for g := r.lo; g < r.hi; g++ {
				if m := marks[g-lo]; m != nil && m.Epoch >= in.file.Epoch {
					continue
				}
				if n := len(groups); n > 0 && groups[n-1].hi == g {
					groups[n-1].hi++
				} else {
					groups = append(groups, groupRange{g, g + 1})
				}
			}
		}
		if len(groups) > 0 {
			out = append(out, input{in.file, groups})
		}
	}
	return out
}

// foldFiles adds to an image what it does not know of files, and returns what it knows then.
func foldFiles(ctx context.Context, objects objstore.Store, o Options, t *image.Table, spec state.Spec, inputs []input, marks []*image.Mark) ([]*image.Mark, error) {
	todo := since(inputs, marks, o.Lo)
	if len(todo) == 0 {
		return marks, nil
	}
	s := &Store{options: o}
	f, err := t.Fold(o.Lo, o.Hi)
	if err != nil {
		return nil, err
	}
	defer func() { f.Close() }()
	dropped, err := s.dropsOf(ctx, objects, todo)
	if err != nil {
		return nil, err
	}
	for key, by := range dropped {
		for _, in := range by {
			if mutant.On(mutant.FoldKeepsDropped) && mutant.Late(in.file.Epoch) {
				continue
			}
			for _, r := range in.groups {
				f.Drop(key.segment, r.lo, r.hi)
			}
		}
	}
	known, piece := slices.Clone(marks), int64(0)
	for _, in := range todo {
		if piece >= foldPiece && len(dropped) == 0 {
			if err := f.Commit(ctx, known); err != nil {
				return nil, err
			}
			next, err := t.Fold(o.Lo, o.Hi)
			if err != nil {
				return nil, err
			}
			f, piece = next, 0
		}
		piece += in.bytes()
		if err := s.foldFile(ctx, objects, in, dropped, spec, f); err != nil {
			return nil, err
		}
		for _, r := range in.groups {
			for g := r.lo; g < r.hi; g++ {
				known[g-o.Lo] = &image.Mark{Epoch: in.file.Epoch, File: in.file.Name, Digest: in.file.Digest, Values: valuesOf(spec)}
			}
		}
	}
	return known, f.Commit(ctx, known)
}

// valuesOf says how rows of a table are encoded below memory.
func valuesOf(spec state.Spec) string { return state.ColumnList(spec.Values) }

func (s *Store) foldFile(ctx context.Context, objects objstore.Store, in input, dropped drops, spec state.Spec, f *image.Fold) error {
	encoder, err := state.NewEncoder(spec, s.options.Groups)
	if err != nil {
		return err
	}
	return s.scan(ctx, objects, in, dropped, spec, func(b *fileBlock, sel []int32) error {
		if mutant.On(mutant.FoldKeepsDropped) && mutant.Late(in.file.Epoch) && b.Kinds != nil {
			sel = slices.DeleteFunc(sel, func(r int32) bool { return b.Kinds[r] == batch.Delete })
		}
		encoder.Append(f.Rows(), &b.Block, sel, b.groups)
		return f.Added(ctx)
	})
}

// dump writes a base from what is below memory, which has just been brought up to
// the newest of the files.
func (u *Upkeep) dump(ctx context.Context, objects objstore.Store, work *tableWork) (f StateFile, err error) {
	o, last, spec := u.options, work.inputs[len(work.inputs)-1], work.spec
	w, err := createFile(ctx, objects, o, KindBase, spec, nil, last.file.Epoch)
	if err != nil {
		return f, err
	}
	defer w.abort()
	rows := copies.Get().(*state.Copy)
	defer recycle(rows)
	err = work.below.View(o.Lo, o.Hi).Dump(ctx, func(places, values [][]byte) error {
		if err := rows.Fill(spec, places, values); err != nil {
			return err
		}
		return w.write(ctx, rows)
	})
	if err != nil {
		return f, err
	}
	if f, err = w.close(); err != nil {
		return f, err
	}
	marks := make([]*image.Mark, len(work.marks))
	for i, m := range work.marks {
		if m != nil {
			known := *m
			known.Epoch, known.Base, known.BaseDigest = f.Epoch, f.Name, f.Digest
			marks[i] = &known
		}
	}
	work.marks = marks
	return f, work.below.SetMarks(ctx, o.Lo, marks)
}

// fits reports whether what a mark says happened is part of what a manifest names, and its rows are encoded as the
// table's are.
func fits(m *image.Mark, files []StateFile, spec state.Spec) bool {
	return m.Values == valuesOf(spec) && slices.ContainsFunc(files, func(f StateFile) bool {
		return f.Name == m.File && f.Digest == m.Digest || f.Name == m.Base && f.Digest == m.BaseDigest
	})
}

// attach finds what the image knows of a table. Key groups of which it knows something
// else than the files say are emptied.
func (s *Store) attach(ctx context.Context, spec state.Spec, files []StateFile) (*image.Table, []*image.Mark, error) {
	o := s.options
	t, err := o.Image.Table(o.Incarnation, o.Step, spec.Name)
	if err != nil {
		return nil, nil, err
	}
	marks, err := t.Marks(o.Lo, o.Hi)
	if err != nil {
		return nil, nil, err
	}
	for from := 0; from < len(marks); {
		if marks[from] != nil && fits(marks[from], files, spec) {
			from++
			continue
		}
		to := from
		for to < len(marks) && (marks[to] == nil || !fits(marks[to], files, spec)) {
			marks[to] = nil
			to++
		}
		if err := t.Reset(ctx, o.Lo+from, o.Lo+to); err != nil {
			return nil, nil, err
		}
		from = to
	}
	return t, marks, nil
}

// restoreTable restores one table of a store that has an image: whole, if it is small, else
// what is not in the image yet, and the other rows come when they are asked for.
func (s *Store) restoreTable(ctx context.Context, objects objstore.Store, files []StateFile, inputs []input) error {
	o, name := s.options, inputs[0].file.Table
	if err := s.openAsWritten(ctx, objects, inputs); err != nil {
		return err
	}
	t := s.tables[name]
	below, marks, err := s.attach(ctx, t.Spec(), files)
	if err != nil {
		return err
	}
	if size := bytesOf(inputs); size <= eagerBytes && size <= s.room()/memoryOfFile {
		if err := s.load(ctx, objects, inputs); err != nil {
			return err
		}
		t.below, t.marks = below, marks
		t.AttachWhole(below.View(o.Lo, o.Hi), o.Groups, inputs[len(inputs)-1].file.Epoch, len(since(inputs, marks, o.Lo)) == 0)
		return nil
	}
	todo := since(inputs, marks, o.Lo)
	if !s.fitAbove(todo) {
		if marks, err = foldFiles(ctx, objects, o, below, t.Spec(), inputs, marks); err != nil {
			return err
		}
		todo = nil
	}
	counts, err := below.Counts(o.Lo, o.Hi)
	if err != nil {
		return err
	}
	t.below, t.marks = below, marks
	t.Attach(below.View(o.Lo, o.Hi), o.Groups, counts)
	for _, in := range todo {
		err := s.scan(ctx, objects, in, nil, t.Spec(), func(b *fileBlock, sel []int32) error {
			return t.ApplyAbove(in.file.Epoch, &b.Block, sel, b.hashes)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fitAbove reports whether what the image does not know is better kept in memory, from where it is folded beside the task:
// folding takes ten times as long as loading, and a restart is in a hurry. What drops segments is not.
func (s *Store) fitAbove(todo []input) bool {
	return bytesOf(todo) <= s.room()/memoryOfFile && !slices.ContainsFunc(todo, func(in input) bool { return in.file.Drops > 0 })
}

// room returns how much memory there is.
func (s *Store) room() int64 {
	if s.options.Account == nil {
		return math.MaxInt64
	}
	return s.options.Account.Room()
}

// attachNew puts the image below a table that no checkpoint has.
func (s *Store) attachNew(t *kept) error {
	o := s.options
	below, err := o.Image.Table(o.Incarnation, o.Step, t.Spec().Name)
	if err != nil {
		return err
	}
	t.below, t.marks = below, make([]*image.Mark, o.Hi-o.Lo)
	t.AttachWhole(below.View(o.Lo, o.Hi), o.Groups, 0, true)
	return nil
}

// relieveRows is how many rows are evicted before memory is looked at again.
const relieveRows = 1 << 16

// relieve evicts rows while memory is short, as many as a pause may take.
func (s *Store) relieve() {
	for range 4 {
		if !s.options.Account.Over() {
			return
		}
		evicted := 0
		for _, t := range s.tables {
			evicted += t.Evict(relieveRows)
		}
		if evicted == 0 {
			return
		}
	}
}
