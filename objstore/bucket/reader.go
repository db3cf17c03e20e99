package bucket

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/deltaic/deltaic/objstore"
)

const (
	tailSize    = 64 << 10  // read with Open
	blockSize   = 256 << 10 // of a request for less
	blocksKept  = 16        // by a reader
	getsBeside  = 4         // requests for one large object
	largestRead = 8 << 20   // of one request
	firstRead   = 1 << 20   // of an object whose size is not known
)

// read fills p with the object's bytes from off, by one request.
func (s *Store) read(ctx context.Context, name, version string, p []byte, off int64) error {
	return s.send(ctx, "read", name, len(p), func(ctx context.Context) error {
		body, o, err := s.client.Get(ctx, s.key(name), Range{From: off, To: off + int64(len(p))}, version)
		if err != nil {
			return err
		}
		defer body.Close()
		if o.Version != version { // not every service looks at the condition of a read
			return &Error{Verdict: Changed, Cause: fmt.Errorf("it is %s, and was %s", o.Version, version)}
		}
		if _, err := io.ReadFull(body, p); err != nil {
			return Unsent(fmt.Errorf("the answer broke off: %w", err))
		}
		return nil
	})
}

// readMany fills p by requests beside each other.
func (s *Store) readMany(ctx context.Context, name, version string, p []byte, off int64) error {
	if len(p) <= largestRead {
		return s.read(ctx, name, version, p, off)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(getsBeside)
	for part := range slices.Chunk(p, largestRead) {
		at := off
		g.Go(func() error { return s.read(ctx, name, version, part, at) })
		off += int64(len(part))
	}
	return g.Wait()
}

// first opens a range of an object that nothing is known of, and returns its bytes.
func (s *Store) first(ctx context.Context, name string, r Range, most, max int64) (data []byte, o Object, err error) {
	err = s.send(ctx, "read", name, int(most), func(ctx context.Context) error {
		var body io.ReadCloser
		if body, o, err = s.client.Get(ctx, s.key(name), r, ""); err != nil {
			return err
		}
		defer body.Close()
		if max > 0 && o.Size > max {
			data = nil
			return nil // the caller says so
		}
		data = make([]byte, min(o.Size, most))
		if _, err := io.ReadFull(body, data); err != nil {
			return Unsent(fmt.Errorf("the answer broke off: %w", err))
		}
		return nil
	})
	return data, o, err
}

// Get returns the object's bytes.
func (s *Store) Get(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	data, o, err := s.first(ctx, name, Range{To: firstRead}, firstRead, max)
	if err != nil {
		return nil, err
	}
	if max > 0 && o.Size > max {
		return nil, fmt.Errorf("%s: %d bytes, more than the %d allowed", s.at(name), o.Size, max)
	}
	if have := int64(len(data)); have < o.Size {
		all := make([]byte, o.Size)
		copy(all, data)
		if err := s.readMany(ctx, name, o.Version, all[have:], have); err != nil {
			return nil, err
		}
		data = all
	}
	return data, nil
}

// Open asks for the object's end, which brings its size and version, too. The reader keeps up to 4 MiB and asks under the
// context given here.
func (s *Store) Open(ctx context.Context, name string) (objstore.Reader, error) {
	if err := check(ctx, name); err != nil {
		return nil, err
	}
	tail, o, err := s.first(ctx, name, Range{Last: tailSize}, tailSize, 0)
	if err != nil {
		return nil, err
	}
	return &reader{s: s, ctx: ctx, name: name, object: o, tail: tail}, nil
}

type reader struct {
	s      *Store
	ctx    context.Context
	name   string
	object Object
	tail   []byte

	mu     sync.Mutex
	blocks []block // the one used last is first
}

// block is a stretch of the object that begins at a multiple of blockSize.
type block struct {
	at   int64
	data []byte
}

func (r *reader) Size() int64 { return r.object.Size }

func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocks = nil
	return nil
}

func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	size := r.object.Size
	if off < 0 {
		return 0, fmt.Errorf("read %s at %d", r.s.at(r.name), off)
	}
	if off >= size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), size-off)]
	if err := r.fill(want, off); err != nil {
		return 0, err
	}
	if len(want) < len(p) {
		return len(want), io.EOF
	}
	return len(want), nil
}

// fill reads from the end that was read at first, from a block, or by requests of its own if that is much.
func (r *reader) fill(p []byte, off int64) error {
	if from := r.object.Size - int64(len(r.tail)); off >= from {
		copy(p, r.tail[off-from:])
		return nil
	}
	if len(p) >= blockSize {
		return r.s.readMany(r.ctx, r.name, r.object.Version, p, off)
	}
	for len(p) > 0 {
		b, err := r.block(off - off%blockSize)
		if err != nil {
			return err
		}
		n := copy(p, b.data[off-b.at:])
		p, off = p[n:], off+int64(n)
	}
	return nil
}

// block returns the stretch from at on. Two callers that miss the same one read it twice.
func (r *reader) block(at int64) (block, error) {
	r.mu.Lock()
	i := slices.IndexFunc(r.blocks, func(b block) bool { return b.at == at })
	if i >= 0 {
		b := r.blocks[i]
		copy(r.blocks[1:i+1], r.blocks[:i])
		r.blocks[0] = b
		r.mu.Unlock()
		return b, nil
	}
	r.mu.Unlock()
	b := block{at, make([]byte, min(blockSize, r.object.Size-at))}
	if err := r.s.read(r.ctx, r.name, r.object.Version, b.data, at); err != nil {
		return block{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.blocks = slices.Insert(r.blocks, 0, b)
	if len(r.blocks) > blocksKept {
		r.blocks = slices.Delete(r.blocks, blocksKept, len(r.blocks))
	}
	return b, nil
}
