package delta

import (
	"context"
	"errors"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/deletion"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/persistence/state"
)

// keyIndex knows where the row of each key is: file and number within it. It is made of
// the table and nothing else, and follows the table's log, so it may be lost at any time; commits of
// its own sink and those of other writers are the same to it.
//
// A place is the number of a file, counted from 1, and that of a row, in one word. Places in files
// that are not live any more, and of rows that deletion vectors have, are not there: removing a file costs nothing
// per row, and what it leaves behind goes when the index is made anew.
type keyIndex struct {
	t       *Table
	keys    []string
	small   int // files of one partition from which on they are put together
	pool    *batch.Pool
	account *batch.Account

	live  liveFiles
	head  *Head
	table *state.Table
	types []batch.Type
	files []indexedFile     // by number; the first is none
	ids   map[string]uint32 // numbers of live files
	more  map[uint64]uint64 // the next place of the same key, where another writer has doubled it
	rows  int64             // of live files

	made map[string]*deletion.Vector // what the last plan wrote, by id: it need not be read again

	times  int // that it was made anew: numbers of files hold until then
	hashes []uint64
	found  []uint32
}

type indexedFile struct {
	add  log.Add
	gone *deletion.Vector
	rows int64 // that are there
	live bool

	numbered bool // it has columns for the numbers of rows that came from other files
}

// indexSlack is how many keys without a row are kept, however few have one.
const indexSlack = 1 << 16

// follow brings the index to the version of head.
func (x *keyIndex) follow(ctx context.Context, head *Head) error {
	types, err := keyTypes(head.Schema, x.keys)
	if err != nil {
		return err
	}
	stale := x.table != nil && int64(x.table.Len()) > 2*x.rows+indexSlack
	if stale || x.table != nil && !slices.EqualFunc(types, x.types, batch.Type.Equal) {
		x.live.files = nil
	}
	x.types, x.head = types, head
	return x.live.follow(ctx, x.t, head, x)
}

func keyTypes(s *batch.Schema, keys []string) ([]batch.Type, error) {
	types := make([]batch.Type, len(keys))
	for i, k := range keys {
		at := indexOf(s, k)
		if at < 0 {
			return nil, errors.New("the table has lost its key column " + k)
		}
		types[i] = s.Fields[at].Type
	}
	return types, nil
}

// reset empties the index.
func (x *keyIndex) reset(head *Head) {
	x.release()
	spec := state.Spec{Name: "rows by key", Values: []state.Column{{Name: "place", Type: batch.BigIntType}}}
	for i, k := range x.keys {
		spec.Keys = append(spec.Keys, state.Column{Name: k, Type: x.types[i]})
	}
	x.head = head
	x.times++
	x.table, _ = state.NewTable(spec, x.pool, x.account) // checkKeys let the types pass
	x.files, x.ids, x.more, x.rows = make([]indexedFile, 1), map[string]uint32{}, map[uint64]uint64{}, 0
}

// release gives the memory back; the index may be used again.
func (x *keyIndex) release() {
	if x.table != nil {
		x.table.Release()
	}
	x.table, x.live.files = nil, nil
}

func (x *keyIndex) removed(a log.Add) {
	key := fileKey(&a)
	f := &x.files[x.ids[key]]
	f.live = false
	x.rows -= f.rows
	delete(x.ids, key)
}

// changed notes which rows of a file are gone now.
func (x *keyIndex) changed(ctx context.Context, old, a log.Add) error {
	gone, err := x.vector(ctx, &a)
	if err != nil {
		return err
	}
	id := x.ids[fileKey(&old)]
	f := &x.files[id]
	if !f.gone.Within(gone) { // rows have come back, whose keys may not be known
		x.removed(old)
		return x.added(ctx, a)
	}
	delete(x.ids, fileKey(&old))
	x.ids[fileKey(&a)] = id
	left := gone.Count() - f.gone.Count()
	x.rows -= left
	f.add, f.gone, f.rows = a, gone, f.rows-left
	return nil
}

// vector returns which rows of a file are gone.
func (x *keyIndex) vector(ctx context.Context, a *log.Add) (*deletion.Vector, error) {
	if v := x.made[a.DeletionVector.ID()]; v != nil {
		return v, nil
	}
	return x.t.vector(ctx, a)
}

// added reads the file's keys.
func (x *keyIndex) added(ctx context.Context, a log.Add) error {
	gone, err := x.vector(ctx, &a)
	if err != nil {
		return err
	}
	id := uint64(len(x.files))
	x.files = append(x.files, indexedFile{add: a, gone: gone, live: true})
	x.ids[fileKey(&a)] = uint32(id)
	c, err := x.t.scanOf(x.head, ScanOptions{Columns: x.keys})
	if err != nil {
		return err
	}
	f := &fileScan{scan: c, add: &a, gone: gone, known: true}
	rows := int64(0)
	err = f.each(ctx, func(b *batch.Batch, first int64) error {
		defer b.Release()
		rows += int64(b.Rows())
		return x.insert(b, id<<32|uint64(first))
	})
	x.files[id].rows, x.files[id].numbered = rows, f.numbered
	x.rows += rows
	return err
}

// insert notes the keys of rows of a batch that begins at a place.
func (x *keyIndex) insert(b *batch.Batch, from uint64) error {
	seg := x.table.Segment(0)
	x.probe(b)
	if err := seg.Upsert(b.Columns, b.Sel, b.N, x.hashes, x.found, nil); err != nil {
		return err
	}
	words := seg.Words(0)
	for i := range b.Rows() {
		r := x.found[b.Row(i)]
		place := from + uint64(b.Row(i))
		if old := x.alive(words.At(r)); old != 0 {
			x.more[place] = old
		}
		words.Set(r, place)
	}
	return nil
}

// probe makes room for the keys of a batch and hashes them.
func (x *keyIndex) probe(b *batch.Batch) {
	x.hashes = batch.Hash(b.Columns, b.N, x.hashes[:0])
	x.found = slices.Grow(x.found[:0], b.N)[:b.N]
}

// alive returns the place itself or the first one behind it that has a row, 0 if there is none.
func (x *keyIndex) alive(place uint64) uint64 {
	for ; place != 0; place = x.more[place] {
		if f := &x.files[place>>32]; f.live && !f.gone.Has(int64(uint32(place))) {
			break
		}
	}
	return place
}

// find calls hit with each place that has a row of the keys, which are columns of n rows, and returns which of them
// have none.
func (x *keyIndex) find(keys *batch.Batch, hit func(row int, file, at uint32), none func(row int)) error {
	seg := x.table.Segment(0)
	x.probe(keys)
	if err := seg.Find(keys.Columns, nil, keys.N, x.hashes, x.found); err != nil {
		return err
	}
	words := seg.Words(0)
	for i, r := range x.found {
		place := uint64(0)
		if r != state.NoRow {
			place = x.alive(words.At(r))
		}
		if place == 0 {
			none(i)
		}
		for ; place != 0; place = x.alive(x.more[place]) {
			hit(i, uint32(place>>32), uint32(place))
		}
	}
	return nil
}

// bytes returns the size of the live files.
func (x *keyIndex) bytes() int64 {
	var n int64
	for i := range x.files {
		if x.files[i].live {
			n += x.files[i].add.Size
		}
	}
	return n
}

// indexOf returns the place of a column, exactly or with letter case ignored, -1 for none.
func indexOf(s *batch.Schema, name string) int {
	if at := s.Index(name); at >= 0 {
		return at
	}
	return s.IndexFold(name)
}
