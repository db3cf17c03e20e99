package delta

import (
	"context"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta/log"
)

// shareWriter writes data files, which an epoch's commit makes part of the table.
type shareWriter struct {
	w     *Writer
	whole bool // each epoch's rows are the whole result: no rows say something too
}

func (s *shareWriter) Write(ctx context.Context, b *batch.Batch) error { return s.w.Write(ctx, b) }
func (s *shareWriter) Abort()                                          { s.w.Abort() }

func (s *shareWriter) Seal(int64) (connectors.Sealed, error) {
	files, err := s.w.Seal()
	switch {
	case err != nil:
		return nil, err
	case files != nil:
		return sealed{files}, nil
	case s.whole:
		return empty{}, nil
	}
	return nil, nil
}

// empty is the output of a share whose part of the whole result has no rows.
type empty struct{}

func (empty) Finish(context.Context) (connectors.Prepared, error) {
	return connectors.Prepared{Data: log.EncodeAdds(nil, nil)}, nil
}

type sealed struct{ files *Files }

func (s sealed) Finish(ctx context.Context) (connectors.Prepared, error) {
	rows := s.files.Rows()
	adds, err := s.files.Finish(ctx)
	if err != nil {
		return connectors.Prepared{}, err
	}
	p := connectors.Prepared{Rows: rows, Data: log.EncodeAdds(nil, adds)}
	for i := range adds {
		p.Bytes += adds[i].Size
	}
	return p, nil
}
