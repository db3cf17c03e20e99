package delta

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta/log"
)

// chosen returns the files that may have rows for the scan, in its order. They are judged as the list gives them, so
// that a scan of few of many files takes little memory.
func (c *scan) chosen(list *log.FileList) ([]*log.Add, error) {
	var out, some []*log.Add
	var err error
	judge := func() {
		kept, n := some, len(some)
		if c.skip != nil {
			kept, err = c.skip.files(some)
		}
		for _, a := range kept {
			if len(kept) < n {
				a = a.Clone() // the others of its block are let go
			}
			out = append(out, a)
		}
		some = some[:0]
	}
	list.Each(func(a *log.Add) bool {
		if some = append(some, a); len(some) == someFiles {
			judge()
		}
		return err == nil
	})
	if err == nil {
		judge()
	}
	slices.SortFunc(out, func(a, b *log.Add) int {
		if c.o.Order == ByAge && a.ModificationTime != b.ModificationTime {
			return cmp.Compare(a.ModificationTime, b.ModificationTime)
		}
		return strings.Compare(a.Path, b.Path)
	})
	return out, err
}

// ahead is how many batches of a file wait to be taken.
const ahead = 2

// found is a batch on its way from the reader of a file, or the error with which it ended.
type found struct {
	b   *batch.Batch
	err error
}

// parallelScan reads several files at once. What readers have found and nobody took is bounded: a few batches a reader.
type parallelScan struct {
	*scan
	files   []*log.Add
	readers sync.WaitGroup
	yield   func(*batch.Batch, error) bool
}

func (c *scan) parallel(ctx context.Context, files []*log.Add, yield func(*batch.Batch, error) bool) {
	p := &parallelScan{scan: c, files: files, yield: yield}
	inner, cancel := context.WithCancel(ctx)
	var lanes []chan found
	var goesOn bool
	if c.o.Order == AsRead {
		lanes, goesOn = p.asRead(inner)
	} else {
		lanes, goesOn = p.inOrder(inner)
	}
	cancel()
	p.readers.Wait()
	for _, lane := range lanes {
		for len(lane) > 0 {
			if f := <-lane; f.b != nil {
				f.b.Release()
			}
		}
	}
	if goesOn && ctx.Err() != nil { // readers that were told to stop say nothing
		yield(nil, context.Cause(ctx))
	}
}

// inOrder takes the batches of one file after the other, while the files behind it are read ahead. It returns what was
// not taken, and whether the scan goes on.
func (p *parallelScan) inOrder(ctx context.Context) (lanes []chan found, goesOn bool) {
	next := 0
	for {
		for len(lanes) < p.o.Parallel && next < len(p.files) {
			lane := make(chan found, ahead)
			lanes = append(lanes, lane)
			file := p.files[next]
			next++
			p.readers.Go(func() {
				defer close(lane)
				p.into(ctx, file, lane)
			})
		}
		if len(lanes) == 0 {
			return nil, true
		}
		for f := range lanes[0] {
			if !p.yield(f.b, f.err) || f.err != nil {
				return lanes, false
			}
		}
		lanes = lanes[1:]
	}
}

// asRead takes batches as they come.
func (p *parallelScan) asRead(ctx context.Context) (lanes []chan found, goesOn bool) {
	lane := make(chan found, ahead*p.o.Parallel)
	var next atomic.Int64
	var left atomic.Int64
	left.Store(int64(p.o.Parallel))
	for range p.o.Parallel {
		p.readers.Go(func() {
			defer func() {
				if left.Add(-1) == 0 {
					close(lane)
				}
			}()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(p.files) || !p.into(ctx, p.files[i], lane) {
					return
				}
			}
		})
	}
	for f := range lane {
		if !p.yield(f.b, f.err) || f.err != nil {
			return []chan found{lane}, false
		}
	}
	return nil, true
}

// into puts what is found in a file into a lane, until the context ends.
func (p *parallelScan) into(ctx context.Context, file *log.Add, lane chan found) bool {
	return p.file(ctx, file, func(b *batch.Batch, err error) bool {
		select {
		case lane <- found{b, err}:
			return err == nil
		case <-ctx.Done():
			if b != nil {
				b.Release()
			}
			return false
		}
	})
}
