package storetest

import (
	"bytes"
	"context"
	"testing"

	"github.com/deltaic/deltaic/objstore"
)

// unlinked hides a store's Link, so that objects are copied.
type unlinked struct{ objstore.Store }

// links gives objects second names, by link and by copy.
func links(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	for i, s := range []objstore.Store{s, unlinked{s}} {
		to := []string{"seen/link", "seen/copy"}[i]
		from := "hidden/" + to
		must(t, s.PutIfAbsent(ctx, from, []byte("whole")))
		must(t, objstore.Link(ctx, s, from, to))
		wantIs(t, "a second link", objstore.Link(ctx, s, from, to), objstore.ErrExists)
		wantIs(t, "a link of nothing", objstore.Link(ctx, s, "hidden/none", "seen/none"), objstore.ErrNotFound)
		wantIs(t, "a link to an odd name", objstore.Link(ctx, s, from, "../out"), objstore.ErrName)
		must(t, s.Delete(ctx, from))
		got, err := s.Get(ctx, to, 0)
		must(t, err)
		if !bytes.Equal(got, []byte("whole")) {
			t.Fatalf("%s holds %q", to, got)
		}
	}
}

func oneWinnerOfLinks(t *testing.T, s objstore.Store) {
	ctx := context.Background()
	must(t, s.PutIfAbsent(ctx, "hidden/a", []byte("a")))
	race(t, func(int) error { return objstore.Link(ctx, s, "hidden/a", "seen/a") })
}
