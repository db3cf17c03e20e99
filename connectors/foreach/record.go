package foreach

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/staged"
	"github.com/deltaic/deltaic/objstore"
)

// doneName is the empty object that says that an epoch was handed over.
func doneName(folder string, epoch int64) string {
	return folder + donePrefix + strconv.FormatInt(epoch, 10)
}

const donePrefix = "done-"

// collectRecords removes the records of epochs before the one given.
func collectRecords(ctx context.Context, s objstore.Store, folder string, epoch int64) error {
	var gone []string
	err := s.List(ctx, folder, "", func(i objstore.Info) bool {
		text, ok := strings.CutPrefix(i.Name, folder+donePrefix)
		if n, err := strconv.ParseInt(text, 10, 64); ok && err == nil && n < epoch {
			gone = append(gone, i.Name)
		}
		return true
	})
	for _, name := range gone {
		err = errors.Join(err, s.Delete(ctx, name))
	}
	return err
}

// filesOf returns the files that the shares prepared, in the order of the shares.
func filesOf(prepared []connectors.Prepared) ([]staged.File, error) {
	files, err := staged.Told(prepared, func(f staged.File) bool { return f.Name != "" })
	slices.SortStableFunc(files, func(a, b staged.File) int { return a.Share - b.Share })
	return files, err
}
