package files

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// staging is the folder of files that are not visible yet. Readers leave out
// names that begin with an underscore, and these end in none of their extensions.
const staging = "_temporary/"

// beside is how many files are made durable, linked or removed at once.
const beside = 16

// writer writes the files of one share.
type writer struct {
	o         *Options
	store     objstore.Store
	layout    *layout
	extractor *extractor // nil: partitions are not committed
	maker     *maker
	share     connectors.Share
	folder    string // of staged files
	base      string // how names begin
	extension string
	number    int

	open      map[string]*file // by folder
	closed    []*file          // full ones of this epoch
	done      []written        // those of them that are durable
	clock     int64            // counts batches: when a file was touched last
	watermark int64
	groups    groups
	columns   []*batch.Column // scratch
}

func (s *Sink) newWriter(share connectors.Share) (*writer, error) {
	extension, err := s.o.extension()
	if err != nil {
		return nil, err
	}
	var id [16]byte
	if _, err := io.ReadFull(s.o.Random, id[:]); err != nil {
		return nil, fmt.Errorf("a random name for files: %w", err)
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return &writer{o: &s.o, store: s.store, layout: s.layout, extractor: s.extractor, share: share, extension: extension,
		maker:  newMaker(s.o, s.layout.file, share.Account),
		folder: stagingFolder(share.Incarnation, share.Attempt),
		base:   fmt.Sprintf("part-%05d-%x-%x-%x-%x-%x", share.Index, id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
		open:   map[string]*file{}, watermark: math.MinInt64}, nil
}

func stagingFolder(incarnation string, attempt int64) string {
	return fmt.Sprintf("%s%s/%d/", staging, incarnation, attempt)
}

// number is the part of a name that counts the files of a share.
func number(n int) string { return fmt.Sprintf("-c%03d", n) }

// Write appends the rows to the files of their partitions.
func (w *writer) Write(ctx context.Context, b *batch.Batch) error {
	if b.Kinds != nil {
		for i := range b.Rows() {
			if b.Kinds[b.Row(i)] != batch.Insert {
				return supervision.New(supervision.Fatal, "UNSUPPORTED_ROW_KIND", "files take inserts only; row %d changes or deletes another", i)
			}
		}
	}
	if b.Rows() == 0 {
		return nil
	}
	w.clock++
	w.columns = w.columns[:0]
	for _, c := range w.layout.columns {
		w.columns = append(w.columns, b.Columns[c])
	}
	part := batch.Batch{Schema: w.layout.file, Columns: w.columns, N: b.N, Sel: b.Sel}
	if len(w.layout.keys) == 0 {
		return w.append(ctx, "", &part)
	}
	w.groups.split(w.layout, b)
	for i, folder := range w.groups.folders {
		part.Sel = w.groups.rows[i]
		if err := w.append(ctx, folder, &part); err != nil {
			return err
		}
	}
	return nil
}

// append writes the rows to the folder's file, and ends it when it is full.
func (w *writer) append(ctx context.Context, folder string, b *batch.Batch) error {
	for at, n := 0, b.Rows(); at < n; {
		f := w.open[folder]
		if f == nil {
			var err error
			if f, err = w.begin(ctx, folder); err != nil {
				return err
			}
		}
		take := n - at
		if most := w.o.MaxFileRows; most > 0 {
			take = int(min(int64(take), most-f.rows))
		}
		some := *b
		if take < n {
			some.Sel = rowsFrom(b, at, take)
		}
		f.touched = w.clock
		if err := f.write(&some); err != nil {
			return err
		}
		at += take
		if f.full(w.o) {
			if err := w.close(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

// rowsFrom returns n of the rows that count, from the given one on.
func rowsFrom(b *batch.Batch, from, n int) []int32 {
	if b.Sel != nil {
		return b.Sel[from : from+n]
	}
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(from + i)
	}
	return rows
}

// begin begins the folder's next file.
func (w *writer) begin(ctx context.Context, folder string) (*file, error) {
	if w.extractor != nil { // a partition that has no time would never be complete
		if _, err := w.extractor.due(folder); err != nil {
			return nil, err
		}
	}
	if len(w.open) >= w.o.MaxOpenFiles {
		oldest := ""
		for name, f := range w.open {
			if o := w.open[oldest]; o == nil || f.touched < o.touched || f.touched == o.touched && name < oldest {
				oldest = name
			}
		}
		if err := w.close(oldest); err != nil {
			return nil, err
		}
	}
	f, err := w.newFile(ctx, folder)
	if err == nil {
		w.open[folder] = f
	}
	return f, err
}

// close ends the folder's file. Finish makes it durable, unless too many wait for that.
func (w *writer) close(folder string) error {
	f := w.open[folder]
	delete(w.open, folder)
	w.closed = append(w.closed, f)
	if err := f.end(); err != nil || len(w.closed) < w.o.MaxOpenFiles {
		return err
	}
	closed := w.closed
	w.closed = nil
	done, err := finish(closed)
	w.done = append(w.done, done...)
	return err
}

// Advance takes the watermark.
func (w *writer) Advance(watermark int64) error {
	w.watermark = max(w.watermark, watermark)
	return nil
}

// Seal ends the epoch's files. A share that commits partitions has its
// watermark to tell in every epoch.
func (w *writer) Seal(int64) (connectors.Sealed, error) {
	s := sealed{files: w.closed, part: part{Files: w.done, Share: w.share.Index, Count: w.share.Count}}
	for _, folder := range sortedKeys(w.open) {
		s.files = append(s.files, w.open[folder])
	}
	w.closed, w.done = nil, nil
	clear(w.open)
	if w.extractor != nil {
		watermark := w.watermark
		s.part.Watermark = &watermark
	} else if len(s.files)+len(s.part.Files) == 0 {
		return nil, nil
	}
	return s, nil
}

// Abort gives up all files.
func (w *writer) Abort() {
	for _, f := range w.closed {
		f.abort()
	}
	for _, f := range w.open {
		f.abort()
	}
	w.closed, w.done = nil, nil
	clear(w.open)
	w.maker.release()
}

// part is what one share's epoch leaves in the manifest.
type part struct {
	Files     []written `json:"files,omitempty"`
	Share     int       `json:"share"`
	Count     int       `json:"count"`               // shares of the sink
	Watermark *int64    `json:"watermark,omitempty"` // if partitions are committed
}

// sealed are one epoch's files of one share.
type sealed struct {
	files []*file
	part  part
}

// Finish makes the files durable under their staged names.
func (s sealed) Finish(context.Context) (connectors.Prepared, error) {
	done, err := finish(s.files)
	if err != nil {
		return connectors.Prepared{}, err
	}
	s.part.Files = append(s.part.Files, done...)
	data, err := json.Marshal(s.part)
	p := connectors.Prepared{Data: data}
	for _, f := range s.part.Files {
		p.Rows += f.Rows
		p.Bytes += f.Bytes
	}
	return p, err
}

// finish makes the files durable, some at once.
func finish(files []*file) ([]written, error) {
	done := make([]written, len(files))
	var g errgroup.Group
	g.SetLimit(beside)
	for i, f := range files {
		g.Go(func() (err error) {
			done[i], err = f.finish()
			return err
		})
	}
	return done, g.Wait()
}
