package persistence

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
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
// next manifest, of which [Live] then leaves out what they replace. It holds one block of rows in memory.
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

// merge writes the rows of the inputs, oldest epoch first, into one file: of
// rows with one key the last counts.
func (b *Base) merge(ctx context.Context, objects objstore.Store, inputs []input) (f StateFile, err error) {
	var w *fileWriter
	defer func() {
		if w != nil {
			w.abort()
		}
	}()
	last := inputs[len(inputs)-1].file
	waiting := &rows{}
	open := func(types []batch.Type) (err error) {
		if w != nil {
			return b.store.sameTypes(last.Table, w.types, types)
		}
		waiting.types, waiting.layout = types, layoutOf(types)
		w, err = createFile(ctx, objects, b.store.options, KindBase, last.Table, types, last.Epoch)
		return err
	}
	each := func(keys []*batch.Column, sel []int32, _ int, _ []uint64) error {
		waiting.add(keys, sel)
		if waiting.n < blockRows && len(waiting.data) < blockBytes {
			return nil
		}
		defer waiting.reset()
		return w.write(ctx, waiting)
	}
	for _, in := range inputs {
		if err := b.store.scan(ctx, objects, in, open, each); err != nil {
			return f, err
		}
	}
	if err := w.write(ctx, waiting); err != nil {
		return f, err
	}
	return w.close()
}
