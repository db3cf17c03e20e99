package persistence

import (
	"context"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/persistence/state"
)

// A base is made of at least minChanges files: when they outweigh the base
// before, so that writing bases costs no more than writing changes, or when they are
// maxChanges, so that manifests and recovery stay short.
const (
	minChanges = 8
	maxChanges = 256
)

// Base is a merge of files that has been planned. It shares nothing with the
// store's tables and belongs to one goroutine at a time.
type Base struct {
	store  *Store // without tables
	tables [][]input
}

// BasePlan looks whether tables have so many change files that they should be
// merged. files are those of the newest decided manifest. It returns nil if there is nothing to do.
func (s *Store) BasePlan(files []StateFile) *Base {
	byTable := map[string][]input{}
	var names []string
	for _, in := range s.inputs(files) {
		if byTable[in.file.Table] == nil {
			names = append(names, in.file.Table)
		}
		byTable[in.file.Table] = append(byTable[in.file.Table], in)
	}
	b := &Base{store: &Store{options: s.options}}
	for _, name := range names {
		if heavy(byTable[name]) {
			b.tables = append(b.tables, byTable[name])
		}
	}
	if len(b.tables) == 0 {
		return nil
	}
	return b
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

// Write makes the merged files durable and returns their descriptions for the
// next manifest, of which [Live] then leaves out what they replace.
func (b *Base) Write(ctx context.Context, objects objstore.Store) ([]StateFile, error) {
	var files []StateFile
	for _, inputs := range b.tables {
		f, err := b.merge(ctx, objects, inputs)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// mergeBytes is how much of the files is merged at a time: a range of key groups each.
const mergeBytes = 64 << 20

// merge writes what the inputs come to into one file: of rows with one key the
// last counts, and what was deleted or dropped is left out.
func (b *Base) merge(ctx context.Context, objects objstore.Store, inputs []input) (f StateFile, err error) {
	var w *fileWriter
	var total int64
	for _, in := range inputs {
		total += in.bytes()
	}
	o := b.store.options
	rounds := min(int(total/mergeBytes)+1, o.Hi-o.Lo)
	for round := range rounds {
		lo, hi := o.Lo+(o.Hi-o.Lo)*round/rounds, o.Lo+(o.Hi-o.Lo)*(round+1)/rounds
		if w, err = b.mergeRange(ctx, objects, within(inputs, lo, hi), w); err != nil {
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
func (b *Base) mergeRange(ctx context.Context, objects objstore.Store, inputs []input, w *fileWriter) (*fileWriter, error) {
	merged := &Store{options: b.store.options, tables: map[string]*kept{}}
	defer merged.Close()
	if err := merged.load(ctx, objects, inputs); err != nil {
		return w, err
	}
	last := inputs[len(inputs)-1].file
	t := merged.tables[last.Table]
	if w == nil {
		var err error
		if w, err = createFile(ctx, objects, b.store.options, KindBase, t.Spec(), nil, last.Epoch); err != nil {
			return nil, err
		}
	}
	rows := copies.Get().(*state.Copy)
	defer copies.Put(rows)
	if err := t.All(rows); err != nil {
		return w, err
	}
	return w, w.write(ctx, rows)
}
