package bucket

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// unordered is a client whose service may list in another order than that of the keys' bytes.
type unordered interface{ Unordered(context.Context) bool }

// List asks for page after page. Keys that are no names of ours (folders' markers, hidden files) are passed over.
func (s *Store) List(ctx context.Context, prefix, after string, each func(objstore.Info) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	if after > prefix && !strings.HasPrefix(after, prefix) {
		return nil // behind all there may be
	}
	if c, is := s.client.(unordered); is && c.Unordered(ctx) {
		return s.listSorted(ctx, prefix, after, each)
	}
	last := ""
	var disorder error
	err := s.pages(ctx, prefix, after, func(i objstore.Info) bool {
		if i.Name < last {
			disorder = &supervision.Failure{Kind: supervision.Fatal, Class: ClassUnordered, Path: s.at(prefix),
				Message: "the object store lists " + i.Name + " behind " + last + ": a log cannot be read from it",
				Hint:    "use a general purpose bucket; directory buckets list in no order"}
			return false
		}
		last = i.Name
		return each(i)
	})
	return errors.Join(disorder, err)
}

// listSorted lists all before the first is told.
func (s *Store) listSorted(ctx context.Context, prefix, after string, each func(objstore.Info) bool) error {
	var all []objstore.Info
	if err := s.pages(ctx, prefix, after, func(i objstore.Info) bool { all = append(all, i); return true }); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b objstore.Info) int { return strings.Compare(a.Name, b.Name) })
	for _, i := range all {
		if !each(i) {
			break
		}
	}
	return nil
}

// pages tells the objects as the service lists them.
func (s *Store) pages(ctx context.Context, prefix, after string, each func(objstore.Info) bool) error {
	begin := ""
	if after > prefix {
		begin = s.key(after)
	}
	for token := ""; ; {
		var page Page
		err := s.send(ctx, "list", prefix, 0, func(ctx context.Context) (err error) {
			page, err = s.client.List(ctx, s.key(prefix), begin, token)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range page.Objects {
			name, ok := strings.CutPrefix(o.Key, s.o.Prefix)
			if !ok || name <= after || objstore.CheckName(name) != nil || strings.HasPrefix(name, probeFolder) {
				continue
			}
			if !each(objstore.Info{Name: name, Size: o.Size, ModTime: o.ModTime}) {
				return nil
			}
		}
		if token = page.Next; token == "" {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Sweep aborts uploads that nobody will complete.
func (s *Store) Sweep(ctx context.Context, prefix string, gone func(name string) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	var failed error
	for token := ""; ; {
		var page UploadPage
		err := s.send(ctx, "list the uploads of", prefix, 0, func(ctx context.Context) (err error) {
			page, err = s.client.Uploads(ctx, s.key(prefix), token)
			return err
		})
		if err != nil {
			return errors.Join(failed, err)
		}
		for _, u := range page.Uploads {
			name, ok := strings.CutPrefix(u.Key, s.o.Prefix)
			if !ok || objstore.CheckName(name) != nil || !gone(name) {
				continue
			}
			failed = errors.Join(failed, s.send(ctx, "abort the upload of", name, 0, func(ctx context.Context) error {
				err := s.client.Abort(ctx, u.Key, u.ID)
				if verdictOf(err) == NotFound {
					return nil // ended by somebody else
				}
				return err
			}))
		}
		if token = page.Next; token == "" {
			return failed
		}
	}
}
