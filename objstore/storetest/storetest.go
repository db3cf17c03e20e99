// Package storetest is the kit that every objstore.Store must pass.
//
// [Run] takes a function that makes an empty store and runs the contract's
// promises against it. What only one kind of store can show (power cuts on a
// crashable file system, lost replies) is tested beside that store.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/objstore"
)

// Contenders is how many goroutines race for one name.
const Contenders = 64

// Run runs the kit. open returns a new empty store at each call.
func Run(t *testing.T, open func() objstore.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, objstore.Store){
		"OneWinner": oneWinner, "OneWinnerOfWriters": oneWinnerOfWriters, "PutAndGet": putAndGet, "Replace": replace,
		"Ranges": ranges, "NotFound": notFound, "Writers": writers, "Names": names, "ListOrder": listOrder,
		"Delete": deletes, "Cancelled": cancelled, "Link": links, "OneWinnerOfLinks": oneWinnerOfLinks,
	} {
		t.Run(name, func(t *testing.T) { test(t, open()) })
	}
	t.Run("ListModel", func(t *testing.T) { listModel(t, open) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantIs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: error %v, want %v", what, err, want)
	}
}

func race(t *testing.T, put func(i int) error) (winner int) {
	t.Helper()
	results := make([]error, Contenders)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range results {
		done.Add(1)
		go func() {
			defer done.Done()
			start.Wait()
			results[i] = put(i)
		}()
	}
	start.Done()
	done.Wait()
	winner = -1
	for i, err := range results {
		switch {
		case err == nil && winner >= 0:
			t.Fatalf("contenders %d and %d both won", winner, i)
		case err == nil:
			winner = i
		default:
			wantIs(t, fmt.Sprintf("contender %d", i), err, objstore.ErrExists)
		}
	}
	if winner < 0 {
		t.Fatal("no contender won")
	}
	return winner
}

func oneWinner(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	for round := range 5 {
		name := fmt.Sprintf("log/%020d.json", round)
		w := race(t, func(i int) error { return s.PutIfAbsent(ctx, name, []byte(fmt.Sprint("contender ", i))) })
		data, err := s.Get(ctx, name, 0)
		must(t, err)
		if want := fmt.Sprint("contender ", w); string(data) != want {
			t.Fatalf("%s holds %q, want the winner's %q", name, data, want)
		}
	}
}

func oneWinnerOfWriters(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	w := race(t, func(i int) error {
		w, err := s.Create(ctx, "a/b")
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(w, "contender ", i); err != nil {
			return err
		}
		return w.Close()
	})
	data, err := s.Get(ctx, "a/b", 0)
	must(t, err)
	if want := fmt.Sprint("contender ", w); string(data) != want {
		t.Fatalf("got %q, want %q", data, want)
	}
}

func putAndGet(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	for _, size := range []int{0, 1, 4096, 1<<20 + 7} {
		data := bytes.Repeat([]byte{'x', 0, 0xff}, size/3+1)[:size]
		name := fmt.Sprintf("d=1/e f%%20/%d", size)
		kept := bytes.Clone(data)
		must(t, s.PutIfAbsent(ctx, name, data))
		clear(data)
		got, err := s.Get(ctx, name, int64(size))
		must(t, err)
		if !bytes.Equal(got, kept) {
			t.Fatalf("%s: %d bytes differ from the %d put", name, len(got), size)
		}
		info, err := s.Head(ctx, name)
		must(t, err)
		if info.Size != int64(size) || info.Name != name {
			t.Fatalf("head says %+v, want %s of %d bytes", info, name, size)
		}
		if size > 1 {
			if _, err := s.Get(ctx, name, int64(size-1)); err == nil {
				t.Fatal("get beyond its bound gave no error")
			}
		}
		wantIs(t, "second put", s.PutIfAbsent(ctx, name, []byte("other")), objstore.ErrExists)
	}
}

func replace(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	must(t, s.Put(ctx, "hint", []byte("one")))
	r, err := s.Open(ctx, "hint")
	must(t, err)
	defer r.Close()
	must(t, s.Put(ctx, "hint", []byte("other")))
	data, err := s.Get(ctx, "hint", 0)
	must(t, err)
	if string(data) != "other" {
		t.Fatalf("got %q after a replacing put", data)
	}
	old := make([]byte, 3)
	if _, err := r.ReadAt(old, 0); err != nil && err != io.EOF || string(old) != "one" {
		t.Fatalf("an open reader saw %q, %v; want the bytes it was opened on", old, err)
	}
}

func ranges(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	must(t, s.PutIfAbsent(ctx, "f", []byte("0123456789")))
	r, err := s.Open(ctx, "f")
	must(t, err)
	defer r.Close()
	if r.Size() != 10 {
		t.Fatalf("size %d, want 10", r.Size())
	}
	p := make([]byte, 4)
	if n, err := r.ReadAt(p, 3); n != 4 || err != nil || string(p) != "3456" {
		t.Fatalf("read %d %q %v", n, p, err)
	}
	if n, err := r.ReadAt(p, 8); n != 2 || err != io.EOF || string(p[:n]) != "89" {
		t.Fatalf("read over the end: %d %q %v, want 2 bytes and EOF", n, p[:n], err)
	}
	if n, err := r.ReadAt(p, 10); n != 0 || err != io.EOF {
		t.Fatalf("read at the end: %d %v, want EOF", n, err)
	}
}

func notFound(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	must(t, s.PutIfAbsent(ctx, "folder/file", nil))
	for _, name := range []string{"no", "folder/no", "no/no", "folder", "folder/file/below"} {
		_, err := s.Get(ctx, name, 0)
		wantIs(t, "get "+name, err, objstore.ErrNotFound)
		_, err = s.Open(ctx, name)
		wantIs(t, "open "+name, err, objstore.ErrNotFound)
		_, err = s.Head(ctx, name)
		wantIs(t, "head "+name, err, objstore.ErrNotFound)
	}
}

func listed(t interface{ Fatal(...any) }, s objstore.Store, prefix, after string) []string {
	var got []string
	if err := s.List(context.Background(), prefix, after, func(i objstore.Info) bool {
		got = append(got, i.Name)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func writers(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	w, err := s.Create(ctx, "data/one")
	must(t, err)
	_, err = w.Write(bytes.Repeat([]byte("a"), 100_000))
	must(t, err)
	if got := listed(t, s, "", ""); len(got) != 0 {
		t.Fatalf("visible before Close: %v", got)
	}
	_, err = s.Get(ctx, "data/one", 0)
	wantIs(t, "get before Close", err, objstore.ErrNotFound)
	must(t, w.Close())
	must(t, w.Abort())
	if err := w.Close(); err == nil {
		t.Fatal("a second Close gave no error")
	}
	data, err := s.Get(ctx, "data/one", 0)
	must(t, err)
	if len(data) != 100_000 {
		t.Fatalf("%d bytes, want 100000", len(data))
	}
	w, err = s.Create(ctx, "data/two")
	must(t, err)
	_, err = w.Write([]byte("b"))
	must(t, err)
	must(t, w.Abort())
	if err := w.Close(); err == nil {
		t.Fatal("Close after Abort gave no error")
	}
	if w, err = s.Create(ctx, "data/one"); err == nil {
		_, _ = w.Write([]byte("c"))
		err = w.Close()
	}
	wantIs(t, "create over an object", err, objstore.ErrExists)
	if got := fmt.Sprint(listed(t, s, "", "")); got != "[data/one]" {
		t.Fatalf("listed %s", got)
	}
}

func names(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	for _, name := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\x00b", ".hidden", "a/.tmp"} {
		wantIs(t, fmt.Sprintf("put %q", name), s.PutIfAbsent(ctx, name, nil), objstore.ErrName)
		wantIs(t, fmt.Sprintf("replace %q", name), s.Put(ctx, name, nil), objstore.ErrName)
		_, err := s.Create(ctx, name)
		wantIs(t, fmt.Sprintf("create %q", name), err, objstore.ErrName)
		_, err = s.Get(ctx, name, 0)
		wantIs(t, fmt.Sprintf("get %q", name), err, objstore.ErrName)
		_, err = s.Open(ctx, name)
		wantIs(t, fmt.Sprintf("open %q", name), err, objstore.ErrName)
		_, err = s.Head(ctx, name)
		wantIs(t, fmt.Sprintf("head %q", name), err, objstore.ErrName)
		wantIs(t, fmt.Sprintf("delete %q", name), s.Delete(ctx, name), objstore.ErrName)
	}
	for _, prefix := range []string{"a", "/", "../", "a/../"} {
		wantIs(t, fmt.Sprintf("list %q", prefix), s.List(ctx, prefix, "", func(objstore.Info) bool { return true }), objstore.ErrName)
		wantIs(t, fmt.Sprintf("sync %q", prefix), s.Sync(ctx, prefix), objstore.ErrName)
	}
	must(t, s.Sync(ctx, "not/there/"))
}

func listOrder(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	all := []string{"a", "b-c", "b/a", "b/a-b", "b/a.c/d", "b/z", "b0", "p=%2F/x", "p=é/x", "z"}
	for i := range all {
		must(t, s.PutIfAbsent(ctx, all[(i*7)%len(all)], make([]byte, i)))
	}
	for _, c := range []struct{ prefix, after, want string }{
		{"", "", "[a b-c b/a b/a-b b/a.c/d b/z b0 p=%2F/x p=é/x z]"},
		{"b/", "", "[b/a b/a-b b/a.c/d b/z]"},
		{"b/", "b/a", "[b/a-b b/a.c/d b/z]"},
		{"", "b/a.c/d", "[b/z b0 p=%2F/x p=é/x z]"},
		{"", "b/a.c/c", "[b/a.c/d b/z b0 p=%2F/x p=é/x z]"},
		{"b/", "c", "[]"}, {"b/", "a", "[b/a b/a-b b/a.c/d b/z]"}, {"none/", "", "[]"}, {"", "z", "[]"},
	} {
		if got := fmt.Sprint(listed(t, s, c.prefix, c.after)); got != c.want {
			t.Errorf("list %q after %q: %s, want %s", c.prefix, c.after, got, c.want)
		}
	}
	n := 0
	must(t, s.List(ctx, "", "", func(objstore.Info) bool { n++; return n < 3 }))
	if n != 3 {
		t.Fatalf("each called %d times, want until it says stop at 3", n)
	}
}

func deletes(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	must(t, s.Delete(ctx, "never/there"))
	must(t, s.PutIfAbsent(ctx, "d/one", nil))
	must(t, s.PutIfAbsent(ctx, "d/two", nil))
	must(t, s.Delete(ctx, "d/one"))
	must(t, s.Delete(ctx, "d/one"))
	if got := fmt.Sprint(listed(t, s, "", "")); got != "[d/two]" {
		t.Fatalf("listed %s", got)
	}
	must(t, s.PutIfAbsent(ctx, "d/one", []byte("again")))
}

func cancelled(t *testing.T, s objstore.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantIs(t, "put", s.PutIfAbsent(ctx, "a", nil), context.Canceled)
	wantIs(t, "replace", s.Put(ctx, "a", nil), context.Canceled)
	wantIs(t, "list", s.List(ctx, "", "", func(objstore.Info) bool { return true }), context.Canceled)
	if got := listed(t, s, "", ""); len(got) != 0 {
		t.Fatalf("a cancelled put left %v", got)
	}
}

// listModel compares random puts, deletes and listings with a sorted slice.
func listModel(t *testing.T, open func() objstore.Store) {
	rapid.Check(t, func(t *rapid.T) {
		s, ctx, model := open(), context.Background(), map[string]bool{}
		part := rapid.SampledFrom([]string{"a", "a-", "a.b", "b", "b=c", "0", "~"})
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			name := "x" + part.Draw(t, "part")
			for range rapid.IntRange(0, 2).Draw(t, "depth") {
				name = "d" + part.Draw(t, "part") + "/" + name // folders and files never share a name
			}
			if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
				if err := s.Delete(ctx, name); err != nil {
					t.Fatal(err)
				}
				delete(model, name)
			} else if err := s.PutIfAbsent(ctx, name, nil); (err != nil) != model[name] {
				t.Fatalf("put %s: %v, there already: %v", name, err, model[name])
			} else {
				model[name] = true
			}
		}
		after := rapid.SampledFrom([]string{"", "da/x", "da-", "db/da/xa", "xa", "d", "da/da.b/xb"}).Draw(t, "after")
		var want []string
		for n := range model {
			if n > after {
				want = append(want, n)
			}
		}
		sort.Strings(want)
		if got := listed(t, s, "", after); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("after %q: got %v, want %v", after, got, want)
		}
	})
}
