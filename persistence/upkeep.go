package persistence

import (
	"context"
	"slices"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/image"
	"github.com/deltaic/deltaic/persistence/state"
)

// A base is made of at least minChanges files: when they outweigh the base
// before, so that writing bases costs no more than writing changes, or when they are
// maxChanges, so that manifests and recovery stay short.
const (
	minChanges = 8
	maxChanges = 256
)

// Upkeep is work on the files and the image of a store that has been planned: changes are folded into
// what is below memory, files that have become many are merged into a base. It shares nothing
// that changes with the store's tables and belongs to one goroutine at a time.
type Upkeep struct {
	options Options
	tables  []*tableWork
}

// tableWork is what is to be done for one table.
type tableWork struct {
	name   string
	spec   state.Spec // as the step has the table now: all files of an attempt say the same. Without a name: as they say
	inputs []input
	below  *image.Table // nil: the store has no image
	marks  []*image.Mark
	fold   bool
	base   bool
}

// Upkeep looks what is to be done. files are those of the newest decided manifest. It returns nil if there is
// nothing to do, and is not to be called again before the last plan was written, and [Store.Done] told of it.
func (s *Store) Upkeep(files []StateFile) *Upkeep {
	byTable := map[string][]input{}
	var names []string
	for _, in := range s.inputs(files) {
		if byTable[in.file.Table] == nil {
			names = append(names, in.file.Table)
		}
		byTable[in.file.Table] = append(byTable[in.file.Table], in)
	}
	u := &Upkeep{options: s.options}
	u.options.Image = nil // a merge is made in memory
	for _, name := range names {
		w := &tableWork{name: name, inputs: byTable[name]}
		t := s.tables[name]
		if t != nil {
			w.spec = t.Spec()
		}
		if t != nil && t.below != nil {
			w.below, w.marks = t.below, t.marks
			w.fold = s.mustFold(since(w.inputs, t.marks, s.options.Lo))
		}
		w.base = heavy(w.inputs)
		if w.base && w.below != nil && (s.large(w.inputs) || w.marked()) {
			w.fold = true // the base is written from what is below
		}
		if w.fold || w.base {
			u.tables = append(u.tables, w)
		}
	}
	if len(u.tables) == 0 {
		return nil
	}
	return u
}

func (w *tableWork) marked() bool {
	return slices.ContainsFunc(w.marks, func(m *image.Mark) bool { return m != nil })
}

func heavy(inputs []input) bool {
	count, changes, base := 0, int64(0), int64(0)
	for _, in := range inputs {
		if in.file.Kind == KindBase {
			base += in.bytes()
			continue
		}
		count++
		changes += in.bytes()
	}
	return count >= minChanges && changes > base || count >= maxChanges
}

// bytes returns the share of the file that counts here.
func (p input) bytes() int64 {
	groups := 0
	for _, r := range p.groups {
		groups += r.hi - r.lo
	}
	return p.file.Length * int64(groups) / int64(p.file.GroupHi-p.file.GroupLo)
}

// mergeBytes is how much of the files is merged in memory at a time: a range of key groups each.
// It is a variable for tests alone.
var mergeBytes int64 = 64 << 20

// large reports whether files are better not merged in memory.
func (s *Store) large(inputs []input) bool { return bytesOf(inputs) > mergeBytes }

func bytesOf(inputs []input) int64 {
	var total int64
	for _, in := range inputs {
		total += in.bytes()
	}
	return total
}

// Write does the work and returns the descriptions of the bases, which are durable, for the
// next manifest, of which [Live] then leaves out what they replace.
func (u *Upkeep) Write(ctx context.Context, objects objstore.Store) ([]StateFile, error) {
	var files []StateFile
	for _, w := range u.tables {
		if w.fold {
			marks, err := foldFiles(ctx, objects, u.options, w.below, w.spec, w.inputs, w.marks)
			if err != nil {
				return nil, err
			}
			w.marks = marks
		}
		if !w.base {
			continue
		}
		write := u.merge
		if w.fold {
			write = u.dump
		}
		f, err := write(ctx, objects, w)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// Done tells the store that the work was done: rows that are below memory now need not
// stay in it.
func (s *Store) Done(u *Upkeep) {
	for _, w := range u.tables {
		t := s.tables[w.name]
		if t == nil || !w.fold {
			continue
		}
		t.marks = w.marks
		t.Folded(w.inputs[len(w.inputs)-1].file.Epoch)
	}
	s.relieve()
}

// merge writes what the inputs come to into one file: of rows with one key the
// last counts, and what was deleted or dropped is left out.
func (u *Upkeep) merge(ctx context.Context, objects objstore.Store, work *tableWork) (f StateFile, err error) {
	var w *fileWriter
	o := u.options
	rounds := min(int(bytesOf(work.inputs)/mergeBytes)+1, o.Hi-o.Lo)
	for round := range rounds {
		lo, hi := o.Lo+(o.Hi-o.Lo)*round/rounds, o.Lo+(o.Hi-o.Lo)*(round+1)/rounds
		if w, err = u.mergeRange(ctx, objects, work.spec, within(work.inputs, lo, hi), w); err != nil {
			break
		}
	}
	if w != nil {
		defer w.abort()
	}
	if err != nil {
		return f, err
	}
	return w.close()
}

// within returns the shares that inputs have in key groups [lo,hi).
func within(inputs []input, lo, hi int) []input {
	var out []input
	for _, in := range inputs {
		var groups []groupRange
		for _, r := range in.groups {
			if r.lo < hi && r.hi > lo {
				groups = append(groups, groupRange{max(r.lo, lo), min(r.hi, hi)})
			}
		}
		out = append(out, input{in.file, groups}) // without any too: its columns are checked
	}
	return out
}

// mergeRange adds what the inputs come to in their key groups to the file, which the
// first range begins.
func (u *Upkeep) mergeRange(ctx context.Context, objects objstore.Store, spec state.Spec, inputs []input, w *fileWriter) (*fileWriter, error) {
	merged := &Store{options: u.options, tables: map[string]*kept{}}
	defer merged.Close()
	if spec.Name != "" {
		if _, err := merged.open(spec); err != nil {
			return w, err
		}
	}
	if err := merged.load(ctx, objects, inputs); err != nil {
		return w, err
	}
	last := inputs[len(inputs)-1].file
	t := merged.tables[last.Table]
	if w == nil {
		var err error
		if w, err = createFile(ctx, objects, u.options, KindBase, t.Spec(), nil, last.Epoch); err != nil {
			return nil, err
		}
	}
	rows := copies.Get().(*state.Copy)
	defer recycle(rows)
	if err := t.All(rows); err != nil {
		return w, err
	}
	return w, w.write(ctx, rows)
}
