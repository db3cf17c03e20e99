package delta

import (
	"context"
	"hash/maphash"
	"io"
	"runtime"
	"sync"
	"weak"

	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
)

// sharedTable is what all Tables of this process that are of one table at one place share: the newest version that one of them has
// loaded, with its list of files. It lives as long as one of them does.
type sharedTable struct {
	loading chan struct{}  // held by who loads or follows a version, and looks at the rest
	newest  *sharedVersion // nil: none was loaded
}

// sharedVersion is a version on which snapshots of several Tables rest. It is immutable.
type sharedVersion struct {
	head  *Head
	files *log.FileList
	mark  mark
}

// mark tells a commit from another one of the same version: that of a table which was deleted and made anew.
type mark struct {
	size       int64
	head, tail uint64 // hashes of the first and the last bytes
}

// The tables of this process by their places.
var sharing = struct {
	mu     sync.Mutex
	tables map[any]weak.Pointer[sharedTable]
	seed   maphash.Seed
}{tables: map[any]weak.Pointer[sharedTable]{}, seed: maphash.MakeSeed()}

// sharedOf returns what Tables of the store share, or something of its own for a store of which it is not known where it lies.
func sharedOf(s objstore.Store) *sharedTable {
	made := &sharedTable{loading: make(chan struct{}, 1)}
	placed, ok := s.(objstore.Placed)
	if !ok {
		return made
	}
	place := placed.Place()
	if place == nil {
		return made
	}
	sharing.mu.Lock()
	defer sharing.mu.Unlock()
	if there := sharing.tables[place].Value(); there != nil {
		return there
	}
	sharing.tables[place] = weak.Make(made)
	runtime.AddCleanup(made, func(place any) {
		sharing.mu.Lock()
		defer sharing.mu.Unlock()
		if sharing.tables[place].Value() == nil { // no other has taken its place
			delete(sharing.tables, place)
		}
	}, place)
	return made
}

// base returns the newest version that is known, to go on from, nil if there is none. One that another Table has loaded is looked at through
// this one's store first: that may not be allowed to read the table, or find another one there.
func (t *Table) base(ctx context.Context) (*Snapshot, error) {
	v := t.shared.newest
	if v == nil {
		return nil, nil
	}
	if v != t.trusted {
		if !t.same(ctx, v) {
			return nil, ctx.Err()
		}
		t.trusted = v
		t.publish(v.head, false)
	}
	return &Snapshot{Head: v.head, t: t, files: v.files}, nil
}

// share gives a version that was loaded to all Tables of the table.
func (t *Table) share(ctx context.Context, s *Snapshot) {
	v := &sharedVersion{head: s.Head, files: s.files}
	if _, ok := t.Store().(objstore.Placed); ok {
		v.mark, _ = t.mark(ctx, s.Version) // without one nobody else goes on from it
	}
	t.shared.newest, t.trusted = v, v
}

// same reports whether the table at this place is still the one of which the version is. What cannot be known, as of a store that
// nobody else shares, is taken for granted by who loaded the version, and by no other.
func (t *Table) same(ctx context.Context, v *sharedVersion) bool {
	if v.mark == (mark{}) {
		return v == t.trusted
	}
	m, err := t.mark(ctx, v.head.Version)
	return err == nil && m == v.mark
}

// markBytes is how much is read of a commit at both of its ends, where those ids are that no other commit has.
const markBytes = 4 << 10

func (t *Table) mark(ctx context.Context, version int64) (mark, error) {
	r, err := t.Store().Open(ctx, log.CommitName(version))
	if err != nil {
		return mark{}, err
	}
	defer r.Close()
	m := mark{size: r.Size()}
	var buffer [markBytes]byte
	read := func(at int64) (uint64, error) {
		b := buffer[:min(markBytes, r.Size()-at)]
		n, err := r.ReadAt(b, at)
		if n == len(b) || err == io.EOF {
			err = nil
		}
		return maphash.Bytes(sharing.seed, b[:n]), err
	}
	if m.head, err = read(0); err != nil || m.size <= markBytes {
		return m, err
	}
	m.tail, err = read(m.size - markBytes)
	return m, err
}
