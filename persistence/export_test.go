package persistence

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/objstore"
)

// CountByKinds returns how many rows files come to, as the kinds of their rows say.
func (s *Store) CountByKinds(objects objstore.Store, files []StateFile) (n int, err error) {
	inputs := s.inputs(files)
	dropped, err := s.dropsOf(context.Background(), objects, inputs)
	for _, in := range inputs {
		if err == nil {
			err = s.scan(context.Background(), objects, in, dropped, s.tables[in.file.Table].Spec(), func(b *fileBlock, sel []int32) error {
				for _, r := range sel {
					switch {
					case b.Kinds == nil || b.Kinds[r] == batch.Insert:
						n++
					case b.Kinds[r] == batch.Delete:
						n--
					}
				}
				return nil
			})
		}
	}
	return n, err
}

// Small makes everything happen with little data, until the function that it returns is called.
func Small() func() {
	bytes, files, eager, merge, piece := foldAfterBytes, foldAfterFiles, eagerBytes, mergeBytes, foldPiece
	foldAfterBytes, foldAfterFiles, eagerBytes, mergeBytes, foldPiece = 2000, 3, 3000, 4000, 1000
	return func() {
		foldAfterBytes, foldAfterFiles, eagerBytes, mergeBytes, foldPiece = bytes, files, eager, merge, piece
	}
}
