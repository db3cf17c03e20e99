package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/deltaic/deltaic/objstore/bucket"
)

// Bucket is an object store as real ones are: requests and replies get lost, it is busy for a while, lists are slow, answers
// break off, and uploads of the dead stay. All processes of a world put into it, each by a [requests] of its own.
//
// What happens to a request is drawn from the seed and from what it asks for the how-many-th time, so that it does not
// matter in which order reads beside each other come.
type Bucket struct {
	mu      sync.Mutex
	seed    uint64
	objects map[string]stored
	uploads map[string]*parts
	puts    int
	asked   map[string]int
	fired   map[string]int
}

type stored struct {
	data    []byte
	tag     string
	version string
	time    time.Time
}

// parts is an upload that is not complete.
type parts struct {
	key, tag string
	data     [][]byte
}

func newBucket(seed uint64) *Bucket {
	return &Bucket{seed: seed, objects: map[string]stored{}, uploads: map[string]*parts{}, asked: map[string]int{}, fired: map[string]int{}}
}

// Export writes the objects to a folder.
func (b *Bucket) Export(to string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, o := range b.objects {
		path := filepath.Join(to, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, o.data, 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(to, 0o700)
}

// left names the uploads below a prefix.
func (b *Bucket) left(prefix string) (keys []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.uploads {
		if strings.HasPrefix(u.key, prefix) {
			keys = append(keys, u.key)
		}
	}
	slices.Sort(keys)
	return keys
}

// requests are those of one process.
type requests struct {
	bucket.Probed
	w *World
	p *process
	b *Bucket
}

var _ bucket.Client = (*requests)(nil)

// What a request meets.
const (
	lostRequest = "bucket-lost-request"
	lostReply   = "bucket-lost-reply"
	busy        = "bucket-503"
	failing     = "bucket-500"
	slowList    = "bucket-slow-list"
	tornRead    = "bucket-torn-read"
	tornUpload  = "bucket-torn-upload"
)

// BucketFaults is what seeds do to requests.
var BucketFaults = []string{lostRequest, lostReply, busy, failing, slowList, tornRead, tornUpload}

// draw says what a request meets, "" if nothing.
func (b *Bucket) draw(p *process, verb, key string) string {
	id := fmt.Sprintf("%d %s %s", p.id, verb, key)
	b.asked[id]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", b.seed, id, b.asked[id])
	n := h.Sum64() >> 8 // the upper bits are mixed best
	if n%40 > 0 {
		return ""
	}
	choice := []string{lostRequest, lostReply, lostReply, busy, failing}
	switch verb {
	case "list":
		choice = append(choice, slowList)
	case "get":
		choice = append(choice, tornRead)
	case "part":
		choice = append(choice, tornUpload)
	}
	return choice[n/40%uint64(len(choice))]
}

// send carries out a request, or not. Requests that change something are durable operations of the process.
func (r *requests) send(verb, key string, do func(fault string) error) error {
	if err := r.p.fs.alive(); err != nil {
		return &bucket.Error{Cause: err}
	}
	fault := ""
	if !r.w.quiet {
		r.b.mu.Lock()
		if fault = r.b.draw(r.p, verb, key); fault != "" {
			r.b.fired[fault]++
			r.p.harmed.Store(true)
		}
		r.b.mu.Unlock()
	}
	unclear := func(what string) error {
		return &bucket.Error{Verdict: bucket.Unclear, Cause: fmt.Errorf("%s of %s %s", what, verb, key)}
	}
	switch fault {
	case busy:
		return &bucket.Error{Verdict: bucket.Busy, Cause: fmt.Errorf("503 for %s %s", verb, key)}
	case lostRequest, failing, slowList, tornUpload:
		return unclear(fault)
	}
	locked := func() error {
		r.b.mu.Lock()
		defer r.b.mu.Unlock()
		return do(fault)
	}
	err := error(nil)
	if verb == "get" || verb == "head" || verb == "list" || verb == "uploads" {
		err = locked()
	} else {
		err = r.p.fs.durable(verb, root+"/"+key, locked)
	}
	var path *os.PathError
	switch {
	case errors.Is(err, ErrDead):
		return &bucket.Error{Cause: err}
	case errors.As(err, &path) && path.Err == syscall.ENOSPC: // many in a row: a storm
		return &bucket.Error{Verdict: bucket.Busy, Cause: err}
	case errors.As(err, &path):
		return &bucket.Error{Verdict: bucket.Unclear, Cause: err}
	case fault == lostReply:
		return unclear(fault)
	}
	return err
}

func missing(key string) error {
	return &bucket.Error{Verdict: bucket.NotFound, Cause: fmt.Errorf("%s is not there", key)}
}

func (r *requests) URI() string { return "sim://bucket" }

// put stores an object. The lock is held.
func (r *requests) put(key string, data []byte, tag string, absent bool) error {
	if _, there := r.b.objects[key]; there && absent {
		return &bucket.Error{Verdict: bucket.Exists, Cause: fmt.Errorf("%s is there", key)}
	}
	r.b.puts++
	r.b.objects[key] = stored{data: bytes.Clone(data), tag: tag, version: strconv.Itoa(r.b.puts), time: r.w.now}
	return nil
}

func (r *requests) Put(_ context.Context, key string, data []byte, tag string, absent bool) error {
	return r.send("put", key, func(string) error { return r.put(key, data, tag, absent) })
}

func (s stored) describe(key string) bucket.Object {
	return bucket.Object{Key: key, Size: int64(len(s.data)), ModTime: s.time, Version: s.version, Tag: s.tag}
}

func (r *requests) Get(_ context.Context, key string, want bucket.Range, version string) (body io.ReadCloser, o bucket.Object, err error) {
	err = r.send("get", key, func(fault string) error {
		s, there := r.b.objects[key]
		switch {
		case !there:
			return missing(key)
		case version != "" && version != s.version:
			return &bucket.Error{Verdict: bucket.Changed, Cause: fmt.Errorf("%s was replaced", key)}
		}
		from, to := want.From, want.To
		if want.Last > 0 {
			from, to = int64(len(s.data))-want.Last, int64(len(s.data))
		}
		data := s.data[min(max(0, from), int64(len(s.data))):min(to, int64(len(s.data)))]
		if fault == tornRead {
			data = data[:len(data)/2]
		}
		body, o = io.NopCloser(bytes.NewReader(data)), s.describe(key)
		return nil
	})
	return body, o, err
}

func (r *requests) Head(_ context.Context, key string) (o bucket.Object, err error) {
	err = r.send("head", key, func(string) error {
		s, there := r.b.objects[key]
		if !there {
			return missing(key)
		}
		o = s.describe(key)
		return nil
	})
	return o, err
}

// listed is how many objects are in a page: few, so that most listings have several.
const listed = 5

func (r *requests) List(_ context.Context, prefix, after, token string) (page bucket.Page, err error) {
	err = r.send("list", prefix, func(string) error {
		var keys []string
		for key := range r.b.objects {
			if strings.HasPrefix(key, prefix) && key > after && key > token {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		for _, key := range keys[:min(listed, len(keys))] {
			page.Objects = append(page.Objects, r.b.objects[key].describe(key))
		}
		if len(keys) > listed {
			page.Next = keys[listed-1]
		}
		return nil
	})
	return page, err
}

func (r *requests) Delete(_ context.Context, key string) error {
	return r.send("delete", key, func(string) error { delete(r.b.objects, key); return nil })
}

func (r *requests) Begin(_ context.Context, key, tag string) (bucket.Upload, error) {
	u := &upload{r: r, key: key}
	err := r.send("begin", key, func(string) error {
		r.b.puts++
		u.id = strconv.Itoa(r.b.puts)
		r.b.uploads[u.id] = &parts{key: key, tag: tag}
		return nil
	})
	return u, err
}

func (r *requests) Uploads(_ context.Context, prefix, _ string) (page bucket.UploadPage, err error) {
	err = r.send("uploads", prefix, func(string) error {
		for id, u := range r.b.uploads {
			if strings.HasPrefix(u.key, prefix) {
				page.Uploads = append(page.Uploads, bucket.UploadInfo{Key: u.key, ID: id})
			}
		}
		slices.SortFunc(page.Uploads, func(a, b bucket.UploadInfo) int { return strings.Compare(a.ID, b.ID) })
		return nil
	})
	return page, err
}

func (r *requests) Abort(ctx context.Context, key, id string) error {
	return (&upload{r: r, key: key, id: id}).Abort(ctx)
}

// upload is one of a process.
type upload struct {
	r       *requests
	key, id string
}

// of returns the upload's parts. The lock is held.
func (u *upload) of() (*parts, error) {
	p := u.r.b.uploads[u.id]
	if p == nil {
		return nil, missing("the upload of " + u.key)
	}
	return p, nil
}

func (u *upload) Part(_ context.Context, n int, data []byte) error {
	return u.r.send("part", u.key, func(string) error {
		p, err := u.of()
		if err == nil {
			p.data = append(p.data[:n-1], bytes.Clone(data))
		}
		return err
	})
}

func (u *upload) Complete(context.Context) error {
	return u.r.send("complete", u.key, func(string) error {
		p, err := u.of()
		if err == nil {
			err = u.r.put(u.key, bytes.Join(p.data, nil), p.tag, true)
		}
		if err == nil {
			delete(u.r.b.uploads, u.id)
		}
		return err
	})
}

func (u *upload) Abort(context.Context) error {
	return u.r.send("abort", u.key, func(string) error {
		if _, err := u.of(); err != nil {
			return err
		}
		delete(u.r.b.uploads, u.id)
		return nil
	})
}

// inBucket is the store of a folder as the process sees it. Every other seed uploads nearly all objects in parts.
func (w *World) inBucket(p *process, folder string) *bucket.Store {
	o := bucket.Options{Prefix: strings.TrimPrefix(folder, root+"/") + "/", Jitter: func() float64 { return 0.5 },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Tag: func() string {
			w.bucket.mu.Lock()
			defer w.bucket.mu.Unlock()
			w.bucket.puts++
			return "tag" + strconv.Itoa(w.bucket.puts)
		},
		Beside: func(part func() error) func() error { err := part(); return func() error { return err } }}
	if w.Seed%2 == 0 {
		o.PartSize = 700
	}
	s, err := bucket.New(p.requests, o)
	if err != nil {
		panic(err)
	}
	return s
}
