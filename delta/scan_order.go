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

// ordered returns the files, which are in the order of their paths, in that of the scan.
func (c *scan) ordered(files []log.Add) []*log.Add {
	out := make([]*log.Add, len(files))
	for i := range files {
		out[i] = &files[i]
	}
	if c.o.Order == ByAge {
		slices.SortFunc(out, func(a, b *log.Add) int {
			return cmp.Or(cmp.Compare(a.ModificationTime, b.ModificationTime), strings.Compare(a.Path, b.Path))
		})
	}
	return out
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
