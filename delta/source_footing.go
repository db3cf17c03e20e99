package delta

import (
	"context"
	"errors"
	"sync"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// footing is the newest commit that a stream has seen of its table: as long as it is there as it was, what follows it is of the same table. A
// table that was deleted and made anew at the path has commits of the same numbers, whose rows the stream would take for the next ones of its own.
type footing struct {
	mu      sync.Mutex
	version int64
	info    objstore.Info
	mark    mark // none: the commit was not there, as behind a checkpoint after log cleanup
}

// stand takes a version as the newest one seen. Who calls it holds f.mu, or begins the stream.
func (f *footing) stand(ctx context.Context, t *Table, head *Head) {
	f.version, f.mark = head.Version, mark{}
	info, err := t.Store().Head(ctx, log.CommitName(head.Version))
	if err != nil {
		return
	}
	if m, err := t.mark(ctx, head.Version); err == nil {
		f.info, f.mark = info, m
	}
}

// stillThere makes sure that the table is the one that the stream has read so far, of which head is the newest version. It asks for the size and age of one commit, and
// reads the commit only where they are others or a newer one is there.
func (s *Source) stillThere(ctx context.Context, head *Head) error {
	f := &s.footing
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mark != (mark{}) {
		info, err := s.table.Store().Head(ctx, log.CommitName(f.version))
		gone := errors.Is(err, objstore.ErrNotFound)
		if err != nil && !gone {
			return err
		}
		if gone || info.Size != f.info.Size || !info.ModTime.Equal(f.info.ModTime) || head.Version != f.version {
			if err := s.sameCommit(ctx, gone); err != nil {
				return err
			}
			f.info = info
		}
	} else if head.Metadata.ID != s.read.Metadata.ID {
		return s.differentTable(s.read.Metadata.ID, "the table "+head.Metadata.ID)
	}
	if head.Version != f.version || f.mark == (mark{}) {
		f.stand(ctx, s.table, head)
	}
	return nil
}

// sameCommit compares the newest commit seen with what is there now. One that is gone may be so by log cleanup, if the table is still the same.
func (s *Source) sameCommit(ctx context.Context, gone bool) error {
	f := &s.footing
	if !gone {
		m, err := s.table.mark(ctx, f.version)
		if err == nil && m == f.mark {
			return nil
		}
		if err != nil && !errors.Is(err, objstore.ErrNotFound) {
			return err
		}
	}
	now, err := s.table.log.HeadAt(ctx, -1)
	if supervision.KindOf(err) == supervision.Transient || ctx.Err() != nil {
		return err
	}
	switch {
	case err != nil:
		return s.differentTable(s.read.Metadata.ID, "none that can be read: "+err.Error())
	case gone && now.Metadata.ID == s.read.Metadata.ID && now.Version >= f.version:
		return nil
	}
	return s.differentTable(s.read.Metadata.ID, "another one, the table "+now.Metadata.ID)
}

// differentTable says that the stream has read one table, and that at its path lies another.
func (s *Source) differentTable(read, there string) error {
	f := s.failure("DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE", -1, "the stream has read the table %s, and at the path lies %s", read, there)
	f.Hint = "begin with a new checkpoint location to read the other table"
	return f
}
