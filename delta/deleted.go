package delta

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/deltaic/deltaic/delta/deletion"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/supervision"
)

// mostVector is the largest deletion vector that is read: rows of a file of 500 M rows of which every other is gone.
const mostVector = 64 << 20

// vector returns the rows of a file that are gone, nil if none is.
func (t *Table) vector(ctx context.Context, a *log.Add) (*deletion.Vector, error) {
	d := a.DeletionVector
	if d == nil {
		return nil, nil
	}
	broken := func(class string, err error) error {
		return &supervision.Failure{Kind: supervision.KindOf(err), Class: class, Path: t.URI() + "/" + a.Path,
			Message: fmt.Sprintf("the deletion vector %s of the file cannot be used", d.ID()),
			Hint:    "restore the file of the deletion vector, or the table to a version before it", Cause: err}
	}
	data, err := t.vectorBytes(ctx, d)
	if err != nil {
		return nil, broken("DELTA_DELETION_VECTOR_CORRUPT", err)
	}
	v, err := deletion.Decode(data)
	if err != nil {
		return nil, broken("DELTA_DELETION_VECTOR_CORRUPT", err)
	}
	if v.Count() != d.Cardinality {
		return nil, broken("DELTA_DELETION_VECTOR_CARDINALITY_MISMATCH", fmt.Errorf("it has %d rows, the log says %d", v.Count(), d.Cardinality))
	}
	return v, nil
}

// vectorBytes reads the vector that a descriptor points at.
func (t *Table) vectorBytes(ctx context.Context, d *log.DeletionVector) ([]byte, error) {
	if d.SizeInBytes < 0 || d.SizeInBytes > mostVector {
		return nil, fmt.Errorf("it is said to have %d bytes; up to %d are read", d.SizeInBytes, mostVector)
	}
	name, err := t.vectorFile(d)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return deletion.Inline(d.PathOrInline, d.SizeInBytes)
	}
	offset := int64(0)
	if d.Offset != nil {
		offset = *d.Offset
	}
	r, err := t.Store().Open(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	n := deletion.Framed(d.SizeInBytes)
	if offset < 1 || n > r.Size() || offset > r.Size()-n || offset > math.MaxInt32 {
		return nil, fmt.Errorf("%s: %d bytes at %d lie beyond the file of %d bytes", name, n, offset, r.Size())
	}
	var version [1]byte
	data := make([]byte, n)
	for _, part := range []struct {
		b  []byte
		at int64
	}{{version[:], 0}, {data, offset}} {
		if got, err := r.ReadAt(part.b, part.at); got < len(part.b) {
			return nil, fmt.Errorf("%s: reading at %d: %w", name, part.at, errors.Join(err, context.Cause(ctx)))
		}
	}
	if err := deletion.CheckVersion(version[0]); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	data, err = deletion.Unframe(data, d.SizeInBytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

// vectorFile returns the name of the object in which a vector lies, "" if there is no vector or it lies in the log.
func (t *Table) vectorFile(d *log.DeletionVector) (string, error) {
	if d == nil {
		return "", nil
	}
	switch d.StorageType {
	case "i":
		return "", nil
	case "u":
		return deletion.FileName(d.PathOrInline)
	case "p":
		return t.within(d.PathOrInline)
	}
	return "", fmt.Errorf("its storage type %q is not known; u, i and p are", d.StorageType)
}

// within returns the name of an object by its path in the log, relative or absolute. Only files inside
// the table are read.
func (t *Table) within(path string) (string, error) {
	if name, ok := log.CutRoot(path, t.URI()); ok {
		return name, nil
	}
	return log.DecodePath(path)
}
