package delta

import (
	"cmp"
	"context"
	"slices"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
)

// hit is a row of a file that an epoch takes away or replaces.
type hit struct {
	file, row uint32
	change    spot // what takes its place, if with
	with      bool
}

// rewrite is the files of one commit. Files that lose rows are written anew, each in its own order with the new
// rows of its keys in their places, so that a file in the order of keys stays one; rows of new keys become
// files of their own in the order of keys. In a table that has deletion vectors, rows that go are marked instead, and
// all new rows become files of their own.
type rewrite struct {
	t       *Table
	head    *Head
	index   *keyIndex
	changes []*batch.Batch // the epoch's rows
	hits    []hit          // by file and row
	fresh   []spot         // of changes: rows of new keys, in their order

	w       *Writer
	target  int64
	pick    picker
	from    []*batch.Batch // of an old file, then those of changes; with the numbers of rows where the table tracks them
	numbers *movedNumbers  // nil: the table does not track rows
	gone    []uint32       // files that are removed, also those that come again with another vector
	were    []log.Add      // what the table has of them

	vectors bool     // rows are marked, not copied
	moved   []spot   // of changes: rows that take the place of marked ones
	marked  []marked // files that come again
	written int64    // bytes
	changed []log.CDC
	feed    *feed // nil: nobody asks for changes, or the files say them

	updated, deleted, copied int64 // rows
}

const (
	leastTarget = 128 << 10 // bytes of a file, where neither table nor sink says
	mostTarget  = 16 << 20
	targetFiles = 512  // that a table has if it can: a small part of its keys is then a small part of its bytes
	pickRows    = 4096 // of a batch that is written
)

// order sorts the hits by where they are.
func (r *rewrite) order() {
	slices.SortFunc(r.hits, func(a, b hit) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.row, b.row)) })
}

// run writes the files and returns their actions; r.gone has those that they replace.
func (r *rewrite) run(ctx context.Context, o WriterOptions) (adds []log.Add, err error) {
	if err := r.begin(o); err != nil {
		return nil, err
	}
	defer r.w.Abort()
	defer r.numbers.release()
	defer func() { r.feed.abort() }()
	merged := r.together()
	if feedsChanges(r.head) && len(r.hits)+len(merged) > 0 {
		if r.feed, err = newFeed(r.t, r.head, o); err != nil {
			return nil, err
		}
	}
	for i := 0; i < len(r.hits); {
		from, file := i, r.hits[i].file
		for i < len(r.hits) && r.hits[i].file == file {
			i++
		}
		if slices.Contains(merged, file) {
			continue
		}
		write := r.replace
		if r.vectors {
			write = r.mark
		}
		if err := write(ctx, file, r.hits[from:i]); err != nil {
			return nil, err
		}
	}
	r.w.o.TargetFileSize = r.target
	if err := r.add(ctx, merged); err != nil {
		return nil, err
	}
	if err := r.feedNew(ctx); err != nil {
		return nil, err
	}
	if adds, err = r.w.Finish(ctx); err != nil {
		return nil, err
	}
	if r.changed, err = r.feed.finish(ctx); err != nil {
		return nil, err
	}
	for i := range adds {
		r.written += adds[i].Size
	}
	for i := range r.changed {
		r.written += r.changed[i].Size
	}
	again, err := r.writeVectors(ctx)
	return append(adds, again...), err
}

func (r *rewrite) begin(o WriterOptions) (err error) {
	wanted := o.TargetFileSize > 0 || r.head.Metadata.Configuration["delta.targetFileSize"] != ""
	if r.w, err = movedWriter(r.t, r.head, o); err != nil {
		return err
	}
	r.target, r.vectors = r.w.o.TargetFileSize, usesVectors(r.head)
	switch {
	case wanted:
	case r.vectors:
		r.target = mostTarget // a file need not be small for little of it to be written
	default:
		r.target = min(max(r.index.bytes()/targetFiles, leastTarget), mostTarget)
	}
	r.pick = picker{schema: r.w.schema, pool: o.Pool}
	r.from = append([]*batch.Batch{nil}, r.changes...)
	if tracksRows(r.head) {
		r.numbers = newMovedNumbers(r.w.schema, r.changes, o.Pool)
		copy(r.from[1:], r.numbers.rows)
	}
	return nil
}

// scan calls use with the file's batches and the number of the first row of each. The file goes.
func (r *rewrite) scan(ctx context.Context, file uint32, use func(b *batch.Batch, first uint32) error) error {
	c, err := r.t.scanOf(r.head, ScanOptions{numbers: r.numbers != nil})
	if err != nil {
		return err
	}
	r.remove(file)
	f := &fileScan{scan: c, add: &r.index.files[file].add, gone: r.index.files[file].gone, known: true}
	return f.each(ctx, func(b *batch.Batch, first int64) error { return use(b, uint32(first)) })
}

func (r *rewrite) remove(file uint32) {
	r.gone = append(r.gone, file)
	r.were = append(r.were, r.index.files[file].add)
}

// replace writes one file anew.
func (r *rewrite) replace(ctx context.Context, file uint32, hits []hit) error {
	r.w.o.TargetFileSize = r.target
	if r.index.files[file].add.Size < 2*r.target {
		r.w.o.TargetFileSize = 4 * r.target // as one file, if it does not grow without bound
	}
	var spots []spot
	err := r.scan(ctx, file, func(b *batch.Batch, first uint32) error {
		defer b.Release()
		if len(hits) == 0 || hits[0].row >= first+uint32(b.N) {
			r.copied += int64(b.Rows())
			return r.w.Write(ctx, b)
		}
		if err := r.meet(ctx, b, first, hits); err != nil {
			return err
		}
		spots = spots[:0]
		for at := range b.Rows() {
			i := uint32(b.Row(at))
			if len(hits) == 0 || hits[0].row != first+i {
				r.copied++
				spots = append(spots, spot{0, i})
				continue
			}
			if hits[0].with {
				spots = append(spots, spot{hits[0].change.batch + 1, hits[0].change.row})
			}
			hits = hits[1:]
		}
		r.from[0] = b
		return r.write(ctx, r.from, spots)
	})
	if err != nil {
		return err
	}
	return r.w.cut()
}

// write writes the rows in the order of spots.
func (r *rewrite) write(ctx context.Context, from []*batch.Batch, spots []spot) error {
	for chunk := range slices.Chunk(spots, pickRows) {
		b := r.pick.pick(from, chunk)
		err := r.w.Write(ctx, b)
		b.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// add writes the rows of new keys, put together with those of small files.
func (r *rewrite) add(ctx context.Context, merged []uint32) error {
	if len(merged) == 0 {
		return r.write(ctx, r.from[1:], r.arrivals())
	}
	var s rowSort
	defer s.release()
	for _, k := range r.index.keys {
		s.keys = append(s.keys, indexOf(r.head.Schema, k))
	}
	fresh := make([][]int32, len(r.changes))
	for _, f := range r.arrivals() {
		fresh[f.batch] = append(fresh[f.batch], int32(f.row))
	}
	for _, file := range merged {
		if err := r.collect(ctx, file, &s, fresh); err != nil {
			return err
		}
	}
	for i, rows := range fresh {
		if len(rows) > 0 {
			slices.Sort(rows)
			b := r.from[1+i].Retain()
			b.Sel, b.Kinds = rows, nil
			s.add(b, 0)
		}
	}
	s.sort()
	spots := make([]spot, len(s.rows))
	for i := range s.rows {
		spots[i] = s.rows[i].spot
	}
	return r.write(ctx, s.batches, spots)
}

// collect gives the rows of a file that stay to the sort, and those that take the place of others to fresh.
func (r *rewrite) collect(ctx context.Context, file uint32, s *rowSort, fresh [][]int32) error {
	at, _ := slices.BinarySearchFunc(r.hits, file, func(h hit, file uint32) int { return cmp.Compare(h.file, file) })
	to := at
	for to < len(r.hits) && r.hits[to].file == file {
		to++
	}
	hits := r.hits[at:to]
	return r.scan(ctx, file, func(b *batch.Batch, first uint32) error {
		if err := r.meet(ctx, b, first, hits); err != nil {
			return err
		}
		kept := make([]int32, 0, b.Rows())
		for at := range b.Rows() {
			i := uint32(b.Row(at))
			if len(hits) == 0 || hits[0].row != first+i {
				kept = append(kept, int32(i))
				continue
			}
			if c := hits[0].change; hits[0].with {
				fresh[c.batch] = append(fresh[c.batch], int32(c.row))
			}
			hits = hits[1:]
		}
		b.Sel = kept
		r.copied += int64(len(kept))
		s.add(b, 0)
		return nil
	})
}
