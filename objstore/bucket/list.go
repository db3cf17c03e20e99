package bucket

import (
	"context"
	"errors"
	"strings"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/supervision"
)

// List asks for page after page. Keys that are no names of ours (folders' markers, hidden files) are passed over.
func (s *Store) List(ctx context.Context, prefix, after string, each func(objstore.Info) bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := objstore.CheckPrefix(prefix); err != nil {
		return err
	}
	if after != "" && after > prefix && !strings.HasPrefix(after, prefix) {
		return nil // behind all there may be
	}
	begin := ""
	if after > prefix {
		begin = s.key(after)
	}
	last, token := "", ""
	for {
		var page Page
		err := s.send(ctx, "list", prefix, 0, func(ctx context.Context) (err error) {
			page, err = s.client.List(ctx, s.key(prefix), begin, token)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range page.Objects {
			if o.Key < last {
				return &supervision.Failure{Kind: supervision.Fatal, Class: ClassUnordered, Path: s.at(prefix),
					Message: "the object store lists " + o.Key + " behind " + last + ": a log cannot be read from it",
					Hint:    "use a general purpose bucket; directory buckets list in no order"}
			}
			last = o.Key
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
