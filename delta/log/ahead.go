package log

import (
	"context"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// What is read before it is its turn: so many files, of so many bytes together, and one however large it is.
const (
	aheadFiles = 16
	aheadBytes = 64 << 20
)

// decoded are the actions of one file of the log on their way to who replays them.
type decoded struct {
	actions []*Action
	err     error
}

// decodeAhead calls use with the wanted actions of each file, in the order given, while the ones after it are being read
// and decoded.
func (l *Log) decodeAhead(ctx context.Context, files []Object, want Kinds, use func(Object, []*Action) error) error {
	var readers sync.WaitGroup
	defer readers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lanes, next, bytes := make([]chan decoded, 0, len(files)), 0, int64(0)
	for i, file := range files {
		for next < len(files) && next-i < aheadFiles && (next == i || bytes+files[next].Size <= aheadBytes) {
			lane, o := make(chan decoded, 1), files[next]
			lanes, bytes, next = append(lanes, lane), bytes+o.Size, next+1
			readers.Go(func() {
				var d decoded
				d.err = l.replayed(ctx, o, want, func(a *Action) error {
					d.actions = append(d.actions, a)
					return ctx.Err()
				})
				lane <- d
			})
		}
		d := <-lanes[i]
		lanes[i] = nil
		if d.err != nil {
			return d.err
		}
		if bytes -= file.Size; ctx.Err() != nil {
			return ctx.Err()
		}
		if err := use(file, d.actions); err != nil {
			return err
		}
	}
	return nil
}

// together is how many actions one reader of several hands on at once.
const together = 1024

// partsBeside is part for several files at once. visit is called by one of their readers at a time, in no order.
func (l *Log) partsBeside(ctx context.Context, names []string, want Kinds, visit func(*Action) error) error {
	if len(names) == 1 {
		return l.part(ctx, names[0], want, visit)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(4, runtime.GOMAXPROCS(0)))
	var mu sync.Mutex
	for _, name := range names {
		g.Go(func() error {
			var found []*Action
			flush := func() error {
				mu.Lock()
				defer mu.Unlock()
				for _, a := range found {
					if err := visit(a); err != nil {
						return err
					}
				}
				found = found[:0]
				return nil
			}
			err := l.part(ctx, name, want, func(a *Action) error {
				if found = append(found, a); len(found) < together {
					return nil
				}
				return flush()
			})
			if err != nil {
				return err
			}
			if err := flush(); err != nil {
				return visitError{err}
			}
			return nil
		})
	}
	return g.Wait()
}
